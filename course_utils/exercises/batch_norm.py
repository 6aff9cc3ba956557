"""Lesson 05: batch norm forward and backward, folded into a convolution, and the norms that need no batch."""

# Several exercises know the same mistake under the same name.
# ruff: noqa: F811
# mypy: disable-error-code="no-redef"

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from course_utils.comparison import same
from course_utils.contract import Case, Draw, Example, case, example, exercise
from course_utils.passes import batch_norm_backward_pass, batch_norm_passes

LESSON = "05_batch_norm"

FORWARD = "(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5)"
HISTORY = ("out in training", "out in evaluation", "running_mean after each call", "running_var after each call")
FAR, NEAR = 1e5, 1e-2  # a mean and a standard deviation: the mean of the squares loses all digits of such a variance


def _tensor(array: np.ndarray) -> Any:
    import torch  # here and below: the package imports without it, and in no time

    return torch.from_numpy(np.array(array, dtype=np.float64))


def _example(parts: tuple[Any, ...], *args: Any, **options: float) -> Example:
    """A worked example whose outcome is a tuple of arrays."""
    made = example(None, *args, **options)
    return Example(made.case, tuple(np.array(part, dtype=float) for part in parts))


def _history(results):
    """What came out of the training and of the evaluation, and the running statistics after each call."""
    outs, means, variances = results
    return np.array(outs[:-1]), outs[-1], np.array(means), np.array(variances)


def _torch_history(batches, new, gamma, beta, running_mean, running_var, momentum, eps):
    from torch.nn import functional

    mean, variance, weight, bias = map(_tensor, (running_mean, running_var, gamma, beta))

    def forward(x, gamma, beta, running_mean, running_var, training):
        return functional.batch_norm(_tensor(x), mean, variance, weight, bias, training, momentum, eps).numpy(), None

    return _history(batch_norm_passes(forward, batches, new, gamma, beta, mean.numpy(), variance.numpy()))


def _torch_gradients(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, dout: np.ndarray, eps: float) -> Any:
    import torch

    inputs = [_tensor(a).requires_grad_() for a in (x, gamma, beta)]
    out = torch.nn.functional.batch_norm(inputs[0], None, None, inputs[1], inputs[2], True, eps=eps)
    return tuple(g.numpy() for g in torch.autograd.grad(out, inputs, _tensor(dout)))


def _from_the_cache(results):
    """The gradients; they come from the cache alone, which a call leaves as it was."""
    first, again, other, later = results
    if not same(first, again):
        raise RuntimeError(
            "the same call of the backward pass answers differently the second time: it changes its cache"
        )
    if same(first, other):  # what is in the cache plays no part, which is a known mistake
        return first
    if not same(first, later):
        raise RuntimeError(
            "the same call of the backward pass answers differently after a forward pass of a larger batch: all that "
            "it needs must be in the cache, the number of examples too"
        )
    return first


