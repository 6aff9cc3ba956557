"""Lesson 05: the notebook's answers against PyTorch, right answers in other styles, wrong ones, the cases drawn."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograde.answers import mistaken
from course_utils import report
from course_utils.contract import Exercise
from course_utils.examination import examine
from course_utils.exercises import batch_norm

NOTEBOOK = Path(__file__).parents[3] / "solutions" / "05_batch_norm" / "05_batch_norm.ipynb"
EXERCISES = {e.name: e for e in vars(batch_norm).values() if isinstance(e, Exercise)}
EPS = st.sampled_from([1e-5, 1e-3, 0.1, 1.0])
MOMENTUM = st.sampled_from([0.01, 0.1, 0.5, 0.9])
SEEDS = st.integers(0, 2**31)


def answers():
    """The source of each answer's cell, by exercise."""
    cells = nbformat.read(NOTEBOOK, 4).cells
    marked = [(c.metadata.get("nbgrader", {}), c) for c in cells if c.cell_type == "code"]
    return {m["grade_id"]: c.source for m, c in marked if m.get("solution")}


def executed(sources):
    namespace = {"np": np}
    for source in sources:
        exec(source, namespace)
    return namespace


SOURCES = answers()
S = executed(SOURCES.values())


def close(got, want):
    want = want.detach().numpy() if isinstance(want, torch.Tensor) else np.asarray(want)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-10 * max(1.0, np.abs(want).max()))


def filled(generator, layer):
    """A layer with random parameters, and its gamma and beta."""
    gamma, beta = generator.standard_normal((2, *layer.weight.shape))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(gamma))
        layer.bias.copy_(torch.tensor(beta))
    return gamma, beta


# Agreement with PyTorch: a few configurations each time, a thousand in the slow tests.


def trained(forward, backward, layer, generator, shape, steps, momentum, eps):
    """Several batches with gradients, then an evaluation, in both."""
    gamma, beta = filled(generator, layer)
    mean, variance = np.zeros(shape[1]), np.ones(shape[1])
    for _ in range(steps):
        x, dout = generator.standard_normal((2, *shape)) * 10.0 ** generator.integers(-1, 2) + generator.normal()
        tensor = torch.tensor(x, requires_grad=True)
        want = layer(tensor)
        gradients = torch.autograd.grad(want, (tensor, layer.weight, layer.bias), torch.tensor(dout))
        out, cache = forward(x, gamma, beta, mean, variance, True, momentum, eps)
        close(out, want)
        for got, expected in zip(backward(dout, cache), gradients, strict=True):
            close(got, expected)
    close(mean, layer.running_mean)
    close(variance, layer.running_var)
    new = generator.standard_normal((1, *shape[1:]))
    close(forward(new, gamma, beta, mean, variance, False, momentum, eps)[0], layer.eval()(torch.tensor(new)))


AGREEMENTS = {}  # name → (function, its strategies); drawn anew for each number of examples


def drawn(*strategies):
    def register(function):
        AGREEMENTS[function.__name__] = function, strategies
        return function

    return register


def agree(name, **chosen):
    function, strategies = AGREEMENTS[name]
    settings(deadline=None, **chosen)(given(*strategies)(function))()


@drawn(SEEDS, st.integers(2, 9), st.integers(1, 6), st.integers(1, 3), MOMENTUM, EPS)
def batchnorm(seed, n, d, steps, momentum, eps):
    layer = torch.nn.BatchNorm1d(d, eps, momentum, dtype=torch.float64)
    generator = np.random.default_rng(seed)
    trained(S["batchnorm_forward"], S["batchnorm_backward"], layer, generator, (n, d), steps, momentum, eps)


@drawn(SEEDS, st.tuples(*[st.integers(1, 4)] * 3), st.integers(2, 5), st.integers(1, 3), MOMENTUM, EPS)
def spatial_batchnorm(seed, sizes, width, steps, momentum, eps):
    layer = torch.nn.BatchNorm2d(sizes[1], eps, momentum, dtype=torch.float64)
    forward, backward = S["spatial_batchnorm_forward"], S["spatial_batchnorm_backward"]
    trained(forward, backward, layer, np.random.default_rng(seed), (*sizes, width), steps, momentum, eps)


