"""Lesson 03: its solution against PyTorch, right answers in other styles, and wrong ones as students write them."""

import importlib.util
import inspect
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from torch.nn import functional

from autograde import answers
from course_utils import exercises
from course_utils.examination import examine

ROOT = Path(__file__).parents[3]
LESSON = exercises.lesson("03_layers")
QUICK = [e for e in LESSON if not e.once]
COUNTS = [pytest.param(20, id="quick"), pytest.param(1000, id="thousand", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_of_layers", ROOT / "benchmarks" / "layers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def names(benchmark):
    """Everything that the solved notebook defines."""
    return benchmark.solution()


@pytest.fixture(scope="module")
def sources():
    """The model answers as text, by the exercise's name."""
    notebook = nbformat.read(ROOT / "solutions" / "03_layers" / "03_layers.ipynb", 4)
    cells = [c for c in notebook.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("solution")]
    return {c.metadata.nbgrader.grade_id: answers.solved(c.source) for c in cells}


def examined(name, answer, names, hidden=False, seed=0):
    exercise = exercises.find(name)
    return examine(exercise, answer, [names[c] for c in exercise.companions], hidden=hidden, seed=seed)


@pytest.mark.parametrize("exercise", QUICK, ids=lambda e: e.name)
@pytest.mark.parametrize(("hidden", "seed"), [(False, 0), (True, 1), (True, 2)])
def test_solution_is_right(exercise, hidden, seed, names):
    result = examined(exercise.name, names[exercise.name], names, hidden, seed)
    assert result.passed, (result.problem, result.failures[:1], result.changed, result.forbidden)


@pytest.mark.slow
@pytest.mark.parametrize(("hidden", "seed"), [(False, 0), (True, 1), (True, 2)])
def test_trained_network_is_right(hidden, seed, names):
    assert examined("train_numpy_convnet", names["train_numpy_convnet"], names, hidden, seed).passed


# Agreement with PyTorch

sizes = st.integers(1, 6)
seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(sizes, min_size=1, max_size=3)


@st.composite
def convolutions(draw, axes=2, pairs=True):
    """x, w, b, stride and padding of a layer whose kernel fits."""
    batch, channels, filters = draw(st.tuples(*[st.integers(1, 3)] * 3))
    image, kernel = draw(st.tuples(*[sizes] * axes)), draw(st.tuples(*[st.integers(1, 4)] * axes))
    stride, padding = st.integers(1, 3), st.integers(0, 2)
    if pairs:
        stride, padding = stride | st.tuples(stride, stride), padding | st.tuples(padding, padding)
    stride, padding = draw(stride), draw(padding)
    assume(all(n + 2 * p >= k for n, p, k in zip(image, np.broadcast_to(padding, axes), kernel, strict=True)))
    normal = np.random.default_rng(draw(seeds)).standard_normal
    return normal((batch, channels, *image)), normal((filters, channels, *kernel)), normal(filters), stride, padding


def agree(mine, theirs):
    np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10)


def through_torch(function, dout, *arrays):
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    out = function(*leaves)
    upstream = torch.tensor(dout(out.shape)) if out.ndim else None
    return (
        out.detach().numpy(),
        None if upstream is None else upstream.numpy(),
        torch.autograd.grad(out, leaves, upstream),
    )


def for_all(count, **drawn):
    """Run a property as often as it says, with the same examples every time."""
    return lambda property_: settings(max_examples=count, deadline=None, derandomize=True)(given(**drawn)(property_))()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("suffix", ["", "_fast"])
def test_convolution_agrees_with_pytorch(count, suffix, names):
    forward, backward = names["conv2d_forward" + suffix], names["conv2d_backward" + suffix]

    @for_all(count, layer=convolutions(), seed=seeds)
    def _(layer, seed):
        x, w, b, stride, padding = layer
        normal = np.random.default_rng(seed).standard_normal
        out, dout, gradients = through_torch(lambda *t: functional.conv2d(*t, stride, padding), normal, x, w, b)
        mine, cache = forward(x, w, b, stride, padding)
        agree(mine, out)
        for got, expected in zip(backward(dout, cache), gradients, strict=True):
            agree(got, expected.numpy())


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("axes", [1, 3])
def test_other_dimensions_agree_with_pytorch(count, axes, names):
    convolve = {1: functional.conv1d, 3: functional.conv3d}[axes]

    @for_all(count, layer=convolutions(axes, pairs=False))
    def _(layer):
        *arrays, stride, padding = layer
        expected = convolve(*map(torch.tensor, arrays), stride, padding)
        agree(names[f"conv{axes}d_forward"](*arrays, stride, padding), expected.numpy())


@pytest.mark.parametrize("count", COUNTS)
def test_columns_agree_with_pytorch(count, names):
    @for_all(count, layer=convolutions(), seed=seeds)
    def _(layer, seed):
        x, w, _, stride, padding = layer
        kernel = w.shape[2:]
        columns = functional.unfold(torch.tensor(x), kernel, padding=padding, stride=stride)
        mine = names["im2col"](x, kernel, stride, padding)
        agree(mine, columns.transpose(1, 2).flatten(0, 1).numpy())
        cols = np.random.default_rng(seed).standard_normal(mine.shape)
        given = torch.tensor(cols).unflatten(0, (len(x), -1)).transpose(1, 2)
        expected = functional.fold(given, x.shape[2:], kernel, padding=padding, stride=stride)
        back = names["col2im"](cols, x.shape, kernel, stride, padding)
        agree(back, expected.numpy())
        agree((mine * cols).sum(), (x * back).sum())  # the adjoint


@pytest.mark.parametrize("count", COUNTS)
def test_linear_and_relu_agree_with_pytorch(count, names):
    @for_all(count, batch=sizes, inputs=sizes, outputs=sizes, seed=seeds)
    def _(batch, inputs, outputs, seed):
        normal = np.random.default_rng(seed).standard_normal
        x, w, b = normal((batch, inputs)), normal((inputs, outputs)), normal(outputs)
        x[normal(x.shape) > 1] = 0  # the corner of ReLU
        out, dout, gradients = through_torch(lambda x, w, b: functional.linear(x, w.T, b), normal, x, w, b)
        mine, cache = names["linear_forward"](x, w, b)
        agree(mine, out)
        for got, expected in zip(names["linear_backward"](dout, cache), gradients, strict=True):
            agree(got, expected.numpy())
        out, dout, (dx,) = through_torch(torch.relu, normal, x)
        mine, cache = names["relu_forward"](x)
        agree(mine, out)
        agree(names["relu_backward"](dout, cache), dx.numpy())


@pytest.mark.parametrize("count", COUNTS)
def test_loss_and_step_agree_with_pytorch(count, names):
    @for_all(count, batch=sizes, classes=sizes, scale=st.sampled_from([0.1, 1.0, 30.0, 1000.0]), seed=seeds)
    def _(batch, classes, scale, seed):
        generator = np.random.default_rng(seed)
        scores, labels = scale * generator.standard_normal((batch, classes)), generator.integers(classes, size=batch)
        loss, _, (dscores,) = through_torch(
            lambda s: functional.cross_entropy(s, torch.tensor(labels)), np.ones, scores
        )
        got, gradient = names["softmax_cross_entropy"](scores, labels)
        agree(got, loss)
        agree(gradient, dscores.numpy())

    @for_all(count, shape=shapes, lr=st.floats(1e-3, 1), momentum=st.floats(0.1, 0.99), seed=seeds)
    def _(shape, lr, momentum, seed):
        p, v, *gradients = np.random.default_rng(seed).standard_normal((5, *shape))
        tensor = torch.tensor(p)
        optimizer = torch.optim.SGD([tensor], lr=lr, momentum=momentum)
        optimizer.state[tensor]["momentum_buffer"] = torch.tensor(v)
        for gradient in gradients:
            tensor.grad = torch.tensor(gradient)
            optimizer.step()
            expected = exercises.find("sgd_momentum").oracle([p], [gradient], [v], lr, momentum)
            names["sgd_momentum"]([p], [gradient], [v], lr, momentum)
            agree(p, expected[0][0])
        agree(p, tensor.numpy())
        agree(v, optimizer.state[tensor]["momentum_buffer"].numpy())


@pytest.mark.parametrize("count", COUNTS)
def test_measured_gradient_agrees_with_pytorch(count, names):
    """A central difference is exact for a parabola, whatever the step."""

    @for_all(count, shape=shapes, eps=st.sampled_from([0.5, 0.25, 1.0]), seed=seeds)
    def _(shape, eps, seed):
        x, a, b = np.random.default_rng(seed).standard_normal((3, *shape))
        leaf = torch.tensor(x, requires_grad=True)
        (torch.tensor(a) * leaf**2 + torch.tensor(b) * leaf).sum().backward()
        agree(names["numeric_gradient"](lambda x: (a * x**2 + b * x).sum(), x, eps), leaf.grad.numpy())


# Right answers in other styles


def scalar_forward(x, w, b, stride=1, padding=0):
    """Seven loops, and no padded copy."""
    (sh, sw), (ph, pw) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    height, width = x.shape[2:]
    rows, columns = (height + 2 * ph - w.shape[2]) // sh + 1, (width + 2 * pw - w.shape[3]) // sw + 1
    out = np.zeros((len(x), len(w), rows, columns))
    for n, k, i, j in np.ndindex(*out.shape):
        out[n, k, i, j] = b[k]
        for c, p, q in np.ndindex(*w.shape[1:]):
            row, column = i * sh + p - ph, j * sw + q - pw
            if 0 <= row < height and 0 <= column < width:
                out[n, k, i, j] += x[n, c, row, column] * w[k, c, p, q]
    return out, {"x": x, "w": w, "stride": stride, "padding": padding}


def scalar_backward(dout, cache):
    x, w = cache["x"], cache["w"]
    (sh, sw), (ph, pw) = np.broadcast_to(cache["stride"], 2), np.broadcast_to(cache["padding"], 2)
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for n, k, i, j in np.ndindex(*dout.shape):
        for c, p, q in np.ndindex(*w.shape[1:]):
            row, column = i * sh + p - ph, j * sw + q - pw
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                dx[n, c, row, column] += dout[n, k, i, j] * w[k, c, p, q]
                dw[k, c, p, q] += dout[n, k, i, j] * x[n, c, row, column]
    return [dx, dw, np.einsum("nkij->k", dout)]


def strided_forward(x, w, b, stride=1, padding=0):
    """as_strided and einsum; the cache holds the windows."""
    (sh, sw), (ph, pw), (_, _, kh, kw) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2), w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    batch, channels, height, width = padded.shape
    n, c, h, v = padded.strides
    shape = batch, channels, (height - kh) // sh + 1, (width - kw) // sw + 1, kh, kw
    windows = as_strided(padded, shape, (n, c, sh * h, sw * v, h, v), writeable=False)
    return np.einsum("ncijpq,kcpq->nkij", windows, w) + b[:, None, None], (windows, x.shape, w, stride, padding)