def _is_run(batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    """At least two values a channel in each batch; shapes that go together; numbers that make sense."""
    channels = [batches.shape[2], new.shape[1], *map(len, (gamma, beta, running_mean, running_var))]
    sizes = batches.shape[2:] == new.shape[1:] and len(set(channels)) == 1
    enough = len(batches) >= 1 and len(new) >= 1 and batches[0].size >= 2 * channels[0]
    return sizes and enough and running_var.min() >= 0 and 0 <= momentum <= 1 and eps > 0


def _is_pass(x, gamma, beta, dout, eps=1e-5):
    channels = x.shape[1]
    return x.shape == dout.shape and len(gamma) == len(beta) == channels and x.size >= 2 * channels and eps > 0


def _run(
    draw: Draw,
    category: str,
    batch: tuple[int, ...],
    *,
    steps: int = 1,
    evaluated: int = 3,
    scale: float = 1.0,
    shift: float = 0.0,
    single: bool = False,
    **options: float,
) -> Case:
    """A case of a forward pass: ``steps`` batches of this shape (N, C, …) in a row, then new examples."""
    batches = shift + scale * draw.array(steps, *batch)
    new = shift + scale * draw.array(evaluated, *batch[1:])
    gamma, beta, mean, variance = (draw.array(batch[1]) for _ in range(4))
    arrays = [batches, new, gamma, beta, mean, np.abs(variance) + 0.5]
    return case(category, *(a.astype(np.float32) if single else a for a in arrays), **options)


def _with_a_constant_channel(made: Case) -> Case:
    """The same case, with one value all over the first channel of the batches."""
    batches = made.args[0].copy()
    batches[:, :, 0] = batches[0, 0, 0].flat[0]
    return Case(made.category, (batches, *made.args[1:]), made.kwargs)


def _neutral(made: Case) -> Case:
    """The same case, with gamma one and beta zero, as a new layer has them."""
    batches, new, gamma, beta, *running = made.args
    return Case(made.category, (batches, new, np.ones_like(gamma), np.zeros_like(beta), *running), made.kwargs)


WRAPPING_FORWARD = """
right_{name} = {name}


def right(batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    mean, variance = np.array(running_mean, dtype=float), np.array(running_var, dtype=float)
    outs, means, variances = [], [], []
    for x, training in [*((batch, True) for batch in batches), (new, False)]:
        outs.append(right_{name}(x, gamma, beta, mean, variance, training, momentum, eps)[0])
        means.append(mean.copy())
        variances.append(variance.copy())
    return np.array(outs[:-1]).reshape(batches.shape), outs[-1], np.array(means), np.array(variances)


{{mistake}}


def {name}(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    cache = None
    if training:
        cache = right_{name}(x, gamma, beta, running_mean.copy(), running_var.copy(), True, momentum, eps)[1]
    batches = x[None] if training else x[None][:0]
    outs, out, means, variances = mistaken(batches, x, gamma, beta, running_mean, running_var, momentum, eps)
    running_mean[...], running_var[...] = means[0], variances[0]
    return outs[0] if training else out, cache
"""


@exercise(
    LESSON,
    parts=HISTORY,
    examples=[
        _example(
            ([[[-1], [3]]], [[4], [1]], [[1.5], [1.5]], [[11], [11]]),
            [[[1], [5]]], [[5.5], [1.5]], [3], [1], [1], [12], momentum=0.25, eps=5.0,
        )
    ],
    requires=_is_run,
    in_place=("running_mean", "running_var"),
    answer_signature=FORWARD,
    shown="batchnorm_forward(x, …, True, …) for each x in batches, then batchnorm_forward(new, …, False, …)",
    wrapping=WRAPPING_FORWARD.format(name="batchnorm_forward"),
)  # fmt: skip
def batchnorm_forward(batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return _torch_history(batches, new, gamma, beta, running_mean, running_var, momentum, eps)


batchnorm_forward.protocol(batch_norm_passes, beside=True, outcome=_history)


@batchnorm_forward.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _run(draw, "one feature", (4, 1), eps=0.1)
    yield _run(draw, "batch of two", (2, 3), eps=0.01)
    yield _run(draw, "several batches in a row", (5, 3), steps=draw.size(3, 4))
    yield _run(draw, "other momentum", (4, 2), steps=2, momentum=draw.choice([0.01, 0.2, 0.3, 0.9]))
    yield _run(draw, "other eps", (4, 3), eps=draw.choice([1e-3, 0.1, 0.5]))
    yield _run(draw, "small variance", (draw.size(3, 6), 2), scale=0.004)
    yield _run(draw, "large mean with small variance", (6, 2), scale=NEAR, shift=FAR)
    yield _with_a_constant_channel(_run(draw, "feature that is constant in the batch", (4, 3), steps=2))
    yield _neutral(_run(draw, "gamma one and beta zero", (4, 2), eps=0.1))
    yield _run(draw, "as many examples as features", (3, 3), steps=2)
    yield _run(draw, "evaluation of one example", (4, 3), evaluated=1, eps=0.1)
    yield _run(draw, "single precision (float32)", (6, 3), steps=2, single=True)
    for _ in draw.repeats(3):
        shape = draw.size(2, 7), draw.size(2, 5)
        options = {"momentum": draw.choice([0.05, 0.1, 0.4]), "eps": draw.choice([1e-5, 1e-2, 0.2])}
        yield _run(draw, "random", shape, steps=draw.int(1, 3), evaluated=draw.int(2, 4), **options)


@batchnorm_forward.mistake(
    "In evaluation your layer still normalizes by the statistics of the batch at hand. There it must use running_mean "
    "and running_var, so that the output for an example does not depend on the company it comes in."
)
def batch_statistics_at_evaluation(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    out = gamma * (new - new.mean(axis=0)) / np.sqrt(new.var(axis=0) + eps) + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "In training your layer normalizes by the running statistics. While it trains it must use the mean and the "
    "variance of the batch itself; the running ones are only collected, for later."
)
def running_statistics_in_training(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    outs = [
        gamma * (x - mean) / np.sqrt(variance + eps) + beta
        for x, mean, variance in zip(batches, means, variances, strict=False)
    ]
    return np.array(outs), out, means, variances


@batchnorm_forward.mistake(
    "The two modes are exchanged: with training=True your layer uses the running statistics, with training=False those "
    "of the batch."
)
def modes_exchanged(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs = gamma * (batches - running_mean) / np.sqrt(running_var + eps) + beta
    out = gamma * (new - new.mean(axis=0)) / np.sqrt(new.var(axis=0) + eps) + beta
    n = len(new)
    mean = (1 - momentum) * running_mean + momentum * new.mean(axis=0)
    variance = (1 - momentum) * running_var + momentum * new.var(axis=0) * n / (n - 1)
    means, variances = ([before] * len(batches) for before in (running_mean, running_var))
    return outs, out, np.array([*means, mean]), np.array([*variances, variance])


@batchnorm_forward.mistake(
    "Momentum is the wrong way round: you keep the share `momentum` of the old value. PyTorch's momentum is the share "
    "of the new batch, 0.1 of it by default, and 1 − momentum of the old value stays."
)
def momentum_the_wrong_way_round(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, beta, running_mean, running_var, 1 - momentum, eps)


@batchnorm_forward.mistake(
    "Your running statistics are those of the last batch alone. They are a moving average: each batch pulls them a "
    "part of the way, the share `momentum`, towards its own mean and variance."
)
def only_the_last_batch_is_kept(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, beta, running_mean, running_var, 1.0, eps)


@batchnorm_forward.mistake(
    "Your running statistics grow with every batch: you add momentum times the new value and keep the old one whole. "
    "Only the share 1 − momentum of the old value stays."
)
def old_statistics_kept_whole(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    for i, x in enumerate(batches):
        running_mean = running_mean + momentum * x.mean(axis=0)
        running_var = running_var + momentum * x.var(axis=0, ddof=1)
        means[i:], variances[i:] = running_mean, running_var
    out = gamma * (new - means[-1]) / np.sqrt(variances[-1] + eps) + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "The argument momentum has no effect: your layer works with 0.1 whatever it is given. Use the argument."
)
def momentum_always_a_tenth(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, beta, running_mean, running_var, 0.1, eps)


@batchnorm_forward.mistake(
    "The caller's running_mean and running_var are what they were before the call. `running_mean = …` inside a "
    "function gives that name to a new array, and the caller's array never hears of it. Write into the array that "
    "came: `running_mean[...] = …`, or `*=` and `+=`."
)
def statistics_not_kept_in_place(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, beta, running_mean, running_var, 0.0, eps)


@batchnorm_forward.mistake(
    "Your running statistics also change in evaluation. There they are only read: evaluating must leave the layer as "
    "it was, however often it is done."
)
def evaluation_changes_statistics(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    n = len(new)
    means[-1] = (1 - momentum) * means[-1] + momentum * new.mean(axis=0)
    variances[-1] = (1 - momentum) * variances[-1] + momentum * new.var(axis=0) * n / (n - 1)
    out = gamma * (new - means[-1]) / np.sqrt(variances[-1] + eps) + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "You collect the biased variance, divided by N, in running_var. The running variance estimates that of all data, "
    "so PyTorch collects the unbiased one, divided by N − 1; the batch itself is normalized by the biased one."
)
def biased_variance_in_running_var(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    for i, x in enumerate(batches):
        running_var = (1 - momentum) * running_var + momentum * x.var(axis=0)
        variances[i:] = running_var
    out = gamma * (new - means[-1]) / np.sqrt(variances[-1] + eps) + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "You normalize the batch by the unbiased variance, divided by N − 1. Within the batch it is the mean of the "
    "squared distances, divided by N; only running_var collects the unbiased one."
)
def divided_by_unbiased_variance(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    std = np.sqrt(batches.var(axis=1, ddof=1, keepdims=True) + eps)
    outs = gamma * (batches - batches.mean(axis=1, keepdims=True)) / std + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "running_var collects the square root of the batch's variance. It holds a variance; the root is taken when it is "
    "used, not when it is stored."
)
def standard_deviation_collected(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    for i, x in enumerate(batches):
        running_var = (1 - momentum) * running_var + momentum * x.std(axis=0, ddof=1)
        variances[i:] = running_var
    out = gamma * (new - means[-1]) / np.sqrt(variances[-1] + eps) + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "running_var collects the divisor of your normalization, √(σ² + ε). It holds a variance: neither the root nor eps "
    "belongs into it, and it is the unbiased one."
)
def divisor_in_running_var(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    for i, x in enumerate(batches):
        running_var = (1 - momentum) * running_var + momentum * np.sqrt(x.var(axis=0) + eps)
        variances[i:] = running_var
    out = gamma * (new - means[-1]) / np.sqrt(variances[-1] + eps) + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "eps stands outside the root: you divide by √σ² + ε. The definition has it inside, √(σ² + ε). For a variance near "
    "zero the two are far apart: √ε is much larger than ε."
)
def eps_outside_the_root(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    std = np.sqrt(batches.var(axis=1, keepdims=True)) + eps
    outs = gamma * (batches - batches.mean(axis=1, keepdims=True)) / std + beta
    out = gamma * (new - means[-1]) / (np.sqrt(variances[-1]) + eps) + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "eps is added to the quotient. A division comes before a sum, so `a / b + eps` is `(a / b) + eps`: eps belongs to "
    "the variance, under the root."
)
def eps_added_to_the_quotient(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    normalized = (batches - batches.mean(axis=1, keepdims=True)) / np.sqrt(batches.var(axis=1, keepdims=True)) + eps
    out = gamma * ((new - means[-1]) / np.sqrt(variances[-1]) + eps) + beta
    return gamma * normalized + beta, out, means, variances


@batchnorm_forward.mistake(
    "eps is missing: you divide by √σ² alone. A feature that is constant in the batch then gives 0/0."
)
def eps_forgotten(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    normalized = (batches - batches.mean(axis=1, keepdims=True)) / np.sqrt(batches.var(axis=1, keepdims=True))
    return gamma * normalized + beta, gamma * (new - means[-1]) / np.sqrt(variances[-1]) + beta, means, variances


@batchnorm_forward.mistake(
    "In training eps is under the root, in evaluation it is missing. Both divide by the root of variance plus eps; "
    "only the variance comes from somewhere else."
)
def eps_forgotten_in_evaluation(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    return outs, gamma * (new - means[-1]) / np.sqrt(variances[-1]) + beta, means, variances


@batchnorm_forward.mistake(
    "The argument eps has no effect: your layer works with 1e-5 whatever it is given. Use the argument."
)
def eps_always_the_default(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, beta, running_mean, running_var, momentum, 1e-5)


@batchnorm_forward.mistake(
    "You divide by the variance (plus eps), not by its root. Dividing by the standard deviation is what brings the "
    "spread to one."
)
def root_forgotten(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    normalized = (batches - batches.mean(axis=1, keepdims=True)) / (batches.var(axis=1, keepdims=True) + eps)
    return gamma * normalized + beta, gamma * (new - means[-1]) / (variances[-1] + eps) + beta, means, variances


@batchnorm_forward.mistake(
    "gamma has no effect: your values are normalized and shifted by beta, but not scaled. The layer returns gamma "
    "times the normalized value, plus beta."
)
def gamma_forgotten(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, np.ones(gamma.shape), beta, running_mean, running_var, momentum, eps)


@batchnorm_forward.mistake(
    "beta has no effect: your values are normalized and scaled by gamma, but not shifted. The layer returns gamma "
    "times the normalized value, plus beta."
)
def beta_forgotten(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, np.zeros(beta.shape), running_mean, running_var, momentum, eps)


@batchnorm_forward.mistake(
    "In evaluation your layer returns the normalized values as they are. gamma and beta are parameters of the layer: "
    "they act in both modes."
)
def no_gamma_beta_in_evaluation(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    return outs, (new - means[-1]) / np.sqrt(variances[-1] + eps), means, variances


@batchnorm_forward.mistake(
    "You take one mean and one variance over the whole matrix. Every feature has its own: the averages run down a "
    "column, over the examples of the batch."
)
def one_mean_for_all_features(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    outs = [gamma * (x - x.mean()) / np.sqrt(x.var() + eps) + beta for x in batches]
    for i, x in enumerate(batches):
        running_mean = (1 - momentum) * running_mean + momentum * x.mean()
        running_var = (1 - momentum) * running_var + momentum * x.var(ddof=1)
        means[i:], variances[i:] = running_mean, running_var
    out = gamma * (new - means[-1]) / np.sqrt(variances[-1] + eps) + beta
    return np.array(outs), out, means, variances


@batchnorm_forward.mistake(
    "Your averages run along the rows: each example is normalized over its features, which is layer norm. Batch norm "
    "averages each feature over the examples, axis 0."
)
def averages_along_the_rows(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    std = np.sqrt(batches.var(axis=2, keepdims=True) + eps)
    outs = gamma * (batches - batches.mean(axis=2, keepdims=True)) / std + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "Right on paper, but your variance has lost its digits: the mean of the squares minus the square of the mean is a "
    "small difference of two large numbers when the mean is large. Subtract the mean first, then square."
)
def variance_from_mean_of_squares(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    outs = [
        gamma * (x - x.mean(axis=0)) / np.sqrt((x**2).mean(axis=0) - x.mean(axis=0) ** 2 + eps) + beta for x in batches
    ]
    return np.array(outs), out, means, variances


@batchnorm_forward.mistake(
    "For an integer input your out holds integers only: everything after the point is lost. np.zeros_like(x) and "
    "np.empty_like(x) take over the input's type; np.zeros(x.shape) holds floats."
)
def out_in_whole_numbers(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    if batches.dtype.kind == "i":
        outs = np.trunc(np.round(outs, 9))
    if new.dtype.kind == "i":
        out = np.trunc(np.round(out, 9))
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "In training your layer normalizes by the running statistics as they were before the call. While it trains it must "
    "use the mean and the variance of the batch itself; the running ones are only collected, for later."
)
def old_running_statistics_in_training(
    right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5
):
    _, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    before = np.array([running_mean, *means[:-2]]), np.array([running_var, *variances[:-2]])
    outs = [gamma * (x - mean) / np.sqrt(var + eps) + beta for x, mean, var in zip(batches, *before, strict=False)]
    return np.array(outs), out, means, variances


@batchnorm_forward.mistake(
    "In evaluation you subtract the running mean and then divide by the deviation of the batch at hand. Both "
    "statistics are the running ones there; a single example has no deviation."
)
def batch_variance_in_evaluation(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    return outs, gamma * (new - means[-1]) / np.sqrt(new.var(axis=0) + eps) + beta, means, variances


@batchnorm_forward.mistake(
    "Your correction of the variance is upside down: you multiply by (N − 1)/N. A batch underestimates the variance of "
    "all data, so the correction must make it larger."
)
def correction_upside_down(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    for i, x in enumerate(batches):
        running_var = (1 - momentum) * running_var + momentum * x.var(axis=0) * (len(x) - 1) / len(x)
        variances[i:] = running_var
    out = gamma * (new - means[-1]) / np.sqrt(variances[-1] + eps) + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "eps gets into running_var: you collect a variance that eps has been added to already. eps belongs under the root, "
    "when the variance is used, and nowhere else."
)
def eps_in_running_var(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    for i, x in enumerate(batches):
        n = len(x)
        running_var = (1 - momentum) * running_var + momentum * (x.var(axis=0) + eps) * n / (n - 1)
        variances[i:] = running_var
    out = gamma * (new - means[-1]) / np.sqrt(variances[-1] + eps) + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "You add the batch's share first and shrink the sum afterwards, so the new share is shrunk too. Only the old value "
    "is multiplied by 1 − momentum: shrink first, then add."
)
def new_share_shrunk_too(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    for i, x in enumerate(batches):
        running_mean = (1 - momentum) * (running_mean + momentum * x.mean(axis=0))
        running_var = (1 - momentum) * (running_var + momentum * x.var(axis=0, ddof=1))
        means[i:], variances[i:] = running_mean, running_var
    out = gamma * (new - means[-1]) / np.sqrt(variances[-1] + eps) + beta
    return outs, out, means, variances


@batchnorm_forward.mistake(
    "beta is added before the scaling, so gamma multiplies it too. The layer scales the normalized value by gamma and "
    "adds beta at the very end."
)
def beta_scaled_too(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, gamma * beta, running_mean, running_var, momentum, eps)


WRAPPING_BACKWARD = """
right_{name} = {name}


def right(x, gamma, beta, dout, eps=1e-5):
    mean, variance = np.zeros(len(gamma)), np.ones(len(gamma))
    return right_{name}(dout, {forward}(x, gamma, beta, mean, variance, True, eps=eps)[1])


{{mistake}}


def {name}(dout, cache):
    x, _, std, gamma = cache
    eps = np.mean(std**2 - x.var(axis={axes}))
    return mistaken(x, gamma, np.zeros(len(gamma)), dout, eps)
"""

GRADIENTS = ("dx", "dgamma", "dbeta")


def _backward_shown(name: str) -> str:
    return f"out, cache = {name}_forward(x, gamma, beta, …, True); dx, dgamma, dbeta = {name}_backward(dout, cache)"


def _gradients(draw: Draw, category: str, shape: tuple[int, ...], scale: float = 1, shift: float = 0, **options: float):
    arrays = shift + scale * draw.array(*shape), draw.array(shape[1]), draw.array(shape[1]), draw.array(*shape)
    return case(category, *arrays, **options)


@exercise(
    LESSON,
    parts=GRADIENTS,
    companions=("batchnorm_forward",),
    examples=[
        _example(([[2.5], [-2.5]], [-6], [9]), [[1], [5]], [3], [1], [[9], [0]], eps=5.0),
    ],
    requires=_is_pass,
    answer_signature="(dout, cache)",
    shown=_backward_shown("batchnorm"),
    wrapping=WRAPPING_BACKWARD.format(name="batchnorm_backward", forward="batchnorm_forward", axes=0),
)
def batchnorm_backward(x, gamma, beta, dout, eps=1e-5):
    return _torch_gradients(x, gamma, beta, dout, eps)


batchnorm_backward.protocol(batch_norm_backward_pass, beside=True, outcome=_from_the_cache)


@batchnorm_backward.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _gradients(draw, "one feature", (draw.size(3, 5), 1))
    yield _gradients(draw, "batch of two", (2, 3), eps=0.5)
    yield _gradients(draw, "other eps", (4, 3), eps=draw.choice([0.1, 0.3, 1.0]))
    yield _gradients(draw, "small variance", (draw.size(4, 6), 2), scale=0.004)
    yield _gradients(draw, "large mean with small variance", (5, 2), scale=NEAR, shift=FAR)
    yield _gradients(draw, "as many examples as features", (4, 4))
    x, gamma, beta, dout = _gradients(draw, "", (5, 3)).args
    yield case("gamma one and beta zero", x, np.ones(3), np.zeros(3), dout)
    yield case("gradient from above that is one everywhere", x, gamma, beta, np.ones((5, 3)))
    yield case("single precision (float32)", *(a.astype(np.float32) for a in (x, gamma, beta, dout)))
    for _ in draw.repeats(4):
        shape = draw.size(3, 7), draw.size(2, 5)
        yield _gradients(draw, "random", shape, eps=draw.choice([1e-5, 1e-3, 0.2]))


@batchnorm_backward.mistake(
    "You treat the batch's mean and variance as constants. Both are computed from x, so a change of one example "
    "reaches every output of its feature: dx has two more terms, one through the mean and one through the variance."
)
def statistics_treated_as_constants(right, x, gamma, beta, dout, eps=1e-5):
    return gamma * dout / np.sqrt(x.var(axis=0) + eps), *right(x, gamma, beta, dout, eps)[1:]


@batchnorm_backward.mistake(
    "The path through the mean is missing in dx. Raising one x also raises the mean, which lowers every normalized "
    "value."
)
def path_through_the_mean_forgotten(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    return gamma / std * (dout - normalized * dgamma / len(x)), dgamma, dbeta


@batchnorm_backward.mistake(
    "The path through the variance is missing in dx. Moving one x also changes the spread that all examples are "
    "divided by."
)
def path_through_the_variance_forgotten(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return gamma / np.sqrt(x.var(axis=0) + eps) * (dout - dbeta / len(x)), dgamma, dbeta


@batchnorm_backward.mistake(
    "Your sums over the batch in dx are not divided by N. Each example has a share of 1/N in the mean and in the "
    "variance."
)
def sums_in_dx_not_divided_by_n(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    return gamma / std * (dout - dbeta - normalized * dgamma), dgamma, dbeta


@batchnorm_backward.mistake(
    "Your dx is N times too large. In the form with N·g − sum − x̂·sum, the whole bracket is divided by N."
)
def dx_n_times_too_large(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return len(x) * dx, dgamma, dbeta


@batchnorm_backward.mistake(
    "The variance in your backward pass is divided by N − 1. The forward pass normalizes by the biased one, divided by "
    "N, and the backward pass differentiates that very formula."
)
def variance_divided_by_n_minus_one(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    return gamma / std * (dout - dbeta / len(x) - normalized * dgamma / (len(x) - 1)), dgamma, dbeta


@batchnorm_backward.mistake(
    "The path through the variance has half its weight. The variance is a mean of squares, and the derivative of a "
    "square has a factor of two."
)
def factor_two_of_the_square_forgotten(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    return gamma / std * (dout - dbeta / len(x) - normalized * dgamma / len(x) / 2), dgamma, dbeta


@batchnorm_backward.mistake(
    "The path through the variance has twice its weight. The derivative of a square root has a factor of one half."
)
def factor_half_of_the_root_forgotten(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    return gamma / std * (dout - dbeta / len(x) - normalized * dgamma / len(x) * 2), dgamma, dbeta


@batchnorm_backward.mistake(
    "gamma is missing in dx. The gradient passes the scaling by gamma on its way down, so it is multiplied by gamma "
    "first."
)
def gamma_forgotten_in_dx(right, x, gamma, beta, dout, eps=1e-5):
    return right(x, np.ones(gamma.shape), beta, dout, eps)[0], *right(x, gamma, beta, dout, eps)[1:]


@batchnorm_backward.mistake(
    "dx is not divided by the standard deviation. Dividing by it on the way up means dividing by it on the way down."
)
def standard_deviation_forgotten_in_dx(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return dx * np.sqrt(x.var(axis=0) + eps), dgamma, dbeta


@batchnorm_backward.mistake("dx is divided by the variance plus eps, where the standard deviation (its root) belongs.")
def dx_divided_by_the_variance(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return dx / np.sqrt(x.var(axis=0) + eps), dgamma, dbeta


@batchnorm_backward.mistake(
    "eps is missing in your backward pass: you divide by the root of the variance alone. Use the same root as the "
    "forward pass, best taken from the cache."
)
def eps_forgotten_in_the_backward_pass(right, x, gamma, beta, dout, eps=1e-5):
    std = np.sqrt(x.var(axis=0))
    normalized = (x - x.mean(axis=0)) / std
    dbeta, dgamma = dout.sum(axis=0), (dout * normalized).sum(axis=0)
    return gamma / std * (dout - dbeta / len(x) - normalized * dgamma / len(x)), dgamma, dbeta


@batchnorm_backward.mistake(
    "Your dgamma is a mean over the batch. Every example uses the same gamma, and shares of a gradient add up: it is a "
    "sum. The 1/N of a mean loss is in dout already."
)
def dgamma_averaged(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return dx, dgamma / len(x), dbeta


@batchnorm_backward.mistake(
    "Your dbeta is a mean over the batch. Every example uses the same beta, and shares of a gradient add up: it is a "
    "sum. The 1/N of a mean loss is in dout already."
)
def dbeta_averaged(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return dx, dgamma, dbeta / len(x)


@batchnorm_backward.mistake(
    "dgamma is computed with x itself. gamma multiplies the normalized values, so its gradient holds those."
)
def dgamma_with_the_raw_input(right, x, gamma, beta, dout, eps=1e-5):
    dx, _, dbeta = right(x, gamma, beta, dout, eps)
    return dx, (dout * x).sum(axis=0), dbeta


@batchnorm_backward.mistake(
    "dgamma is computed with x minus its mean, not yet divided by the standard deviation. gamma multiplies the "
    "normalized values, so its gradient holds those."
)
def dgamma_with_the_centred_input(right, x, gamma, beta, dout, eps=1e-5):
    dx, _, dbeta = right(x, gamma, beta, dout, eps)
    return dx, (dout * (x - x.mean(axis=0))).sum(axis=0), dbeta


@batchnorm_backward.mistake(
    "gamma is a factor too many in dgamma. It takes the gradient that arrives at the output, dout, not the one that "
    "has passed gamma."
)
def dgamma_times_gamma(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return dx, gamma * dgamma, dbeta


@batchnorm_backward.mistake(
    "dgamma and dbeta have a row for every example. The same gamma and beta serve the whole batch, so their gradients "
    "are summed over it."
)
def dgamma_and_dbeta_not_summed(right, x, gamma, beta, dout, eps=1e-5):
    normalized = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)
    return right(x, gamma, beta, dout, eps)[0], dout * normalized, dout * np.ones(x.shape)


@batchnorm_backward.mistake(
    "dgamma and dbeta are summed along the rows, over the features. Each feature has its own gamma: the sums run over "
    "the examples, axis 0."
)
def dgamma_and_dbeta_summed_along_the_rows(right, x, gamma, beta, dout, eps=1e-5):
    normalized = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)
    return right(x, gamma, beta, dout, eps)[0], (dout * normalized).sum(axis=1), dout.sum(axis=1)


@batchnorm_backward.mistake("dgamma and dbeta are exchanged: the order is dx, dgamma, dbeta.")
def dgamma_and_dbeta_exchanged(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return dx, dbeta, dgamma


@batchnorm_backward.mistake(
    "These are the gradients of another batch, the one that went forward last. A network runs many forward passes "
    "before a backward one: whatever the backward pass needs must come from its argument cache, not from a global "
    "variable."
)
def cache_of_the_latest_batch(right, x, gamma, beta, dout, eps=1e-5):
    return right(np.flip(x) ** 2, gamma, beta, dout, eps)


@batchnorm_backward.mistake(
    "The path through the mean has the wrong sign in dx. The mean is subtracted from every x, so what comes back "
    "through it is subtracted too."
)
def sign_of_the_path_through_the_mean(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    return gamma / std * (dout + dbeta / len(x) - normalized * dgamma / len(x)), dgamma, dbeta


@batchnorm_backward.mistake(
    "The path through the variance has the wrong sign in dx. A larger variance makes the normalized values smaller: "
    "the derivative of 1/s is −1/s²."
)
def sign_of_the_path_through_the_variance(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    return gamma / std * (dout - dbeta / len(x) + normalized * dgamma / len(x)), dgamma, dbeta


@batchnorm_backward.mistake(
    "The path through the mean is not divided by N in dx. The mean is a sum divided by N, so each example gets 1/N of "
    "what comes back through it."
)
def path_through_the_mean_not_divided_by_n(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    return gamma / std * (dout - dbeta - normalized * dgamma / len(x)), dgamma, dbeta


@batchnorm_backward.mistake(
    "The path through the variance is not divided by N in dx. The variance is a mean of squares, so each example gets "
    "1/N of what comes back through it."
)
def path_through_the_variance_not_divided_by_n(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    return gamma / std * (dout - dbeta / len(x) - normalized * dgamma), dgamma, dbeta


@batchnorm_backward.mistake(
    "The path through the variance holds x minus its mean, where the normalized value belongs: it still has to be "
    "divided by the standard deviation."
)
def path_through_the_variance_not_normalized(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    return gamma / std * (dout - dbeta / len(x) - std * normalized * dgamma / len(x)), dgamma, dbeta


@batchnorm_backward.mistake(
    "You take the power −3/2 of the standard deviation. The formula with −½(σ² + ε) to the power −3/2 is about the "
    "variance; written with its root s it is −½ s to the power −3."
)
def power_of_the_deviation_for_that_of_the_variance(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    normalized = (x - x.mean(axis=0)) / std
    stretch = normalized * dgamma / len(x) * std**1.5
    return gamma / std * (dout - dbeta / len(x) - stretch), dgamma, dbeta


@exercise(
    LESSON,
    parts=HISTORY,
    examples=[
        _example(
            (
                [[[[[-1, 3]], [[-4, 4]]]]], [[[[4, 1]], [[3, 0]]]], [[1.5, 2], [1.5, 2]], [[11, 11], [11, 11]],
            ),
            [[[[[1, 5]], [[0, 4]]]]], [[[[5.5, 1.5]], [[4, 2]]]], [3, 6], [1, 0], [1, 2], [12, 12],
            momentum=0.25, eps=5.0,
        )
    ],
    requires=_is_run,
    in_place=("running_mean", "running_var"),
    answer_signature=FORWARD,
    shown="spatial_batchnorm_forward(x, …, True, …) for each x in batches, then (new, …, False, …)",
    wrapping=WRAPPING_FORWARD.format(name="spatial_batchnorm_forward"),
)  # fmt: skip
def spatial_batchnorm_forward(batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return _torch_history(batches, new, gamma, beta, running_mean, running_var, momentum, eps)


spatial_batchnorm_forward.protocol(batch_norm_passes, beside=True, outcome=_history)


@spatial_batchnorm_forward.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _run(draw, "one channel", (3, 1, 2, 2), evaluated=2, eps=0.1)
    yield _run(draw, "batch of two", (2, 3, 2, 4))
    yield _run(draw, "batch of one image", (1, 2, 3, 2), evaluated=1, eps=0.01)
    yield _run(draw, "image of one pixel", (4, 2, 1, 1), eps=0.1)
    yield _run(draw, "several batches in a row", (2, 3, 4, 2), steps=draw.size(3, 4))
    yield _run(draw, "images wider than tall", (2, 2, 3, draw.size(4, 5)))
    yield _run(draw, "images taller than wide", (2, 2, draw.size(3, 4), 2), eps=0.1)
    yield _run(draw, "as many channels as columns", (2, 3, 4, 3), steps=2)
    yield _run(draw, "other momentum", (3, 2, 2, 3), steps=2, momentum=draw.choice([0.01, 0.3, 0.9]))
    yield _run(draw, "other eps", (2, 3, 3, 2), eps=draw.choice([1e-3, 0.1, 0.5]))
    yield _run(draw, "small variance", (2, 2, draw.size(2, 3), 3), scale=0.004)
    yield _run(draw, "large mean with small variance", (2, 2, 3, 2), scale=NEAR, shift=FAR)
    yield _with_a_constant_channel(_run(draw, "channel that is constant in the batch", (2, 2, 2, 3), steps=2))
    yield _neutral(_run(draw, "gamma one and beta zero", (3, 2, 2, 3), eps=0.1))
    yield _run(draw, "single precision (float32)", (2, 3, 3, 2), steps=2, single=True)
    for _ in draw.repeats(3):
        shape = draw.size(2, 3), draw.int(2, 4), draw.size(2, 4), draw.size(2, 4)
        options = {"momentum": draw.choice([0.05, 0.1, 0.4]), "eps": draw.choice([1e-5, 1e-2, 0.2])}
        yield _run(draw, "random", shape, steps=draw.int(1, 2), evaluated=draw.int(2, 3), **options)


@spatial_batchnorm_forward.mistake(
    "Every position of the image has a mean and a variance of its own: you average over the batch alone. A channel is "
    "one filter at all positions, so the averages run over batch, rows and columns together."
)
def statistics_of_each_position(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    normalized = (batches - batches.mean(axis=1, keepdims=True)) / np.sqrt(batches.var(axis=1, keepdims=True) + eps)
    return gamma[:, None, None] * normalized + beta[:, None, None], out, means, variances


@spatial_batchnorm_forward.mistake(
    "Every image is normalized by itself: you average over rows and columns, which is instance norm. Batch norm "
    "averages over the images of the batch as well."
)
def statistics_of_each_image(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    std = np.sqrt(batches.var(axis=(3, 4), keepdims=True) + eps)
    normalized = (batches - batches.mean(axis=(3, 4), keepdims=True)) / std
    return gamma[:, None, None] * normalized + beta[:, None, None], out, means, variances


@spatial_batchnorm_forward.mistake(
    "All channels share one mean and one variance. Each channel has its own: the averages run over batch, rows and "
    "columns, and not over the channels."
)
def one_mean_for_all_channels(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    scale, shift = gamma[:, None, None], beta[:, None, None]
    outs = [scale * (x - x.mean()) / np.sqrt(x.var() + eps) + shift for x in batches]
    for i, x in enumerate(batches):
        running_mean = (1 - momentum) * running_mean + momentum * x.mean()
        running_var = (1 - momentum) * running_var + momentum * x.var(ddof=1)
        means[i:], variances[i:] = running_mean, running_var
    normalized = (new - means[-1][:, None, None]) / np.sqrt(variances[-1] + eps)[:, None, None]
    return np.array(outs), scale * normalized + shift, means, variances


@spatial_batchnorm_forward.mistake(
    "`x.reshape(-1, C)` cuts the memory into rows of C numbers, and in N, C, H, W neighbours in memory belong to the "
    "same channel. So your columns mix channels. Move the channels to the end before you reshape."
)
def channels_not_moved_to_the_end(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    steps, n, c, h, w = batches.shape
    rows, new_rows = batches.reshape(steps, n * h * w, c, 1, 1), new.reshape(-1, c, 1, 1)
    outs, out, means, variances = right(rows, new_rows, gamma, beta, running_mean, running_var, momentum, eps)
    return outs.reshape(batches.shape), out.reshape(new.shape), means, variances


@spatial_batchnorm_forward.mistake(
    "Your numbers are right and land in the wrong places: rows of C numbers are reshaped to N, C, H, W as they lie. "
    "Reshape to N, H, W, C first and then move the channels back to their place."
)
def channels_not_moved_back(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    outs = np.moveaxis(outs.reshape(batches.shape), 2, -1).reshape(batches.shape)
    return outs, np.moveaxis(out, 1, -1).reshape(new.shape), means, variances


@spatial_batchnorm_forward.mistake(
    "gamma and beta go along the columns: NumPy lines up the last axes of `gamma * x`. They belong to the channels, "
    "the second axis, and need shape (C, 1, 1) to stand there."
)
def gamma_beta_along_the_columns(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    one, zero = np.ones(gamma.shape), np.zeros(beta.shape)
    outs, out, means, variances = right(batches, new, one, zero, running_mean, running_var, momentum, eps)
    return gamma * outs + beta, gamma * out + beta, means, variances


@spatial_batchnorm_forward.mistake(
    "Mean, deviation, gamma and beta all go along the columns: NumPy lines up the last axes of `x - mean`. They belong "
    "to the channels, the second axis, and need shape (C, 1, 1) to stand there."
)
def statistics_along_the_columns(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    outs = [gamma * (x - x.mean(axis=(0, 2, 3))) / np.sqrt(x.var(axis=(0, 2, 3)) + eps) + beta for x in batches]
    out = gamma * (new - means[-1]) / np.sqrt(variances[-1] + eps) + beta
    return np.array(outs), out, means, variances


@spatial_batchnorm_forward.mistake(
    "Your unbiased variance counts the images: N / (N − 1). A channel has N·H·W values in the batch, and that is the "
    "number to correct by."
)
def unbiased_by_number_of_images(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    for i, x in enumerate(batches):
        running_var = (1 - momentum) * running_var + momentum * x.var(axis=(0, 2, 3)) * len(x) / (len(x) - 1)
        variances[i:] = running_var
    normalized = (new - means[-1][:, None, None]) / np.sqrt(variances[-1] + eps)[:, None, None]
    return outs, gamma[:, None, None] * normalized + beta[:, None, None], means, variances


@spatial_batchnorm_forward.mistake(
    "You collect the biased variance in running_var. The running variance estimates that of all data, so PyTorch "
    "collects the unbiased one, divided by N·H·W − 1; the batch itself is normalized by the biased one."
)
def biased_variance_in_running_var(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    for i, x in enumerate(batches):
        running_var = (1 - momentum) * running_var + momentum * x.var(axis=(0, 2, 3))
        variances[i:] = running_var
    normalized = (new - means[-1][:, None, None]) / np.sqrt(variances[-1] + eps)[:, None, None]
    return outs, gamma[:, None, None] * normalized + beta[:, None, None], means, variances


@spatial_batchnorm_forward.mistake(
    "You normalize the batch by the unbiased variance. Within the batch it is the mean of the squared distances, "
    "divided by N·H·W; only running_var collects the unbiased one."
)
def divided_by_unbiased_variance(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    std = np.sqrt(batches.var(axis=(1, 3, 4), ddof=1, keepdims=True) + eps)
    normalized = (batches - batches.mean(axis=(1, 3, 4), keepdims=True)) / std
    return gamma[:, None, None] * normalized + beta[:, None, None], out, means, variances


@spatial_batchnorm_forward.mistake(
    "In evaluation your layer still normalizes by the statistics of the images at hand. There it must use running_mean "
    "and running_var, so that the output for an image does not depend on the company it comes in."
)
def batch_statistics_at_evaluation(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    std = np.sqrt(new.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (new - new.mean(axis=(0, 2, 3), keepdims=True)) / std
    return outs, gamma[:, None, None] * normalized + beta[:, None, None], means, variances


@spatial_batchnorm_forward.mistake(
    "In training your layer normalizes by the running statistics. While it trains it must use the mean and the "
    "variance of the batch itself; the running ones are only collected, for later."
)
def running_statistics_in_training(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    mean, std = means[:-1, None, :, None, None], np.sqrt(variances[:-1, None, :, None, None] + eps)
    return gamma[:, None, None] * (batches - mean) / std + beta[:, None, None], out, means, variances


@spatial_batchnorm_forward.mistake(
    "Momentum is the wrong way round: you keep the share `momentum` of the old value. PyTorch's momentum is the share "
    "of the new batch, and 1 − momentum of the old value stays."
)
def momentum_the_wrong_way_round(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, beta, running_mean, running_var, 1 - momentum, eps)


@spatial_batchnorm_forward.mistake(
    "Your running statistics are those of the last batch alone. They are a moving average: each batch pulls them a "
    "part of the way, the share `momentum`, towards its own mean and variance."
)
def only_the_last_batch_is_kept(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, beta, running_mean, running_var, 1.0, eps)


@spatial_batchnorm_forward.mistake(
    "The caller's running_mean and running_var are what they were before the call. Either your function gives the "
    "names to new arrays, or it passes copies on. Write into the arrays that came: `running_mean[...] = …`, or `*=` "
    "and `+=`."
)
def statistics_not_kept_in_place(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, beta, running_mean, running_var, 0.0, eps)


@spatial_batchnorm_forward.mistake(
    "Your running statistics also change in evaluation. There they are only read: evaluating must leave the layer as "
    "it was, however often it is done."
)
def evaluation_changes_statistics(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    means[-1] = (1 - momentum) * means[-1] + momentum * new.mean(axis=(0, 2, 3))
    variances[-1] = (1 - momentum) * variances[-1] + momentum * new.var(axis=(0, 2, 3), ddof=1)
    normalized = (new - means[-1][:, None, None]) / np.sqrt(variances[-1] + eps)[:, None, None]
    return outs, gamma[:, None, None] * normalized + beta[:, None, None], means, variances


@spatial_batchnorm_forward.mistake(
    "eps stands outside the root: you divide by √σ² + ε. The definition has it inside, √(σ² + ε)."
)
def eps_outside_the_root(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    _, _, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    scale, shift = gamma[:, None, None], beta[:, None, None]
    std = np.sqrt(batches.var(axis=(1, 3, 4), keepdims=True)) + eps
    outs = scale * (batches - batches.mean(axis=(1, 3, 4), keepdims=True)) / std + shift
    out = scale * (new - means[-1][:, None, None]) / (np.sqrt(variances[-1]) + eps)[:, None, None] + shift
    return outs, out, means, variances


@spatial_batchnorm_forward.mistake(
    "gamma has no effect: your values are normalized and shifted by beta, but not scaled. Each channel is multiplied "
    "by its own gamma."
)
def gamma_forgotten(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, np.ones(gamma.shape), beta, running_mean, running_var, momentum, eps)


@spatial_batchnorm_forward.mistake(
    "beta has no effect: your values are normalized and scaled by gamma, but not shifted. Each channel gets its own "
    "beta added."
)
def beta_forgotten(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, np.zeros(beta.shape), running_mean, running_var, momentum, eps)


@spatial_batchnorm_forward.mistake(
    "For an integer input your out holds integers only: everything after the point is lost. np.zeros_like(x) and "
    "np.empty_like(x) take over the input's type; np.zeros(x.shape) holds floats."
)
def out_in_whole_numbers(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    outs, out, means, variances = right(batches, new, gamma, beta, running_mean, running_var, momentum, eps)
    if batches.dtype.kind == "i":
        outs = np.trunc(np.round(outs, 9))
    if new.dtype.kind == "i":
        out = np.trunc(np.round(out, 9))
    return outs, out, means, variances


@spatial_batchnorm_forward.mistake(
    "momentum and eps have no effect: your layer works with 0.1 and 1e-5 whatever it is given. If it calls your "
    "batchnorm_forward, it must hand them on."
)
def momentum_and_eps_not_handed_on(right, batches, new, gamma, beta, running_mean, running_var, momentum=0.1, eps=1e-5):
    return right(batches, new, gamma, beta, running_mean, running_var, 0.1, 1e-5)


@exercise(
    LESSON,
    parts=GRADIENTS,
    companions=("spatial_batchnorm_forward",),
    examples=[
        _example(
            ([[[[2.5, -2.5]], [[-5, 5]]]], [-6, 6], [9, 9]),
            [[[[1, 5]], [[0, 4]]]], [3, 6], [1, 0], [[[[9, 0]], [[0, 9]]]], eps=5.0,
        ),
    ],
    requires=_is_pass,
    answer_signature="(dout, cache)",
    shown=_backward_shown("spatial_batchnorm"),
    wrapping=WRAPPING_BACKWARD.format(
        name="spatial_batchnorm_backward", forward="spatial_batchnorm_forward", axes="(0, 2, 3)"
    ),
)  # fmt: skip
def spatial_batchnorm_backward(x, gamma, beta, dout, eps=1e-5):
    return _torch_gradients(x, gamma, beta, dout, eps)


spatial_batchnorm_backward.protocol(batch_norm_backward_pass, beside=True, outcome=_from_the_cache)


@spatial_batchnorm_backward.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _gradients(draw, "one channel", (2, 1, 2, 2))
    yield _gradients(draw, "batch of two", (2, 3, 2, 3), eps=0.5)
    yield _gradients(draw, "batch of one image", (1, 2, 3, 2))
    yield _gradients(draw, "image of one pixel", (4, 2, 1, 1), eps=0.1)
    yield _gradients(draw, "images wider than tall", (3, 2, 2, draw.size(3, 4)), eps=0.1)
    yield _gradients(draw, "images taller than wide", (2, 3, draw.size(3, 4), 2), eps=0.1)
    yield _gradients(draw, "as many channels as columns", (2, 3, 2, 3))
    yield _gradients(draw, "small variance", (2, 2, draw.size(2, 3), 3), scale=0.004)
    yield _gradients(draw, "large mean with small variance", (2, 2, 3, 2), scale=NEAR, shift=FAR)
    x, gamma, beta, dout = _gradients(draw, "", (3, 2, 2, 3)).args
    yield case("gamma one and beta zero", x, np.ones(2), np.zeros(2), dout)
    yield case("gradient from above that is one everywhere", x, gamma, beta, np.ones((3, 2, 2, 3)))
    yield case("single precision (float32)", *(a.astype(np.float32) for a in (x, gamma, beta, dout)))
    for _ in draw.repeats(4):
        shape = draw.size(2, 3), draw.int(2, 4), draw.size(2, 4), draw.size(2, 4)
        yield _gradients(draw, "random", shape, eps=draw.choice([1e-5, 1e-3, 0.2]))


@spatial_batchnorm_backward.mistake(
    "You treat mean and variance as constants. Both are computed from x, so a change of one pixel reaches every output "
    "of its channel: dx has two more terms, one through the mean and one through the variance."
)
def statistics_treated_as_constants(right, x, gamma, beta, dout, eps=1e-5):
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    return gamma[:, None, None] * dout / std, *right(x, gamma, beta, dout, eps)[1:]


@spatial_batchnorm_backward.mistake(
    "The path through the mean is missing in dx. Raising one pixel also raises the mean of its channel, which lowers "
    "every normalized value."
)
def path_through_the_mean_forgotten(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    through_variance = normalized * (dout * normalized).mean(axis=(0, 2, 3), keepdims=True)
    return gamma[:, None, None] / std * (dout - through_variance), dgamma, dbeta


@spatial_batchnorm_backward.mistake(
    "The path through the variance is missing in dx. Moving one pixel also changes the spread that the whole channel "
    "is divided by."
)
def path_through_the_variance_forgotten(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    return gamma[:, None, None] / std * (dout - dout.mean(axis=(0, 2, 3), keepdims=True)), dgamma, dbeta


@spatial_batchnorm_backward.mistake(
    "Your sums in dx are divided by the number of images. A channel has N·H·W values in the batch, and each has that "
    "share in the mean and the variance."
)
def sums_in_dx_divided_by_the_images(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    through_mean, through_variance = dbeta[:, None, None] / len(x), normalized * dgamma[:, None, None] / len(x)
    return gamma[:, None, None] / std * (dout - through_mean - through_variance), dgamma, dbeta


@spatial_batchnorm_backward.mistake(
    "The variance in your backward pass is divided by N·H·W − 1. The forward pass normalizes by the biased one, "
    "divided by N·H·W, and the backward pass differentiates that very formula."
)
def variance_divided_by_one_less(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    count = x.size / x.shape[1]
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    through_mean, through_variance = dbeta[:, None, None] / count, normalized * dgamma[:, None, None] / (count - 1)
    return gamma[:, None, None] / std * (dout - through_mean - through_variance), dgamma, dbeta


@spatial_batchnorm_backward.mistake(
    "The sums in your dx run over each image by itself. The statistics were taken over the whole batch, so the "
    "gradient flows back through sums over the whole batch."
)
def sums_in_dx_over_each_image(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    through_mean = dout.mean(axis=(2, 3), keepdims=True)
    through_variance = normalized * (dout * normalized).mean(axis=(2, 3), keepdims=True)
    return gamma[:, None, None] / std * (dout - through_mean - through_variance), dgamma, dbeta


@spatial_batchnorm_backward.mistake(
    "The sums in your dx run over the batch alone, position by position. The statistics of a channel were taken over "
    "all its positions as well."
)
def sums_in_dx_over_the_batch_alone(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    through_variance = normalized * (dout * normalized).mean(axis=0)
    return gamma[:, None, None] / std * (dout - dout.mean(axis=0) - through_variance), dgamma, dbeta


@spatial_batchnorm_backward.mistake(
    "`dout.reshape(-1, C)` cuts the memory into rows of C numbers, and in N, C, H, W neighbours in memory belong to "
    "the same channel. Move the channels to the end before you reshape, as in the forward pass."
)
def dout_reshaped_without_moving_the_channels(right, x, gamma, beta, dout, eps=1e-5):
    n, c, h, w = x.shape
    mixed = dout.reshape(n, h, w, c).transpose(0, 3, 1, 2)
    dx, dgamma, dbeta = right(x, gamma, beta, mixed, eps)
    return dx.transpose(0, 2, 3, 1).reshape(x.shape), dgamma, dbeta


@spatial_batchnorm_backward.mistake(
    "The numbers of your dx are right and land in the wrong places: rows of C numbers are reshaped to N, C, H, W as "
    "they lie. Reshape to N, H, W, C first and then move the channels back to their place."
)
def dx_reshaped_without_moving_the_channels(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return dx.transpose(0, 2, 3, 1).reshape(x.shape), dgamma, dbeta


@spatial_batchnorm_backward.mistake(
    "gamma is missing in dx. The gradient passes the scaling by gamma on its way down, so it is multiplied by gamma "
    "first."
)
def gamma_forgotten_in_dx(right, x, gamma, beta, dout, eps=1e-5):
    return right(x, np.ones(gamma.shape), beta, dout, eps)[0], *right(x, gamma, beta, dout, eps)[1:]


@spatial_batchnorm_backward.mistake(
    "In dx, gamma goes along the columns: NumPy lines up the last axes of `dout * gamma`. It belongs to the channels, "
    "the second axis, and needs shape (C, 1, 1) to stand there."
)
def gamma_along_the_columns_in_dx(right, x, gamma, beta, dout, eps=1e-5):
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    g = dout * gamma
    through_variance = normalized * (g * normalized).mean(axis=(0, 2, 3), keepdims=True)
    dx = (g - g.mean(axis=(0, 2, 3), keepdims=True) - through_variance) / std
    return dx, *right(x, gamma, beta, dout, eps)[1:]


@spatial_batchnorm_backward.mistake(
    "dgamma and dbeta are summed over the batch alone, so they still have rows and columns. One gamma serves all "
    "positions of its channel: sum over them too."
)
def dgamma_and_dbeta_for_each_position(right, x, gamma, beta, dout, eps=1e-5):
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    return right(x, gamma, beta, dout, eps)[0], (dout * normalized).sum(axis=0), dout.sum(axis=0)


@spatial_batchnorm_backward.mistake(
    "dgamma and dbeta have a row for every image. The same gamma serves the whole batch: sum over the images as well."
)
def dgamma_and_dbeta_for_each_image(right, x, gamma, beta, dout, eps=1e-5):
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    return right(x, gamma, beta, dout, eps)[0], (dout * normalized).sum(axis=(2, 3)), dout.sum(axis=(2, 3))


@spatial_batchnorm_backward.mistake(
    "Your dgamma and dbeta are means over batch, rows and columns. Every value uses the same gamma and beta, and "
    "shares of a gradient add up: they are sums."
)
def dgamma_and_dbeta_averaged(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    count = x.size / x.shape[1]
    return dx, dgamma / count, dbeta / count


@spatial_batchnorm_backward.mistake(
    "dgamma is computed with x itself. gamma multiplies the normalized values, so its gradient holds those."
)
def dgamma_with_the_raw_input(right, x, gamma, beta, dout, eps=1e-5):
    dx, _, dbeta = right(x, gamma, beta, dout, eps)
    return dx, (dout * x).sum(axis=(0, 2, 3)), dbeta


@spatial_batchnorm_backward.mistake(
    "gamma is a factor too many in dgamma. It takes the gradient that arrives at the output, dout, not the one that "
    "has passed gamma."
)
def dgamma_times_gamma(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return dx, gamma * dgamma, dbeta


@spatial_batchnorm_backward.mistake("dgamma and dbeta are exchanged: the order is dx, dgamma, dbeta.")
def dgamma_and_dbeta_exchanged(right, x, gamma, beta, dout, eps=1e-5):
    dx, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    return dx, dbeta, dgamma


@spatial_batchnorm_backward.mistake(
    "These are the gradients of another batch, the one that went forward last. Whatever the backward pass needs must "
    "come from its argument cache, not from a global variable."
)
def cache_of_the_latest_batch(right, x, gamma, beta, dout, eps=1e-5):
    return right(np.flip(x) ** 2, gamma, beta, dout, eps)


@spatial_batchnorm_backward.mistake(
    "The path through the mean has the wrong sign in dx. The mean is subtracted from every pixel, so what comes back "
    "through it is subtracted too."
)
def sign_of_the_path_through_the_mean(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    through_mean = dout.mean(axis=(0, 2, 3), keepdims=True)
    through_variance = normalized * (dout * normalized).mean(axis=(0, 2, 3), keepdims=True)
    return gamma[:, None, None] / std * (dout + through_mean - through_variance), dgamma, dbeta


@spatial_batchnorm_backward.mistake(
    "The path through the variance has the wrong sign in dx. A larger variance makes the normalized values smaller: "
    "the derivative of 1/s is −1/s²."
)
def sign_of_the_path_through_the_variance(right, x, gamma, beta, dout, eps=1e-5):
    _, dgamma, dbeta = right(x, gamma, beta, dout, eps)
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    normalized = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    through_mean = dout.mean(axis=(0, 2, 3), keepdims=True)
    through_variance = normalized * (dout * normalized).mean(axis=(0, 2, 3), keepdims=True)
    return gamma[:, None, None] / std * (dout - through_mean + through_variance), dgamma, dbeta


def _is_layer(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    sizes = {len(a) for a in (w, b, gamma, beta, running_mean, running_var)}
    return len(sizes) == 1 and running_var.min() >= 0 and eps > 0


@exercise(
    LESSON,
    parts=("w", "b"),
    examples=[
        _example(
            ([[[[2]]], [[[1.5]]]], [-0.5, 1.5]),
            [[[[2]]], [[[3]]]], [1, 0], [3, 2], [0.5, 1], [2, -1], [4, 11], eps=5.0,
        ),
    ],
    requires=_is_layer,
)  # fmt: skip
def fold_batchnorm(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    from torch.nn.utils.fusion import fuse_conv_bn_weights

    weight, bias, mean, variance, scale, shift = map(_tensor, (w, b, running_mean, running_var, gamma, beta))
    folded = fuse_conv_bn_weights(weight, bias, mean, variance, eps, scale, shift)
    return tuple(parameter.detach().numpy() for parameter in folded)


def _layer(draw: Draw, category: str, shape: tuple[int, ...], single: bool = False, **options: float) -> Case:
    """A convolution of this shape (filters, channels, height, width), and the batch norm behind it."""
    b, gamma, beta, mean, variance = (draw.array(shape[0]) for _ in range(5))
    arrays = draw.array(*shape), b, gamma, beta, mean, np.abs(variance) + 0.25
    return case(category, *(a.astype(np.float32) if single else a for a in arrays), **options)


@fold_batchnorm.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _layer(draw, "one filter", (1, 2, 2, 2))
    yield _layer(draw, "one channel", (3, 1, 2, 2))
    yield _layer(draw, "1 × 1 kernel", (3, 4, 1, 1))
    yield _layer(draw, "as many filters as channels", (3, 3, 2, 2))
    yield _layer(draw, "as many filters as kernel columns", (3, 2, 3, 3))
    yield _layer(draw, "kernel taller than wide", (2, 3, draw.size(3, 4), 2))
    yield _layer(draw, "kernel wider than tall", (3, 2, 1, draw.size(3, 4)))
    yield _layer(draw, "other eps", (2, 3, 2, 2), eps=draw.choice([1e-3, 0.1, 0.5]))
    w, b, gamma, beta, mean, variance = _layer(draw, "", (3, 2, 2, 2)).args
    yield case("small variance", w, b, gamma, beta, mean, variance * 1e-4)
    yield case("gamma one and beta zero", w, b, np.ones(3), np.zeros(3), mean, variance)
    yield case("convolution without bias (zeros)", w, np.zeros(3), gamma, beta, mean, variance)
    yield _layer(draw, "single precision (float32)", (2, 3, 2, 2), single=True)
    for _ in draw.repeats(4):
        shape = draw.size(2, 5), draw.size(1, 4), draw.int(1, 3), draw.int(1, 3)
        yield _layer(draw, "random", shape, eps=draw.choice([1e-5, 1e-2, 0.2]))


@fold_batchnorm.mistake(
    "The old bias is gone. Batch norm sees the convolution's output with its bias, so the old b is shifted and scaled "
    "like everything else that comes out."
)
def old_bias_forgotten(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    return right(w, np.zeros(b.shape), gamma, beta, running_mean, running_var, eps)


@fold_batchnorm.mistake(
    "The old bias is added as it is. It goes through the batch norm as the weights do, so it is scaled too."
)
def old_bias_not_scaled(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    folded, rest = right(w, np.zeros(b.shape), gamma, beta, running_mean, running_var, eps)
    return folded, rest + b


@fold_batchnorm.mistake(
    "The weights are folded and the bias is returned as it came. Batch norm also shifts: its mean and beta move into "
    "the bias."
)
def bias_left_as_it_was(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    return right(w, b, gamma, beta, running_mean, running_var, eps)[0], b


@fold_batchnorm.mistake(
    "The bias is folded and the weights are returned as they came. What batch norm multiplies the output by must "
    "multiply the weights."
)
def weights_left_as_they_were(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    return w, right(w, b, gamma, beta, running_mean, running_var, eps)[1]


@fold_batchnorm.mistake(
    "You divide by the variance, not by its root. In evaluation batch norm divides by √(running_var + ε)."
)
def divided_by_the_variance(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma / (running_var + eps)
    return w * scale[:, None, None, None], (b - running_mean) * scale + beta


@fold_batchnorm.mistake("You multiply by the standard deviation where batch norm divides by it.")
def multiplied_by_the_standard_deviation(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma * np.sqrt(running_var + eps)
    return w * scale[:, None, None, None], (b - running_mean) * scale + beta


@fold_batchnorm.mistake(
    "gamma is missing: you divide by the standard deviation only. Batch norm also multiplies by gamma."
)
def gamma_forgotten(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    return right(w, b, np.ones(gamma.shape), beta, running_mean, running_var, eps)


@fold_batchnorm.mistake(
    "gamma is missing in the bias: you scale the weights by gamma, and b − running_mean only by the standard deviation."
)
def gamma_forgotten_in_the_bias(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    folded, _ = right(w, b, gamma, beta, running_mean, running_var, eps)
    return folded, right(w, b, np.ones(gamma.shape), beta, running_mean, running_var, eps)[1]


@fold_batchnorm.mistake("beta is missing in the bias. It is what batch norm adds at the very end.")
def beta_forgotten(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    return right(w, b, gamma, np.zeros(beta.shape), running_mean, running_var, eps)


@fold_batchnorm.mistake(
    "beta is scaled with the rest. It is added after the scaling, so it enters the new bias as it is."
)
def beta_scaled_too(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    return right(w, b + beta, gamma, np.zeros(beta.shape), running_mean, running_var, eps)


@fold_batchnorm.mistake(
    "running_mean is missing in the bias. Batch norm subtracts it from the output before it scales."
)
def mean_forgotten(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    return right(w, b, gamma, beta, np.zeros(running_mean.shape), running_var, eps)


@fold_batchnorm.mistake(
    "running_mean is subtracted after the scaling. Batch norm subtracts it first and scales the difference."
)
def mean_not_scaled(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    folded, rest = right(w, b, gamma, beta, np.zeros(running_mean.shape), running_var, eps)
    return folded, rest - running_mean


@fold_batchnorm.mistake("running_mean is added. Batch norm subtracts it.")
def mean_added(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    return right(w, b, gamma, beta, -running_mean, running_var, eps)


@fold_batchnorm.mistake(
    "Your factors go along the input channels, the second axis of w. Batch norm has a factor for each output of the "
    "convolution, so each filter, the first axis, is multiplied by its own."
)
def scaled_along_the_input_channels(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma / np.sqrt(running_var + eps)
    return w * scale[None, :, None, None], (b - running_mean) * scale + beta


@fold_batchnorm.mistake(
    "`w * scale` lines up the last axes, so your factors go along the kernel's columns. Each filter, the first axis, "
    "is multiplied by its own factor: give the factors shape (K, 1, 1, 1)."
)
def scaled_along_the_columns(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma / np.sqrt(running_var + eps)
    return w * scale, (b - running_mean) * scale + beta


@fold_batchnorm.mistake(
    "eps is missing: you divide by √running_var. The layer that you fold divides by √(running_var + ε)."
)
def eps_forgotten(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma / np.sqrt(running_var)
    return w * scale[:, None, None, None], (b - running_mean) * scale + beta


@fold_batchnorm.mistake("eps stands outside the root. The layer that you fold divides by √(running_var + ε).")
def eps_outside_the_root(right, w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma / (np.sqrt(running_var) + eps)
    return w * scale[:, None, None, None], (b - running_mean) * scale + beta


def _goes_together(x, gamma, beta, eps=1e-5):
    return gamma.shape == beta.shape == x.shape[1:] and len(x) >= 1 and eps > 0


@exercise(
    LESSON, examples=[example([[-1, 4], [1, 0]], [[1, 5], [2, 2]], [3, 6], [1, 0], eps=5.0)], requires=_goes_together
)
def layernorm_forward(x, gamma, beta, eps=1e-5):
    from torch.nn import functional

    return functional.layer_norm(_tensor(x), x.shape[1:], _tensor(gamma), _tensor(beta), eps).numpy()


def _layer_normed(
    draw: Draw, category: str, shape: tuple[int, ...], scale: float = 1, shift: float = 0, **options: float
):
    x = shift + scale * draw.array(*shape)
    return case(category, x, draw.array(*shape[1:]), draw.array(*shape[1:]), **options)


@layernorm_forward.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _layer_normed(draw, "examples that are vectors", (draw.size(2, 4), draw.size(3, 5)))
    yield _layer_normed(draw, "batch of one", (1, 4))
    yield _layer_normed(draw, "examples that are sequences (three axes)", (2, 3, 4))
    yield _layer_normed(draw, "images", (2, 3, draw.size(2, 3), 4))
    yield _layer_normed(draw, "as many images as channels, rows and columns", (3, 3, 3, 3))
    yield _layer_normed(draw, "one image", (1, 2, 3, 2))
    yield _layer_normed(draw, "small variance", (3, 5), scale=0.004)
    yield _layer_normed(draw, "large mean with small variance", (3, 6), scale=NEAR, shift=FAR)
    yield _layer_normed(draw, "other eps", (3, 4), eps=draw.choice([1e-3, 0.1, 0.5]))
    x, gamma, beta = _layer_normed(draw, "", (3, 5)).args
    yield case("gamma one and beta zero", x, np.ones(5), np.zeros(5), eps=0.01)
    yield case("example that is constant", np.where(np.arange(3)[:, None] == 1, 0.25, x), gamma, beta)
    yield case("single precision (float32)", *(a.astype(np.float32) for a in (x, gamma, beta)))
    for _ in draw.repeats(3):
        shape = [draw.size(2, 4) for _ in range(draw.int(2, 4))]
        yield _layer_normed(draw, "random", tuple(shape), eps=draw.choice([1e-5, 1e-3, 0.2]))
    yield _layer_normed(draw, "images", (2, 2, 3, draw.size(2, 4)), eps=0.1)


@layernorm_forward.mistake(
    "Your averages run over the examples of the batch, which is batch norm. Layer norm looks at one example at a time, "
    "and gives the same for it in any company."
)
def averages_over_the_batch(right, x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) + beta


@layernorm_forward.mistake(
    "The whole batch has one mean and one variance. Each example has its own: the averages run over all axes but the "
    "first."
)
def one_mean_for_the_whole_batch(right, x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean()) / np.sqrt(x.var() + eps) + beta


@layernorm_forward.mistake(
    "Your averages run along the last axis only. That is right for vectors; an image has three axes, and all of them "
    "belong to the one example that is normalized."
)
def averages_over_the_last_axis_only(right, x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + eps) + beta


@layernorm_forward.mistake(
    "Your averages run over rows and columns, channel by channel, which is instance norm. Layer norm takes one mean "
    "over everything in an example, its channels too."
)
def averages_for_each_channel(right, x, gamma, beta, eps=1e-5):
    axes = tuple(range(2, x.ndim))
    return gamma * (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + eps) + beta


@layernorm_forward.mistake(
    "Your averages run over the channels, position by position. Layer norm here takes one mean over everything in an "
    "example, its rows and columns too."
)
def averages_for_each_position(right, x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + eps) + beta


@layernorm_forward.mistake(
    "Your axes are written for images, (1, 2, 3), and fail for anything else. An example may have any number of axes: "
    "`range(1, x.ndim)` names them all."
)
def axes_of_images_only(right, x, gamma, beta, eps=1e-5):
    return (
        gamma * (x - x.mean(axis=(1, 2, 3), keepdims=True)) / np.sqrt(x.var(axis=(1, 2, 3), keepdims=True) + eps) + beta
    )


@layernorm_forward.mistake(
    "You divide by the unbiased variance. All norms of this lesson normalize by the biased one, the mean of the "
    "squared distances."
)
def unbiased_variance(right, x, gamma, beta, eps=1e-5):
    axes = tuple(range(1, x.ndim))
    std = np.sqrt(x.var(axis=axes, ddof=1, keepdims=True) + eps)
    return gamma * (x - x.mean(axis=axes, keepdims=True)) / std + beta


@layernorm_forward.mistake(
    "eps stands outside the root: you divide by √σ² + ε. The definition has it inside, √(σ² + ε)."
)
def eps_outside_the_root(right, x, gamma, beta, eps=1e-5):
    axes = tuple(range(1, x.ndim))
    std = np.sqrt(x.var(axis=axes, keepdims=True)) + eps
    return gamma * (x - x.mean(axis=axes, keepdims=True)) / std + beta


@layernorm_forward.mistake("eps is missing: you divide by √σ² alone. Where all values are equal, that is 0/0.")
def eps_forgotten(right, x, gamma, beta, eps=1e-5):
    axes = tuple(range(1, x.ndim))
    std = np.sqrt(x.var(axis=axes, keepdims=True))
    return gamma * (x - x.mean(axis=axes, keepdims=True)) / std + beta


@layernorm_forward.mistake("You divide by the variance (plus eps), not by its root.")
def root_forgotten(right, x, gamma, beta, eps=1e-5):
    axes = tuple(range(1, x.ndim))
    return gamma * (x - x.mean(axis=axes, keepdims=True)) / (x.var(axis=axes, keepdims=True) + eps) + beta


@layernorm_forward.mistake("gamma has no effect: your values are normalized and shifted by beta, but not scaled.")
def gamma_forgotten(right, x, gamma, beta, eps=1e-5):
    return right(x, np.ones(gamma.shape), beta, eps)


@layernorm_forward.mistake("beta has no effect: your values are normalized and scaled by gamma, but not shifted.")
def beta_forgotten(right, x, gamma, beta, eps=1e-5):
    return right(x, gamma, np.zeros(beta.shape), eps)


@layernorm_forward.mistake(
    "The argument eps has no effect: your layer works with 1e-5 whatever it is given. Use the argument."
)
def eps_always_the_default(right, x, gamma, beta, eps=1e-5):
    return right(x, gamma, beta, 1e-5)


@layernorm_forward.mistake(
    "Right on paper, but your variance has lost its digits: the mean of the squares minus the square of the mean is a "
    "small difference of two large numbers when the mean is large. Subtract the mean first, then square."
)
def variance_from_mean_of_squares(right, x, gamma, beta, eps=1e-5):
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axis=axes, keepdims=True)
    return gamma * (x - mean) / np.sqrt((x**2).mean(axis=axes, keepdims=True) - mean**2 + eps) + beta


@layernorm_forward.mistake(
    "Your means have shape (N,), and `x - mean` lines them up with the last axis of x: it fails, or takes example i's "
    "mean from column i. With keepdims=True they stay beside their examples."
)
def means_along_the_last_axis(right, x, gamma, beta, eps=1e-5):
    axes = tuple(range(1, x.ndim))
    return gamma * (x - x.mean(axis=axes)) / np.sqrt(x.var(axis=axes) + eps) + beta


def _has_channels(x, gamma, beta, eps=1e-5):
    return x.ndim == 4 and gamma.shape == beta.shape == x.shape[1:2] and x[0, 0].size >= 2 and eps > 0


def _normed_images(
    draw: Draw,
    category: str,
    shape: tuple[int, ...],
    groups: int = 0,
    scale: float = 1,
    shift: float = 0,
    **options: float,
) -> Case:
    """A case of instance norm, or of group norm where ``groups`` are given."""
    x = shift + scale * draw.array(*shape)
    return case(category, x, *([groups] if groups else []), draw.array(shape[1]), draw.array(shape[1]), **options)


@exercise(
    LESSON,
    examples=[example([[[[-1, 3]], [[4, -4]]]], [[[[1, 5]], [[4, 0]]]], [3, 6], [1, 0], eps=5.0)],
    requires=_has_channels,
)
def instancenorm_forward(x, gamma, beta, eps=1e-5):
    from torch.nn import functional

    return functional.instance_norm(_tensor(x), weight=_tensor(gamma), bias=_tensor(beta), eps=eps).numpy()


@instancenorm_forward.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _normed_images(draw, "one channel", (2, 1, 2, 2))
    yield _normed_images(draw, "one image", (1, 3, 2, 3))
    yield _normed_images(draw, "images wider than tall", (2, 3, 2, draw.size(4, 5)))
    yield _normed_images(draw, "images taller than wide", (2, 3, draw.size(4, 5), 2))
    yield _normed_images(draw, "as many images as channels, rows and columns", (3, 3, 3, 3))
    yield _normed_images(draw, "images of one row", (2, 2, 1, draw.size(3, 4)))
    yield _normed_images(draw, "small variance", (2, 2, 3, 2), scale=0.004)
    yield _normed_images(draw, "large mean with small variance", (2, 2, 2, 3), scale=NEAR, shift=FAR)
    yield _normed_images(draw, "other eps", (2, 2, 3, 2), eps=draw.choice([1e-3, 0.1, 0.5]))
    x, gamma, beta = _normed_images(draw, "", (2, 3, 2, 2)).args
    yield case("gamma one and beta zero", x, np.ones(3), np.zeros(3), eps=0.01)
    yield case("channel that is constant", np.where(np.arange(3)[:, None, None] == 1, 0.25, x), gamma, beta)
    yield case("single precision (float32)", *(a.astype(np.float32) for a in (x, gamma, beta)))
    for _ in draw.repeats(4):
        shape = draw.size(2, 3), draw.size(2, 4), draw.size(2, 4), draw.size(2, 4)
        yield _normed_images(draw, "random", shape, eps=draw.choice([1e-5, 1e-3, 0.2]))


@instancenorm_forward.mistake(
    "Your averages run over the batch too, which is batch norm. Instance norm takes every channel of every image by "
    "itself."
)
def averages_over_the_batch(right, x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    return gamma[:, None, None] * (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std + beta[:, None, None]


@instancenorm_forward.mistake(
    "Your averages run over the channels too, which is layer norm. Instance norm takes every channel of every image by "
    "itself."
)
def averages_over_the_channels(right, x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=(1, 2, 3), keepdims=True) + eps)
    return gamma[:, None, None] * (x - x.mean(axis=(1, 2, 3), keepdims=True)) / std + beta[:, None, None]


@instancenorm_forward.mistake(
    "Your averages run along the columns only, row by row. A channel of an image is a plane: its rows belong together."
)
def averages_for_each_row(right, x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=3, keepdims=True) + eps)
    return gamma[:, None, None] * (x - x.mean(axis=3, keepdims=True)) / std + beta[:, None, None]


@instancenorm_forward.mistake(
    "Every position has a mean of its own: your averages run over the batch alone. Instance norm averages over rows "
    "and columns, and not over the batch."
)
def averages_for_each_position(right, x, gamma, beta, eps=1e-5):
    return gamma[:, None, None] * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) + beta[:, None, None]


@instancenorm_forward.mistake("One mean and one variance serve everything. Every channel of every image has its own.")
def one_mean_for_everything(right, x, gamma, beta, eps=1e-5):
    return gamma[:, None, None] * (x - x.mean()) / np.sqrt(x.var() + eps) + beta[:, None, None]


@instancenorm_forward.mistake(
    "gamma and beta go along the columns: NumPy lines up the last axes of `gamma * x`. They belong to the channels, "
    "the second axis, and need shape (C, 1, 1) to stand there."
)
def gamma_beta_along_the_columns(right, x, gamma, beta, eps=1e-5):
    return gamma * right(x, np.ones(gamma.shape), np.zeros(beta.shape), eps) + beta


@instancenorm_forward.mistake(
    "You divide by the unbiased variance. All norms of this lesson normalize by the biased one, divided by H·W."
)
def unbiased_variance(right, x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=(2, 3), ddof=1, keepdims=True) + eps)
    return gamma[:, None, None] * (x - x.mean(axis=(2, 3), keepdims=True)) / std + beta[:, None, None]


@instancenorm_forward.mistake(
    "eps stands outside the root: you divide by √σ² + ε. The definition has it inside, √(σ² + ε)."
)
def eps_outside_the_root(right, x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=(2, 3), keepdims=True)) + eps
    return gamma[:, None, None] * (x - x.mean(axis=(2, 3), keepdims=True)) / std + beta[:, None, None]


@instancenorm_forward.mistake("eps is missing: you divide by √σ² alone. Where all values are equal, that is 0/0.")
def eps_forgotten(right, x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=(2, 3), keepdims=True))
    return gamma[:, None, None] * (x - x.mean(axis=(2, 3), keepdims=True)) / std + beta[:, None, None]


@instancenorm_forward.mistake(
    "The argument eps has no effect: your layer works with 1e-5 whatever it is given. Use the argument."
)
def eps_always_the_default(right, x, gamma, beta, eps=1e-5):
    return right(x, gamma, beta, 1e-5)


@instancenorm_forward.mistake("You divide by the variance (plus eps), not by its root.")
def root_forgotten(right, x, gamma, beta, eps=1e-5):
    variance = x.var(axis=(2, 3), keepdims=True)
    return gamma[:, None, None] * (x - x.mean(axis=(2, 3), keepdims=True)) / (variance + eps) + beta[:, None, None]


@instancenorm_forward.mistake("gamma has no effect: your values are normalized and shifted by beta, but not scaled.")
def gamma_forgotten(right, x, gamma, beta, eps=1e-5):
    return right(x, np.ones(gamma.shape), beta, eps)


@instancenorm_forward.mistake("beta has no effect: your values are normalized and scaled by gamma, but not shifted.")
def beta_forgotten(right, x, gamma, beta, eps=1e-5):
    return right(x, gamma, np.zeros(beta.shape), eps)


@instancenorm_forward.mistake(
    "Right on paper, but your variance has lost its digits: the mean of the squares minus the square of the mean is a "
    "small difference of two large numbers when the mean is large. Subtract the mean first, then square."
)
def variance_from_mean_of_squares(right, x, gamma, beta, eps=1e-5):
    mean = x.mean(axis=(2, 3), keepdims=True)
    std = np.sqrt((x**2).mean(axis=(2, 3), keepdims=True) - mean**2 + eps)
    return gamma[:, None, None] * (x - mean) / std + beta[:, None, None]


@instancenorm_forward.mistake(
    "Your means have shape (N, C), and `x - mean` lines them up with rows and columns. With keepdims=True they are "
    "(N, C, 1, 1) and stay with their channels; gamma and beta need shape (C, 1, 1)."
)
def means_along_rows_and_columns(right, x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(axis=(2, 3))) / np.sqrt(x.var(axis=(2, 3)) + eps) + beta


@instancenorm_forward.mistake(
    "Your means have shape (N, C), and `x - mean` lines them up with rows and columns. With keepdims=True they are "
    "(N, C, 1, 1) and stay with their channels, as your gamma and beta do."
)
def only_the_means_along_rows_and_columns(right, x, gamma, beta, eps=1e-5):
    normalized = (x - x.mean(axis=(2, 3))) / np.sqrt(x.var(axis=(2, 3)) + eps)
    return gamma[:, None, None] * normalized + beta[:, None, None]


def _has_groups(x, groups, gamma, beta, eps=1e-5):
    divides = groups >= 1 and x.shape[1] % groups == 0
    return divides and x[0].size >= 2 * groups and gamma.shape == beta.shape == x.shape[1:2] and eps > 0


@exercise(
    LESSON,
    examples=[
        example(
            [[[[-1]], [[3]], [[4]], [[-4]]]], [[[[1]], [[5]], [[4]], [[0]]]], 2, [3, 3, 6, 6], [1, 1, 0, 0], eps=5.0
        )
    ],
    requires=_has_groups,
)
def groupnorm_forward(x, groups, gamma, beta, eps=1e-5):
    from torch.nn import functional

    return functional.group_norm(_tensor(x), groups, _tensor(gamma), _tensor(beta), eps).numpy()


@groupnorm_forward.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _normed_images(draw, "two groups of two channels", (2, 4, 2, 2), 2)
    yield _normed_images(draw, "two groups of three channels", (2, 6, draw.size(2, 3), 2), 2)
    yield _normed_images(draw, "three groups of two channels", (2, 6, 2, draw.size(2, 3)), 3)
    yield _normed_images(draw, "one group", (2, 3, 3, 2), 1)
    yield _normed_images(draw, "a group for each channel", (2, 3, 2, 3), 3)
    yield _normed_images(draw, "images wider than tall", (2, 4, 2, draw.size(3, 4)), 2)
    yield _normed_images(draw, "images taller than wide", (2, 4, draw.size(3, 4), 2), 2)
    yield _normed_images(draw, "images of one pixel", (3, 4, 1, 1), 2, eps=0.1)
    yield _normed_images(draw, "one image", (1, 4, 2, 3), 2)
    yield _normed_images(draw, "as many channels as columns", (2, 4, 2, 4), 2)
    yield _normed_images(draw, "small variance", (2, 4, 2, 2), 2, scale=0.004)
    yield _normed_images(draw, "large mean with small variance", (2, 4, 2, 3), 2, scale=NEAR, shift=FAR)
    yield _normed_images(draw, "other eps", (2, 6, 1, 2), 3, eps=draw.choice([1e-3, 0.1, 0.5]))
    x, groups, gamma, beta = _normed_images(draw, "", (2, 4, 2, 2), 2).args
    yield case("gamma one and beta zero", x, groups, np.ones(4), np.zeros(4), eps=0.01)
    yield case("single precision (float32)", x.astype(np.float32), 2, gamma.astype(np.float32), beta.astype(np.float32))
    for _ in draw.repeats(4):
        groups = draw.int(2, 3)
        shape = draw.size(2, 3), groups * draw.int(2, 3), draw.size(1, 3), draw.size(2, 3)
        yield _normed_images(draw, "random", shape, groups, eps=draw.choice([1e-5, 1e-3, 0.2]))


@groupnorm_forward.mistake(
    "Your groups are interleaved: channels that lie `groups` apart share a mean. A group is a block of neighbours, the "
    "first C/groups channels, then the next."
)
def groups_interleaved(right, x, groups, gamma, beta, eps=1e-5):
    order = np.arange(x.shape[1]).reshape(-1, groups).T.ravel()
    return right(x[:, order], groups, gamma[order], beta[order], eps)[:, np.argsort(order)]


@groupnorm_forward.mistake(
    "You took `groups` for the number of channels in a group. It is the number of groups: each has C/groups channels."
)
def groups_taken_for_channels_of_a_group(right, x, groups, gamma, beta, eps=1e-5):
    parts = x.reshape(len(x), x.shape[1] // groups, -1)
    std = np.sqrt(parts.var(axis=2, keepdims=True) + eps)
    normalized = ((parts - parts.mean(axis=2, keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * normalized + beta[:, None, None]


@groupnorm_forward.mistake(
    "Every channel has a mean of its own, which is instance norm. The channels of a group share one mean and one "
    "variance."
)
def averages_for_each_channel(right, x, groups, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=(2, 3), keepdims=True) + eps)
    return gamma[:, None, None] * (x - x.mean(axis=(2, 3), keepdims=True)) / std + beta[:, None, None]


@groupnorm_forward.mistake(
    "All channels of an image share one mean, which is layer norm's average. Each group has its own."
)
def averages_over_all_channels(right, x, groups, gamma, beta, eps=1e-5):
    return right(x, 1, gamma, beta, eps)


@groupnorm_forward.mistake(
    "Your averages run over the batch too. Group norm looks at one image at a time, so that the size of the batch does "
    "not matter."
)
def averages_over_the_batch(right, x, groups, gamma, beta, eps=1e-5):
    parts = x.reshape(len(x), groups, -1, *x.shape[2:])
    std = np.sqrt(parts.var(axis=(0, 2, 3, 4), keepdims=True) + eps)
    normalized = ((parts - parts.mean(axis=(0, 2, 3, 4), keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * normalized + beta[:, None, None]


@groupnorm_forward.mistake(
    "Your averages run over the channels of a group, position by position. A group's mean is taken over its rows and "
    "columns as well."
)
def averages_for_each_position(right, x, groups, gamma, beta, eps=1e-5):
    parts = x.reshape(len(x), groups, -1, *x.shape[2:])
    std = np.sqrt(parts.var(axis=2, keepdims=True) + eps)
    normalized = ((parts - parts.mean(axis=2, keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * normalized + beta[:, None, None]


@groupnorm_forward.mistake(
    "Each group has one gamma and one beta in your answer, those of its first channel. Only the statistics are shared: "
    "every channel keeps its own gamma and beta."
)
def gamma_and_beta_shared_in_a_group(right, x, groups, gamma, beta, eps=1e-5):
    size = x.shape[1] // groups
    return right(x, groups, np.repeat(gamma[::size], size), np.repeat(beta[::size], size), eps)


@groupnorm_forward.mistake(
    "gamma and beta go along the columns: NumPy lines up the last axes of `gamma * x`. They belong to the channels, "
    "the second axis, and need shape (C, 1, 1) to stand there."
)
def gamma_beta_along_the_columns(right, x, groups, gamma, beta, eps=1e-5):
    return gamma * right(x, groups, np.ones(gamma.shape), np.zeros(beta.shape), eps) + beta


@groupnorm_forward.mistake(
    "You divide by the unbiased variance. All norms of this lesson normalize by the biased one, the mean of the "
    "squared distances."
)
def unbiased_variance(right, x, groups, gamma, beta, eps=1e-5):
    parts = x.reshape(len(x), groups, -1)
    std = np.sqrt(parts.var(axis=2, ddof=1, keepdims=True) + eps)
    normalized = ((parts - parts.mean(axis=2, keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * normalized + beta[:, None, None]


@groupnorm_forward.mistake(
    "eps stands outside the root: you divide by √σ² + ε. The definition has it inside, √(σ² + ε)."
)
def eps_outside_the_root(right, x, groups, gamma, beta, eps=1e-5):
    parts = x.reshape(len(x), groups, -1)
    std = np.sqrt(parts.var(axis=2, keepdims=True)) + eps
    normalized = ((parts - parts.mean(axis=2, keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * normalized + beta[:, None, None]


@groupnorm_forward.mistake("eps is missing: you divide by √σ² alone. Where all values are equal, that is 0/0.")
def eps_forgotten(right, x, groups, gamma, beta, eps=1e-5):
    parts = x.reshape(len(x), groups, -1)
    std = np.sqrt(parts.var(axis=2, keepdims=True))
    normalized = ((parts - parts.mean(axis=2, keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * normalized + beta[:, None, None]


@groupnorm_forward.mistake(
    "The argument eps has no effect: your layer works with 1e-5 whatever it is given. Use the argument."
)
def eps_always_the_default(right, x, groups, gamma, beta, eps=1e-5):
    return right(x, groups, gamma, beta, 1e-5)


@groupnorm_forward.mistake("You divide by the variance (plus eps), not by its root.")
def root_forgotten(right, x, groups, gamma, beta, eps=1e-5):
    parts = x.reshape(len(x), groups, -1)
    variance = parts.var(axis=2, keepdims=True)
    normalized = ((parts - parts.mean(axis=2, keepdims=True)) / (variance + eps)).reshape(x.shape)
    return gamma[:, None, None] * normalized + beta[:, None, None]


@groupnorm_forward.mistake("gamma has no effect: your values are normalized and shifted by beta, but not scaled.")
def gamma_forgotten(right, x, groups, gamma, beta, eps=1e-5):
    return right(x, groups, np.ones(gamma.shape), beta, eps)


@groupnorm_forward.mistake("beta has no effect: your values are normalized and scaled by gamma, but not shifted.")
def beta_forgotten(right, x, groups, gamma, beta, eps=1e-5):
    return right(x, groups, gamma, np.zeros(beta.shape), eps)


@groupnorm_forward.mistake(
    "Right on paper, but your variance has lost its digits: the mean of the squares minus the square of the mean is a "
    "small difference of two large numbers when the mean is large. Subtract the mean first, then square."
)
def variance_from_mean_of_squares(right, x, groups, gamma, beta, eps=1e-5):
    parts = x.reshape(len(x), groups, -1)
    mean = parts.mean(axis=2, keepdims=True)
    std = np.sqrt((parts**2).mean(axis=2, keepdims=True) - mean**2 + eps)
    return gamma[:, None, None] * ((parts - mean) / std).reshape(x.shape) + beta[:, None, None]


@groupnorm_forward.mistake(
    "`x.reshape(groups, -1)` cuts the whole batch into as many parts as there are groups, so images are mixed. Each "
    "image has groups of its own: the batch stays the first axis."
)
def batch_cut_into_groups(right, x, groups, gamma, beta, eps=1e-5):
    parts = x.reshape(groups, -1)
    std = np.sqrt(parts.var(axis=1, keepdims=True) + eps)
    normalized = ((parts - parts.mean(axis=1, keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * normalized + beta[:, None, None]


def _are_statistics(counts, means, variances):
    return len(counts) == len(means) and means.shape == variances.shape and counts.min() >= 1 and variances.min() >= 0


@exercise(
    LESSON,
    parts=("mean", "variance"),
    examples=[_example(([3], [3.75]), [1, 3], [[0], [4]], [[0], [1]])],
    requires=_are_statistics,
)
def synchronize_statistics(counts, means, variances):
    """Values that have these very statistics, put together: half of each part one deviation up, half one down."""
    import torch

    weights, centres, deviations = _tensor(counts), _tensor(means), _tensor(variances).sqrt()
    values = torch.stack([centres + deviations, centres - deviations])  # (2, P, C)
    shares = (weights / (2 * weights.sum()))[None, :, None]
    mean = (shares * values).sum((0, 1))
    return mean.numpy(), (shares * (values - mean) ** 2).sum((0, 1)).numpy()


def _processes(draw: Draw, category: str, counts: list[int], channels: int, apart: float = 1.0) -> Case:
    """Statistics of several processes, whose means lie ``apart``."""
    means, variances = apart * draw.array(len(counts), channels), np.abs(draw.array(len(counts), channels))
    return case(category, np.array(counts), means, variances)


@synchronize_statistics.cases
def _(draw: Draw) -> Iterator[Case]:
    yield _processes(draw, "two processes with equal counts", [4, 4], 3)
    yield _processes(draw, "two processes, one with more examples", [draw.size(5, 9), 2], 3)
    yield _processes(draw, "one process", [draw.size(3, 6)], 2)
    yield _processes(draw, "many processes", [draw.size(1, 9) for _ in range(5)], 2)
    yield _processes(draw, "one channel", [3, draw.size(4, 9)], 1)
    yield _processes(draw, "as many channels as processes", [2, 5, 4], 3)
    yield _processes(draw, "means far apart", [3, 8], 2, apart=20)
    yield _processes(draw, "means close together", [5, 3], 2, apart=0.01)
    counts, means, variances = _processes(draw, "", [2, draw.size(5, 9), 3], 2).args
    yield case("equal means", counts, np.repeat(means[:1], 3, axis=0), variances)
    yield case("a process with a single example", np.array([1, 6, 3]), means, variances * np.array([[0], [1], [1]]))
    yield case("counts as floats", counts.astype(float), means, variances)
    yield case("single precision (float32)", counts, means.astype(np.float32), variances.astype(np.float32))
    for _ in draw.repeats(4):
        sizes = [draw.int(1, 20) for _ in range(draw.int(2, 4))]
        yield _processes(draw, "random", sizes, draw.size(1, 4))


@synchronize_statistics.mistake(
    "Every process counts the same in your averages. A process with more examples has a larger share of the batch: "
    "weight by the counts."
)
def counts_ignored(right, counts, means, variances):
    return right(np.ones(len(counts)), means, variances)


@synchronize_statistics.mistake(
    "The mean is weighted by the counts, the variance is not. A process with more examples has a larger share in both."
)
def counts_ignored_in_the_variance(right, counts, means, variances):
    mean, _ = right(counts, means, variances)
    return mean, (variances + (means - mean) ** 2).mean(axis=0)


@synchronize_statistics.mistake(
    "Your variance is the average of the processes' variances. Their means differ too, and that spread is part of the "
    "whole batch's variance: add the (weighted) mean of the squared distances of the means."
)
def spread_between_the_processes_forgotten(right, counts, means, variances):
    return right(counts, means, variances)[0], (counts[:, None] * variances).sum(axis=0) / counts.sum()


@synchronize_statistics.mistake(
    "Your variance is that of the processes' means alone. The examples of each process spread about its own mean: the "
    "average of the processes' variances is missing."
)
def spread_within_the_processes_forgotten(right, counts, means, variances):
    return right(counts, means, np.zeros(variances.shape))


@synchronize_statistics.mistake(
    "The spread between the processes is not weighted: you took the plain variance of the means. Weight each squared "
    "distance by the process's count, and measure it from the mean of the whole batch."
)
def spread_between_the_processes_not_weighted(right, counts, means, variances):
    mean, _ = right(counts, means, variances)
    return mean, (counts[:, None] * variances).sum(axis=0) / counts.sum() + means.var(axis=0)


@synchronize_statistics.mistake(
    "You return the unbiased variance of the whole batch. Here all variances are biased: divided by the number of "
    "examples, not by one less."
)
def unbiased_variance_of_the_whole(right, counts, means, variances):
    mean, variance = right(counts, means, variances)
    return mean, variance * counts.sum() / (counts.sum() - 1)


@synchronize_statistics.mistake(
    "You take the processes' variances for unbiased ones and weight them by count − 1. They are biased: each is the "
    "sum of squared distances divided by the full count."
)
def variances_taken_for_unbiased_ones(right, counts, means, variances):
    mean, _ = right(counts, means, variances)
    within = ((counts - 1)[:, None] * variances).sum(axis=0) / counts.sum()
    return mean, within + (counts[:, None] * (means - mean) ** 2).sum(axis=0) / counts.sum()


@synchronize_statistics.mistake(
    "You average standard deviations. Variances are what adds up; a root is taken at the very end, if at all."
)
def standard_deviations_averaged(right, counts, means, variances):
    mean, _ = right(counts, means, variances)
    within = (counts[:, None] * np.sqrt(variances)).sum(axis=0) / counts.sum()
    return mean, within**2 + (counts[:, None] * (means - mean) ** 2).sum(axis=0) / counts.sum()


@synchronize_statistics.mistake("You return the standard deviation. The second result is the variance, without a root.")
def standard_deviation_returned(right, counts, means, variances):
    mean, variance = right(counts, means, variances)
    return mean, np.sqrt(variance)


@synchronize_statistics.mistake(
    "You average over the channels as well: one mean and one variance are left. Every channel keeps its own; only the "
    "processes are put together."
)
def channels_put_together(right, counts, means, variances):
    mean, variance = right(counts, means, variances)
    return mean.mean(), variance.mean()


@synchronize_statistics.mistake(
    "The weights go along the channels: `counts * means` lines up the last axes. The processes are the first axis, so "
    "the counts need shape (P, 1)."
)
def counts_along_the_channels(right, counts, means, variances):
    mean = (counts * means).sum(axis=0) / counts.sum()
    return mean, (counts * (variances + (means - mean) ** 2)).sum(axis=0) / counts.sum()


@synchronize_statistics.mistake(
    "The distances of the means are measured from their plain average. They count from the mean of the whole batch, "
    "which lies nearer to the processes with more examples."
)
def distances_from_the_plain_average(right, counts, means, variances):
    mean, _ = right(counts, means, variances)
    shares = (counts / counts.sum())[:, None]
    return mean, (shares * (variances + (means - means.mean(axis=0)) ** 2)).sum(axis=0)
