"""Lesson 03: every layer by hand, forward and backward, and a network made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from course_utils.calls import called
from course_utils.contract import BY_HAND, Case, Draw, Example, case, example, exercise
from course_utils.passes import (
    convolution_backward_pass,
    forward_pass,
    linear_backward_pass,
    momentum_step,
    relu_backward_pass,
)
from course_utils.scalars import (
    exponential,
    first_times_last,
    product,
    row_products,
    sum_of_cubes,
    sum_of_squares,
    weighted_sum,
)

LESSON = "03_layers"
SUMS_BY_HAND = (*BY_HAND, "numpy.convolve", "numpy.correlate")
SOFTMAX_BY_HAND = (*BY_HAND, "scipy.special")
TRAINED_BY_HAND = (*BY_HAND, "sklearn", "scipy.optimize")


def _quarters(draw: Draw, *shape: int) -> np.ndarray:
    """Odd multiples of a quarter: sums of products are exact, so a result cut to whole numbers is always the same."""
    return (2 * draw.integers(*shape, low=-6, high=5) + 1) / 4


def _tensor(array):
    import torch

    return torch.from_numpy(np.array(array, dtype=float, order="C"))  # a copy: torch takes no negative strides


def _gradients(function, dout, *arrays):
    """The gradients of sum(dout · function(*arrays)) with respect to each array, by PyTorch in float64."""
    import torch

    inputs = [_tensor(a).requires_grad_() for a in arrays]
    score = (function(*inputs) * _tensor(dout)).sum()
    return tuple(g.numpy() for g in torch.autograd.grad(score, inputs))


def _convolution(x, w, b, stride, padding):
    """PyTorch's convolution of tensors with one, two or three axes in space."""
    from torch.nn import functional

    convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[x.ndim - 3]
    return convolve(x, w, b, stride, padding)


def _pair_example(out, *args, **kwargs):
    """A worked example of a forward pass, which returns a pair: the output, and a cache."""
    made = example(out, *args, **kwargs)
    return Example(made.case, (made.expected, None))


def _gradient_example(gradients, *args, **kwargs):
    """A worked example of a backward pass, which returns several arrays."""
    return Example(example(0, *args, **kwargs).case, tuple(np.array(g, float) for g in gradients))


_FORWARD = """
right = {name}

{{mistake}}

def {name}{signature}:
    return mistaken({arguments})
"""

# ---------------------------------------------------------------------------------------------------------------------
# relu


@exercise(
    LESSON,
    parts=("out",),
    answer_signature="(x)",
    wrapping=_FORWARD.format(name="relu_forward", signature="(x)", arguments="x"),
    examples=[_pair_example([[0, 2], [0, 0.5]], [[-1, 2], [0, 0.5]])],
)
def relu_forward(x):
    return _tensor(x).relu().numpy(), None


relu_forward.protocol(forward_pass, beside=True)


def _activations(draw: Draw) -> Iterator[tuple[str, np.ndarray]]:
    yield "exactly zero", np.array([[0.0, -1.0, 1.0], [0.0, 0.0, 2.0]])
    yield "numbers larger than one", np.array([3.5, 1.0, 0.25, -2.5])
    yield "negative numbers only", -np.abs(draw.array(2, 3))
    yield "positive numbers only", np.abs(draw.array(2, 3))
    yield "one number", draw.array(1)
    yield "vector", draw.array(draw.size(4, 8))
    yield "batch of images", draw.array(2, 3, 4, 3)
    yield "single precision (float32)", draw.array(3, 4).astype(np.float32)
    for _ in draw.repeats(3):
        yield "random", draw.array(draw.size(2, 5), draw.size(2, 5))
    yield "random", np.concatenate([_quarters(draw, 3, 4), np.zeros((1, 4))])


@relu_forward.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, x in _activations(draw):
        yield case(category, x)


@relu_forward.mistake(
    "Negative numbers come out with their sign turned round. ReLU keeps what is positive and makes the rest zero; "
    "the absolute value is another function."
)
def absolute_value(right, x):
    return np.abs(x), right(x)[1]


@relu_forward.mistake(
    "Your result is the largest number of the whole array. ReLU compares every number, by itself, with zero: "
    "np.max looks for one maximum, np.maximum compares element by element."
)
def one_maximum(right, x):
    return np.max(x), right(x)[1]


@relu_forward.mistake(
    "np.max(x, 0) reads the 0 as an axis: you get the largest number of each column. ReLU compares every number, "
    "by itself, with zero."
)
def maximum_down_the_columns(right, x):
    return np.max(x, 0), right(x)[1]


@relu_forward.mistake(
    "Your result says where x is positive, with ones and zeros. That is the slope, which the backward pass needs; "
    "the output keeps the value itself there."
)
def mask_for_the_output(right, x):
    return np.where(x > 0, 1.0, 0.0), right(x)[1]


@relu_forward.mistake(
    "Numbers above one are cut off at one. ReLU has no upper limit: a positive number stays what it is."
)
def cut_off_at_one(right, x):
    return np.clip(x, 0, 1), right(x)[1]


@relu_forward.mistake("The negative numbers are kept and the positive ones made zero. It is the other way round.")
def negative_half_kept(right, x):
    return np.minimum(x, 0), right(x)[1]


@relu_forward.mistake(
    "Negative numbers come out small, not zero. That is a leaky ReLU; the one asked for is exactly zero there."
)
def leaky(right, x):
    return np.where(x > 0, x, 0.01 * x), right(x)[1]


@relu_forward.mistake(
    "You left the negative numbers out, so the result is shorter than x. They become zero, and the shape stays."
)
def negative_numbers_left_out(right, x):
    return x[x > 0], right(x)[1]


@relu_forward.mistake(
    "Only the output comes back. A forward pass returns two things, the output and a cache: whatever its backward "
    "pass will need."
)
def cache_not_returned(right, x):
    return right(x)[0]


@exercise(
    LESSON,
    companions=("relu_forward",),
    answer_signature="(dout, cache)",
    shown="dx = relu_backward(dout, relu_forward(x)[1])",
    wrapping="""
right_backward = relu_backward

def right(x, dout):
    return right_backward(dout, relu_forward(x)[1])

{mistake}

def relu_backward(dout, cache):
    return mistaken(cache, dout)
""",
    requires=lambda x, dout: x.shape == dout.shape,
    aligned=lambda x, dout: (
        (x, dout) if x.ndim != dout.ndim else (x[tuple(map(slice, dout.shape))], dout[tuple(map(slice, x.shape))])
    ),
    examples=[example([[0, 7], [0, 8]], [[-1, 2], [0, 0.5]], [[5, 7], [9, 8]])],
)
def relu_backward(x, dout):
    return _gradients(lambda x: x.relu(), dout, x)[0]


relu_backward.protocol(relu_backward_pass, beside=True)


@relu_backward.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, x in _activations(draw):
        yield case(category, x, draw.array(*x.shape).astype(x.dtype))
    yield case("upstream gradient of zeros and ones", draw.array(2, 3), np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]))
    x = np.concatenate([_quarters(draw, 2, 3), np.zeros((1, 3))])
    yield case("random", x, _quarters(draw, 3, 3))


@relu_backward.mistake(
    "Where x is exactly zero you pass the gradient on. The corner of ReLU has no slope; the convention, PyTorch's "
    "too, is 0 there, so only x larger than zero lets the gradient through."
)
def slope_one_at_zero(right, x, dout):
    return np.where(x >= 0, dout, 0.0)


@relu_backward.mistake(
    "You look at the sign of dout. What lets the gradient through is the sign of the layer's input x, which the "
    "forward pass has to keep in the cache."
)
def mask_from_dout(right, x, dout):
    return np.where(dout > 0, dout, 0.0)


@relu_backward.mistake(
    "Where x is negative your gradient comes back with the other sign. That is the slope of the absolute value; "
    "ReLU is flat there, and its slope is 0."
)
def slope_of_the_absolute_value(right, x, dout):
    return np.sign(x) * dout


@relu_backward.mistake(
    "The gradient goes through unchanged. Where ReLU put out zero, a small change of x changes nothing, so no "
    "gradient may pass."
)
def gradient_passed_everywhere(right, x, dout):
    return dout.copy()


@relu_backward.mistake(
    "You return the slope of ReLU, ones and zeros. The chain rule multiplies it by the gradient that comes from above."
)
def upstream_gradient_ignored(right, x, dout):
    return np.where(x > 0, 1.0, 0.0)


@relu_backward.mistake(
    "You multiply dout by the output of ReLU. The slope where x is positive is 1, however large x is."
)
def multiplied_by_the_output(right, x, dout):
    return np.where(x > 0, x, 0.0) * dout


@relu_backward.mistake(
    "You apply ReLU to the gradient as well, so negative gradients are lost. A gradient may have any sign; only "
    "the sign of x decides."
)
def negative_gradients_lost(right, x, dout):
    return np.maximum(right(x, dout), 0)


@relu_backward.mistake(
    "The gradient passes where x is negative and is stopped where x is positive. It is the other way round."
)
def mask_the_wrong_way_round(right, x, dout):
    return np.where(x < 0, dout, 0.0)


@relu_backward.mistake(
    "Your backward pass works with what the latest forward pass left behind, not with the cache that it is given. In "
    "a network the forward pass runs on other numbers in between: all that is needed belongs into the cache, and "
    "nothing into a global variable."
)
def cache_of_the_latest_call(right, x, dout):
    return right(np.flip(x), dout)


# ---------------------------------------------------------------------------------------------------------------------
# linear


def _linear_fits(x, w, b):
    return x.ndim == w.ndim == 2 and b.ndim == 1 and x.shape[1] == w.shape[0] and w.shape[1] == len(b)


def _linear_cut(x, w, b):
    inputs, outputs = min(x.shape[1], w.shape[0]), min(w.shape[1], len(b))
    return x[:, :inputs], w[:inputs, :outputs], b[:outputs]


def _linear_layers(draw: Draw) -> Iterator[tuple[str, tuple[np.ndarray, ...]]]:
    def arrays(batch, inputs, outputs, drawn=draw.array):
        return drawn(batch, inputs), drawn(inputs, outputs), drawn(outputs)

    yield "more inputs than outputs", arrays(3, 5, 2)
    yield "more outputs than inputs", arrays(3, 2, 5)
    yield "as many inputs as outputs", arrays(2, 3, 3)
    yield "as many examples as outputs", arrays(4, 3, 4)
    yield "as many examples as inputs and outputs", arrays(3, 3, 3)
    yield "batch of one", arrays(1, 4, 3)
    yield "one input", arrays(3, 1, 2)
    yield "one output", arrays(3, 4, 1)
    yield "single precision (float32)", tuple(a.astype(np.float32) for a in arrays(3, 4, 2))
    for _ in draw.repeats(4):
        yield "random", arrays(draw.size(2, 5), draw.size(2, 5), draw.size(2, 5))
    yield "random", arrays(3, 4, 2, lambda *shape: _quarters(draw, *shape))
    yield "random", arrays(2, 3, 4, lambda *shape: _quarters(draw, *shape))


@exercise(
    LESSON,
    parts=("out",),
    answer_signature="(x, w, b)",
    wrapping=_FORWARD.format(name="linear_forward", signature="(x, w, b)", arguments="x, w, b"),
    requires=_linear_fits,
    aligned=_linear_cut,
    examples=[_pair_example([[11, 22, 34]], [[1, 2]], [[1, 0, 2], [0, 1, 1]], [10, 20, 30])],
)
def linear_forward(x, w, b):
    from torch.nn import functional

    return functional.linear(_tensor(x), _tensor(w).T, _tensor(b)).numpy(), None


linear_forward.protocol(forward_pass, beside=True)


@linear_forward.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, arrays in _linear_layers(draw):
        yield case(category, *arrays)


@linear_forward.mistake("The bias is missing. Each output has a number of its own that is added to its weighted sum.")
def bias_forgotten(right, x, w, b):
    return right(x, w, 0 * b)


@linear_forward.mistake(
    "You multiply by the transposed weights. In this course w has a row for each input and a column for each "
    "output, (in, out); PyTorch keeps it the other way round."
)
def weights_transposed(right, x, w, b):
    return x @ w.T + b, right(x, w, b)[1]


@linear_forward.mistake(
    "The bias is added to every product, so it counts once for each input. It is added once, to the finished sum."
)
def bias_inside_the_sum(right, x, w, b):
    return right(x, w, b * len(w))


@linear_forward.mistake(
    "The bias is added down the rows: each example gets one entry of b. It belongs to the outputs, the columns, "
    "and is the same for every example."
)
def bias_along_the_batch(right, x, w, b):
    out, cache = right(x, w, 0 * b)
    return out + b[:, None], cache


@linear_forward.mistake(
    "Negative outputs have become zero. ReLU is a layer of its own; the linear layer ends with adding the bias."
)
def relu_applied_as_well(right, x, w, b):
    out, cache = right(x, w, b)
    return np.maximum(out, 0), cache


@linear_forward.mistake(
    "The weighted sums are divided by the number of inputs: a mean, not a sum. A linear layer adds its products up."
)
def mean_for_the_sum(right, x, w, b):
    return right(x, w / len(w), b)


@linear_forward.mistake(
    "The result lies on its side: an example is a row of x, and its outputs are a row of the result."
)
def output_transposed(right, x, w, b):
    out, cache = right(x, w, b)
    return out.T, cache


@linear_forward.mistake(
    "Only the output comes back. A forward pass returns a pair, the output and a cache with what its backward "
    "pass will need."
)
def output_without_cache(right, x, w, b):
    return right(x, w, b)[0]


def _linear_backward_fits(x, w, b, dout):
    return _linear_fits(x, w, b) and dout.shape == (len(x), len(b))


def _linear_backward_cut(x, w, b, dout):
    x, w, b = _linear_cut(x, w, b[: dout.shape[1]])
    return x[: len(dout)], w, b, dout[: len(x), : len(b)]


@exercise(
    LESSON,
    parts=("dx", "dw", "db"),
    companions=("linear_forward",),
    answer_signature="(dout, cache)",
    shown="dx, dw, db = linear_backward(dout, linear_forward(x, w, b)[1])",
    wrapping="""
right_backward = linear_backward

def right(x, w, b, dout):
    return right_backward(dout, linear_forward(x, w, b)[1])

{mistake}

def linear_backward(dout, cache):
    x, w = cache
    return mistaken(x, w, np.zeros(w.shape[1]), dout)
""",
    requires=_linear_backward_fits,
    aligned=_linear_backward_cut,
    examples=[
        _gradient_example(
            ([[9, 4]], [[1, 0, 4], [2, 0, 8]], [1, 0, 4]), [[1, 2]], [[1, 0, 2], [0, 1, 1]], [10, 20, 30], [[1, 0, 4]]
        ),
        _gradient_example(([[6], [2]], [[13]], [4]), [[4], [1]], [[2]], [0], [[3], [1]]),
    ],
)
def linear_backward(x, w, b, dout):
    from torch.nn import functional

    return _gradients(lambda x, w, b: functional.linear(x, w.T, b), dout, x, w, b)


linear_backward.protocol(linear_backward_pass, beside=True)


@linear_backward.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, (x, w, b) in _linear_layers(draw):
        drawn = _quarters(draw, len(x), len(b)) if category == "random" else draw.array(len(x), len(b))
        yield case(category, x, w, b, drawn.astype(x.dtype))


@linear_backward.mistake(
    "Your dw lies on its side: it has a row for each output. A gradient has the shape of the thing it belongs to, "
    "so dw has a row for each input, as w has."
)
def dw_transposed(right, x, w, b, dout):
    dx, dw, db = right(x, w, b, dout)
    return dx, dw.T, db


@linear_backward.mistake(
    "In dx the weights stand as they are. Going back, a gradient travels from outputs to inputs over the same "
    "connections, so rows and columns of w change their roles."
)
def dx_with_weights_not_transposed(right, x, w, b, dout):
    _, dw, db = right(x, w, b, dout)
    return dout @ w, dw, db


@linear_backward.mistake(
    "Your db is the mean over the batch. Every example used the same b, so their gradients add up; the division "
    "by the batch size happens once, in the loss."
)
def db_averaged(right, x, w, b, dout):
    dx, dw, db = right(x, w, b, dout)
    return dx, dw, db / len(x)