def convolving_backward(dout, cache):
    """dx as a full convolution of dout, spread out by the stride."""
    windows, (batch, _, height, width), w, stride, padding = cache
    (sh, sw), (ph, pw), (filters, _, kh, kw) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2), w.shape
    spread = np.zeros((batch, filters, height + 2 * ph - kh + 1, width + 2 * pw - kw + 1))
    spread[:, :, ::sh, ::sw] = dout
    around = np.pad(spread, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    flipped = w[:, :, ::-1, ::-1]
    dx = np.einsum("nkijpq,kcpq->ncij", sliding_window_view(around, (kh, kw), axis=(2, 3)), flipped)
    return (
        dx[:, :, ph : ph + height, pw : pw + width],
        np.einsum("nkij,ncijpq->kcpq", dout, windows),
        dout.sum((0, 2, 3)),
    )


def fourier_forward(x, w, b, stride=1, padding=0):
    (sh, sw), (ph, pw) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    size = padded.shape[2:]
    product = np.einsum("ncij,kcij->nkij", np.fft.rfft2(padded), np.fft.rfft2(w, size).conj())
    valid = np.fft.irfft2(product, size)[:, :, : size[0] - w.shape[2] + 1, : size[1] - w.shape[3] + 1]
    return valid[:, :, ::sh, ::sw] + b[:, None, None], (x, w, stride, padding)


def single_forward(x, w, b, stride=1, padding=0):
    out, cache = strided_forward(x, w, b, stride, padding)
    return out.astype(np.float32), cache


@pytest.mark.parametrize("suffix", ["", "_fast"])
@pytest.mark.parametrize("forward", [scalar_forward, strided_forward, fourier_forward, single_forward])
def test_forward_passes_in_other_styles_are_right(forward, suffix, names):
    for hidden in (False, True):
        assert examined("conv2d_forward" + suffix, forward, names, hidden).passed


@pytest.mark.parametrize("suffix", ["", "_fast"])
@pytest.mark.parametrize(
    ("forward", "backward"), [(scalar_forward, scalar_backward), (strided_forward, convolving_backward)]
)
def test_backward_passes_in_other_styles_are_right(forward, backward, suffix, names):
    for hidden in (False, True):
        result = examined("conv2d_backward" + suffix, backward, {"conv2d_forward" + suffix: forward}, hidden)
        assert result.passed


def test_other_answers_in_other_styles_are_right(names):
    def im2col(x, kernel, stride=1, padding=0):
        (kh, kw), (sh, sw), (ph, pw) = (np.broadcast_to(v, 2) for v in (kernel, stride, padding))
        padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
        windows = sliding_window_view(padded, (kh, kw), axis=(2, 3))[:, :, ::sh, ::sw]
        return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1] * kh * kw)

    def col2im(cols, x_shape, kernel, stride=1, padding=0):
        ph, pw = np.broadcast_to(padding, 2)
        padded = *x_shape[:2], x_shape[2] + 2 * ph, x_shape[3] + 2 * pw
        image = np.zeros(np.prod(padded))
        np.add.at(image, im2col(np.arange(image.size).reshape(padded), kernel, stride), cols)
        return image.reshape(padded)[:, :, ph : ph + x_shape[2], pw : pw + x_shape[3]]

    def conv3d_forward(x, w, b, stride=1, padding=0):
        padded = np.pad(x, ((0, 0), (0, 0), *[(padding, padding)] * 3))
        windows = sliding_window_view(padded, w.shape[2:], axis=(2, 3, 4))[:, :, ::stride, ::stride, ::stride]
        return np.moveaxis(np.tensordot(windows, w, ((1, 5, 6, 7), (1, 2, 3, 4))) + b, -1, 1)

    def conv1d_forward(x, w, b, stride=1, padding=0):
        return strided_forward(x[:, :, None], w[:, :, None], b, (1, stride), (0, padding))[0][:, :, 0]

    def softmax_cross_entropy(scores, labels):
        scores, hot = scores.astype(float), np.eye(scores.shape[1])[labels]
        total = np.logaddexp.reduce(scores, axis=1, keepdims=True)
        return np.mean(total[:, 0] - (scores * hot).sum(axis=1)), (np.exp(scores - total) - hot) / len(scores)

    def sgd_momentum(parameters, gradients, velocity, lr, momentum=0.9):
        for i, g in enumerate(gradients):
            velocity[i][...] = momentum * velocity[i] + g
            np.subtract(parameters[i], lr * velocity[i], out=parameters[i])
        return parameters

    def numeric_gradient(function, x, eps=1e-5):
        x = np.asarray(x, dtype=float)
        moves = eps * np.eye(x.size).reshape(-1, *x.shape)
        return np.array([(function(x + m) - function(x - m)) / 2 / eps for m in moves]).reshape(x.shape)

    for name, answer in list(locals().items()):
        if inspect.isfunction(answer):
            for hidden in (False, True):
                assert examined(name, answer, names, hidden, seed=4).passed, name


