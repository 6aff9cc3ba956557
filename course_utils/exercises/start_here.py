"""Lesson 00: the backward pass of (x + y) z, and why fully connected nets do not fit images."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch

from course_utils.contract import Case, Draw, case, example, exercise

LESSON = "00_start_here"


@exercise(
    LESSON,
    parts=("f", "df_dx", "df_dy", "df_dz"),
    examples=[example((-12.0, -4.0, -4.0, 3.0), -2.0, 5.0, -4.0), example((0.0, 3.0, 3.0, 0.0), 1.0, -1.0, 3.0)],
)
def backprop_add_mul(x, y, z):
    inputs = [torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in (x, y, z)]
    f = (inputs[0] + inputs[1]) * inputs[2]
    return (f.item(), *(g.item() for g in torch.autograd.grad(f, inputs)))


@backprop_add_mul.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("z is negative", 3.0, 2.0, -5.0)
    yield case("z is zero", 3.0, 2.0, 0.0)
    yield case("z is one", 4.0, -1.5, 1.0)
    yield case("whole numbers (int)", 2, 3, 4)
    for _ in draw.repeats(6):
        yield case("random", *map(float, draw.array(3)))


@backprop_add_mul.mistake(
    "The addition passes the gradient of its output on to both inputs, as it is. Yours stops at the addition: you "
    "gave the gradient of q = x + y with respect to x, not of f. The chain rule multiplies the two.",
)
def chain_rule_stops_at_the_sum(right, x, y, z):
    return (x + y) * z, 1.0, 1.0, x + y


@backprop_add_mul.mistake(
    "At a product each input gets the *other* factor: df/dz is the value of q, and df/dq is the value of z. "
    "You gave them the wrong way round.",
)
def factors_exchanged(right, x, y, z):
    return (x + y) * z, x + y, x + y, z
