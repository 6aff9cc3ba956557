import numpy as np
import pytest

from course_utils.contract import Case, Mistake, Raises, case, example


def test_the_same_seed_draws_the_same_cases(moving_sum):
    first, second, other = moving_sum.draw(1), moving_sum.draw(1), moving_sum.draw(2)
    assert all(
        np.array_equal(a.args[0], b.args[0]) and a.kwargs == b.kwargs for a, b in zip(first, second, strict=True)
    )
    assert any(
        a.args[0].shape != b.args[0].shape or (a.args[0] != b.args[0]).any() for a, b in zip(first, other, strict=True)
    )


def test_hidden_cases_are_more_and_other_and_larger(moving_sum):
    visible, hidden = moving_sum.draw(0), moving_sum.draw(0, hidden=True)
    assert len(hidden) > 2 * len(visible) - 10
    assert {c.category for c in hidden} == {c.category for c in visible}
    assert max(len(c.args[0]) for c in hidden) > max(len(c.args[0]) for c in visible)


def test_integers_and_memory_orders_come_by_themselves(moving_sum):
    cases = moving_sum.draw()
    (integers, *_) = [c for c in cases if c.category == "arrays of integers"]
    (strided, *_) = [c for c in cases if c.category == "arrays in another memory order"]
    assert integers.args[0].dtype == np.int64
    assert not strided.args[0].flags.c_contiguous


def test_every_case_is_in_the_domain(moving_sum):
    assert all(moving_sum.in_domain(c) for c in moving_sum.draw(3, hidden=True))
    assert not moving_sum.in_domain(Case("c", (np.ones(3),), {"width": 0}))


def test_mistakes_combine(moving_sum):
    missing, mean, _ = moving_sum.mistakes
    both = mean.applied_to(missing.applied_to(moving_sum.oracle))
    assert both(np.array([1.0, 3.0, 5.0])).tolist() == [2.0]
    assert isinstance(missing, Mistake)
    assert missing.name == "last window missing"


def test_an_example_keeps_what_is_no_array():
    made = example(Raises(ValueError), [1, 2], [(3, 1), (2, 2)], width=3)
    assert made.expected == Raises(ValueError)
    assert isinstance(made.case.args[0], np.ndarray)
    assert made.case.args[1] == [(3, 1), (2, 2)]


def test_a_case_cannot_be_changed():
    with pytest.raises(TypeError):
        case("c", 1, width=2).kwargs["width"] = 3