# Wrong answers

WINDOW, PIXELS_APART = "i * sh : i * sh + kh, j * sw : j * sw + kw", "i : i + kh, j : j + kw"
WRONG = [  # exercise, what stands in the solution, what a student wrote, the mistake that is named
    ("relu_forward", "np.maximum(x, 0), x", "np.maximum(x, 0)", "cache not returned"),
    ("relu_forward", "np.maximum(x, 0)", "np.max(x, 0)", "maximum down the columns"),
    ("relu_backward", "cache > 0", "cache >= 0", "slope one at zero"),
    ("relu_backward", "cache > 0", "dout > 0", "mask from dout"),
    ("linear_forward", " + b", "", "bias forgotten"),
    ("linear_forward", "x @ w", "x @ w.T", "weights transposed"),
    ("linear_backward", "dout @ w.T", "dout @ w", "dx with weights not transposed"),
    ("linear_backward", "x.T @ dout", "dout.T @ x", "dw transposed"),
    ("linear_backward", "dout.sum(axis=0)", "dout.mean(axis=0)", "db averaged"),
    ("linear_backward", "dout.sum(axis=0)", "dout", "db not summed"),
    ("numeric_gradient", "(2 * eps)", "eps", "divided by one step"),
    ("numeric_gradient", "/ (2 * eps)", "/ 2 * eps", "multiplied by eps"),
    ("numeric_gradient", "    x[index] = value\n", "    pass\n", "entries not put back"),
    ("numeric_gradient", "np.array(x, dtype=float)", "x.copy()", "integers cannot take the step"),
    ("conv2d_forward", "(W + 2 * pw - kw) // sw", "(H + 2 * ph - kw) // sw", "width computed from the height"),
    (
        "conv2d_forward",
        "(H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1",
        "H + 2 * ph - kh // sh + 1, W + 2 * pw - kw // sw + 1",
        "division before the difference",
    ),
    ("conv2d_forward", "(W + 2 * pw - kw) // sw", "(H + 2 * ph - kh) // sh", "output always square"),
    (
        "conv2d_forward",
        "i * sh : i * sh + kh, j * sw : j * sw + kw",
        "i : i + kh, j : j + kw",
        "windows one pixel apart",
    ),
    ("conv2d_forward", "* w[k]).sum() + b[k]", "* w[k] + b[k]).sum()", "bias for every product"),
    ("conv2d_forward", "* w[k]", "* w[k, :, ::-1, ::-1]", "kernel flipped"),
    ("conv2d_forward", "np.zeros((", "np.zeros_like(x, shape=(", "integer result"),
    ("conv2d_backward", "dpadded[window] +=", "dpadded[window] =", "filters and windows overwritten in dx"),
    ("conv2d_backward", "dw[k] +=", "dw[k] =", "dw of the last window"),
    (
        "conv2d_backward",
        "i * sh : i * sh + kh, j * sw : j * sw + kw",
        "i : i + kh, j : j + kw",
        "backward ignores the stride",
    ),
    ("conv2d_backward", "ph : ph + H, pw : pw + W", "ph:-ph, pw:-pw", "cut off with minus zero"),
    ("conv2d_backward", "[:, :, ph : ph + H, pw : pw + W]", "", "padding left on dx"),
    ("conv2d_backward", "[:, :, ph : ph + H, pw : pw + W]", "[:, :, :H, :W]", "padding cut off at the end only"),
    ("conv2d_backward", "sum(axis=(0, 2, 3))", "sum(axis=(2, 3))", "db with the batch axis"),
    ("conv2d_backward", "np.zeros(padded.shape)", "np.zeros_like(padded)", "dx of integer type"),
    ("conv1d_forward", "i * stride : i * stride + size", "i : i + size", "windows one sample apart"),
    ("conv3d_forward", "(stride * p for p in place)", "place", "windows one place apart"),
    ("im2col", "window.reshape", "window.transpose(0, 2, 3, 1).reshape", "channels side by side"),
    ("im2col", "cols.reshape(", "cols.transpose(1, 2, 0, 3).reshape(", "positions before images"),
    ("col2im", "+= windows", "= windows", "overlaps overwritten"),
    ("col2im", "ph : ph + H, pw : pw + W", "ph:-ph, pw:-pw", "empty without padding"),
    ("conv2d_forward_fast", "[:, :, ::sh, ::sw]", "", "stride ignored"),
    ("conv2d_forward_fast", "w.reshape(K, -1)", "w.reshape(-1, K).T", "filters reshaped for transposed"),
    ("conv2d_forward_fast", "0, 1, 4, 5, 2, 3", "0, 4, 5, 1, 2, 3", "windows flattened in another order"),
    ("conv2d_backward_fast", "+= dcols", "= dcols", "kernel positions overwritten in dx"),
    ("conv2d_backward_fast", "p : p + sh * rows : sh", "p : p + rows", None),
    ("softmax_cross_entropy", "axis=1, keepdims=True)\n", ")\n", "one maximum before the logarithm"),
    ("softmax_cross_entropy", "dscores / len(labels)", "dscores", "dscores not divided"),
    ("softmax_cross_entropy", "dscores[rows, labels] -= 1", "dscores[:, labels] -= 1", None),
    ("sgd_momentum", "p -= lr * v", "p = p - lr * v", "parameters not changed"),
    ("sgd_momentum", "v += g\n    p -= lr * v", "v -= lr * g\n    p += v", "learning rate inside a negative velocity"),
]