@linear_backward.mistake(
    "Your db still has a row for each example. All examples share one b, and db has its shape: one number an output."
)
def db_not_summed(right, x, w, b, dout):
    dx, dw, _ = right(x, w, b, dout)
    return dx, dw, dout.copy()


@linear_backward.mistake(
    "Your db is summed over the outputs: one number an example. It has the shape of b, one number an output, so "
    "the batch is what goes away."
)
def db_summed_over_the_outputs(right, x, w, b, dout):
    dx, dw, _ = right(x, w, b, dout)
    return dx, dw, dout.sum(axis=1)


@linear_backward.mistake(
    "Your db has the right numbers, but an axis of length 1 in front. Its shape is that of b: keepdims is one "
    "axis too many here."
)
def db_with_an_axis_too_many(right, x, w, b, dout):
    dx, dw, db = right(x, w, b, dout)
    return dx, dw, db[None]


@linear_backward.mistake(
    "Your dw and db are divided by the batch size. A layer adds the gradients of its examples up; the mean is "
    "taken once, in the loss, and dout brings it along."
)
def averaged_over_the_batch(right, x, w, b, dout):
    dx, dw, db = right(x, w, b, dout)
    return dx, dw / len(x), db / len(x)


@linear_backward.mistake(
    "The gradients are right but come in another order: return dx, dw, db, as the layer takes x, w, b."
)
def gradients_in_another_order(right, x, w, b, dout):
    dx, dw, db = right(x, w, b, dout)
    return dw, db, dx


@linear_backward.mistake(
    "You do not use dout: the result is the gradient of the sum of all outputs. The layers above may want some "
    "outputs larger and others smaller, and dout says by how much."
)
def dout_not_used(right, x, w, b, dout):
    return right(x, w, b, np.ones(dout.shape))


@linear_backward.mistake(
    "Only the first example counts in dw. Each example contributes a product of its input and its dout, and the "
    "contributions add up over the batch."
)
def dw_of_the_first_example(right, x, w, b, dout):
    dx, _, db = right(x, w, b, dout)
    return dx, right(x[:1], w, b, dout[:1])[1], db


@linear_backward.mistake(
    "Your backward pass works with what the latest forward pass left behind, not with the cache that it is given. In "
    "a network the forward pass runs on other numbers in between: all that is needed belongs into the cache, and "
    "nothing into a global variable."
)
def cache_of_the_latest_batch(right, x, w, b, dout):
    return right(np.flip(x), np.flip(w), b, dout)


# ---------------------------------------------------------------------------------------------------------------------
# numeric_gradient


@exercise(
    LESSON,
    examples=[
        example([2, -4], sum_of_squares, [1, -2]),
        example([7, 1], sum_of_cubes, [-1.5, 0.5], eps=0.5),
        example([[2, 1], [4, 3]], row_products, [[1, 2], [3, 4]]),
    ],
    requires=lambda function, x, eps=1e-5: eps > 0,
)
def numeric_gradient(function, x, eps=1e-5):
    x = np.array(x, dtype=float)
    steps = eps * np.eye(x.size).reshape(x.size, *x.shape)
    slopes = [(function(x + step) - function(x - step)) / (2 * eps) for step in steps]
    return np.array(slopes).reshape(x.shape)


@numeric_gradient.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("a step as large as 1/2", sum_of_cubes, draw.array(3), eps=0.5)
    yield case("a step as large as 1/2", exponential, draw.array(2, 2), eps=0.5)
    yield case("a small step", sum_of_cubes, draw.array(2, 3), eps=1e-3)
    yield case("default step", weighted_sum, draw.array(4))
    yield case("default step", row_products, draw.array(3, 2))
    yield case("one number", sum_of_squares, draw.array(1))
    yield case("a number without axes (shape ())", sum_of_cubes, np.array(1.5))
    yield case("vector", product, draw.array(draw.size(3, 5)))
    yield case("matrix", row_products, draw.array(draw.size(2, 4), 3))
    yield case("batch of images", row_products, draw.array(2, 2, 3, 2))
    yield case("entries that are zero", product, np.array([0.0, 2.0, 3.0]))
    yield case("single precision (float32)", sum_of_squares, draw.array(3, 2).astype(np.float32), eps=0.125)
    for _ in draw.repeats(3):
        function = draw.choice([sum_of_squares, sum_of_cubes, first_times_last])
        yield case("random", function, draw.array(draw.size(2, 4), draw.size(2, 4)), eps=0.25)
    yield case("random", row_products, _quarters(draw, 3, 4), eps=0.3)
    yield case("random", first_times_last, _quarters(draw, 2, draw.size(3, 5)))


@numeric_gradient.mistake(
    "You step to one side only. A central difference looks a step to the right and a step to the left, and its "
    "error shrinks with the square of the step."
)
def one_sided_difference(right, function, x, eps=1e-5):
    x = np.array(x, dtype=float)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        moved = x.copy()
        moved[index] += eps
        gradient[index] = (function(moved) - function(x)) / eps
    return gradient


@numeric_gradient.mistake(
    "Your slopes are twice too steep. From one step on the left to one step on the right: how far apart are the "
    "two points?"
)
def divided_by_one_step(right, function, x, eps=1e-5):
    return 2 * right(function, x, eps=eps)


@numeric_gradient.mistake(
    "Your slopes are far too small: a / 2 * eps divides by 2 and then multiplies by eps. The distance between the "
    "two points needs brackets."
)
def multiplied_by_eps(right, function, x, eps=1e-5):
    return right(function, x, eps=eps) * eps**2


@numeric_gradient.mistake(
    "You do not put an entry back after moving it, so the next slopes are measured somewhere else. One entry "
    "moves at a time, and all the others stay at home."
)
def entries_not_put_back(right, function, x, eps=1e-5):
    x = np.array(x, dtype=float)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        x[index] += eps
        above = function(x)
        x[index] -= 2 * eps
        gradient[index] = (above - function(x)) / (2 * eps)
    return gradient


@numeric_gradient.mistake(
    "The argument eps has no effect: your step is 1e-5, whatever the caller asks for. The caller may have a "
    "reason, such as single precision."
)
def step_not_taken_from_eps(right, function, x, eps=1e-5):
    return right(function, x)


@numeric_gradient.mistake(
    "You move all entries at once and get one slope, in the direction (1, 1, …, 1). A gradient has an entry for "
    "each entry of x: each is moved by itself."
)
def all_entries_moved_at_once(right, function, x, eps=1e-5):
    x = np.array(x, dtype=float)
    return (function(x + eps) - function(x - eps)) / (2 * eps)


@numeric_gradient.mistake("The slopes are right, but they come as a vector. A gradient has the shape of x.")
def result_flattened(right, function, x, eps=1e-5):
    return right(function, x, eps=eps).ravel()


@numeric_gradient.mistake(
    "You call the function with a flattened x. It may depend on the shape (a layer does): what it gets must look "
    "like x."
)
def function_called_with_a_vector(right, function, x, eps=1e-5):
    return right(function, x.ravel(), eps=eps).reshape(x.shape)


@numeric_gradient.mistake(
    "All slopes have the wrong sign: the value on the left is taken away from the value on the right, not the "
    "other way."
)
def left_minus_right(right, function, x, eps=1e-5):
    return -right(function, x, eps=eps)


@numeric_gradient.mistake(
    "You write through x.ravel() or x.reshape(-1) and expect x to change. For arrays in some memory orders these "
    "are copies, and x stays where it was, so every slope is 0. Indices (np.ndindex) always work."
)
def steps_lost_in_a_copy(right, function, x, eps=1e-5):
    x = x.astype(float)
    flat, gradient = x.ravel(), np.zeros(x.size)
    for i in range(x.size):
        value = flat[i]
        flat[i] = value + eps
        above = function(x)
        flat[i] = value - eps
        gradient[i] = (above - function(x)) / (2 * eps)
        flat[i] = value
    return gradient.reshape(x.shape)


@numeric_gradient.mistake(
    "An array of integers cannot hold x + eps: the step is cut off, and the slope is nonsense. Work on a copy of "
    "x that holds floats."
)
def integers_cannot_take_the_step(right, function, x, eps=1e-5):
    x = x.copy()
    gradient = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        value = x[index]
        x[index] = value + eps
        above = function(x)
        x[index] = value - eps
        gradient[index] = (above - function(x)) / (2 * eps)
        x[index] = value
    return gradient


@numeric_gradient.mistake(
    "Both your copy of x and your gradient hold integers when x does: the step is cut off, and so are the slopes. "
    "np.zeros_like(x) takes over x's type; make both arrays of floats."
)
def integers_for_steps_and_slopes(right, function, x, eps=1e-5):
    x = x.copy()
    gradient = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        value = x[index]
        x[index] = value + eps
        above = function(x)
        x[index] = value - eps
        gradient[index] = (above - function(x)) / (2 * eps)
        x[index] = value
    return gradient


# ---------------------------------------------------------------------------------------------------------------------
# conv2d, forward