@drawn(SEEDS, st.integers(1, 5), st.integers(1, 4), st.tuples(st.integers(1, 3), st.integers(1, 3)), EPS)
def fold(seed, filters, channels, kernel, eps):
    generator = np.random.default_rng(seed)
    layer = torch.nn.BatchNorm2d(filters, eps, dtype=torch.float64).eval()
    gamma, beta = filled(generator, layer)
    mean, variance = generator.standard_normal(filters), generator.random(filters)
    layer.running_mean, layer.running_var = torch.tensor(mean), torch.tensor(variance)
    w, b = generator.standard_normal((filters, channels, *kernel)), generator.standard_normal(filters)
    x = torch.tensor(generator.standard_normal((2, channels, 5, 6)))
    folded = S["fold_batchnorm"](w, b, gamma, beta, mean, variance, eps)
    want = layer(torch.nn.functional.conv2d(x, torch.tensor(w), torch.tensor(b)))
    close(torch.nn.functional.conv2d(x, *map(torch.tensor, folded)).numpy(), want)


@drawn(
    SEEDS, st.integers(1, 4), st.lists(st.integers(1, 5), min_size=1, max_size=3).filter(lambda s: np.prod(s) > 1), EPS
)
def layernorm(seed, n, shape, eps):
    generator = np.random.default_rng(seed)
    layer = torch.nn.LayerNorm(shape, eps, dtype=torch.float64)
    gamma, beta = filled(generator, layer)
    x = generator.standard_normal((n, *shape))
    close(S["layernorm_forward"](x, gamma, beta, eps), layer(torch.tensor(x)))


@drawn(SEEDS, st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(2, 5), EPS)
def instancenorm_and_groupnorm(seed, n, groups, size, height, width, eps):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((n, groups * size, height, width))
    layer = torch.nn.InstanceNorm2d(groups * size, eps, affine=True, dtype=torch.float64)
    gamma, beta = filled(generator, layer)
    close(S["instancenorm_forward"](x, gamma, beta, eps), layer(torch.tensor(x)))
    layer = torch.nn.GroupNorm(groups, groups * size, eps, dtype=torch.float64)
    gamma, beta = filled(generator, layer)
    close(S["groupnorm_forward"](x, groups, gamma, beta, eps), layer(torch.tensor(x)))


@drawn(SEEDS, st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 4))
def synchronize(seed, counts, channels):
    parts = [np.random.default_rng([seed, i]).normal(i, 1 + i, (n, channels)) for i, n in enumerate(counts)]
    means, variances = (np.array([statistic(p, axis=0) for p in parts]) for statistic in (np.mean, np.var))
    mean, variance = S["synchronize_statistics"](np.array(counts), means, variances)
    whole = torch.tensor(np.concatenate(parts))
    close(mean, whole.mean(0))
    close(variance, whole.var(0, correction=0))


