"""How a check puts a forward or backward pass to work. This may run beside the answer, where no exercise can be read.

Nothing is decided here: what comes back is what the answer returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from course_utils.comparison import a
from course_utils.remote import Remote

Pass = Callable[..., Any]


def called(*calls: partial[Any]) -> list[Any]:
    """What calls return that are made one after the other, as it was then; another process gets all of them at once."""
    if calls and isinstance(calls[0].func, Remote):
        made = calls[0].func.together(calls)
        return [each(*call.args, **call.keywords) for each, call in zip(made, calls, strict=True)]
    return [_kept(call()) for call in calls]


def forward_pass(forward: Pass, *inputs: Any, **settings: Any) -> Any:
    """A pair (out, cache) without what is in the cache, which is the answer's own business."""
    result = forward(*inputs, **settings)
    return (result[0], None) if isinstance(result, tuple | list) and len(result) == 2 else result


def relu_backward_pass(backward: Pass, forward: Pass, x: np.ndarray, dout: np.ndarray) -> Any:
    """The gradient the second time, after forward passes of other numbers: nothing is kept between calls."""
    others = np.ones((2, *x.shape)), np.flip(x).copy()
    (_, cache), *_ = called(*(partial(forward, numbers) for numbers in (x, *others)))
    return called(*[partial(backward, dout, cache)] * 2)[1]


def linear_backward_pass(
    backward: Pass, forward: Pass, x: np.ndarray, w: np.ndarray, b: np.ndarray, dout: np.ndarray
) -> Any:
    """The gradients the second time, after forward passes of other sizes and numbers: nothing is kept between calls."""
    (_, cache), *_ = called(
        partial(forward, x, w, b),
        partial(forward, np.ones((len(x) + 1, 2)), np.ones((2, 3)), np.ones(3)),
        partial(forward, np.flip(x).copy(), np.flip(w).copy(), b.copy()),
    )
    return called(*[partial(backward, dout, cache)] * 2)[1]


def convolution_backward_pass(
    backward: Pass, forward: Pass, x: np.ndarray, w: np.ndarray, b: np.ndarray, dout: np.ndarray, **settings: Any
) -> Any:
    """The gradients the second time, after forward passes of other sizes and numbers: nothing is kept between calls."""
    other = np.ones((len(x) + 1, 1, 3, 4)), np.ones((2, 1, 2, 2)), np.ones(2)
    (_, cache), *_ = called(
        partial(forward, x, w, b, **settings),
        partial(forward, *other, stride=1, padding=1),
        partial(forward, np.flip(x).copy(), np.flip(w).copy(), b.copy(), **settings),
    )
    return called(*[partial(backward, dout, cache)] * 2)[1]


def pooling_backward_pass(
    backward: Pass, forward: Pass, x: np.ndarray, dout: np.ndarray, size: int, stride: Any
) -> tuple[Any, Any]:
    """The gradient, and the gradient again after a forward pass of another image."""
    _, cache = forward(x, size, stride)
    (first,) = called(partial(backward, dout, cache))
    forward(np.ones((2, 1, 3, 2)), 2, 1)
    return first, backward(dout, cache)


def batch_norm_passes(
    forward: Pass,
    batches: np.ndarray,
    new: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    **options: float,
) -> tuple[list[Any], list[np.ndarray], list[np.ndarray]]:
    """Train on each batch, then evaluate ``new``: what came out, and the running statistics after each call."""
    outs, means, variances = [], [], []
    for x, training in [*((batch, True) for batch in batches), (new, False)]:
        outs.append(_pair(forward(x, gamma, beta, running_mean, running_var, training, **options))[0])
        means.append(np.array(running_mean))
        variances.append(np.array(running_var))
    return outs, means, variances


def batch_norm_backward_pass(
    backward: Pass,
    forward: Pass,
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    dout: np.ndarray,
    **options: float,
) -> tuple[Any, ...]:
    """The gradients; again; with a later batch's cache; and again after a forward pass of a larger one, or None."""

    def caches_of(*batches: np.ndarray) -> Iterator[Any]:
        zeros, ones = np.zeros(gamma.shape), np.ones(gamma.shape)
        calls = (partial(forward, x, gamma, beta, zeros.copy(), ones.copy(), True, **options) for x in batches)
        return (_pair(result)[1] for result in called(*calls))

    cache, later = caches_of(x, np.flip(x) ** 2)
    results = called(*(partial(backward, dout, used) for used in (cache, cache, later)))
    next(caches_of(np.concatenate([x, x])))
    try:
        return *results, backward(dout, cache)
    except Exception:  # it has worked before
        return *results, None


def _kept(result: Any) -> Any:
    """A result as it is now; a later call may write into the same arrays."""
    if type(result) in (tuple, list):
        return type(result)(map(_kept, result))
    return result.copy() if isinstance(result, np.ndarray) else result


def _pair(result: Any) -> Any:
    """What a forward pass returned, where it is the pair (out, cache); what else it is goes into the message."""
    if isinstance(result, tuple | list) and len(result) == 2:
        return result
    came = f"a tuple of {len(result)}" if isinstance(result, tuple) else a(result)
    raise TypeError(f"a forward pass returns the pair (out, cache), and {came} came")