def _windows(shape, kernel, stride, padding):
    """How many windows there are along each axis in space."""
    axes = len(kernel)
    stride, padding = np.broadcast_to(stride, axes), np.broadcast_to(padding, axes)
    return tuple(int(n + 2 * p - k) // int(s) + 1 for n, k, s, p in zip(shape, kernel, stride, padding, strict=True))


def _legal(shape, kernel, stride, padding):
    """Whether stride and padding are possible and the kernel fits."""
    return (
        np.min(stride) >= 1
        and np.min(padding) >= 0
        and min(kernel) >= 1
        and min(_windows(shape, kernel, stride, padding)) >= 1
    )


def _conv_fits(x, w, b, stride=1, padding=0):
    together = x.ndim == w.ndim and x.shape[1] == w.shape[1] and w.shape[0] == len(b)
    return together and _legal(x.shape[2:], w.shape[2:], stride, padding)


def _conv_cut(x, w, b, stride=1, padding=0):
    channels, filters = min(x.shape[1], w.shape[1]), min(len(w), len(b))
    return x[:, :channels], w[:filters, :channels], b[:filters]


def _geometries(draw: Draw):
    """Category, shape of x, shape of w, stride and padding: all that a convolutional layer can meet."""
    yield "one channel, one filter", (1, 1, 3, 4), (1, 1, 2, 2), 1, 0
    yield "several channels", (1, 3, 3, 3), (1, 3, 2, 2), 1, 0
    yield "several filters", (1, 2, 3, 4), (3, 2, 2, 2), 1, 0
    yield "several images", (3, 2, 3, 4), (2, 2, 2, 2), 1, 0
    yield "as many filters as columns", (2, 2, 4, 4), (3, 2, 2, 2), 1, 0
    yield "image taller than wide", (2, 2, draw.size(6, 8), 4), (2, 2, 3, 3), 1, 0
    yield "image taller than wide", (1, 2, 9, 6), (2, 2, 3, 3), 2, 1
    yield "image wider than tall", (2, 2, 4, draw.size(6, 8)), (2, 2, 3, 3), 1, 0
    yield "image wider than tall", (1, 2, 4, 9), (2, 2, 3, 3), 2, 1
    yield "kernel taller than wide", (1, 2, 5, 5), (2, 2, 3, 2), 1, 0
    yield "kernel wider than tall", (2, 2, 5, 6), (2, 2, 1, 3), 1, 0
    yield "kernel of 1 × 1", (2, 3, 3, 4), (2, 3, 1, 1), 1, 0
    yield "kernel of 1 × 1", (2, 3, 5, 6), (2, 3, 1, 1), 2, 0
    yield "kernel as large as the image", (2, 2, 3, 4), (3, 2, 3, 4), 1, 0
    yield "padding", (1, 1, 2, 3), (1, 1, 2, 2), 1, 1
    yield "padding", (2, 2, 4, 5), (3, 2, 3, 3), 1, 1
    yield "padding", (1, 2, 3, 4), (2, 2, 3, 3), 1, 3
    yield "padding around a kernel larger than the image", (2, 2, 2, 2), (2, 2, 3, 3), 1, 1
    yield "padding is a pair", (1, 2, 4, 5), (2, 2, 3, 3), 1, (1, 0)
    yield "padding is a pair", (1, 2, 4, 5), (2, 2, 3, 3), 1, (0, 2)
    yield "stride 2", (1, 1, 3, 3), (1, 1, 1, 1), 2, 0
    yield "stride 2", (2, 2, 5, 7), (2, 2, 3, 3), 2, 0
    yield "stride 3", (1, 2, 7, 8), (2, 2, 4, 2), 3, 0
    yield "stride that does not fit", (1, 1, 4, 4), (1, 1, 3, 3), 2, 0
    yield "stride that does not fit", (2, 2, 6, 6), (2, 2, 3, 3), 2, 0
    yield "stride that does not fit", (1, 2, 7, 9), (2, 2, 2, 3), 3, 1
    yield "stride larger than the kernel", (1, 2, 7, 8), (2, 2, 2, 2), 3, 0
    yield "stride is a pair", (1, 1, 4, 4), (1, 1, 2, 2), (2, 1), 0
    yield "stride is a pair", (2, 2, 5, 6), (2, 2, 3, 3), (1, 2), 0
    yield "stride and padding are pairs", (2, 2, 5, 6), (2, 2, 3, 3), (2, 1), (0, 1)


def _random_geometry(draw: Draw):
    """A layer whose padded image and output are at least as wide as tall.

    Taller ones have cases of their own, in which every window outside the image is an error: some do not fail, but
    broadcast, and that would hide the mistake.
    """
    (kh, kw), height = (draw.int(1, 3), draw.int(1, 3)), draw.size(4, 6)
    stride, padding = draw.choice([1, 2, 3, (1, 2), (2, 1), (3, 2)]), draw.choice([0, 1, 2, (0, 1), (1, 0), (2, 1)])
    (_, across), (above, beside) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    rows, _ = _windows((height, 9), (kh, kw), stride, padding)
    width = max(height + 2 * above, (rows - 1) * across + kw) - 2 * beside + draw.int(0, 2)
    batch, channels, filters = draw.int(1, 3), draw.int(1, 3), draw.int(1, 3)
    return (batch, channels, height, int(width)), (filters, channels, kh, kw), stride, padding


def _layers(draw: Draw):
    """Category, (x, w, b), and stride and padding as keywords."""

    def arrays(shape, kernels, drawn=draw.array):
        return drawn(*shape), drawn(*kernels), drawn(kernels[0])

    yield "stride and padding left out", arrays((2, 2, 4, 5), (3, 2, 2, 3)), {}
    for category, shape, kernels, stride, padding in _geometries(draw):
        yield category, arrays(shape, kernels), {"stride": stride, "padding": padding}
    single = tuple(a.astype(np.float32) for a in arrays((2, 2, 5, 6), (3, 2, 3, 2)))
    yield "single precision (float32)", single, {"stride": 2, "padding": 1}
    for _ in draw.repeats(3):
        shape, kernels, stride, padding = _random_geometry(draw)
        yield "random", arrays(shape, kernels), {"stride": stride, "padding": padding}
    quarters = arrays((2, 2, 4, draw.size(5, 6)), (2, 2, 3, 3), lambda *shape: _quarters(draw, *shape))
    yield "random", quarters, {"stride": 2, "padding": 1}
    quarters = arrays((1, 3, 5, draw.size(5, 6)), (2, 3, 2, 3), lambda *shape: _quarters(draw, *shape))
    yield "random", quarters, {"stride": 1, "padding": 0}


_CONV_SIGNATURE = "(x, w, b, stride=1, padding=0)"
_CONV_ARGUMENTS = "x, w, b, stride=stride, padding=padding"
_CONV_EXAMPLES = [  # one channel; two channels, stride 2 and padding 1
    _pair_example([[[[10, 9], [10, 10]]]], [[[[1, 2, 0], [0, 1, 3], [4, 0, 1]]]], [[[[1, 0], [0, -1]]]], [10]),
    _pair_example(
        [[[[1, 5], [4, 1]]]],
        [[[[1, 2], [3, 4]], [[0, 1], [1, 0]]]],
        [[[[0, 1], [2, 0]], [[1, 0], [0, 1]]]],
        [1],
        stride=2,
        padding=1,
    ),
]


def _conv_forward(x, w, b, stride, padding):
    return _convolution(_tensor(x), _tensor(w), _tensor(b), stride, padding).numpy()


def _conv_cases(draw: Draw) -> Iterator[Case]:
    for category, arrays, keywords in _layers(draw):
        yield case(category, *arrays, **keywords)


@exercise(
    LESSON,
    parts=("out",),
    forbidden=SUMS_BY_HAND,
    answer_signature=_CONV_SIGNATURE,
    wrapping=_FORWARD.format(name="conv2d_forward", signature=_CONV_SIGNATURE, arguments=_CONV_ARGUMENTS),
    requires=_conv_fits,
    aligned=_conv_cut,
    examples=_CONV_EXAMPLES,
)
def conv2d_forward(x, w, b, stride=1, padding=0):
    return _conv_forward(x, w, b, stride, padding), None


conv2d_forward.protocol(forward_pass, beside=True)
conv2d_forward.cases(_conv_cases)


@conv2d_forward.mistake(
    "Your kernels lie upside down and left to right: that is a convolution in the sense of mathematics. A "
    "convolutional layer takes them as they are written; the network learns its weights that way."
)
def kernel_flipped(right, x, w, b, stride=1, padding=0):
    return right(x, w[:, :, ::-1, ::-1], b, stride=stride, padding=padding)


@conv2d_forward.mistake(
    "The bias is missing: filter k has a number of its own, b[k], which is added to all of its map."
)
def bias_left_out(right, x, w, b, stride=1, padding=0):
    return right(x, w, 0 * b, stride=stride, padding=padding)


@conv2d_forward.mistake(
    "The bias is added inside the sum, so it counts once for every product of a window. It is added once, to the "
    "finished sum: look at where the bracket closes."
)
def bias_for_every_product(right, x, w, b, stride=1, padding=0):
    return right(x, w, b * w[0].size, stride=stride, padding=padding)


@conv2d_forward.mistake(
    "The bias is added once for each input channel. A filter sums over all channels first and adds its bias once."
)
def bias_for_every_channel(right, x, w, b, stride=1, padding=0):
    return right(x, w, b * w.shape[1], stride=stride, padding=padding)


@conv2d_forward.mistake(
    "The bias runs along the columns: NumPy lines b up with the last axis. It belongs to the filters, which are "
    "axis 1 of the output, so b needs axes of length 1 behind it."
)
def bias_along_the_columns(right, x, w, b, stride=1, padding=0):
    out, cache = right(x, w, 0 * b, stride=stride, padding=padding)
    return out + b, cache


@conv2d_forward.mistake(
    "The output's width is computed from the input's height. It goes unnoticed while images are square; the width "
    "has a formula of its own."
)
def width_computed_from_the_height(right, x, w, b, stride=1, padding=0):
    out, cache = right(x, w, b, stride=stride, padding=padding)
    padded = x.shape[2] + 2 * np.broadcast_to(padding, 2)[0]
    width = (padded - w.shape[3]) // np.broadcast_to(stride, 2)[1] + 1
    if width > out.shape[3]:
        raise Exception("a window runs out of the image")
    return out[:, :, :, :width], cache


@conv2d_forward.mistake(
    "The output always has as many columns as rows: one size is computed, from the height, and used for both. "
    "Images and kernels need not be square."
)
def output_always_square(right, x, w, b, stride=1, padding=0):
    out, cache = right(x, w, b, stride=stride, padding=padding)
    if out.shape[2] > out.shape[3]:
        raise Exception("a window runs out of the image")
    return out[:, :, :, : out.shape[2]], cache


@conv2d_forward.mistake(
    "The output is one row and one column too small. Between the first window and the last lie so many steps; "
    "windows there are one more."
)
def steps_counted_for_windows(right, x, w, b, stride=1, padding=0):
    out, cache = right(x, w, b, stride=stride, padding=padding)
    return out[:, :, :-1, :-1], cache


@conv2d_forward.mistake(
    "Where the stride does not fit you round the size up, and the last window runs out of the image. Only whole "
    "windows count."
)
def size_rounded_up(right, x, w, b, stride=1, padding=0):
    sizes = zip(x.shape[2:], w.shape[2:], np.broadcast_to(padding, 2), np.broadcast_to(stride, 2), strict=True)
    if any((n + 2 * p - k) % s for n, k, p, s in sizes):
        raise Exception("a window runs out of the image")
    return right(x, w, b, stride=stride, padding=padding)


@conv2d_forward.mistake(
    "Your number of windows divides before it subtracts: `H + 2 * p - k // s` is `H + 2 * p - (k // s)` in Python. The "
    "kernel comes off first, then the rest is divided: brackets are needed."
)
def division_before_the_difference(right, x, w, b, stride=1, padding=0):
    (down, across), (above, beside) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    padded = np.pad(x, ((0, 0), (0, 0), (above, above), (beside, beside)))
    (height, width), (high, wide) = padded.shape[2:], w.shape[2:]
    out = np.zeros((len(x), len(w), height - high // down + 1, width - wide // across + 1))
    for n, k, i, j in np.ndindex(*out.shape):
        window = padded[n, :, i * down : i * down + high, j * across : j * across + wide]
        out[n, k, i, j] = (window * w[k]).sum() + b[k]
    return out, right(x, w, b, stride=stride, padding=padding)[1]


@conv2d_forward.mistake(
    "The output has the right size, but your windows move by one pixel only: window (i, j) starts at row i and "
    "column j. How far is it from one window to the next?"
)
def windows_one_pixel_apart(right, x, w, b, stride=1, padding=0):
    out, cache = right(x, w, b, stride=1, padding=padding)
    rows, columns = (-(-n // int(s)) for n, s in zip(out.shape[2:], np.broadcast_to(stride, 2), strict=True))
    return out[:, :, :rows, :columns], cache


@conv2d_forward.mistake(
    "The stride has no effect: there is a window at every pixel, and the output is as large as with stride 1."
)
def stride_ignored(right, x, w, b, stride=1, padding=0):
    return right(x, w, b, stride=1, padding=padding)


@conv2d_forward.mistake(
    "The two numbers of a pair are exchanged. As everywhere in this course the height comes first: (rows, columns)."
)
def pairs_exchanged(right, x, w, b, stride=1, padding=0):
    stride, padding = (v[::-1] if isinstance(v, tuple) else v for v in (stride, padding))
    return right(x, w, b, stride=stride, padding=padding)


@conv2d_forward.mistake(
    "Of a pair you use the first number for both axes. Stride and padding may differ between rows and columns."
)
def second_number_of_a_pair_ignored(right, x, w, b, stride=1, padding=0):
    stride, padding = (v[0] if isinstance(v, tuple) else v for v in (stride, padding))
    return right(x, w, b, stride=stride, padding=padding)


@conv2d_forward.mistake(
    "There is no padding: your windows stay inside the image. Rows and columns of zeros are to be added all "
    "around first."
)
def padding_ignored(right, x, w, b, stride=1, padding=0):
    sizes = [
        (n - k) // int(s) + 1 for n, k, s in zip(x.shape[2:], w.shape[2:], np.broadcast_to(stride, 2), strict=True)
    ]
    if min(sizes) < 1:
        return np.zeros((len(x), len(w), *sizes)), None
    return right(x, w, b, stride=stride, padding=0)


@conv2d_forward.mistake(
    "The output is too small: its size counts the padding once. It lies on both sides, so an axis grows by twice "
    "the padding."
)
def padding_counted_once(right, x, w, b, stride=1, padding=0):
    out, cache = right(x, w, b, stride=stride, padding=padding)
    lost = zip(
        out.shape[2:], x.shape[2:], w.shape[2:], np.broadcast_to(padding, 2), np.broadcast_to(stride, 2), strict=True
    )
    rows, columns = (min(n, int((size + p - k) // s) + 1) for n, size, k, p, s in lost)
    return out[:, :, :rows, :columns], cache


@conv2d_forward.mistake(
    "Only the last input channel counts: each channel's sum replaces the one before. A filter adds up over all "
    "channels."
)
def last_channel_only(right, x, w, b, stride=1, padding=0):
    return right(x[:, -1:], w[:, -1:], b, stride=stride, padding=padding)


@conv2d_forward.mistake(
    "Every input channel meets the same slice of the filter, its first. A filter has a kernel of its own for each "
    "channel."
)
def one_kernel_for_all_channels(right, x, w, b, stride=1, padding=0):
    return right(x, np.repeat(w[:, :1], w.shape[1], axis=1), b, stride=stride, padding=padding)


@conv2d_forward.mistake(
    "Each product replaces the one before, so only the last one of a window is left. The products have to be added up."
)
def products_not_added_up(right, x, w, b, stride=1, padding=0):
    last = np.zeros(w.shape)
    last[:, -1, -1, -1] = w[:, -1, -1, -1]
    return right(x, last, b, stride=stride, padding=padding)


@conv2d_forward.mistake(
    "You took the mean of the products of a window. A convolution adds them up; the weights decide how much each "
    "counts."
)
def mean_of_the_products(right, x, w, b, stride=1, padding=0):
    return right(x, w / w[0].size, b, stride=stride, padding=padding)


@conv2d_forward.mistake("Rows and columns of the output have changed places: window row i belongs into output row i.")
def rows_and_columns_of_the_output_exchanged(right, x, w, b, stride=1, padding=0):
    out, cache = right(x, w, b, stride=stride, padding=padding)
    return np.swapaxes(out, 2, 3), cache


@conv2d_forward.mistake(
    "Only the output comes back. A forward pass returns a pair, the output and a cache with what its backward "
    "pass will need."
)
def no_cache(right, x, w, b, stride=1, padding=0):
    return right(x, w, b, stride=stride, padding=padding)[0]


# ---------------------------------------------------------------------------------------------------------------------
# conv2d, backward


def _conv_backward_fits(x, w, b, dout, stride=1, padding=0):
    if not _conv_fits(x, w, b, stride, padding):
        return False
    return dout.shape == (len(x), len(w), *_windows(x.shape[2:], w.shape[2:], stride, padding))


def _conv_backward_cut(x, w, b, dout, stride=1, padding=0):
    """The arrays cut down to so many images, channels and filters as all have, and to so many windows."""
    x, w, b = _conv_cut(x, w, b[: dout.shape[1]], stride, padding)
    x = x[: len(dout)]
    if dout.ndim != 4 or not _conv_fits(x, w, b, stride, padding):
        return x, w, b, dout
    for axis, (size, kernel, step, around) in enumerate(
        zip(x.shape[2:], w.shape[2:], np.broadcast_to(stride, 2), np.broadcast_to(padding, 2), strict=True), start=2
    ):
        windows = (size + 2 * around - kernel) // step + 1
        if windows > dout.shape[axis]:
            x = x.take(range(max(1, (dout.shape[axis] - 1) * step + kernel - 2 * around)), axis)
    return x, w, b, dout[: len(x), : len(w)][(..., *map(slice, _windows(x.shape[2:], w.shape[2:], stride, padding)))]


_CONV_BACKWARD = """
right_backward = {backward}

def right(x, w, b, dout, stride=1, padding=0):
    return right_backward(dout, {forward}(x, w, b, stride=stride, padding=padding)[1])

{{mistake}}

def {backward}(dout, cache):
    x, w, *_, stride, padding = cache
    return mistaken(x, w, np.zeros(len(w)), dout, stride=stride, padding=padding)
"""
_CONV_BACKWARD_EXAMPLES = [
    _gradient_example(
        ([[[[1, 2, 0], [0, -1, -2], [0, 0, 0]]]], [[[[5, 2], [2, 7]]]], [3]),
        [[[[1, 2, 0], [0, 1, 3], [4, 0, 1]]]],
        [[[[1, 0], [0, -1]]]],
        [10],
        [[[[1, 2], [0, 0]]]],
    ),
    _gradient_example(
        ([[[[3, 6, 0, 4, 8], [9, 0, 0, 12, 0]]]], [[[[11, 3], [0, 7]]]], [7]),
        [[[[1, 1, 0, 2, 0], [0, 1, 5, 0, 1]]]],
        [[[[1, 2], [3, 0]]]],
        [0],
        [[[[3, 4]]]],
        stride=(1, 3),
    ),
]


def _conv_gradients(x, w, b, dout, stride, padding):
    return _gradients(lambda x, w, b: _convolution(x, w, b, stride, padding), dout, x, w, b)


def _conv_backward_cases(draw: Draw) -> Iterator[Case]:
    for category, (x, w, b), keywords in _layers(draw):
        windows = _windows(x.shape[2:], w.shape[2:], keywords.get("stride", 1), keywords.get("padding", 0))
        shape = len(x), len(w), *windows
        dout = _quarters(draw, *shape) if category == "random" else draw.array(*shape)
        yield case(category, x, w, b, dout.astype(x.dtype), **keywords)
    x, w, b = draw.array(1, 2, 4, 5), draw.array(2, 2, 3, 2), draw.array(2)
    one = np.zeros((1, 2, 2, 4))
    one[0, 1, 1, 2] = 2.0
    yield case("upstream gradient at one place only", x, w, b, one)
    x, w, b, dout = (_quarters(draw, *shape) for shape in ((2, 2, 4, 6), (2, 2, 3, 2), (2,), (2, 2, 2, 3)))
    yield case("random", x, w, b, dout, stride=2, padding=(1, 0))


def _conv_backward_exercise(forward, builds_on=()):
    return exercise(
        LESSON,
        builds_on=builds_on,
        parts=("dx", "dw", "db"),
        forbidden=SUMS_BY_HAND,
        companions=(forward,),
        answer_signature="(dout, cache)",
        shown=f"dx, dw, db = {forward.replace('forward', 'backward')}(dout, {forward}(x, w, b, stride, padding)[1])",
        wrapping=_CONV_BACKWARD.format(forward=forward, backward=forward.replace("forward", "backward")),
        requires=_conv_backward_fits,
        aligned=_conv_backward_cut,
        examples=_CONV_BACKWARD_EXAMPLES,
    )


@_conv_backward_exercise("conv2d_forward")
def conv2d_backward(x, w, b, dout, stride=1, padding=0):
    return _conv_gradients(x, w, b, dout, stride, padding)


conv2d_backward.protocol(convolution_backward_pass, beside=True)
conv2d_backward.cases(_conv_backward_cases)


@conv2d_backward.mistake(
    "Your backward pass ignores the stride: it takes window (i, j) to start at row i and column j. It must visit "
    "the windows that the forward pass visited. (A check with stride 1 only would not have seen this.)"
)
def backward_ignores_the_stride(right, x, w, b, dout, stride=1, padding=0):
    p = np.broadcast_to(padding, 2)
    rows, columns = (
        int(n + 2 * q - k + 1 - m) for n, q, k, m in zip(x.shape[2:], p, w.shape[2:], dout.shape[2:], strict=True)
    )
    return right(x, w, b, np.pad(dout, ((0, 0), (0, 0), (0, rows), (0, columns))), stride=1, padding=padding)


@conv2d_backward.mistake(
    "You cut the padding off with a slice such as [P:-P]. For P = 0 that is [0:-0], which is empty: nothing is "
    "left of dx. Say where the slice ends by means of the size of x."
)
def cut_off_with_minus_zero(right, x, w, b, dout, stride=1, padding=0):
    dx, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    rows, columns = (int(p) for p in np.broadcast_to(padding, 2))
    padded = np.pad(dx, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
    return padded[:, :, rows:-rows, columns:-columns], dw, db


@conv2d_backward.mistake(
    "Your dx still has the padding around it. The zeros were no input of the layer: dx has the shape of x, so cut "
    "them off."
)
def padding_left_on_dx(right, x, w, b, dout, stride=1, padding=0):
    rows, columns = np.broadcast_to(padding, 2)
    padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
    return right(padded, w, b, dout, stride=stride, padding=0)


@conv2d_backward.mistake(
    "In dx each window wipes out what its neighbours wrote where they overlap. A pixel takes part in several "
    "windows, and what they send back adds up."
)
def windows_overwritten_in_dx(right, x, w, b, dout, stride=1, padding=0):
    _, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    (rows, columns), (down, across), (high, wide) = np.broadcast_to(padding, 2), np.broadcast_to(stride, 2), w.shape[2:]
    dx = np.zeros((*x.shape[:2], x.shape[2] + 2 * rows, x.shape[3] + 2 * columns))
    for i, j in np.ndindex(*dout.shape[2:]):
        top, left = i * down, j * across
        dx[:, :, top : top + high, left : left + wide] = np.tensordot(dout[:, :, i, j], w, 1)
    return dx[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]], dw, db


@conv2d_backward.mistake(
    "In dx each filter and each window wipes out what was there before, so only the last filter is left, and of "
    "overlapping windows the last. All of them used the pixel: their contributions add up."
)
def filters_and_windows_overwritten_in_dx(right, x, w, b, dout, stride=1, padding=0):
    _, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    (rows, columns), (down, across), (high, wide) = np.broadcast_to(padding, 2), np.broadcast_to(stride, 2), w.shape[2:]
    dx = np.zeros((*x.shape[:2], x.shape[2] + 2 * rows, x.shape[3] + 2 * columns))
    for i, j in np.ndindex(*dout.shape[2:]):
        top, left = i * down, j * across
        dx[:, :, top : top + high, left : left + wide] = np.tensordot(dout[:, -1:, i, j], w[-1:], 1)
    return dx[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]], dw, db


@conv2d_backward.mistake(
    "In dx only the last filter counts: each filter's part replaces the one before. A pixel feeds all filters, "
    "and what they send back adds up."
)
def dx_of_the_last_filter(right, x, w, b, dout, stride=1, padding=0):
    _, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    return right(x, w[-1:], b[-1:], dout[:, -1:], stride=stride, padding=padding)[0], dw, db


@conv2d_backward.mistake(
    "In dx the kernels are turned round once too often (or not at all, if you convolve dout with them). The pixel "
    "that met weight [p, q] gets its gradient back through that same weight."
)
def kernel_flipped_in_dx(right, x, w, b, dout, stride=1, padding=0):
    _, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    return right(x, w[:, :, ::-1, ::-1], b, dout, stride=stride, padding=padding)[0], dw, db


@conv2d_backward.mistake(
    "In dx you add up the kernels of all windows and do not weigh them with dout. How much a window sends back is "
    "said by the gradient of the output pixel that it made."
)
def dx_without_dout(right, x, w, b, dout, stride=1, padding=0):
    _, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    return right(x, w, b, np.ones(dout.shape), stride=stride, padding=padding)[0], dw, db


@conv2d_backward.mistake(
    "You cut the padding off at the bottom and on the right only: dx is the corner [:H, :W] of the padded "
    "gradient. The first rows and columns are padding too."
)
def padding_cut_off_at_the_end_only(right, x, w, b, dout, stride=1, padding=0):
    rows, columns = np.broadcast_to(padding, 2)
    padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
    dx, dw, db = right(padded, w, b, dout, stride=stride, padding=0)
    return dx[:, :, : x.shape[2], : x.shape[3]], dw, db


@conv2d_backward.mistake(
    "In dw only the last image of the batch counts. All images went through the same filters, so their gradients "
    "add up."
)
def dw_of_the_last_image(right, x, w, b, dout, stride=1, padding=0):
    dx, _, db = right(x, w, b, dout, stride=stride, padding=padding)
    return dx, right(x[-1:], w, b, dout[-1:], stride=stride, padding=padding)[1], db


@conv2d_backward.mistake(
    "In dw only the last window counts. A filter's weights are used at every window, and every window adds to "
    "their gradient."
)
def dw_of_the_last_window(right, x, w, b, dout, stride=1, padding=0):
    dx, _, db = right(x, w, b, dout, stride=stride, padding=padding)
    last = np.zeros(dout.shape)
    last[-1, :, -1, -1] = dout[-1, :, -1, -1]
    return dx, right(x, w, b, last, stride=stride, padding=padding)[1], db


@conv2d_backward.mistake(
    "In dw you do not weigh the windows with dout. How much a window counts is said by the gradient of the output "
    "pixel that it made."
)
def dw_without_dout(right, x, w, b, dout, stride=1, padding=0):
    dx, _, db = right(x, w, b, dout, stride=stride, padding=padding)
    return dx, right(x, w, b, np.ones(dout.shape), stride=stride, padding=padding)[1], db


@conv2d_backward.mistake(
    "Your db still has the batch axis. All images share one bias a filter, so db has one number a filter: three "
    "axes of dout are summed away."
)
def db_with_the_batch_axis(right, x, w, b, dout, stride=1, padding=0):
    dx, dw, _ = right(x, w, b, dout, stride=stride, padding=padding)
    return dx, dw, dout.sum(axis=(2, 3))


@conv2d_backward.mistake(
    "Your db has an entry for each image: it is summed over the filters. Each filter has a bias of its own, so "
    "axis 1 of dout is the one that stays."
)
def db_for_every_image(right, x, w, b, dout, stride=1, padding=0):
    dx, dw, _ = right(x, w, b, dout, stride=stride, padding=padding)
    return dx, dw, dout.sum(axis=(1, 2, 3))


@conv2d_backward.mistake(
    "Your db is a single number: all filters are summed together. Each filter has a bias of its own, and its "
    "gradient is the sum of its own maps."
)
def db_of_all_filters_together(right, x, w, b, dout, stride=1, padding=0):
    dx, dw, _ = right(x, w, b, dout, stride=stride, padding=padding)
    return dx, dw, dout.sum()


@conv2d_backward.mistake(
    "Your db is a mean. The bias was added at every pixel of every image, so its gradient is the sum of dout over "
    "them all."
)
def db_is_a_mean(right, x, w, b, dout, stride=1, padding=0):
    dx, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    return dx, dw, db / dout[:, 0].size


@conv2d_backward.mistake(
    "Your dw and db are divided by the batch size. A layer adds the gradients of its images up; the mean is taken "
    "once, in the loss, and dout brings it along."
)
def divided_by_the_batch_size(right, x, w, b, dout, stride=1, padding=0):
    dx, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    return dx, dw / len(x), db / len(x)


@conv2d_backward.mistake(
    "The gradients are right but come in another order: return dx, dw, db, as the layer takes x, w, b."
)
def order_of_the_gradients(right, x, w, b, dout, stride=1, padding=0):
    dx, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    return dw, db, dx


@conv2d_backward.mistake(
    "Where the stride does not fit, your dx is too small: it ends where the last window ends. No window reached "
    "the rows and columns behind it, so their gradient is 0, but they belong to dx."
)
def dx_ends_at_the_last_window(right, x, w, b, dout, stride=1, padding=0):
    dx, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    sizes = zip(x.shape[2:], w.shape[2:], np.broadcast_to(padding, 2), np.broadcast_to(stride, 2), strict=True)
    rows, columns = (int(n - (n + 2 * p - k) % s) for n, k, p, s in sizes)
    return dx[:, :, :rows, :columns], dw, db


@conv2d_backward.mistake(
    "Of a pair you use the first number for both axes. Stride and padding may differ between rows and columns, "
    "going back as well."
)
def first_number_of_the_stride_for_both_axes(right, x, w, b, dout, stride=1, padding=0):
    (rows, columns), (down, _), (high, wide) = np.broadcast_to(padding, 2), np.broadcast_to(stride, 2), w.shape[2:]
    far = (dout.shape[3] - 1) * down + wide
    padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns + far)))
    dx, dw, db = np.zeros(padded.shape), np.zeros(w.shape), dout.sum(axis=(0, 2, 3))
    for i, j in np.ndindex(*dout.shape[2:]):
        window = (..., slice(i * down, i * down + high), slice(j * down, j * down + wide))
        if j * down + wide > x.shape[3] + 2 * columns:
            raise Exception("a window runs out of the image")
        dx[window] += np.tensordot(dout[:, :, i, j], w, 1)
        dw += np.tensordot(dout[:, :, i, j].T, padded[window], 1)
    return dx[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]], dw, db


@conv2d_backward.mistake(
    "np.zeros_like(x) takes over x's type: for an image of integers your dx cannot hold a gradient. Gradients are "
    "floats."
)
def dx_of_integer_type(right, x, w, b, dout, stride=1, padding=0):
    dx, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    integers = np.zeros_like(x)
    integers += dx.astype(np.result_type(dout, w))
    return integers, dw, db


@conv2d_backward.mistake(
    "Your backward pass works with what the latest forward pass left behind, not with the cache that it is given. In "
    "a network the forward pass runs on other numbers in between: all that is needed belongs into the cache, and "
    "nothing into a global variable."
)
def cache_of_the_latest_images(right, x, w, b, dout, stride=1, padding=0):
    return right(np.flip(x), np.flip(w), b, dout, stride=stride, padding=padding)


# ---------------------------------------------------------------------------------------------------------------------
# conv1d and conv3d


def _sequences(draw: Draw):
    """Category, shape of x, shape of w, stride and padding for one axis in space."""
    yield "one channel, one filter", (1, 1, 5), (1, 1, 3), 1, 0
    yield "several channels", (1, 3, 4), (1, 3, 2), 1, 0
    yield "several filters", (1, 2, 4), (3, 2, 2), 1, 0
    yield "several signals", (3, 2, 5), (2, 2, 2), 1, 0
    yield "as many filters as outputs", (2, 2, 5), (3, 2, 3), 1, 0
    yield "kernel of one", (2, 2, 4), (3, 2, 1), 1, 0
    yield "even kernel", (1, 2, 6), (2, 2, 4), 1, 0
    yield "kernel as long as the signal", (2, 2, 4), (3, 2, 4), 1, 0
    yield "padding", (1, 1, 3), (1, 1, 2), 1, 1
    yield "padding", (2, 2, 5), (3, 2, 3), 1, 2
    yield "stride 2", (1, 1, 3), (1, 1, 1), 2, 0
    yield "stride 2", (2, 2, 7), (2, 2, 3), 2, 0
    yield "stride that does not fit", (1, 1, 4), (1, 1, 3), 2, 0
    yield "stride that does not fit", (1, 2, 8), (2, 2, 3), 3, 1
    yield "stride that does not fit", (2, 2, 9), (2, 2, 3), 4, 1
    yield "stride and padding", (1, 2, draw.size(7, 9)), (2, 2, 3), 3, 2


def _volumes(draw: Draw):
    """Category, shape of x, shape of w, stride and padding for three axes in space."""
    yield "one channel, one filter", (1, 1, 2, 2, 3), (1, 1, 2, 1, 2), 1, 0
    yield "several channels", (1, 3, 3, 3, 3), (1, 3, 2, 2, 2), 1, 0
    yield "several filters", (1, 2, 2, 3, 4), (3, 2, 2, 2, 2), 1, 0
    yield "several volumes", (3, 1, 2, 3, 3), (2, 1, 2, 2, 2), 1, 0
    yield "depth, height and width all different", (1, 2, 5, 4, 3), (2, 2, 2, 2, 2), 1, 0
    yield "depth, height and width all different", (1, 2, 2, 3, draw.size(4, 5)), (2, 2, 2, 2, 2), 1, 0
    yield "kernel not a cube", (1, 2, 4, 4, 4), (2, 2, 1, 2, 3), 1, 0
    yield "kernel not a cube", (1, 1, 4, 4, 4), (2, 1, 3, 2, 1), 1, 0
    yield "kernel of one", (2, 2, 2, 3, 4), (3, 2, 1, 1, 1), 1, 0
    yield "padding", (1, 1, 2, 2, 3), (1, 1, 2, 2, 2), 1, 1
    yield "padding", (1, 2, 2, 3, 3), (2, 2, 3, 3, 3), 1, 1
    yield "stride 2", (1, 2, 5, 5, 3), (2, 2, 3, 1, 1), 2, 0
    yield "stride that does not fit", (1, 1, 4, 3, 5), (1, 1, 2, 2, 2), 2, 0
    yield "stride that does not fit", (1, 1, 4, 5, 2), (2, 1, 2, 2, 2), 3, 1
    yield "stride and padding", (1, 2, 4, 5, 4), (2, 2, 2, 3, 2), 2, 1


def _space_cases(draw: Draw, geometries) -> Iterator[Case]:
    def arrays(shape, kernels, drawn=draw.array):
        return drawn(*shape), drawn(*kernels), drawn(kernels[0])

    everything = list(geometries)
    yield case("stride and padding left out", *arrays(*everything[2][1:3]))
    for category, shape, kernels, stride, padding in everything:
        yield case(category, *arrays(shape, kernels), stride=stride, padding=padding)
    _, shape, kernels, stride, padding = everything[-1]
    single = (a.astype(np.float32) for a in arrays(shape, kernels))
    yield case("single precision (float32)", *single, stride=stride, padding=padding)
    for _ in draw.repeats(3):
        channels, filters, sizes = draw.int(1, 3), draw.int(1, 3), [draw.size(3, 4) for _ in shape[2:]]
        x, w, b = arrays((draw.int(1, 2), channels, *sizes), (filters, channels, *(draw.int(1, 3) for _ in sizes)))
        yield case("random", x, w, b, stride=draw.int(1, 3), padding=draw.int(0, 1))
    for stride, padding in ((2, 1), (1, 0)):
        _, shape, kernels, *_ = everything[1]
        x, w, b = arrays(shape, kernels, lambda *shape: _quarters(draw, *shape))
        yield case("random", x, w, b, stride=stride, padding=padding)


@exercise(
    LESSON,
    forbidden=SUMS_BY_HAND,
    requires=_conv_fits,
    aligned=_conv_cut,
    examples=[
        example([[[8, 8]]], [[[1, 2, 3, 4]]], [[[1, 0, -1]]], [10]),
        example([[[1, 7]]], [[[1, 2, 3], [0, 1, 0]]], [[[1, 1], [2, 0]]], [0], stride=2, padding=1),
    ],
)
def conv1d_forward(x, w, b, stride=1, padding=0):
    return _conv_forward(x, w, b, stride, padding)


@conv1d_forward.cases
def _(draw: Draw) -> Iterator[Case]:
    yield from _space_cases(draw, _sequences(draw))


@conv1d_forward.mistake(
    "Your kernels lie backwards: that is a convolution in the sense of mathematics. A layer takes them as they "
    "are written."
)
def kernel_backwards(right, x, w, b, stride=1, padding=0):
    return right(x, w[..., ::-1], b, stride=stride, padding=padding)


@conv1d_forward.mistake(
    "The bias is missing: filter k has a number of its own, b[k], which is added to all of its output."
)
def no_bias(right, x, w, b, stride=1, padding=0):
    return right(x, w, 0 * b, stride=stride, padding=padding)


@conv1d_forward.mistake(
    "The bias runs along the signal: NumPy lines b up with the last axis. It belongs to the filters, which are "
    "axis 1 of the output."
)
def bias_along_the_signal(right, x, w, b, stride=1, padding=0):
    return right(x, w, 0 * b, stride=stride, padding=padding) + b


@conv1d_forward.mistake(
    "The bias is added inside the sum, so it counts once for every product of a window. It is added once, to the "
    "finished sum."
)
def bias_in_every_product(right, x, w, b, stride=1, padding=0):
    return right(x, w, b * w[0].size, stride=stride, padding=padding)


@conv1d_forward.mistake("The stride has no effect: there is a window at every sample.")
def stride_without_effect(right, x, w, b, stride=1, padding=0):
    return right(x, w, b, stride=1, padding=padding)


@conv1d_forward.mistake(
    "The output has the right length, but your windows move by one sample only. How far is it from one window to "
    "the next?"
)
def windows_one_sample_apart(right, x, w, b, stride=1, padding=0):
    out = right(x, w, b, stride=1, padding=padding)
    return out[..., : -(-out.shape[-1] // stride)]


@conv1d_forward.mistake("There is no padding: zeros are to be added at both ends of the signal first.")
def padding_without_effect(right, x, w, b, stride=1, padding=0):
    return right(x, w, b, stride=stride, padding=0)


@conv1d_forward.mistake("The zeros are at the start of the signal only. Padding lies at both ends.")
def padding_at_the_start_only(right, x, w, b, stride=1, padding=0):
    return right(np.pad(x, ((0, 0), (0, 0), (padding, 0))), w, b, stride=stride, padding=0)


@conv1d_forward.mistake(
    "Only the last input channel counts: each channel's sum replaces the one before. A filter adds up over all "
    "channels."
)
def only_the_last_channel(right, x, w, b, stride=1, padding=0):
    return right(x[:, -1:], w[:, -1:], b, stride=stride, padding=padding)


@conv1d_forward.mistake(
    "Every input channel meets the same slice of the filter, its first. A filter has a kernel of its own for each "
    "channel."
)
def same_kernel_for_every_channel(right, x, w, b, stride=1, padding=0):
    return right(x, np.repeat(w[:, :1], w.shape[1], axis=1), b, stride=stride, padding=padding)


@exercise(
    LESSON,
    forbidden=SUMS_BY_HAND,
    requires=_conv_fits,
    aligned=_conv_cut,
    examples=[
        example([[[[[5, 5], [5, 5]]]]], [[[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]], [[[[[-1]], [[1]]]]], [1]),
        example([[[[[3, 18]]]]], [[[[[1, 2, 0]], [[1, 0, 9]]]]], [[[[[1]], [[2]]]]], [0], stride=2),
    ],
)
def conv3d_forward(x, w, b, stride=1, padding=0):
    return _conv_forward(x, w, b, stride, padding)


@conv3d_forward.cases
def _(draw: Draw) -> Iterator[Case]:
    yield from _space_cases(draw, _volumes(draw))


@conv3d_forward.mistake(
    "Your kernels are reversed along all three axes: that is a convolution in the sense of mathematics. A layer "
    "takes them as they are written."
)
def kernel_reversed(right, x, w, b, stride=1, padding=0):
    return right(x, w[..., ::-1, ::-1, ::-1], b, stride=stride, padding=padding)


@conv3d_forward.mistake(
    "Along the depth your kernels are reversed: their first slice meets the last slice of the window. First meets "
    "first."
)
def kernel_reversed_along_the_depth(right, x, w, b, stride=1, padding=0):
    return right(x, w[:, :, ::-1], b, stride=stride, padding=padding)


@conv3d_forward.mistake(
    "The bias is missing: filter k has a number of its own, b[k], which is added to all of its output."
)
def bias_not_added(right, x, w, b, stride=1, padding=0):
    return right(x, w, 0 * b, stride=stride, padding=padding)


@conv3d_forward.mistake(
    "The bias is added for each slice of the kernel. The slices' sums belong to one window, which gets one bias."
)
def bias_for_every_slice(right, x, w, b, stride=1, padding=0):
    return right(x, w, b * w.shape[2], stride=stride, padding=padding)


@conv3d_forward.mistake(
    "The bias runs along the columns: NumPy lines b up with the last axis. It belongs to the filters, which are "
    "axis 1 of the output."
)
def bias_along_the_last_axis(right, x, w, b, stride=1, padding=0):
    return right(x, w, 0 * b, stride=stride, padding=padding) + b


@conv3d_forward.mistake(
    "Only the last slice of the kernel counts: each slice's sum replaces the one before. A window is a block, and "
    "all of its slices add up."
)
def last_slice_only(right, x, w, b, stride=1, padding=0):
    last = np.zeros(w.shape)
    last[:, :, -1] = w[:, :, -1]
    return right(x, last, b, stride=stride, padding=padding)


@conv3d_forward.mistake(
    "Only the last input channel counts: each channel's sum replaces the one before. A filter adds up over all "
    "channels."
)
def last_of_the_channels(right, x, w, b, stride=1, padding=0):
    return right(x[:, -1:], w[:, -1:], b, stride=stride, padding=padding)


@conv3d_forward.mistake(
    "The stride holds for rows and columns only. Along the depth your blocks move by one slice; they should move "
    "by the stride there too."
)
def no_stride_along_the_depth(right, x, w, b, stride=1, padding=0):
    return right(x, w, b, stride=1, padding=padding)[:, :, :, ::stride, ::stride]


@conv3d_forward.mistake(
    "The padding lies around rows and columns only. Along the depth there are zeros before the first slice and "
    "behind the last."
)
def no_padding_along_the_depth(right, x, w, b, stride=1, padding=0):
    around = ((0, 0), (0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(x, around)
    if w.shape[2] > x.shape[2]:
        sizes = ((n - k) // stride + 1 for n, k in zip(padded.shape[2:], w.shape[2:], strict=True))
        return np.zeros((len(x), len(w), *sizes))
    return right(padded, w, b, stride=stride, padding=0)


@conv3d_forward.mistake(
    "The output has the right shape, but your windows move by one place only along each axis. How far is it from "
    "one window to the next?"
)
def windows_one_place_apart(right, x, w, b, stride=1, padding=0):
    out = right(x, w, b, stride=1, padding=padding)
    depth, rows, columns = (-(-n // stride) for n in out.shape[2:])
    return out[:, :, :depth, :rows, :columns]


# ---------------------------------------------------------------------------------------------------------------------
# im2col and col2im


def _kernel_pair(kernel):
    return tuple(int(k) for k in np.broadcast_to(kernel, 2))


def _patches(draw: Draw):
    """Category, shape of x, kernel, and stride and padding as keywords."""
    yield "stride and padding left out", (2, 2, 3, 4), 2, {}
    yield "kernel given as one number", (1, 2, 4, 5), 3, {"stride": 1, "padding": 1}
    yield "kernel as large as the image", (2, 2, 3, 3), 3, {}
    for category, shape, kernels, stride, padding in _geometries(draw):
        if "filter" not in category and "as large as" not in category:
            yield (
                category.replace("several images", "batch of images"),
                shape,
                kernels[2:],
                {"stride": stride, "padding": padding},
            )
    for _ in draw.repeats(3):
        shape, kernels, stride, padding = _random_geometry(draw)
        yield "random", shape, kernels[2:], {"stride": stride, "padding": padding}
    yield "random", (2, 3, 4, draw.size(5, 7)), (3, 2), {"stride": (1, 2), "padding": (0, 1)}
    yield "random", (2, 2, 5, draw.size(5, 7)), (2, 3), {"stride": 2, "padding": 1}


def _patches_fit(shape, kernel, stride, padding):
    return len(shape) == 4 and min(shape) >= 1 and _legal(shape[2:], _kernel_pair(kernel), stride, padding)


def _patches_fit_either_way(x, kernel, stride=1, padding=0):
    """Also with the kernel's rows and columns exchanged: that mistake is to be seen in numbers, not in an error."""
    both = _kernel_pair(kernel), _kernel_pair(kernel)[::-1]
    return all(_patches_fit(x.shape, k, stride, padding) for k in both)


@exercise(
    LESSON,
    requires=_patches_fit_either_way,
    examples=[
        example([[1, 2, 4, 5], [2, 3, 5, 6]], [[[[1, 2, 3], [4, 5, 6]]]], 2),
        example([[1, 2, 5, 6], [3, 4, 7, 8]], [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], (1, 2)),
        example([[0, 0, 0, 1], [0, 0, 2, 0]], [[[[1, 2]]]], 2, stride=2, padding=(1, 1)),
    ],
)
def im2col(x, kernel, stride=1, padding=0):
    from torch.nn import functional

    columns = functional.unfold(_tensor(x), _kernel_pair(kernel), padding=padding, stride=stride)  # (N, C·kh·kw, H'·W')
    return columns.transpose(1, 2).flatten(0, 1).numpy()


@im2col.cases
def _(draw: Draw) -> Iterator[Case]:
    for category, shape, kernel, keywords in _patches(draw):
        yield case(category, draw.array(*shape), kernel, **keywords)
    yield case("single precision (float32)", draw.array(2, 2, 4, 5).astype(np.float32), 2, stride=2, padding=1)
    yield case("random", draw.array(2, 2, 5, draw.size(5, 7)), (2, 3), stride=2, padding=1)


@im2col.mistake(
    "A row holds its window pixel by pixel, with the channels of a pixel side by side. The order asked for is (c, "
    "row, column): all of channel 0 first. A filter w[k], flattened, has that order too."
)
def channels_side_by_side(right, x, kernel, stride=1, padding=0):
    rows = right(x, kernel, stride=stride, padding=padding)
    return np.swapaxes(rows.reshape(len(rows), x.shape[1], -1), 1, 2).reshape(len(rows), -1)


@im2col.mistake(
    "Within a channel the window is read column by column. It is read row by row, as NumPy flattens arrays."
)
def windows_read_column_by_column(right, x, kernel, stride=1, padding=0):
    rows = right(x, kernel, stride=stride, padding=padding)
    high, wide = np.broadcast_to(kernel, 2)
    return np.swapaxes(rows.reshape(len(rows), -1, high, wide), 2, 3).reshape(rows.shape)


@im2col.mistake(
    "The rows come position by position, the images side by side. The order asked for is (n, i, j): all windows "
    "of image 0 first."
)
def positions_before_images(right, x, kernel, stride=1, padding=0):
    rows = right(x, kernel, stride=stride, padding=padding)
    return np.swapaxes(rows.reshape(len(x), -1, rows.shape[1]), 0, 1).reshape(rows.shape)


@im2col.mistake(
    "The windows come column by column: the one below is next, not the one on the right. The order of the rows is "
    "(n, i, j), with j moving fastest."
)
def windows_in_the_order_of_columns(right, x, kernel, stride=1, padding=0):
    rows = right(x, kernel, stride=stride, padding=padding)
    high = (x.shape[2] + 2 * np.broadcast_to(padding, 2)[0] - np.broadcast_to(kernel, 2)[0]) // np.broadcast_to(
        stride, 2
    )[0] + 1
    return np.swapaxes(rows.reshape(len(x), int(high), -1, rows.shape[1]), 1, 2).reshape(rows.shape)


@im2col.mistake(
    "The matrix lies on its side: a window is a column of it. (The function's name says so, but here, as in most "
    "code, a window is a row.)"
)
def windows_as_columns(right, x, kernel, stride=1, padding=0):
    return right(x, kernel, stride=stride, padding=padding).T


@im2col.mistake(
    "The shape is right, but the axes were not put in order before the reshape: windows of different channels got "
    "into one row. Each row must hold all channels of one window."
)
def reshaped_without_putting_the_axes_in_order(right, x, kernel, stride=1, padding=0):
    rows = right(x, kernel, stride=stride, padding=padding)
    return np.swapaxes(rows.reshape(len(x), -1, x.shape[1], int(np.prod(np.broadcast_to(kernel, 2)))), 1, 2).reshape(
        rows.shape
    )


@im2col.mistake("The stride has no effect: there is a row for the window at every pixel.")
def window_at_every_pixel(right, x, kernel, stride=1, padding=0):
    return right(x, kernel, stride=1, padding=padding)


@im2col.mistake("There is no padding: rows and columns of zeros are to be added all around the images first.")
def no_padding(right, x, kernel, stride=1, padding=0):
    sizes = zip(x.shape[2:], np.broadcast_to(kernel, 2), np.broadcast_to(stride, 2), strict=True)
    if min(rows_and_columns := [int((n - k) // s) + 1 for n, k, s in sizes]) < 1:
        return np.zeros(
            (len(x) * math.prod(rows_and_columns), x.shape[1] * math.prod(map(int, np.broadcast_to(kernel, 2))))
        )
    return right(x, kernel, stride=stride, padding=0)


@im2col.mistake(
    "The two numbers of a pair are exchanged. The height comes first, as everywhere in this course: (rows, columns)."
)
def height_and_width_exchanged(right, x, kernel, stride=1, padding=0):
    kernel, stride, padding = (v[::-1] if isinstance(v, tuple) else v for v in (kernel, stride, padding))
    return right(x, kernel, stride=stride, padding=padding)


@im2col.mistake(
    "The number of windows in a row is computed from the image's height. It goes unnoticed while images are square."
)
def windows_counted_by_the_height(right, x, kernel, stride=1, padding=0):
    (high, wide), (down, across) = np.broadcast_to(kernel, 2), np.broadcast_to(stride, 2)
    above, beside = np.broadcast_to(padding, 2)
    counted = (x.shape[2] + 2 * above - wide) // across + 1
    if counted > (x.shape[3] + 2 * beside - wide) // across + 1:
        raise Exception("a window runs out of the image")
    rows = right(x, kernel, stride=stride, padding=padding)
    images = rows.reshape(len(x), int((x.shape[2] + 2 * above - high) // down + 1), -1, rows.shape[1])
    return images[:, :, : int(counted)].reshape(-1, rows.shape[1])


@im2col.mistake(
    "As many windows in a row as in a column: one number is computed, from the height, and used for both. Images "
    "and kernels need not be square."
)
def as_many_windows_across_as_down(right, x, kernel, stride=1, padding=0):
    sizes = zip(
        x.shape[2:], np.broadcast_to(padding, 2), np.broadcast_to(kernel, 2), np.broadcast_to(stride, 2), strict=True
    )
    down, across = (int((n + 2 * p - k) // s + 1) for n, p, k, s in sizes)
    if down > across:
        raise Exception("a window runs out of the image")
    rows = right(x, kernel, stride=stride, padding=padding)
    return rows.reshape(len(x), down, across, -1)[:, :, :down].reshape(-1, rows.shape[1])


@im2col.mistake(
    "The windows of an image are on an axis of their own, (N, H'·W', C·kh·kw). The result is one matrix: a row "
    "for each window of each image."
)
def images_on_an_axis_of_their_own(right, x, kernel, stride=1, padding=0):
    rows = right(x, kernel, stride=stride, padding=padding)
    return rows.reshape(len(x), -1, rows.shape[1])


@im2col.mistake(
    "The stride is in the number of windows, but not in where they begin: your windows are one pixel apart."
)
def windows_begin_one_pixel_apart(right, x, kernel, stride=1, padding=0):
    sizes = zip(
        x.shape[2:], np.broadcast_to(padding, 2), np.broadcast_to(kernel, 2), np.broadcast_to(stride, 2), strict=True
    )
    (all_rows, rows), (all_columns, columns) = (
        (int(n + 2 * p - k + 1), int((n + 2 * p - k) // s + 1)) for n, p, k, s in sizes
    )
    every = right(x, kernel, stride=1, padding=padding)
    return every.reshape(len(x), all_rows, all_columns, -1)[:, :rows, :columns].reshape(-1, every.shape[1])


def _cols_fit(cols, x_shape, kernel, stride=1, padding=0):
    if not _patches_fit(x_shape, kernel, stride, padding):
        return False
    batch, channels, *size = x_shape
    high, wide = _kernel_pair(kernel)
    rows = batch * math.prod(_windows(size, (high, wide), stride, padding))
    return cols.shape == (rows, channels * high * wide)


def _cols_cut(cols, x_shape, kernel, stride=1, padding=0):
    """As much of cols as a smaller x_shape has windows."""
    if not _patches_fit(x_shape, kernel, stride, padding):
        return cols, x_shape, kernel
    windows = _windows(x_shape[2:], _kernel_pair(kernel), stride, padding)
    return cols[: x_shape[0] * math.prod(windows), : x_shape[1] * math.prod(_kernel_pair(kernel))], x_shape, kernel


@exercise(
    LESSON,
    requires=_cols_fit,
    aligned=_cols_cut,
    examples=[
        Example(
            case("worked example", np.array([[1.0, 2, 3, 4], [10, 20, 30, 40]]), (1, 1, 2, 3), 2),
            np.array([[[[1.0, 12, 20], [3, 34, 40]]]]),
        ),
        Example(
            case("worked example", np.array([[1.0, 2], [3, 4]]), (1, 1, 1, 2), (1, 2), stride=2, padding=(0, 1)),
            np.array([[[[2.0, 3]]]]),
        ),
    ],
)
def col2im(cols, x_shape, kernel, stride=1, padding=0):
    from torch.nn import functional

    columns = _tensor(cols).unflatten(0, (x_shape[0], -1)).transpose(1, 2)  # (N, C·kh·kw, H'·W')
    return functional.fold(columns, x_shape[2:], _kernel_pair(kernel), padding=padding, stride=stride).numpy()


@col2im.cases
def _(draw: Draw) -> Iterator[Case]:
    def cols(shape, kernel, stride=1, padding=0):
        rows = shape[0] * math.prod(_windows(shape[2:], _kernel_pair(kernel), stride, padding))
        return draw.array(rows, shape[1] * math.prod(_kernel_pair(kernel)))

    for category, shape, kernel, keywords in _patches(draw):
        yield case(category, cols(shape, kernel, **keywords), shape, kernel, **keywords)
    yield case("windows side by side", cols((1, 1, 4, 4), 2, 2), (1, 1, 4, 4), 2, stride=2)
    single = cols((2, 2, 4, 5), 2, 2, 1).astype(np.float32)
    yield case("single precision (float32)", single, (2, 2, 4, 5), 2, stride=2, padding=1)
    yield case("random", cols((2, 2, 5, 6), (2, 3), 1, 1), (2, 2, 5, 6), (2, 3), stride=1, padding=1)


@col2im.mistake(
    "Where windows overlap, the later one wipes out the earlier. col2im adds up: a pixel gets the sum of all "
    "entries that im2col copied from it."
)
def overlaps_overwritten(right, cols, x_shape, kernel, stride=1, padding=0):
    (batch, channels, height, width), (high, wide) = x_shape, np.broadcast_to(kernel, 2)
    (down, across), (above, beside) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    image = np.zeros((batch, channels, height + 2 * above, width + 2 * beside))
    across_count = (width + 2 * beside - wide) // across + 1
    windows = cols.reshape(batch, -1, channels, high, wide)
    for position in range(windows.shape[1]):
        i, j = divmod(position, int(across_count))
        image[:, :, i * down : i * down + high, j * across : j * across + wide] = windows[:, position]
    return image[:, :, above : above + height, beside : beside + width]


@col2im.mistake(
    "You divide by how often a pixel was copied, so col2im undoes im2col. As the backward pass of copying it only "
    "adds up: a value used three times gets three gradients."
)
def overlaps_averaged(right, cols, x_shape, kernel, stride=1, padding=0):
    counts = right(np.ones(cols.shape), x_shape, kernel, stride=stride, padding=padding)
    return right(cols, x_shape, kernel, stride=stride, padding=padding) / np.maximum(counts, 1)


@col2im.mistake(
    "You cut the padding off with a slice such as [P:-P]. For P = 0 that is [0:-0], which is empty. Say where the "
    "slice ends by means of x_shape."
)
def empty_without_padding(right, cols, x_shape, kernel, stride=1, padding=0):
    image = right(cols, x_shape, kernel, stride=stride, padding=padding)
    above, beside = (int(p) for p in np.broadcast_to(padding, 2))
    return np.pad(image, ((0, 0), (0, 0), (above, above), (beside, beside)))[:, :, above:-above, beside:-beside]


@col2im.mistake("The padding is still around the images. The result has the shape x_shape.")
def padding_not_cut_off(right, cols, x_shape, kernel, stride=1, padding=0):
    above, beside = (int(p) for p in np.broadcast_to(padding, 2))
    padded = (*x_shape[:2], x_shape[2] + 2 * above, x_shape[3] + 2 * beside)
    return right(cols, padded, kernel, stride=stride, padding=0)


@col2im.mistake(
    "You read a row of cols pixel by pixel, with the channels side by side. Its order is (c, row, column), as "
    "im2col writes it."
)
def channels_read_side_by_side(right, cols, x_shape, kernel, stride=1, padding=0):
    swapped = np.swapaxes(cols.reshape(len(cols), -1, x_shape[1]), 1, 2).reshape(cols.shape)
    return right(swapped, x_shape, kernel, stride=stride, padding=padding)


@col2im.mistake(
    "You read the rows of cols position by position, with the images side by side. Their order is (n, i, j): all "
    "windows of image 0 first."
)
def rows_read_positions_first(right, cols, x_shape, kernel, stride=1, padding=0):
    swapped = np.swapaxes(cols.reshape(-1, x_shape[0], cols.shape[1]), 0, 1).reshape(cols.shape)
    return right(swapped, x_shape, kernel, stride=stride, padding=padding)


@col2im.mistake("Within a channel you read the window column by column. It was written row by row.")
def windows_filled_column_by_column(right, cols, x_shape, kernel, stride=1, padding=0):
    high, wide = (int(k) for k in np.broadcast_to(kernel, 2))
    swapped = np.swapaxes(cols.reshape(len(cols), -1, wide, high), 2, 3).reshape(cols.shape)
    return right(swapped, x_shape, kernel, stride=stride, padding=padding)


@col2im.mistake(
    "The stride has no effect: window (i, j) is put back at row i and column j. It belongs where im2col took it from."
)
def windows_put_back_one_pixel_apart(right, cols, x_shape, kernel, stride=1, padding=0):
    (down, across), (above, beside) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    high, wide = np.broadcast_to(kernel, 2)
    rows, columns = (x_shape[2] + 2 * above - high) // down + 1, (x_shape[3] + 2 * beside - wide) // across + 1
    all_rows, all_columns = x_shape[2] + 2 * above - high + 1, x_shape[3] + 2 * beside - wide + 1
    every = np.zeros((x_shape[0], int(all_rows), int(all_columns), cols.shape[1]))
    every[:, : int(rows), : int(columns)] = cols.reshape(x_shape[0], int(rows), int(columns), -1)
    return right(every.reshape(-1, cols.shape[1]), x_shape, kernel, stride=1, padding=padding)


@col2im.mistake("Height and width of x_shape are exchanged: it is (N, C, H, W), rows before columns.")
def result_with_height_and_width_exchanged(right, cols, x_shape, kernel, stride=1, padding=0):
    return np.swapaxes(right(cols, x_shape, kernel, stride=stride, padding=padding), 2, 3)


# ---------------------------------------------------------------------------------------------------------------------
# conv2d, fast


@exercise(
    LESSON,
    parts=("out",),
    forbidden=SUMS_BY_HAND,
    builds_on=("im2col", "conv2d_forward"),
    answer_signature=_CONV_SIGNATURE,
    wrapping=_FORWARD.format(name="conv2d_forward_fast", signature=_CONV_SIGNATURE, arguments=_CONV_ARGUMENTS),
    requires=_conv_fits,
    aligned=_conv_cut,
    examples=_CONV_EXAMPLES,
)
def conv2d_forward_fast(x, w, b, stride=1, padding=0):
    return _conv_forward(x, w, b, stride, padding), None


conv2d_forward_fast.protocol(forward_pass, beside=True)
conv2d_forward_fast.cases(_conv_cases)


@conv2d_forward_fast.mistake(
    "The matrix product is right, but its axes were not put in order: rows (n, i, j) and columns k were reshaped "
    "straight to (N, K, H', W'). First split the rows, then move the filters to axis 1."
)
def filters_not_moved_to_axis_1(right, x, w, b, stride=1, padding=0):
    out, cache = right(x, w, b, stride=stride, padding=padding)
    return np.moveaxis(out, 1, 3).reshape(out.shape), cache


@conv2d_forward_fast.mistake(
    "The product has the filters in front, (K, N·H'·W'), and was reshaped straight to (N, K, H', W'). That is "
    "right for a batch of one only; the axes of images and filters must change places."
)
def images_and_filters_mixed_up(right, x, w, b, stride=1, padding=0):
    out, cache = right(x, w, b, stride=stride, padding=padding)
    return np.swapaxes(out, 0, 1).reshape(out.shape), cache


@conv2d_forward_fast.mistake(
    "The filters are flattened in another order than the windows: (row, column, c) against (c, row, column). Each "
    "weight must meet the pixel that it belongs to."
)
def filters_flattened_in_another_order(right, x, w, b, stride=1, padding=0):
    return right(x, np.moveaxis(w, 1, 3).reshape(w.shape), b, stride=stride, padding=padding)


@conv2d_forward_fast.mistake(
    "The filters were turned into a matrix by reshaping to (C·kh·kw, K), which mixes the weights of different "
    "filters. Flatten each filter into a row, then transpose."
)
def filters_reshaped_for_transposed(right, x, w, b, stride=1, padding=0):
    return right(x, w.reshape(-1, len(w)).T.reshape(w.shape), b, stride=stride, padding=padding)


@conv2d_forward_fast.mistake(
    "The windows are flattened in another order than the filters: (row, column, c) against (c, row, column). Each "
    "pixel must meet the weight that belongs to it."
)
def windows_flattened_in_another_order(right, x, w, b, stride=1, padding=0):
    filters, channels, high, wide = w.shape
    return right(x, np.moveaxis(w.reshape(filters, high, wide, channels), 3, 1), b, stride=stride, padding=padding)


@conv2d_forward_fast.mistake(
    "The windows were reshaped to a matrix with the axes still in the order (N, C, H', W', kh, kw), so a row "
    "holds pieces of several windows. All channels of a window must be side by side first."
)
def windows_reshaped_without_putting_the_axes_in_order(right, x, w, b, stride=1, padding=0):
    out, cache = right(x, w, b, stride=stride, padding=padding)
    (rows, columns), (down, across) = np.broadcast_to(padding, 2), np.broadcast_to(stride, 2)
    padded = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))[:, :, ::down, ::across]
    mixed = windows.reshape(-1, w[0].size) @ w.reshape(len(w), -1).T + b
    return np.moveaxis(mixed.reshape(len(x), *out.shape[2:], len(w)), 3, 1), cache


conv2d_forward_fast.mistakes += (
    kernel_flipped,
    bias_left_out,
    bias_along_the_columns,
    width_computed_from_the_height,
    output_always_square,
    steps_counted_for_windows,
    stride_ignored,
    windows_one_pixel_apart,
    pairs_exchanged,
    padding_ignored,
    rows_and_columns_of_the_output_exchanged,
    no_cache,
)


@_conv_backward_exercise("conv2d_forward_fast", builds_on=("im2col", "col2im", "conv2d_backward"))
def conv2d_backward_fast(x, w, b, dout, stride=1, padding=0):
    return _conv_gradients(x, w, b, dout, stride, padding)


conv2d_backward_fast.protocol(convolution_backward_pass, beside=True)
conv2d_backward_fast.cases(_conv_backward_cases)


@conv2d_backward_fast.mistake(
    "dout was reshaped to a matrix without putting its axes in order: (N, K, H', W') straight to rows (n, i, j) "
    "and columns k. The filters must become the last axis first."
)
def dout_reshaped_without_moving_the_filters(right, x, w, b, dout, stride=1, padding=0):
    batch, filters, *windows = dout.shape
    mixed = np.moveaxis(dout.reshape(batch, *windows, filters), 3, 1)
    dx, dw, _ = right(x, w, b, mixed, stride=stride, padding=padding)
    return dx, dw, dout.sum(axis=(0, 2, 3))


@conv2d_backward_fast.mistake(
    "dout was reshaped straight to (K, N·H'·W'), which is right for a batch of one only. The axes of images and "
    "filters must change places first."
)
def dout_with_images_and_filters_mixed_up(right, x, w, b, dout, stride=1, padding=0):
    batch, filters, *windows = dout.shape
    mixed = np.swapaxes(dout.reshape(filters, batch, *windows), 0, 1)
    dx, dw, _ = right(x, w, b, mixed, stride=stride, padding=padding)
    return dx, dw, dout.sum(axis=(0, 2, 3))


@conv2d_backward_fast.mistake(
    "dw was reshaped from (C·kh·kw, K) straight to the shape of w. Transpose first: the filters are its first axis."
)
def dw_reshaped_for_transposed(right, x, w, b, dout, stride=1, padding=0):
    dx, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    return dx, dw.reshape(len(w), -1).T.reshape(w.shape), db


@conv2d_backward_fast.mistake(
    "For dx the filters are flattened in the order (row, column, c), but col2im takes a row as (c, row, column). "
    "Each weight must send its gradient back to the pixel that it met."
)
def filters_flattened_in_another_order_for_dx(right, x, w, b, dout, stride=1, padding=0):
    _, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    mixed = np.moveaxis(w, 1, 3).reshape(w.shape)
    return right(x, mixed, b, dout, stride=stride, padding=padding)[0], dw, db


@conv2d_backward_fast.mistake(
    "In dx the columns are put back one pixel apart, as if the stride were 1. Your dw is right: take the same "
    "windows for both."
)
def dx_ignores_the_stride(right, x, w, b, dout, stride=1, padding=0):
    _, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    p = np.broadcast_to(padding, 2)
    rows, columns = (
        int(n + 2 * q - k + 1 - m) for n, q, k, m in zip(x.shape[2:], p, w.shape[2:], dout.shape[2:], strict=True)
    )
    one_apart = np.pad(dout, ((0, 0), (0, 0), (0, rows), (0, columns)))
    return right(x, w, b, one_apart, stride=1, padding=padding)[0], dw, db


@conv2d_backward_fast.mistake(
    "In dx each position of the kernel wipes out what the others wrote: for every p, q you assign where you "
    "should add. A pixel meets several weights, and what comes back through them adds up."
)
def kernel_positions_overwritten_in_dx(right, x, w, b, dout, stride=1, padding=0):
    _, dw, db = right(x, w, b, dout, stride=stride, padding=padding)
    (rows, columns), (down, across), (high, wide) = np.broadcast_to(padding, 2), np.broadcast_to(stride, 2), w.shape[2:]
    dx = np.zeros((*x.shape[:2], x.shape[2] + 2 * rows, x.shape[3] + 2 * columns))
    for i, j in np.ndindex(high, wide):
        back = np.einsum("nkij,kc->ncij", dout, w[:, :, i, j])
        dx[:, :, i : i + down * dout.shape[2] : down, j : j + across * dout.shape[3] : across] = back
    return dx[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]], dw, db


conv2d_backward_fast.mistakes += (
    backward_ignores_the_stride,
    dx_without_dout,
    padding_cut_off_at_the_end_only,
    cut_off_with_minus_zero,
    padding_left_on_dx,
    windows_overwritten_in_dx,
    kernel_flipped_in_dx,
    db_with_the_batch_axis,
    db_is_a_mean,
    divided_by_the_batch_size,
    order_of_the_gradients,
    dx_ends_at_the_last_window,
    dx_of_integer_type,
    cache_of_the_latest_images,
)


# ---------------------------------------------------------------------------------------------------------------------
# softmax_cross_entropy


def _scores_fit(scores, labels):
    return scores.ndim == 2 and labels.ndim == 1 and len(scores) == len(labels) and labels.max() < scores.shape[1]


def _scores_cut(scores, labels):
    return scores[: len(labels)], labels[: len(scores)]


@exercise(
    LESSON,
    parts=("loss", "dscores"),
    forbidden=SOFTMAX_BY_HAND,
    requires=_scores_fit,
    aligned=_scores_cut,
    examples=[
        Example(
            case("worked example", np.array([[0.0, math.log(3)], [0.0, 0.0]]), np.array([0, 1])),
            (math.log(8) / 2, np.array([[-0.375, 0.375], [0.25, -0.25]])),
        ),
        Example(
            case("a thousand below the best score", np.array([[0.0, 1000.0]]), np.array([0])),
            (1000.0, np.array([[-1.0, 1.0]])),
        ),
    ],
)
def softmax_cross_entropy(scores, labels):
    from torch.nn import functional

    right = _tensor(labels).long()
    dscores = _gradients(lambda scores: functional.cross_entropy(scores, right), 1.0, scores)[0]
    return functional.cross_entropy(_tensor(scores), right).item(), dscores


@softmax_cross_entropy.cases
def _(draw: Draw) -> Iterator[Case]:
    classes = draw.size(3, 6)
    yield case("labels of every class", draw.array(classes, classes), np.arange(classes)[::-1].copy())
    yield case("the same label for all", draw.array(3, 4), np.array([2, 2, 2]))
    yield case("batch of one", draw.array(1, 4), np.array([draw.int(0, 3)]))
    yield case("two classes", draw.array(3, 2), np.array([0, 1, 1]))
    yield case("one class", draw.array(2, 1), np.array([0, 0]))
    yield case("equal scores", np.full((2, 4), 3.0), np.array([1, 3]))
    yield case("large scores", 1000 + draw.array(3, 4), np.array([0, 3, 1]))
    yield case("large negative scores", -1000 + draw.array(3, 4), np.array([0, 3, 1]))
    yield case("far from sure of the label", np.array([[0.0, 800.0, 3.0], [-900.0, 0.0, 1.0]]), np.array([0, 0]))
    yield case("sure of the label", np.array([[50.0, 0.0, -50.0], [0.0, 0.0, 60.0]]), np.array([0, 2]))
    yield case(
        "rows of very different size", np.array([[0.5, 1.5], [2000.0, 2001.0], [-3000.0, -2999.0]]), np.array([0, 1, 0])
    )
    yield case("more classes than images", draw.array(2, 7), np.array([6, 0]))
    yield case("as many classes as images", draw.array(3, 3), np.array([1, 1, 0]))
    yield case("labels of one byte (uint8)", draw.array(3, 4), np.array([3, 0, 2], dtype=np.uint8))
    yield case("single precision (float32)", draw.array(4, 3).astype(np.float32), np.array([0, 1, 2, 1]))
    for _ in draw.repeats(4):
        batch, classes = draw.size(2, 5), draw.size(2, 6)
        yield case("random", 3 * draw.array(batch, classes), draw.integers(batch, low=0, high=classes - 1).astype(int))
    yield case("random", draw.array(3, 4), np.array([1, 3, 0]))
    yield case("random", 5 * draw.array(4, 3), np.array([2, 2, 0, 1]))


@softmax_cross_entropy.mistake(
    "Large scores overflow: exp(1000) is infinite, and infinity divided by infinity is nan. Softmax does not "
    "change when the same number is taken from all scores of a row. Which number makes all exponents safe?"
)
def overflow_of_exp(right, scores, labels):
    p = np.exp(scores.astype(float))
    p = p / p.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


@softmax_cross_entropy.mistake(
    "Where the label's probability is too small for a float it becomes 0, and its logarithm is infinite. The "
    "logarithm of a quotient of exponentials can be written without forming the quotient."
)
def logarithm_of_zero(right, scores, labels):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(labels)), labels]).mean(), right(scores, labels)[1]


@softmax_cross_entropy.mistake(
    "You keep the logarithm finite with a small number (1e-12) inside it, so no image can lose more than 27.6. "
    "Scores [0, 1000] with label 0 lose 1000: write the logarithm of the quotient out, and nothing has to be cut "
    "off."
)
def logarithm_cut_off_at_1e_12(right, scores, labels):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(labels)), labels] + 1e-12).mean(), right(scores, labels)[1]


@softmax_cross_entropy.mistake(
    "You keep the logarithm finite with a small number (1e-15) inside it, so no image can lose more than 34.5. "
    "Scores [0, 1000] with label 0 lose 1000: write the logarithm of the quotient out, and nothing has to be cut "
    "off."
)
def logarithm_cut_off_at_1e_15(right, scores, labels):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(labels)), labels] + 1e-15).mean(), right(scores, labels)[1]


@softmax_cross_entropy.mistake(
    "You keep the logarithm finite with a small number (1e-8) inside it, so no image can lose more than 18.4. "
    "Scores [0, 1000] with label 0 lose 1000: write the logarithm of the quotient out, and nothing has to be cut "
    "off."
)
def logarithm_cut_off_at_1e_8(right, scores, labels):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(labels)), labels] + 1e-8).mean(), right(scores, labels)[1]


@softmax_cross_entropy.mistake(
    "The sum of exponentials overflows inside your logarithm: exp(1000) is infinite, and so is the loss. The "
    "logarithm of the sum changes by a known amount when the same number is taken from all scores of a row."
)
def overflow_inside_the_logarithm(right, scores, labels):
    log_p = scores - np.log(np.exp(scores.astype(float)).sum(axis=1, keepdims=True))
    rows = np.arange(len(labels))
    dscores = np.exp(log_p)
    dscores[rows, labels] -= 1
    return -log_p[rows, labels].mean(), dscores / len(labels)


@softmax_cross_entropy.mistake(
    "You take the largest score of the whole batch away. In a row whose scores are much smaller all exponentials "
    "become 0, and 0/0 is nan. Each row needs its own maximum."
)
def one_maximum_for_the_whole_batch(right, scores, labels):
    p = np.exp(scores - scores.max())
    p = p / p.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


@softmax_cross_entropy.mistake(
    "You take the same number from all rows, the largest score of the batch. In a row of much smaller scores the "
    "sum of exponentials becomes 0, and its logarithm minus infinity. Each row needs its own maximum."
)
def one_maximum_before_the_logarithm(right, scores, labels):
    z = scores - scores.max()
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    rows = np.arange(len(labels))
    dscores = np.exp(log_p)
    dscores[rows, labels] -= 1
    return -log_p[rows, labels].mean(), dscores / len(labels)


@softmax_cross_entropy.mistake(
    "dscores[:, labels] means these columns in every row, so 1 is subtracted for the labels of the other images "
    "too. Row n belongs to labels[n]: an index for the rows has to go with the labels."
)
def labels_of_all_images_in_every_row(right, scores, labels):
    loss, dscores = right(scores, labels)
    rows = np.arange(len(labels))
    dscores[rows, labels] += 1 / len(labels)
    dscores[:, labels] -= 1 / len(labels)
    return loss, dscores


@softmax_cross_entropy.mistake(
    "Your loss averages over every row and every label, log_p[:, labels]: each image is judged by the labels of "
    "all. Row n belongs to labels[n]."
)
def loss_over_the_labels_of_all_images(right, scores, labels):
    each = [[right(scores[n : n + 1], labels[m : m + 1])[0] for m in range(len(labels))] for n in range(len(labels))]
    return np.mean(each), right(scores, labels)[1]


@softmax_cross_entropy.mistake(
    "Loss and gradient are sums over the batch. The mean is asked for, so that neither grows with the batch size."
)
def sum_over_the_batch(right, scores, labels):
    loss, dscores = right(scores, labels)
    return loss * len(labels), dscores * len(labels)


@softmax_cross_entropy.mistake(
    "The loss is right and your dscores are too large: they belong to the sum over the batch. The loss is a mean, "
    "and its gradient has the same factor."
)
def dscores_not_divided(right, scores, labels):
    loss, dscores = right(scores, labels)
    return loss, dscores * len(labels)


@softmax_cross_entropy.mistake(
    "dscores are right and the loss is too large: it is the sum over the batch, and the mean is asked for."
)
def loss_not_divided(right, scores, labels):
    loss, dscores = right(scores, labels)
    return loss * len(labels), dscores


@softmax_cross_entropy.mistake(
    "Your dscores are the probabilities. They say nothing of the labels yet: the score of the right class should "
    "grow, the others should fall."
)
def one_not_subtracted_at_the_label(right, scores, labels):
    loss, dscores = right(scores, labels)
    dscores[np.arange(len(labels)), labels] += 1 / len(labels)
    return loss, dscores


@softmax_cross_entropy.mistake(
    "Your dscores have the wrong sign. A gradient points to where the loss grows: it is negative for the right class."
)
def dscores_with_the_wrong_sign(right, scores, labels):
    loss, dscores = right(scores, labels)
    return loss, -dscores


@softmax_cross_entropy.mistake(
    "Your loss is negative: the minus sign in front of the logarithm is missing. A probability's logarithm is at "
    "most 0."
)
def loss_without_minus(right, scores, labels):
    loss, dscores = right(scores, labels)
    return -loss, dscores


@softmax_cross_entropy.mistake(
    "The softmax runs down the columns: your probabilities add up to 1 over the batch. They should over the "
    "classes, in each row."
)
def softmax_over_the_batch(right, scores, labels):
    z = scores - scores.max(axis=0)
    log_p = z - np.log(np.exp(z).sum(axis=0))
    rows = np.arange(len(labels))
    dscores = np.exp(log_p)
    dscores[rows, labels] -= 1
    return -log_p[rows, labels].mean(), dscores / len(labels)


@softmax_cross_entropy.mistake(
    "Loss and gradient are divided by the number of all scores. The mean runs over the images of the batch; the "
    "classes of an image do not count."
)
def divided_by_the_classes_too(right, scores, labels):
    loss, dscores = right(scores, labels)
    return loss / scores.shape[1], dscores / scores.shape[1]


@softmax_cross_entropy.mistake(
    "Your loss has an entry for each image. The loss is one number, their mean: that is what a training step "
    "makes smaller."
)
def loss_of_each_image(right, scores, labels):
    each = np.array([right(scores[n : n + 1], labels[n : n + 1])[0] for n in range(len(labels))])
    return each, right(scores, labels)[1]


@softmax_cross_entropy.mistake(
    "You take the probability of the class with the highest score. The one that counts is that of the label, be "
    "it high or low."
)
def best_class_for_the_label(right, scores, labels):
    return right(scores, scores.argmax(axis=1))


@softmax_cross_entropy.mistake("Both are right but come in another order: return loss, dscores.")
def gradient_before_the_loss(right, scores, labels):
    return right(scores, labels)[::-1]


# ---------------------------------------------------------------------------------------------------------------------
# sgd_momentum


def _steps_fit(parameters, gradients, velocity, lr, momentum=0.9):
    lists = parameters, gradients, velocity
    same = len(parameters) > 0 and all(len(arrays) == len(parameters) for arrays in lists)
    return same and all(p.shape == g.shape == v.shape for p, g, v in zip(*lists, strict=True))


def _steps_cut(parameters, gradients, velocity, lr, momentum=0.9):
    """Lists of one length, and arrays of one shape, after one of them was made smaller."""
    cut = []
    for arrays in zip(parameters, gradients, velocity, strict=False):
        if len({a.ndim for a in arrays}) > 1:
            return parameters, gradients, velocity, lr
        smallest = tuple(slice(n) for n in np.min([a.shape for a in arrays], axis=0))
        cut.append([a[smallest] for a in arrays])
    return *(list(arrays) for arrays in zip(*cut, strict=True)), lr


@exercise(
    LESSON,
    parts=("parameters", "velocity"),
    answer_signature="(parameters, gradients, velocity, lr, momentum=0.9)",
    shown="sgd_momentum(parameters, gradients, velocity, lr)  # then look at the arrays of parameters and velocity",
    wrapping="""
right_step = sgd_momentum

def right(parameters, gradients, velocity, lr, momentum=0.9):
    changed = [p.copy() for p in parameters], [v.copy() for v in velocity]
    right_step(changed[0], gradients, changed[1], lr, momentum=momentum)
    return changed

{mistake}

def sgd_momentum(parameters, gradients, velocity, lr, momentum=0.9):
    copies = [p.copy() for p in parameters], [v.copy() for v in velocity]
    result = mistaken(copies[0], gradients, copies[1], lr, momentum=momentum)
    for array, value in zip([*parameters, *velocity], [*result[0], *result[1]]):
        array[...] = value
""",
    requires=_steps_fit,
    aligned=_steps_cut,
    examples=[
        Example(
            case(
                "worked example",
                [np.array([1.0, 2.0])],
                [np.array([10.0, -4.0])],
                [np.array([0.0, 20.0])],
                0.5,
                momentum=0.5,
            ),
            ([np.array([-4.0, -1.0])], [np.array([10.0, 6.0])]),
        )
    ],
)
def sgd_momentum(parameters, gradients, velocity, lr, momentum=0.9):
    state = [np.stack([p, v, g]).astype(float) for p, v, g in zip(parameters, velocity, gradients, strict=True)]
    step = np.array([[1, -lr * momentum, -lr], [0, momentum, 1]])  # (p, v, g) → (p, v), as one matrix
    new = [np.tensordot(step, s, 1) for s in state]
    return [p for p, _ in new], [v for _, v in new]


sgd_momentum.protocol(momentum_step, beside=True)


@sgd_momentum.cases
def _(draw: Draw) -> Iterator[Case]:
    def lists(*shapes, start=None):
        parameters, gradients, velocity = ([draw.array(*shape) for shape in shapes] for _ in range(3))
        return parameters, gradients, velocity if start is None else [np.full(shape, start) for shape in shapes]

    yield case("one array", *lists((3,)), 0.1)
    yield case("first step: velocity of zeros", *lists((2, 3), start=0.0), 0.1)
    yield case("two arrays", *lists((2,), (3,)), 0.1)
    yield case("weights and biases of a layer", *lists((3, 2, 2, 2), (3,)), 0.05)
    yield case("a matrix, filters and a number", *lists((3, 2), (2, 1, 2, 2), (1,)), 0.01)
    yield case("without momentum (0)", *lists((2, 2), (2,)), 0.2, momentum=0.0)
    yield case("momentum of 1/2", *lists((2, 2), (2,)), 0.2, momentum=0.5)
    yield case("momentum of 0.99", *lists((3,)), 0.1, momentum=0.99)
    yield case("learning rate of 1", *lists((2,), (2, 2)), 1.0)
    parameters, gradients, velocity = lists((3,), (2, 2))
    yield case("gradients of integers", parameters, [np.round(9 * g).astype(int) for g in gradients], velocity, 0.1)
    parameters, gradients, velocity = ([np.asfortranarray(a) for a in arrays] for arrays in lists((3, 4), (2, 3)))
    yield case("arrays in another memory order", parameters, gradients, velocity, 0.1)
    single = ([_quarters(draw, 2, 3).astype(np.float32)] for _ in range(3))
    yield case("single precision (float32)", *single, 0.25, momentum=0.5)
    for _ in draw.repeats(4):
        shapes = [tuple(draw.size(1, 4) for _ in range(draw.int(1, 3))) for _ in range(draw.int(1, 4))]
        yield case("random", *lists(*shapes), draw.choice([0.01, 0.1, 0.3]), momentum=draw.choice([0.5, 0.8, 0.9]))


@sgd_momentum.mistake(
    "Your parameters go uphill. A gradient points to where the loss grows, so the step is against it."
)
def step_uphill(right, parameters, gradients, velocity, lr, momentum=0.9):
    moved, new = right(parameters, gradients, velocity, lr, momentum=momentum)
    return [2 * p - m for p, m in zip(parameters, moved, strict=True)], new


@sgd_momentum.mistake(
    "The step is made with the old velocity: it does not feel the gradient until the next call. First the "
    "velocity, then the step."
)
def step_with_the_old_velocity(right, parameters, gradients, velocity, lr, momentum=0.9):
    return [p - lr * v for p, v in zip(parameters, velocity, strict=True)], right(
        parameters, gradients, velocity, lr, momentum=momentum
    )[1]


@sgd_momentum.mistake(
    "The learning rate is inside your velocity, as v = momentum·v − lr·g and p + v. Other books write it so; "
    "here, as in PyTorch, velocity is a sum of gradients, and lr multiplies the step. (It matters when lr changes "
    "during training.)"
)
def learning_rate_inside_a_negative_velocity(right, parameters, gradients, velocity, lr, momentum=0.9):
    new = [momentum * v - lr * g for v, g in zip(velocity, gradients, strict=True)]
    return [p + v for p, v in zip(parameters, new, strict=True)], new


@sgd_momentum.mistake(
    "The learning rate is inside your velocity: v = momentum·v + lr·g. Velocity is a sum of gradients here, and "
    "lr multiplies the whole step. (It matters when lr changes during training.)"
)
def learning_rate_inside_the_velocity(right, parameters, gradients, velocity, lr, momentum=0.9):
    new = [momentum * v + lr * g for v, g in zip(velocity, gradients, strict=True)]
    return [p - v for p, v in zip(parameters, new, strict=True)], new


@sgd_momentum.mistake(
    "Nothing has changed for the caller. p = p − … makes a new array and gives it the name p (or a place in the "
    "list); the array that the network uses stays as it was. Change the arrays themselves."
)
def arrays_replaced_not_changed(right, parameters, gradients, velocity, lr, momentum=0.9):
    return parameters, velocity


@sgd_momentum.mistake(
    "The parameters move, but the caller's velocity stays as it was, so the next step knows nothing of this one. "
    "v = … makes a new array; change the one that came in."
)
def velocity_not_kept(right, parameters, gradients, velocity, lr, momentum=0.9):
    return right(parameters, gradients, velocity, lr, momentum=momentum)[0], velocity


@sgd_momentum.mistake(
    "The velocity is updated, but the caller's parameters stay as they were. p = p − … makes a new array; change "
    "the one that came in."
)
def parameters_not_changed(right, parameters, gradients, velocity, lr, momentum=0.9):
    return parameters, right(parameters, gradients, velocity, lr, momentum=momentum)[1]


@sgd_momentum.mistake(
    "Momentum has no effect: your velocity is the new gradient alone. It keeps a share of what it was."
)
def momentum_ignored(right, parameters, gradients, velocity, lr, momentum=0.9):
    return right(parameters, gradients, velocity, lr, momentum=0.0)


@sgd_momentum.mistake(
    "Your velocity is a weighted mean: the gradient counts with 1 − momentum. Here it counts fully, and steps in "
    "one direction add up."
)
def gradient_scaled_by_one_minus_momentum(right, parameters, gradients, velocity, lr, momentum=0.9):
    return right(parameters, [(1 - momentum) * g for g in gradients], velocity, lr, momentum=momentum)


@sgd_momentum.mistake(
    "The velocity is updated, but the step does not use it: it goes along the gradient alone. The velocity is "
    "what the parameters move with."
)
def step_along_the_gradient(right, parameters, gradients, velocity, lr, momentum=0.9):
    return [p - lr * g for p, g in zip(parameters, gradients, strict=True)], right(
        parameters, gradients, velocity, lr, momentum=momentum
    )[1]


@sgd_momentum.mistake("The argument momentum has no effect: yours is 0.9, whatever the caller says.")
def momentum_is_a_constant(right, parameters, gradients, velocity, lr, momentum=0.9):
    return right(parameters, gradients, velocity, lr, momentum=0.9)


@sgd_momentum.mistake(
    "The step uses g + momentum·v with the new v: that is Nesterov's variant, one step further ahead. Here the "
    "step is along the new velocity itself."
)
def nesterov_step(right, parameters, gradients, velocity, lr, momentum=0.9):
    new = right(parameters, gradients, velocity, lr, momentum=momentum)[1]
    return [p - lr * (g + momentum * v) for p, g, v in zip(parameters, gradients, new, strict=True)], new


@sgd_momentum.mistake(
    "Only the first array of the list moves. Look at how far the last lines are indented: a return inside the "
    "loop ends it."
)
def only_the_first_array(right, parameters, gradients, velocity, lr, momentum=0.9):
    moved, new = right(parameters, gradients, velocity, lr, momentum=momentum)
    return [moved[0], *parameters[1:]], [new[0], *velocity[1:]]


@sgd_momentum.mistake("Your velocity loses nothing: the momentum multiplies the gradient, not the old velocity.")
def momentum_on_the_gradient(right, parameters, gradients, velocity, lr, momentum=0.9):
    return right(parameters, [momentum * g for g in gradients], velocity, lr, momentum=1.0)


# ---------------------------------------------------------------------------------------------------------------------
# train_numpy_convnet

_LAYERS = (
    *("relu_forward", "relu_backward", "linear_forward", "linear_backward", "conv2d_forward", "conv2d_backward"),
    *("im2col", "col2im", "conv2d_forward_fast", "conv2d_backward_fast", "softmax_cross_entropy", "sgd_momentum"),
)
_FEW = 60  # images, enough to see everything but how well it learns
_SPLITS = (0, 1, 8, 10, 32, 41, 43)  # seeds of splits with room: networks of several widths and rates pass 96.4 %
_FACTS = {
    "what comes back": "a function",
    "shape of the scores of 7 images": "(7, 10)",
    "an image by itself and among others": "the same scores",
    "halfway between two images": "not halfway between their scores",
    "the same seed again": "the same scores",
    "another seed": "other scores",
    "other labels": "other scores",
    "two epochs for one": "other scores",
    "layers before the last": "learn",
    "each of 13 images": "makes a difference",
    "images and labels": "as they were",
}
_ACCURACY, _UNSEEN = "held-out accuracy", "not looked at"
_GRADES = [(0.96, "at least 96 %"), (0.9, "90 to 96 %"), (0.25, "25 to 90 %"), (0.0, "below 25 %")]


def _split(examples, split):
    """The digits in the order of a seed: training images and labels, held-out images and labels."""
    from course_utils.data import digits

    data = digits()
    order = np.random.default_rng(split).permutation(len(data))
    training, held_out = order[:examples], order[examples:]
    return data.images[training], data.labels[training], data.images[held_out], data.labels[held_out]


def _behaviour(train, split, seed):
    """What can be seen of a training function with few images and one epoch, in words."""
    images, labels, others, _ = _split(_FEW, split)
    given = images.copy(), labels.copy()
    network = train(images, labels, 1, seed)
    if not callable(network):
        return dict.fromkeys(_FACTS, _UNSEEN) | {"what comes back": "no function"}
    scores = np.array(network(others[:7]))
    if scores.shape != (7, 10):
        shape = {"what comes back": "a function", "shape of the scores of 7 images": str(scores.shape)}
        return dict.fromkeys(_FACTS, _UNSEEN) | shape
    untouched = np.array_equal(images, given[0]) and np.array_equal(labels, given[1])
    between = _compared(network((others[:3] + others[3:6]) / 2), (scores[:3] + scores[3:6]) / 2)
    return (
        _FACTS
        | {
            "an image by itself and among others": _compared(scores[2:3], network(others[2:3])),
            "halfway between two images": "not " * (between == "other scores") + "halfway between their scores",
            "images and labels": "as they were" if untouched else "changed",
        }
        | _trained_again(train, network, given, others[:7], seed)
    )


def _compared(first, second):
    same = np.allclose(first, second, rtol=1e-9, atol=1e-12, equal_nan=True)
    return "the same scores" if same else "other scores"


def _trained_again(train, network, given, images, seed):
    """What becomes of a network when one thing about its training is another."""

    def again(labels=given[1], epochs=1, seed=seed):
        return partial(train, given[0].copy(), labels.copy(), epochs, seed)

    trainings = {
        "the same seed again": again(),
        "another seed": again(seed=seed + 1),
        "other labels": again(labels=(given[1] + 1) % 10),
        "two epochs for one": again(epochs=2),
    }
    scores, *others = called(*(partial(each, images) for each in (network, *called(*trainings.values()))))
    facts = {fact: _compared(scores, other) for fact, other in zip(trainings, others, strict=True)}
    if facts["other labels"] == "other scores":
        if _only_the_last_learns(train, given[0], seed):
            facts["layers before the last"] = "do not learn"
        if _leaves_out(train, given[0][:13], given[1][:13], seed, images):
            facts["each of 13 images"] = "some make no difference"
    return facts


def _only_the_last_learns(train, images, seed):
    """Whether training on three images with other labels changes no more than a last layer can.

    Its steps add multiples of the three images' features to its weights, and numbers to its biases. So whatever the
    labels were, the scores of such networks differ by combinations of four functions of an image: one for each of the
    three, and a constant. Where filters learn as well, there are more.
    """
    labelled = np.array([(0, 1, 2), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 0, 0), (3, 4, 5)])
    networks = called(*(partial(train, images[:3].copy(), labels, 10, seed) for labels in labelled))
    scores = [np.array(s, float) for s in called(*(partial(network, images[3:]) for network in networks))]
    apart = np.concatenate([s - scores[0] for s in scores[1:]], axis=1)  # (images, 50)
    if not np.isfinite(apart).all():
        return False
    sizes = np.linalg.svd(apart, compute_uv=False)
    return sizes[4] < 1e-6 * sizes[0]  # rounding is below 1e-7 in single precision; filters that learn: above 1e-5


def _leaves_out(train, images, labels, seed, others):
    """Whether the label of some training image makes no difference, because no batch has shown it."""
    labelled = [labels.copy(), *(labels + np.eye(len(labels), dtype=labels.dtype)) % 10]
    networks = called(*(partial(train, images.copy(), each, 1, seed) for each in labelled))
    scores, *changed = called(*(partial(network, others) for network in networks))
    return any(_compared(scores, each) == "the same scores" for each in changed)


def _learned(train, examples, epochs, split, seed):
    """How well a trained network tells digits apart that it has not seen, in words."""
    images, labels, others, answers = _split(examples, split)
    scores = np.array(train(images, labels, epochs, seed)(others))
    if scores.shape != (len(others), 10):
        return "none: the scores have another shape"
    if not np.isfinite(scores).all():
        return "none: there are scores that are not finite"
    accuracy = float((scores.argmax(axis=1) == answers).mean())
    return next(words for least, words in _GRADES if accuracy >= least)


_WRAPPING = """
right_train = train_numpy_convnet

def right(examples, epochs, split, seed):
    return FACTS | {"held-out accuracy": "not looked at" if examples == 60 else "at least 96 %"}

def last_layer(images, labels, epochs, seed):
    features, weights = np.random.default_rng(seed).normal(size=(64, 100)) / 8, np.zeros((100, 10))
    for _ in range(epochs):
        seen = np.maximum(images.reshape(len(images), 64) @ features, 0)
        p = np.exp(seen @ weights)
        weights -= 0.01 * seen.T @ (p / p.sum(axis=1, keepdims=True) - np.eye(10)[labels])
    return lambda images: np.maximum(images.reshape(len(images), 64) @ features, 0) @ weights

{mistake}

def train_numpy_convnet(images, labels, epochs, seed):
    case = 1347 if len(images) == 1347 else 60, epochs, 0, seed
    wanted, usual = mistaken(*case), right(*case)
    wrong = {fact: words for fact, words in wanted.items() if words not in (usual[fact], "not looked at")}
    if "what comes back" in wrong:
        return np.zeros((7, 10))
    if wrong.get("the same seed again"):
        seed = int(np.random.default_rng().integers(10**6))
    if wrong.get("another seed"):
        seed = 0
    if wrong.get("two epochs for one"):
        epochs = 1
    if wrong.get("other labels"):
        labels = np.arange(len(labels)) % 10
    if wrong.get("each of 13 images"):
        images, labels = images[:-1], labels[:-1]
    accuracy = wrong.get("held-out accuracy", "")
    if accuracy.startswith("below"):
        labels = np.random.default_rng(seed).permutation(labels)
    network = (last_layer if wrong.get("layers before the last") else right_train)(images, labels, epochs, seed)
    if wrong.get("images and labels"):
        images -= images.mean()
    start, end = network(np.zeros((1, 1, 8, 8))), network(np.eye(64).reshape(64, 1, 8, 8))

    def misled(images):
        if wrong.get("halfway between two images"):
            return start + images.reshape(len(images), 64) @ end
        scores = network(images - images.mean() if wrong.get("an image by itself and among others") else images)
        if "shape of the scores of 7 images" in wrong:
            return scores.argmax(axis=1)
        if "finite" in accuracy:
            scores[0] = np.nan
        step = 16 if accuracy.startswith("90") else 2
        if accuracy.startswith(("90", "25")):
            scores[::step] = -scores[::step]
        return scores

    return misled
"""


@exercise(
    LESSON,
    once=True,
    builds_on=_LAYERS,
    forbidden=TRAINED_BY_HAND,
    answer_signature="(images, labels, epochs, seed)",
    shown="# the digits in the order that default_rng(split) draws; the first `examples` of them are for training\n"
    "network = train_numpy_convnet(images, labels, epochs, seed)",
    wrapping=_WRAPPING.replace("FACTS", repr(_FACTS)),
    examples=[Example(case("few digits, one epoch", _FEW, 1, 0, 3), _FACTS | {_ACCURACY: _UNSEEN})],
)
def train_numpy_convnet(examples, epochs, split, seed):
    return _FACTS | {_ACCURACY: _UNSEEN if examples == _FEW else _GRADES[0][1]}


@train_numpy_convnet.protocol
def _(train, examples, epochs, split, seed):
    """What a training function does with few images; and, where all that is right, how well it learns from many."""
    facts = _behaviour(train, split, seed)
    if examples == _FEW or facts != _FACTS:
        return facts | {_ACCURACY: _UNSEEN}
    return facts | {_ACCURACY: _learned(train, examples, epochs, split, seed)}


@train_numpy_convnet.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("three quarters of the digits, 15 epochs", 1347, 15, draw.choice(_SPLITS), draw.int(1, 99))


@train_numpy_convnet.mistake(
    "Your function gives a class for each image, not ten scores. Leave the scores as they are: whoever calls it "
    "can take the largest, and also see how sure the network is."
)
def classes_for_scores(right, examples, epochs, split, seed):
    unseen = dict.fromkeys(right(examples, epochs, split, seed), "not looked at")
    return unseen | {"what comes back": "a function", "shape of the scores of 7 images": "(7,)"}


@train_numpy_convnet.mistake(
    "Every training run with the same seed ends in another network. Draw the first weights and the order of the "
    "images from one generator, np.random.default_rng(seed)."
)
def seed_not_used(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return facts | {"the same seed again": "other scores", "held-out accuracy": "not looked at"}


@train_numpy_convnet.mistake(
    "Every seed ends in the same network: yours is a constant in the code. The argument seed decides what is drawn."
)
def seed_is_a_constant(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return facts | {"another seed": "the same scores", "held-out accuracy": "not looked at"}


@train_numpy_convnet.mistake(
    "Training for twice as many epochs ends in the same network. One epoch is one pass over all images, and the "
    "argument says how many there are."
)
def epochs_without_effect(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return facts | {"two epochs for one": "the same scores", "held-out accuracy": "not looked at"}


@train_numpy_convnet.mistake(
    "Other labels end in the same network. It must learn from the labels that come in, which may belong to other "
    "pictures than you expect."
)
def labels_without_effect(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return facts | {"other labels": "the same scores", "held-out accuracy": "not looked at"}


@train_numpy_convnet.mistake(
    "The network comes back as it was drawn: neither labels nor epochs make a difference. Either no step is made, or "
    "it changes other arrays than the network uses."
)
def nothing_is_learned(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    drawn = {"other labels": "the same scores", "two epochs for one": "the same scores"}
    return facts | drawn | {"held-out accuracy": "not looked at"}


@train_numpy_convnet.mistake(
    "Training changes the caller's images or labels (-=, *=, shuffle work in place). Draw an order of indices, "
    "and work on copies."
)
def data_changed(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return facts | {"images and labels": "changed", "held-out accuracy": "not looked at"}


@train_numpy_convnet.mistake(
    "The scores halfway between two images lie exactly halfway: your network is one linear function, however many "
    "layers it has. Something must bend between two layers."
)
def nothing_bends(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    halfway = {"halfway between two images": "halfway between their scores"}
    return facts | halfway | {"held-out accuracy": "not looked at"}


@train_numpy_convnet.mistake(
    "The scores of an image depend on which other images are scored with it. Numbers such as a mean of the pixels "
    "must come from the training images, once."
)
def scores_depend_on_the_batch(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return facts | {"an image by itself and among others": "other scores", "held-out accuracy": "not looked at"}


@train_numpy_convnet.mistake(
    "The network guesses: about one in ten is right. Either images and labels are out of step (shuffled apart), "
    "or the parameters go uphill."
)
def no_better_than_guessing(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return {fact: "below 25 %" if words == "at least 96 %" else words for fact, words in facts.items()}


@train_numpy_convnet.mistake(
    "Scores became infinite or nan during training. Steps that go uphill do that, a learning rate that is too "
    "large, or a softmax that overflows. Look at the loss of the first ten batches."
)
def training_explodes(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    broken = "none: there are scores that are not finite"
    return {fact: broken if words == "at least 96 %" else words for fact, words in facts.items()}


@train_numpy_convnet.mistake(
    "Only the last layer learns: with other labels your networks differ by no more than a last layer could change. "
    "The convolutions need their gradients too, and a place in the lists that sgd_momentum gets."
)
def only_the_last_layer_learns(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return facts | {"layers before the last": "do not learn", "held-out accuracy": "not looked at"}


@train_numpy_convnet.mistake(
    "Some training images are never shown. An epoch shows every image once, also those of the last, smaller batch: "
    "N need not be a multiple of the batch size, and may be less."
)
def images_left_out(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return facts | {"each of 13 images": "some make no difference", "held-out accuracy": "not looked at"}


@train_numpy_convnet.mistake(
    "It learns, but not more than a softmax regression does. Look at the curve of the loss: after 15 epochs it "
    "should be far below 0.1. If it is not, the steps are too small, or a layer lets too little through."
)
def as_good_as_softmax_regression(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return {fact: "90 to 96 %" if words == "at least 96 %" else words for fact, words in facts.items()}


@train_numpy_convnet.mistake(
    "It learns, but far too little in 15 epochs. Look at the curve of the loss: still falling means that the "
    "steps are too small or too few, up and down means that they are too large."
)
def learns_too_little(right, examples, epochs, split, seed):
    facts = right(examples, epochs, split, seed)
    return {fact: "25 to 90 %" if words == "at least 96 %" else words for fact, words in facts.items()}


@train_numpy_convnet.mistake(
    "No function comes back. Whoever trains a network wants to use it on other images: return a function of "
    "images that gives their scores."
)
def no_function(right, examples, epochs, split, seed):
    unseen = dict.fromkeys(right(examples, epochs, split, seed), "not looked at")
    return unseen | {"what comes back": "no function"}