@pytest.mark.parametrize("name", AGREEMENTS)
def test_answers_agree_with_pytorch(name):
    agree(name, max_examples=25, derandomize=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", AGREEMENTS)
def test_answers_agree_with_pytorch_in_a_thousand_configurations(name):
    agree(name, max_examples=1000, database=None)


# Right answers in other styles pass.


def forward_in_loops(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    n, d = x.shape
    out, normalized, inverse = np.zeros((n, d)), np.zeros((n, d)), np.zeros(d)
    for j in range(d):
        column = [float(v) for v in x[:, j]]
        mean, variance = running_mean[j], running_var[j]
        if training:
            mean = sum(column) / n
            variance = sum((v - mean) ** 2 for v in column) / n
            running_mean[j] = (1 - momentum) * running_mean[j] + momentum * mean
            running_var[j] = (1 - momentum) * running_var[j] + momentum * variance * n / (n - 1)
        inverse[j] = (variance + eps) ** -0.5
        normalized[:, j] = [(v - mean) * inverse[j] for v in column]
        out[:, j] = gamma[j] * normalized[:, j] + beta[j]
    return out, {"normalized": normalized, "inverse": inverse, "gamma": gamma}


def backward_in_closed_form(dout, cache):
    normalized, n = cache["normalized"], len(dout)
    g = dout * cache["gamma"]
    dx = cache["inverse"] / n * (n * g - g.sum(0) - normalized * np.einsum("nd,nd->d", g, normalized))
    return [dx, np.einsum("nd,nd->d", dout, normalized), np.ones(n) @ dout]


def spatial_forward_by_rows(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    n, c, h, w = x.shape
    rows = np.moveaxis(x, 1, -1).reshape(-1, c)
    out, cache = forward_in_loops(rows, gamma, beta, running_mean, running_var, training, momentum, eps)
    return out.reshape(n, h, w, c).transpose(0, 3, 1, 2), cache  # a view


def spatial_backward_by_rows(dout, cache):
    n, c, h, w = dout.shape
    dx, dgamma, dbeta = backward_in_closed_form(dout.transpose(0, 2, 3, 1).reshape(-1, c), cache)
    return np.moveaxis(dx.reshape(n, h, w, c), -1, 1), dgamma, dbeta


def fold_by_einsum(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    factor = gamma * (running_var + eps) ** -0.5
    return np.einsum("kcij,k->kcij", w, factor), factor * b + (beta - factor * running_mean)


def layernorm_by_example(x, gamma, beta, eps=1e-5):
    return np.stack([gamma * (e - np.mean(e)) / np.sqrt(np.var(e) + eps) + beta for e in x])


def layernorm_in_single_precision(x, gamma, beta, eps=1e-5):
    return layernorm_by_example(x, gamma, beta, eps).astype(np.float32)


def instancenorm_by_plane(x, gamma, beta, eps=1e-5):
    out = np.empty(x.shape)
    for n, c in np.ndindex(*x.shape[:2]):
        centred = x[n, c] - x[n, c].mean()
        out[n, c] = gamma[c] * centred / np.sqrt((centred**2).mean() + eps) + beta[c]
    return out


def groupnorm_by_block(x, groups, gamma, beta, eps=1e-5):
    out = np.zeros(x.shape)
    for n in range(len(x)):
        for block in np.split(np.arange(x.shape[1]), groups):
            values = x[n, block]
            scale, shift = gamma[block, None, None], beta[block, None, None]
            out[n, block] = scale * (values - values.mean()) / np.sqrt(values.var() + eps) + shift
    return out


def synchronize_by_squares(counts, means, variances):
    mean = np.average(means, axis=0, weights=counts)
    return mean, np.average(variances + means**2, axis=0, weights=counts) - mean**2


OTHER_STYLES = [
    ("batchnorm_forward", forward_in_loops, ()),
    ("batchnorm_backward", backward_in_closed_form, (forward_in_loops,)),
    ("spatial_batchnorm_forward", spatial_forward_by_rows, ()),
    ("spatial_batchnorm_backward", spatial_backward_by_rows, (spatial_forward_by_rows,)),
    ("fold_batchnorm", fold_by_einsum, ()),
    ("layernorm_forward", layernorm_by_example, ()),
    ("layernorm_forward", layernorm_in_single_precision, ()),
    ("instancenorm_forward", instancenorm_by_plane, ()),
    ("groupnorm_forward", groupnorm_by_block, ()),
    ("synchronize_statistics", synchronize_by_squares, ()),
]


@pytest.mark.parametrize(("name", "answer", "companions"), OTHER_STYLES, ids=lambda v: getattr(v, "__name__", None))
@pytest.mark.parametrize(("seed", "hidden"), [(0, False), (1, False), (2, True)])
def test_right_answers_in_other_styles_pass(name, answer, companions, seed, hidden):
    result = examine(EXERCISES[name], answer, companions, seed=seed, hidden=hidden)
    assert result.passed, report.failure(result, arrays=False)


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize(("seed", "hidden"), [(0, False), (1, True)])
def test_the_notebooks_answers_pass(name, seed, hidden):
    companions = [S[c] for c in EXERCISES[name].companions]
    result = examine(EXERCISES[name], S[name], companions, seed=seed, hidden=hidden)
    assert result.passed, report.failure(result, arrays=False)


# Wrong answers that no declared mistake is a copy of: what a student is told.


def said(name, answer, *companions):
    result = examine(EXERCISES[name], answer, companions)
    assert not result.passed
    return " ".join(report.failure(result, arrays=False).split())


def forward_variant(change):
    """A right forward pass, but for ``change``, which gets (out, cache, running_mean, running_var, training)."""

    def batchnorm_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
        out, cache = S["batchnorm_forward"](x, gamma, beta, running_mean, running_var, training, momentum, eps)
        return change(out, cache, running_mean, running_var, training)

    return batchnorm_forward


def test_running_statistics_that_are_rebound_have_their_own_sentence():
    def batchnorm_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
        mean, variance = (x.mean(0), x.var(0)) if training else (running_mean, running_var)
        if training:
            running_mean = (1 - momentum) * running_mean + momentum * mean
            running_var = (1 - momentum) * running_var + momentum * x.var(0, ddof=1)
        return gamma * (x - mean) / np.sqrt(variance + eps) + beta, None

    text = said("batchnorm_forward", batchnorm_forward)
    assert "statistics not kept in place" in text
    assert "`running_mean = …` inside a function gives that name to a new array" in text


def test_a_forward_pass_without_cache_is_told_what_to_return():
    without = forward_variant(lambda out, *_: out)
    assert "returns the pair (out, cache), and an array of shape" in said("batchnorm_forward", without)
    assert "(out, cache), and None came" in said("batchnorm_forward", forward_variant(lambda *_: None))
    assert "(out, cache), and a tuple of 4 came" in said("batchnorm_forward", forward_variant(lambda *a: a[:4]))


def test_two_mistakes_at_once_are_both_named():
    def batchnorm_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
        if training:
            mean, variance = x.mean(0), x.var(0)
            running_mean[:] = momentum * running_mean + (1 - momentum) * mean
            running_var[:] = momentum * running_var + (1 - momentum) * variance
        else:
            mean, variance = running_mean, running_var
        return gamma * (x - mean) / np.sqrt(variance + eps) + beta, None

    text = said("batchnorm_forward", batchnorm_forward)
    assert "momentum the wrong way round" in text
    assert "biased variance in running var" in text


def test_only_one_of_the_running_statistics_is_wrong():
    def rebinds_one(out, cache, running_mean, running_var, training):
        running_var += training
        return out, cache

    assert "Right in every case: out in training, running_mean after each call" in said(
        "batchnorm_forward", forward_variant(rebinds_one)
    )


def test_statistics_kept_in_a_global_are_noticed():
    kept = {}

    def batchnorm_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
        mean, variance = kept.setdefault(len(gamma), (np.zeros(len(gamma)), np.ones(len(gamma))))
        result = S["batchnorm_forward"](x, gamma, beta, mean, variance, training, momentum, eps)
        running_mean[:], running_var[:] = mean, variance
        return result

    assert "keeps something from call to call" in said("batchnorm_forward", batchnorm_forward)


def test_a_cache_in_a_global_is_noticed():
    latest = {}

    def batchnorm_forward(*args, **options):
        out, latest["cache"] = S["batchnorm_forward"](*args, **options)
        return out, None

    def batchnorm_backward(dout, cache):
        return S["batchnorm_backward"](dout, latest["cache"])

    text = said("batchnorm_backward", batchnorm_backward, batchnorm_forward)
    assert "cache of the latest batch" in text


def test_a_number_of_examples_in_a_global_is_noticed():
    """Right for batches of one size; wrong as soon as one of another size goes forward in between."""
    latest = {}

    def batchnorm_forward(x, *args, **options):
        latest["n"] = len(x)
        return S["batchnorm_forward"](x, *args, **options)

    def batchnorm_backward(dout, cache):
        x, mean, std, gamma = cache
        normalized = (x - mean) / std
        dgamma, dbeta = (dout * normalized).sum(0), dout.sum(0)
        return gamma / std * (dout - (dbeta + normalized * dgamma) / latest["n"]), dgamma, dbeta

    text = said("batchnorm_backward", batchnorm_backward, batchnorm_forward)
    assert "answers differently after a forward pass of a larger batch" in text


@pytest.mark.parametrize("name", ["batchnorm_backward", "spatial_batchnorm_backward"])
def test_a_backward_pass_that_spoils_its_cache_or_dout_is_told_so(name):
    forward = S[name.replace("backward", "forward")]

    def spoils_cache(dout, cache):
        gradients = S[name](dout, cache)
        cache[2][...] *= 2
        return gradients

    def spoils_dout(dout, cache):
        gradients = S[name](dout, cache)
        dout *= 2
        return gradients

    assert "it changes its cache" in said(name, spoils_cache, forward)
    assert "It changes its argument dout" in said(name, spoils_dout, forward)


def test_a_wrong_forward_pass_is_not_hidden_by_a_backward_pass_that_fits_it():
    """What a gradient check cannot find: forward and backward agree with each other, and with no one else."""

    def batchnorm_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
        scale = np.sqrt((len(x) - 1) / len(x))  # the unbiased variance, and its own gradient
        out, cache = S["batchnorm_forward"](
            x, scale * gamma, beta, running_mean, running_var, training, momentum, eps / scale**2
        )
        return out, (*cache, scale)

    def batchnorm_backward(dout, cache):
        *inner, scale = cache
        dx, dgamma, dbeta = S["batchnorm_backward"](dout, inner)
        return dx, scale * dgamma, dbeta

    assert not examine(EXERCISES["batchnorm_backward"], batchnorm_backward, [batchnorm_forward]).passed


def test_folding_in_place_is_told():
    def fold_batchnorm(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
        factor = gamma / np.sqrt(running_var + eps)
        w *= factor[:, None, None, None]
        return w, (b - running_mean) * factor + beta

    assert "It changes its argument w" in said("fold_batchnorm", fold_batchnorm)


# The cases, and how mistakes are written into a notebook.

CATEGORIES = {
    "batchnorm_forward": {"batch of two", "several batches in a row", "other momentum", "other eps", "small variance"}
    | {"large mean with small variance", "gamma one and beta zero", "evaluation of one example"}
    | {"single precision (float32)"},
    "batchnorm_backward": {"batch of two", "other eps", "small variance", "large mean with small variance"}
    | {"gamma one and beta zero", "single precision (float32)"},
    "spatial_batchnorm_forward": {"batch of two", "batch of one image", "one channel", "small variance"}
    | {"images wider than tall", "images taller than wide", "several batches in a row", "other momentum"}
    | {"as many channels as columns", "gamma one and beta zero", "single precision (float32)"},
    "spatial_batchnorm_backward": {"batch of two", "batch of one image", "one channel", "small variance"}
    | {"images wider than tall", "images taller than wide", "as many channels as columns"}
    | {"single precision (float32)"},
    "fold_batchnorm": {"1 × 1 kernel", "as many filters as channels", "as many filters as kernel columns"}
    | {"kernel taller than wide", "kernel wider than tall", "small variance", "one channel"},
    "layernorm_forward": {"batch of one", "images", "small variance", "large mean with small variance"},
    "instancenorm_forward": {"one image", "one channel", "images wider than tall", "images taller than wide"}
    | {"small variance"},
    "groupnorm_forward": {"one group", "a group for each channel", "two groups of three channels"}
    | {"three groups of two channels", "images wider than tall", "images taller than wide", "small variance"},
    "synchronize_statistics": {"one process", "a process with a single example", "means far apart"},
}


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("hidden", [False, True])
def test_every_draw_has_the_cases_that_let_wrong_code_through_elsewhere(name, hidden):
    for seed in range(3):
        drawn = {c.category for c in EXERCISES[name].draw(seed, hidden)}
        assert CATEGORIES[name] <= drawn
        assert {"arrays of integers", "arrays in another memory order"} <= drawn


def test_forward_and_backward_know_at_least_eight_mistakes_each():
    for name in ("batchnorm_forward", "batchnorm_backward", "spatial_batchnorm_forward", "spatial_batchnorm_backward"):
        assert len(EXERCISES[name].mistakes) >= 8


WRAPPED = [
    pytest.param(e, m, id=f"{e.name}-{m.name}") for e in EXERCISES.values() if e.wrapping for m in e.mistakes[::5]
]


@pytest.mark.parametrize(("exercise", "mistake"), WRAPPED)
def test_a_mistake_in_a_notebook_is_named_and_leaves_other_exercises_alone(exercise, mistake):
    sources = {name: mistaken(s, exercise, mistake) if name == exercise.name else s for name, s in SOURCES.items()}
    namespace = executed(sources.values())
    partners = {exercise.name} | {e.name for e in EXERCISES.values() if exercise.name in e.companions}
    for name, other in EXERCISES.items():
        result = examine(other, namespace[name], [namespace[c] for c in other.companions])
        assert result.passed or name in partners
        if name == exercise.name:
            assert [m.name for m in result.mistakes] == [mistake.name]
