"""How a check puts forward and backward passes to work. This may run beside the answer, where no exercise can be read.

Nothing is decided here: what comes back is what the answer returned.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from course_utils.calls import Second, Steps, Tried, Uncached, Unseen, second, stepwise

Pass = Callable[..., Any]


@stepwise
def forward_pass(forward: Pass, *inputs: Any, **settings: Any) -> Steps:
    """A pair (out, cache) without what is in the cache, which is the answer's own business."""
    (result,) = yield [Uncached(forward, *inputs, **settings)]
    return result


@stepwise
def relu_backward_pass(backward: Pass, forward: Pass, x: np.ndarray, dout: np.ndarray) -> Steps:
    """The gradient the second time, after forward passes of other numbers: nothing is kept between calls."""
    first, *others = (Unseen(forward, numbers) for numbers in (x, np.ones((2, *x.shape)), np.flip(x).copy()))
    return (yield _twice(backward, dout, first, *others))[-1]


@stepwise
def linear_backward_pass(
    backward: Pass, forward: Pass, x: np.ndarray, w: np.ndarray, b: np.ndarray, dout: np.ndarray
) -> Steps:
    """The gradients the second time, after forward passes of other sizes and numbers: nothing is kept between calls."""
    first = Unseen(forward, x, w, b)
    larger = Unseen(forward, np.ones((len(x) + 1, 2)), np.ones((2, 3)), np.ones(3))
    turned = Unseen(forward, np.flip(x).copy(), np.flip(w).copy(), b.copy())
    return (yield _twice(backward, dout, first, larger, turned))[-1]


@stepwise
def convolution_backward_pass(
    backward: Pass, forward: Pass, x: np.ndarray, w: np.ndarray, b: np.ndarray, dout: np.ndarray, **settings: Any
) -> Steps:
    """The gradients the second time, after forward passes of other sizes and numbers: nothing is kept between calls."""
    first = Unseen(forward, x, w, b, **settings)
    other = Unseen(forward, np.ones((len(x) + 1, 1, 3, 4)), np.ones((2, 1, 2, 2)), np.ones(2), stride=1, padding=1)
    turned = Unseen(forward, np.flip(x).copy(), np.flip(w).copy(), b.copy(), **settings)
    return (yield _twice(backward, dout, first, other, turned))[-1]


def _twice(backward: Pass, dout: np.ndarray, first: Unseen, *others: Unseen) -> list[partial[Any]]:
    """A forward pass, others, and then the backward pass of the first, twice; the last result is the one to look at."""
    return [first, *others, Unseen(backward, dout, Second(first)), partial(backward, dout, Second(first))]


@stepwise
def pooling_backward_pass(
    backward: Pass, forward: Pass, x: np.ndarray, dout: np.ndarray, size: int, stride: Any
) -> Steps:
    """The gradient, and the gradient again after a forward pass of another image."""
    first, other = Unseen(forward, x, size, stride), Unseen(forward, np.ones((2, 1, 3, 2)), 2, 1)
    once, again = (partial(backward, dout, Second(first)) for _ in range(2))
    _, gradient, _, later = yield [first, once, other, again]
    return gradient, later


@stepwise
def batch_norm_passes(
    forward: Pass,
    batches: np.ndarray,
    new: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    **options: float,
) -> Steps:
    """Train on each batch, then evaluate ``new``: what came out, and the running statistics after each call."""
    outs, means, variances = [], [], []
    for x, training in [*((batch, True) for batch in batches), (new, False)]:
        (result,) = yield [Uncached(forward, x, gamma, beta, running_mean, running_var, training, **options)]
        second(result)
        outs.append(result[0])
        means.append(np.array(running_mean))
        variances.append(np.array(running_var))
    return outs, means, variances


@stepwise
def batch_norm_backward_pass(
    backward: Pass,
    forward: Pass,
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    dout: np.ndarray,
    **options: float,
) -> Steps:
    """The gradients; again; with a later batch's cache; and again after a forward pass of a larger one, or None."""

    def of(batch: np.ndarray) -> Unseen:
        return Unseen(forward, batch, gamma, beta, np.zeros(gamma.shape), np.ones(gamma.shape), True, **options)

    first, later, larger = of(x), of(np.flip(x) ** 2), of(np.concatenate([x, x]))
    once, again, other = (partial(backward, dout, Second(each)) for each in (first, first, later))
    last = Tried(backward, dout, Second(first))  # it has worked before
    _, _, *results, _, once_more = yield [first, later, once, again, other, larger, last]
    return *results, once_more


@stepwise
def momentum_step(
    step: Pass,
    parameters: list[np.ndarray],
    gradients: list[np.ndarray],
    velocity: list[np.ndarray],
    lr: float,
    **momentum: float,
) -> Steps:
    """What stands after a step in the arrays that the caller holds, whatever became of the lists."""
    held = [p.copy("K") for p in parameters], [v.copy("K") for v in velocity]
    yield [Unseen(step, list(held[0]), gradients, list(held[1]), lr, **momentum)]
    return held
