"""Lesson 00: a second oracle for each exercise (PyTorch), and right answers in other styles."""

import itertools

import numpy as np
import pytest
import torch

from course_utils.check import CheckFailed, check
from course_utils.comparison import compare
from course_utils.exercises import start_here
from course_utils.trial import expected

DRAWS = [(0, False), (1, True)]


def to_nchw(image):
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).unsqueeze(0).numpy()


def backprop_add_mul(x, y, z):
    inputs = [torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in (x, y, z)]
    f = (inputs[0] + inputs[1]) * inputs[2]
    return (f.item(), *(g.item() for g in torch.autograd.grad(f, inputs)))


def mlp_parameters(sizes):
    layers = [torch.nn.Linear(m, n, device="meta") for m, n in itertools.pairwise(sizes)]
    return sum(p.numel() for layer in layers for p in layer.parameters())


@pytest.mark.parametrize("second", [to_nchw, backprop_add_mul, mlp_parameters], ids=lambda f: f.__name__)
def test_oracle_agrees_with_pytorch(second):
    exercise = getattr(start_here, second.__name__)
    for seed, hidden in DRAWS:
        for case in exercise.draw(seed, hidden):
            assert compare(second(*case.args), expected(exercise, case), 1e-12).equal, case


def filled(image):
    batch = np.empty((1, image.shape[2], *image.shape[:2]))
    for row, column, channel in np.ndindex(image.shape):
        batch[0, channel, row, column] = image[row, column, channel]
    return batch


def measured(x, y, z, h=1e-5):
    def f(x, y, z):
        return (x + y) * z

    slopes = ((f(*(v + s)) - f(*(v - s))) / (2 * h) for v, s in ((np.array([x, y, z]), h * e) for e in np.eye(3)))
    return f(x, y, z), *slopes


def looped(sizes):
    total = 0
    for layer in range(1, len(sizes)):
        total += sizes[layer - 1] * sizes[layer]
        total += sizes[layer]
    return total


OTHER_STYLES = {
    "to_nchw": {
        "loops": filled,
        "einsum": lambda image: np.einsum("hwc->chw", image)[None],
        "moveaxis view": lambda image: np.moveaxis(image, -1, 0)[np.newaxis],
        "float32": lambda image: image.transpose(2, 0, 1)[None].astype(np.float32),
        "nested list": lambda image: [[image[..., c].tolist() for c in range(image.shape[2])]],
    },
    "backprop_add_mul": {
        "two lines": lambda x, y, z: ((x + y) * z, z, z, x + y),
        "measured": measured,
        "array": lambda x, y, z: np.array([(x + y) * z, z, z, x + y]),
        "float32": lambda x, y, z: tuple(np.float32(v) for v in (x * z + y * z, z, z, x + y)),
    },
    "mlp_parameters": {
        "loop": looped,
        "dot": lambda sizes: np.dot(np.array(sizes[:-1], int) + 1, np.array(sizes[1:], int)),
        "arrays": lambda sizes: sum(np.zeros((m + 1, n)).size for m, n in itertools.pairwise(sizes)),
    },
}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        pytest.param(name, f, id=f"{name}-{style}")
        for name, styles in OTHER_STYLES.items()
        for style, f in styles.items()
    ],
)
def test_right_answers_of_another_style_pass(name, answer):
    for seed, hidden in DRAWS:
        check(name, answer, hidden=hidden, seed=seed)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("to_nchw", lambda image: image),
        ("to_nchw", lambda image: image.transpose(2, 0, 1)[None, ::-1, ::-1]),
        ("to_nchw", lambda image: image.mean(axis=-1)[None, None]),
        ("backprop_add_mul", lambda x, y, z: (-12, -4, -4, 3)),
        ("backprop_add_mul", lambda x, y, z: ((x + y) * z, abs(z), abs(z), x + y)),
        ("backprop_add_mul", lambda x, y, z: (z, z, x + y)),
        ("mlp_parameters", lambda sizes: float(sum((m + 1) * n for m, n in itertools.pairwise(sizes)))),
        ("mlp_parameters", lambda sizes: (sizes[0] + 1) * sizes[-1]),
        ("mlp_parameters", lambda sizes: sum(sizes.pop() for _ in sizes[1:])),
    ],
)
def test_wrong_answers_that_no_mistake_explains_fail(name, answer):
    for seed, hidden in DRAWS:
        with pytest.raises(CheckFailed):
            check(name, answer, hidden=hidden, seed=seed)