@pytest.mark.parametrize(("name", "right", "wrong", "mistake"), WRONG)
def test_wrong_answer_is_caught_and_its_mistake_named(name, right, wrong, mistake, names, sources):
    indented = (text.replace("\n    ", "\n        ") for text in (right, wrong))
    right, wrong = (right, wrong) if right in sources[name] else indented
    assert right in sources[name]
    scope = dict(names)
    exec(sources[name].replace(right, wrong, 1), scope)
    for hidden in (False, True):
        result = examined(name, scope[name], names, hidden, seed=3)
        assert not result.passed
        assert mistake is None or [m.name for m in result.mistakes] == [mistake]


@pytest.mark.parametrize("count", [pytest.param(2, id="two"), pytest.param(None, id="all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("exercise", [e for e in QUICK if e.wrapping], ids=lambda e: e.name)
def test_mistakes_can_be_written_into_a_notebook(exercise, count, names, sources):
    for mistake in exercise.mistakes[:count]:
        scope = dict(names)
        exec(answers.mistaken(sources[exercise.name], exercise, mistake), scope)
        result = examined(exercise.name, scope[exercise.name], names)
        assert [m.name for m in result.mistakes] == [mistake.name]


@pytest.mark.slow
@pytest.mark.parametrize("mistake", exercises.find("train_numpy_convnet").mistakes, ids=lambda m: m.name)
def test_mistakes_of_training_can_be_written_into_a_notebook(mistake, names, sources):
    exercise, scope = exercises.find("train_numpy_convnet"), dict(names)
    exec(answers.mistaken(sources[exercise.name], exercise, mistake), scope)
    result = examined(exercise.name, scope[exercise.name], names)
    assert [m.name for m in result.mistakes] == [mistake.name]


def test_a_wrong_backward_pass_is_shown_on_few_numbers(names, sources):
    scope = dict(names)
    exec(sources["conv2d_backward"].replace("i * sh : i * sh + kh", "i : i + kh"), scope)
    x, _, _, dout = examined("conv2d_backward", scope["conv2d_backward"], names).smallest.case.args
    assert x.size <= 4
    assert dout.size <= 2


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("relu_backward", "cache of the latest call"),
        ("linear_backward", "cache of the latest batch"),
        ("conv2d_backward", "cache of the latest images"),
        ("conv2d_backward_fast", "cache of the latest images"),
    ],
)
def test_a_cache_in_a_global_variable_is_caught_and_named(name, mistake, names):
    companion = name.replace("backward", "forward")
    kept = []

    def forward(*arguments, **keywords):
        out, cache = names[companion](*arguments, **keywords)
        kept.append(cache)
        return out, None

    def backward(dout, cache):
        return names[name](dout, kept[-1])

    for hidden in (False, True):
        result = examined(name, backward, {companion: forward}, hidden)
        assert [m.name for m in result.mistakes] == [mistake]


def test_gradients_added_to_what_an_earlier_call_left_are_caught(names):
    def forward(x, w, b, stride=1, padding=0):
        out, cache = names["conv2d_forward"](x, w, b, stride, padding)
        return out, (cache, np.zeros(w.shape))

    def backward(dout, cache):
        dx, dw, db = names["conv2d_backward"](dout, cache[0])
        cache[1][...] += dw
        return dx, cache[1], db

    result = examined("conv2d_backward", backward, {"conv2d_forward": forward})
    assert {d.part for t in result.failures for d in t.comparison.differences} == {"dw"}


def test_a_library_call_is_no_answer(names):
    def conv2d_forward(x, w, b, stride=1, padding=0):
        out = functional.conv2d(*(torch.tensor(np.array(a, float)) for a in (x, w, b)), stride, padding)
        return out.numpy(), None

    result = examined("conv2d_forward", conv2d_forward, names)
    assert not result.passed
    assert not result.failures
    assert result.forbidden


@pytest.mark.parametrize("exercise", LESSON, ids=lambda e: e.name)
def test_hints_do_not_contain_an_answer(exercise, sources):
    """No line of the solution stands in a hint."""
    lines = {line.strip() for line in sources[exercise.name].splitlines() if len(line.strip()) > 18}
    code = {re.sub(r"\s+", "", line) for line in lines if not line.startswith(('"""', "def ", "for "))}
    for mistake in exercise.mistakes:
        assert not [line for line in code if line in re.sub(r"\s+", "", mistake.hint)]


# The training exercise runs its cases once


def drawn_network(images, labels, epochs, seed):
    """Behaves as if it were trained, at no cost."""
    w = np.random.default_rng([seed, epochs, *labels]).normal(size=(64, 10))
    return lambda images: np.maximum(images.reshape(len(images), 64) @ w, 0)


def test_training_is_examined_once_a_case():
    calls = []

    def train_numpy_convnet(images, labels, epochs, seed):
        calls.append((len(images), epochs))
        return drawn_network(images, labels, epochs, seed)

    result = examine(exercises.find("train_numpy_convnet"), train_numpy_convnet)
    (failure,) = result.failures
    assert [d.part for d in failure.comparison.differences] == ["'held-out accuracy'"]
    assert calls.count((1347, 15)) == 1


def test_nothing_large_is_trained_where_something_small_is_wrong():
    calls = []

    def train_numpy_convnet(images, labels, epochs, seed):
        calls.append((len(images), epochs))
        return drawn_network(images, labels, 1, seed)

    result = examine(exercises.find("train_numpy_convnet"), train_numpy_convnet)
    assert [m.name for m in result.mistakes] == ["epochs without effect"]
    assert max(count for count, _ in calls) == 60


@pytest.mark.parametrize(
    ("network", "facts"),
    [
        (lambda images: np.zeros(len(images), int), "shape of the scores of 7 images"),
        (lambda images: images.reshape(len(images), 64)[:, :10] - images.mean(), "an image by itself and among others"),
        (lambda images: images.reshape(len(images), 64)[:, :10], "halfway between two images"),
    ],
)
def test_what_is_seen_of_a_network(network, facts):
    result = examine(exercises.find("train_numpy_convnet"), lambda images, labels, epochs, seed: network)
    wrong = {d.part for t in result.failures for d in t.comparison.differences}
    assert repr(facts) in wrong


GRADIENTS = "[dw1, db1, dw2, db2, dw3, db3]"
FROZEN = {  # what stands in the solution: what a student wrote; whether layers before the last learn
    "right": ("lr=0.05", "lr=0.05", True),
    "right, small steps": ("lr=0.05", "lr=0.001", True),
    "right, large steps": ("lr=0.05", "lr=0.3", True),
    "no gradient": (GRADIENTS, "[0 * dw1, 0 * db1, 0 * dw2, 0 * db2, dw3, db3]", False),
    "small steps without": (f"{GRADIENTS}, velocity, lr=0.05", "[0, 0, 0, 0, dw3, db3], velocity, lr=0.001", False),
    "not in the step": (f"parameters, {GRADIENTS}, velocity", "parameters[4:], [dw3, db3], velocity[4:]", False),
    "ReLU lets nothing back": ("caches[3])", "caches[3] * 0)", False),
}


@pytest.mark.parametrize("single", [False, True], ids=["float64", "float32"])
@pytest.mark.parametrize(("right", "wrong", "learn"), FROZEN.values(), ids=FROZEN)
def test_filters_without_a_gradient_are_caught(right, wrong, learn, single, names, sources):
    """Such a network reads digits nearly as well, so that its accuracy does not give it away."""
    assert right in sources["train_numpy_convnet"]
    source = sources["train_numpy_convnet"].replace(right, wrong)
    if single:
        source = source.replace("images[batch]", "images[batch].astype(np.float32)")
        source = source.replace(
            "= first_weights(generator)", "= [p.astype(np.float32) for p in first_weights(generator)]"
        )
    assert wrong_facts(source, names) == (set() if learn else {"layers before the last"})


def wrong_facts(source, names, **others):
    """What the worked example finds wrong about an answer, given as text."""
    scope = {**names, **others}
    exec(source, scope)
    exercise = exercises.find("train_numpy_convnet")
    (example,) = exercise.examples
    seen = exercise.bind(scope["train_numpy_convnet"])(*example.case.args)
    return {fact for fact, words in example.expected.items() if seen[fact] != words}


def test_a_last_layer_that_begins_at_zero_is_no_mistake(names, sources):
    """In the first step it lets no gradient through; one batch may be the whole epoch."""

    def first_weights(generator):
        return [*names["first_weights"](generator)[:4], np.zeros((256, 10)), np.zeros(10)]

    source = sources["train_numpy_convnet"].replace("32", "64")
    assert not wrong_facts(source, names, first_weights=first_weights)


BATCHES = {  # how an epoch's batches are drawn: whether all images are in them
    "range(0, len(order), 32)": True,
    "range(0, len(order), 64)": True,
    "range(0, len(order) - len(order) % 32, 32)": False,
    "range(0, len(order) // 8 * 8, 8)": False,
    "range(1, len(order), 32)": False,
}


@pytest.mark.parametrize(("batches", "complete"), BATCHES.items())
def test_a_last_batch_that_is_left_out_is_seen(batches, complete, names, sources):
    usual = "range(0, len(order), 32)"
    size = batches.split(", ")[-1][:-1]
    source = sources["train_numpy_convnet"].replace(usual, batches).replace("start + 32", f"start + {size}")
    assert batches in source
    assert wrong_facts(source, names) == (set() if complete else {"each of 13 images"})


def test_batches_drawn_at_random_leave_images_out(names, sources):
    drawn = "generator.choice(len(images), len(images))"
    source = sources["train_numpy_convnet"].replace("generator.permutation(len(images))", drawn)
    assert wrong_facts(source, names) == {"each of 13 images"}


def test_benchmark_compares_equal_numbers(benchmark, names):
    timed = benchmark.passes(names, (2, 3, 7, 6), (4, 3, 3, 2), 2, 1)
    for functions in timed.values():
        times = benchmark.milliseconds(functions, rounds=2)
        assert {len(measured) for measured in times.values()} == {2}
        assert all(t > 0 for measured in times.values() for t in measured)
