"""seed_everything: the same numbers again, from every generator that it covers."""

import random

import numpy as np
import pytest
import torch

from course_utils.seed import seed_everything


@pytest.fixture(autouse=True)
def generators_left_as_they_were():
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])
    torch.set_rng_state(before[2])


def draws(generator):
    return random.random(), np.random.random(), torch.rand(1).item(), generator.random()


def test_same_seed_same_numbers_everywhere():
    first = draws(seed_everything(3))
    assert draws(seed_everything(3)) == first


def test_other_seed_other_numbers_everywhere():
    first, second = draws(seed_everything(3)), draws(seed_everything(4))
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_default_seed_is_zero():
    assert draws(seed_everything()) == draws(seed_everything(0))


def test_generator_is_apart_from_the_global_one():
    generator = seed_everything(5)
    np.random.random(100)
    assert generator.random() == np.random.default_rng(5).random()


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.int64(7)])
def test_largest_smallest_and_numpy_seeds_are_taken(seed):
    assert isinstance(seed_everything(seed), np.random.Generator)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", None, True])
def test_anything_else_is_refused_before_a_generator_is_touched(seed):
    random.seed(1)
    expected = random.random()
    random.seed(1)
    with pytest.raises(ValueError, match="expected a whole number"):
        seed_everything(seed)
    assert random.random() == expected
