"""Lesson 04: right answers of every style pass, wrong ones fail, and the lesson's own answers agree with PyTorch."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from course_utils.contract import Exercise
from course_utils.examination import examine
from course_utils.exercises import pooling

NOTEBOOK = Path(__file__).parents[3] / "solutions" / "04_pooling" / "04_pooling.ipynb"
EXERCISES = [e for e in vars(pooling).values() if isinstance(e, Exercise)]
DRAWS = [(0, False), (1, False), (2, True), (3, True)]  # seed, hidden
view_of = np.lib.stride_tricks.sliding_window_view


def lesson_answers():
    """The model answers, as they stand in the notebook."""
    answers = {"np": np}
    for cell in nbformat.read(NOTEBOOK, 4).cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and about.get("solution"):
            exec(cell.source, answers)
    return answers


SOLVED = lesson_answers()


# Other right answers, a dict of functions a style.


def loops_maxpool2d_forward(x, size, stride):
    down, across = stride if isinstance(stride, (tuple, list)) else (stride, stride)
    N, C, H, W = x.shape
    out = [
        [
            [
                [
                    max(float(x[n, c, i + r, j + s]) for r in range(size) for s in range(size))
                    for j in range(0, W - size + 1, across)
                ]
                for i in range(0, H - size + 1, down)
            ]
            for c in range(C)
        ]
        for n in range(N)
    ]
    return np.array(out), {"x": x.copy(), "size": size, "stride": (down, across)}


def loops_maxpool2d_backward(dout, cache):
    x, size, (down, across) = cache["x"], cache["size"], cache["stride"]
    dx = np.zeros(x.shape, dtype=np.float64)
    for n in range(dout.shape[0]):
        for c in range(dout.shape[1]):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    best = None
                    for r in range(i * down, i * down + size):
                        for s in range(j * across, j * across + size):
                            if best is None or x[n, c, r, s] > x[n, c, best[0], best[1]]:
                                best = r, s
                    dx[n, c, best[0], best[1]] += dout[n, c, i, j]
    return dx


def places_maxpool2d_forward(x, size, stride):
    """Keeps the winners' places, as PyTorch does, and finds them in a view of all windows."""
    down, across = np.broadcast_to(stride, 2)
    windows = view_of(x, (size, size), axis=(2, 3))[:, :, ::down, ::across]
    flat = windows.reshape(*windows.shape[:4], -1)
    inside = flat.argmax(-1)
    n, c, i, j = np.indices(inside.shape)
    places = np.ravel_multi_index((n, c, i * down + inside // size, j * across + inside % size), x.shape)
    return flat.max(-1), (places, x.shape)


def places_maxpool2d_backward(dout, cache):
    places, shape = cache
    return np.bincount(places.ravel(), dout.ravel(), minlength=int(np.prod(shape))).reshape(shape)


def view_avgpool2d_forward(x, size, stride):
    down, across = (stride, stride) if np.ndim(stride) == 0 else stride
    windows = view_of(x, (size, size), (2, 3))[:, :, ::down, ::across]
    return np.einsum("ncijrs->ncij", windows) / size**2, (x.shape, size, down, across)


def view_avgpool2d_backward(dout, cache):
    shape, size, down, across = cache
    dx = np.zeros(shape)
    windows = view_of(dx, (size, size), (2, 3), writeable=True)[:, :, ::down, ::across]
    for r, s in np.ndindex(size, size):  # within one place of the window, no two windows meet
        windows[..., r, s] += dout / size**2
    return dx


def table_avgpool2d_forward(x, size, stride):
    """A table of sums: four of its numbers give the sum of any window."""
    down, across = np.broadcast_to(stride, 2)
    table = np.pad(x.astype(float), ((0, 0), (0, 0), (1, 0), (1, 0))).cumsum(2).cumsum(3)
    sums = (
        table[:, :, size:, size:]
        - table[:, :, :-size, size:]
        - table[:, :, size:, :-size]
        + table[:, :, :-size, :-size]
    )
    return (sums / size**2)[:, :, ::down, ::across], [x.shape, size, down, across]


def fourier_avgpool2d_backward(dout, cache):
    """Spread dout out to its windows' corners, then convolve with a box."""
    (N, C, H, W), size, down, across = cache
    corners, box = np.zeros((N, C, H + size, W + size)), np.zeros((H + size, W + size))
    rows, columns = (dout.shape[2] - 1) * down + 1, (dout.shape[3] - 1) * across + 1
    corners[:, :, :rows:down, :columns:across] = dout
    box[:size, :size] = 1 / size**2
    return np.fft.irfft2(np.fft.rfft2(corners) * np.fft.rfft2(box), s=box.shape)[:, :, :H, :W]


def single_maxpool2d_forward(x, size, stride):
    out, cache = SOLVED["maxpool2d_forward"](x, size, stride)
    return out.astype(np.float32), cache


def single_maxpool2d_backward(dout, cache):
    return SOLVED["maxpool2d_backward"](dout, cache).astype(np.float32)


def integer_maxpool2d_forward(x, size, stride):
    """Keeps the type of its input, and returns a list in the pair's place."""
    down, across = np.broadcast_to(stride, 2)
    out = view_of(x, (size, size), axis=(2, 3))[:, :, ::down, ::across].max((4, 5))
    return [out, None]


def eye_maxpool_matrix(image, size):
    H, W = image.shape
    numbers = np.arange(H * W).reshape(H, W)
    blocks = image[: H // size * size, : W // size * size].reshape(H // size, size, W // size, size).swapaxes(1, 2)
    named = numbers[: H // size * size, : W // size * size].reshape(H // size, size, W // size, size).swapaxes(1, 2)
    winners = blocks.reshape(-1, size * size).argmax(1)
    return np.eye(H * W, dtype=int)[named.reshape(-1, size * size)[np.arange(len(winners)), winners]]


def loops_maxpool_matrix(image, size):
    rows = []
    for i in range(image.shape[0] // size):
        for j in range(image.shape[1] // size):
            row, best = [0] * image.size, None
            for r in range(i * size, (i + 1) * size):
                for s in range(j * size, (j + 1) * size):
                    if best is None or image[r, s] > image[best]:
                        best = r, s
            row[best[0] * image.shape[1] + best[1]] = 1
            rows.append(row)
    return np.array(rows)


def gradient_maxpool_matrix(image, size):
    """Row k is the gradient of output k."""
    out, cache = SOLVED["maxpool2d_forward"](image[None, None], size, size)
    units = np.eye(out.size).reshape(out.size, *out.shape)
    return np.array([SOLVED["maxpool2d_backward"](unit, cache).ravel() for unit in units])


def kronecker_avgpool_matrix(shape, size):
    def averages(length):
        return np.kron(np.eye(length // size, length // size), np.ones(size) / size), length

    (down, H), (across, W) = averages(shape[0]), averages(shape[1])
    down = np.pad(down, ((0, 0), (0, H - down.shape[1])))
    return np.kron(down, np.pad(across, ((0, 0), (0, W - across.shape[1]))))


def columns_avgpool_matrix(shape, size):
    images = np.eye(shape[0] * shape[1]).reshape(-1, 1, *shape)
    return SOLVED["avgpool2d_forward"](images, size, size)[0].reshape(len(images), -1).T


def single_avgpool_matrix(shape, size):
    return SOLVED["avgpool_matrix"](shape, size).astype(np.float32)


def einsum_global_avgpool_forward(x):
    return np.einsum("nchw->nc", x) / (x.shape[2] * x.shape[3])


def loops_global_avgpool_forward(x):
    return np.array([[sum(float(v) for v in channel.ravel()) / channel.size for channel in image] for image in x])


def reshaped_global_avgpool_forward(x):
    return x.reshape(*x.shape[:2], -1).mean(-1)


def sums_shift_invariance(function, image, shifts):
    before = np.asarray(function(image), dtype=float)
    result = []
    for shift in shifts:
        after = function(
            np.concatenate([image[..., image.shape[-1] - shift :], image[..., : image.shape[-1] - shift]], -1)
        )
        result.append(((after - before) ** 2).sum() ** 0.5 / (before**2).sum() ** 0.5)
    return np.array(result)


def flat_shift_invariance(function, image, shifts):
    before = np.ravel(function(image))
    moved = np.stack([np.ravel(function(np.roll(image, s, -1))) for s in shifts])
    return np.linalg.norm(moved - before, axis=1) / np.linalg.norm(before)


def indexed_shift_invariance(function, image, shifts):
    columns = np.arange(image.shape[-1])
    before = function(image)
    norms = [
        np.sqrt(np.vdot(d, d)) for d in (function(image[..., (columns - s) % len(columns)]) - before for s in shifts)
    ]
    return (norms / np.sqrt(np.vdot(before, before))).tolist()


RIGHT = [
    (pooling.maxpool2d_forward, loops_maxpool2d_forward, []),
    (pooling.maxpool2d_forward, places_maxpool2d_forward, []),
    (pooling.maxpool2d_forward, single_maxpool2d_forward, []),
    (pooling.maxpool2d_forward, integer_maxpool2d_forward, []),
    (pooling.maxpool2d_backward, loops_maxpool2d_backward, [loops_maxpool2d_forward]),
    (pooling.maxpool2d_backward, places_maxpool2d_backward, [places_maxpool2d_forward]),
    (pooling.maxpool2d_backward, single_maxpool2d_backward, [SOLVED["maxpool2d_forward"]]),
    (pooling.avgpool2d_forward, view_avgpool2d_forward, []),
    (pooling.avgpool2d_forward, table_avgpool2d_forward, []),
    (pooling.avgpool2d_backward, view_avgpool2d_backward, [view_avgpool2d_forward]),
    (pooling.avgpool2d_backward, fourier_avgpool2d_backward, [table_avgpool2d_forward]),
    (pooling.maxpool_matrix, eye_maxpool_matrix, []),
    (pooling.maxpool_matrix, loops_maxpool_matrix, []),
    (pooling.maxpool_matrix, gradient_maxpool_matrix, []),
    (pooling.avgpool_matrix, kronecker_avgpool_matrix, []),
    (pooling.avgpool_matrix, columns_avgpool_matrix, []),
    (pooling.avgpool_matrix, single_avgpool_matrix, []),
    (pooling.global_avgpool_forward, einsum_global_avgpool_forward, []),
    (pooling.global_avgpool_forward, loops_global_avgpool_forward, []),
    (pooling.global_avgpool_forward, reshaped_global_avgpool_forward, []),
    (pooling.shift_invariance, sums_shift_invariance, []),
    (pooling.shift_invariance, flat_shift_invariance, []),
    (pooling.shift_invariance, indexed_shift_invariance, []),
] + [(e, SOLVED[e.name], [SOLVED[c] for c in e.companions]) for e in EXERCISES]


@pytest.mark.parametrize(("exercise", "answer", "companions"), RIGHT, ids=lambda v: getattr(v, "__name__", ""))
@pytest.mark.parametrize(("seed", "hidden"), DRAWS)
def test_a_right_answer_passes(exercise, answer, companions, seed, hidden):
    result = examine(exercise, answer, companions, hidden=hidden, seed=seed)
    assert result.passed, [(t.case, t.comparison.differences) for t in result.failures[:2]]


# Wrong answers that no declared mistake describes: they must fail all the same.


def wrong(name, change, forward=None):
    """An answer that alters what the lesson's own answer returns, and its companions."""
    exercise = next(e for e in EXERCISES if e.name == name)

    def answer(*args):
        return change(SOLVED[name], *args)

    return exercise, answer, [forward or SOLVED[c] for c in exercise.companions]


def _first_image_only(right, x, size, stride):
    out, cache = right(x, size, stride)
    return np.where(np.arange(len(out))[:, None, None, None] == 0, out, 0), cache


def _changes_x(right, x, size, stride):
    result = right(x.copy(), size, stride)
    x[...] = 0
    return result


def _changes_dout(right, dout, cache):
    result = right(dout.copy(), cache)
    dout[...] = 0
    return result


def _changes_x_of_the_cache(right, dout, cache):
    result = right(dout, (cache[0].copy(), *cache[1:]))
    cache[0][...] = 0
    return result


def _channels_last(right, x, size, stride):
    out, cache = right(x, size, stride)
    return out.transpose(0, 2, 3, 1), cache


def _first_channels_winner(right, dout, cache):
    x, size, stride = cache
    return right(dout, (np.broadcast_to(x[:, :1], x.shape), size, stride))


def _nearly_equal_is_a_tie(right, dout, cache):
    x, size, stride = cache
    return right(dout, (np.round(x, 1), size, stride))


def _edge_is_spread(right, dout, cache):
    dx = right(dout, cache)
    return np.where(dx == 0, dx[:, :, :1, :1], dx)


def _median(right, x, size, stride):
    down, across = np.broadcast_to(stride, 2)
    return np.median(view_of(x, (size, size), (2, 3))[:, :, ::down, ::across], (4, 5)), None


REMEMBERED = {}


def _forward_that_remembers(x, size, stride):
    out, REMEMBERED["cache"] = SOLVED["maxpool2d_forward"](x, size, stride)
    return out, None


def _backward_that_remembers(right, dout, cache):
    return right(dout, REMEMBERED["cache"])


def _forward_with_a_gradient(x, size, stride):
    out, cache = SOLVED["avgpool2d_forward"](x, size, stride)
    return out, (cache, np.zeros(x.shape))


def _adds_to_the_cache(right, dout, cache):
    inner, dx = cache
    dx += right(dout, inner)
    return dx.copy()


WRONG = {
    "no pair": wrong("maxpool2d_forward", lambda right, *a: right(*a)[0]),
    "three results": wrong("maxpool2d_forward", lambda right, *a: (*right(*a), a)),
    "cache first": wrong("maxpool2d_forward", lambda right, *a: right(*a)[::-1]),
    "first image only": wrong("maxpool2d_forward", _first_image_only),
    "x changed": wrong("maxpool2d_forward", _changes_x),
    "channels last": wrong("maxpool2d_forward", _channels_last),
    "minimum": wrong("maxpool2d_forward", lambda right, x, *how: (-right(-x, *how)[0], None)),
    "largest magnitude": wrong("maxpool2d_forward", lambda right, x, *how: right(np.abs(x), *how)),
    "search from -999": wrong("maxpool2d_forward", lambda right, *a: (np.maximum(right(*a)[0], -999), None)),
    "int stride only": wrong("maxpool2d_forward", lambda right, x, size, stride: right(x, size, int(stride))),
    "whole numbers": wrong("maxpool2d_forward", lambda right, *a: (right(*a)[0].astype(int), None)),
    "pairs of results": wrong("maxpool2d_backward", lambda right, *a: (right(*a), None)),
    "dout changed": wrong("maxpool2d_backward", _changes_dout),
    "x of the cache changed": wrong("maxpool2d_backward", _changes_x_of_the_cache),
    "winner of the first channel": wrong("maxpool2d_backward", _first_channels_winner),
    "nearly equal is a tie": wrong("maxpool2d_backward", _nearly_equal_is_a_tie),
    "other sign": wrong("maxpool2d_backward", lambda right, *a: -right(*a)),
    "global variable": wrong("maxpool2d_backward", _backward_that_remembers, _forward_that_remembers),
    "gradient in the cache": wrong("avgpool2d_backward", _adds_to_the_cache, _forward_with_a_gradient),
    "left over pixels filled": wrong("avgpool2d_backward", _edge_is_spread),
    "mean gradient": wrong("avgpool2d_backward", lambda right, d, c: right(np.full(d.shape, d.mean()), c)),
    "rounded": wrong("avgpool2d_backward", lambda right, *a: np.round(right(*a), 2)),
    "median": wrong("avgpool2d_forward", _median),
    "whole numbers of averages": wrong("avgpool2d_forward", lambda right, *a: (np.round(right(*a)[0]), None)),
    "flat": wrong("global_avgpool_forward", lambda right, x: right(x).ravel()),
    "half an image": wrong("global_avgpool_forward", lambda right, x: right(x[..., : max(1, x.shape[3] // 2)])),
    "bools": wrong("maxpool_matrix", lambda right, *a: right(*a) > 0),
    "outputs reversed": wrong("maxpool_matrix", lambda right, *a: right(*a)[::-1]),
    "square": wrong("avgpool_matrix", lambda right, shape, size: right((shape[0], shape[0]), size)),
    "gram": wrong("avgpool_matrix", lambda right, *a: right(*a).T @ right(*a)),
    "percent": wrong("shift_invariance", lambda right, *a: 100 * right(*a)),
    "always from 0": wrong("shift_invariance", lambda right, f, x, shifts: right(f, x, range(len(shifts)))),
    "image sorted": wrong("shift_invariance", lambda right, f, x, s: (right(f, x, s), x.sort())[0]),
}


@pytest.mark.parametrize(("exercise", "answer", "companions"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(("seed", "hidden"), DRAWS)
def test_a_wrong_answer_fails(exercise, answer, companions, seed, hidden):
    assert not examine(exercise, answer, companions, hidden=hidden, seed=seed).passed


@pytest.mark.parametrize("name", ["global variable", "gradient in the cache"])
def test_a_backward_pass_that_keeps_something_is_told(name):
    exercise, answer, companions = WRONG[name]
    assert "it answers differently" in examine(exercise, answer, companions).smallest.outcome.trace


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_a_stub_is_told(exercise):
    def stub(*args):
        raise NotImplementedError()

    forwards = [SOLVED[c] for c in exercise.companions]
    assert "There is no answer yet" in examine(exercise, stub, forwards).problem


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_mistakes_made_of_the_lessons_own_answer_are_named(exercise):
    """As in a notebook: the mistake is a variation of the solution, not of the oracle."""
    forwards = [SOLVED[c] for c in exercise.companions]
    for mistake in exercise.mistakes:
        if exercise.companions:
            answer = mistaken_backward(exercise, mistake, *forwards)
        else:
            answer = mistake.applied_to(SOLVED[exercise.name])
        for seed, hidden in DRAWS:
            result = examine(exercise, answer, forwards, hidden=hidden, seed=seed)
            assert [m.name for m in result.mistakes] == [mistake.name], (mistake.name, seed, hidden)


def mistaken_backward(exercise, mistake, forward):
    def right(x, dout, size, stride):
        return SOLVED[exercise.name](dout, forward(x, size, stride)[1])

    return lambda dout, cache: mistake.function(right, cache[0], dout, *cache[1:])


POOLS = [pooling.maxpool2d_forward, pooling.maxpool2d_backward, pooling.avgpool2d_forward, pooling.avgpool2d_backward]
KINDS = (
    "image taller than wide",
    "image wider than tall",
    "stride is a pair",
    "stride that does not fit",
    "overlapping windows",
    "gaps between windows (stride larger than size)",
    "window of one pixel",
    "equal numbers in a window (ties)",
    "integers with ties",
    "constant image",
    "negative numbers only",
    "one channel",
    "batch of one",
    "single precision (float32)",
    "arrays of integers",
    "arrays in another memory order",
)


@pytest.mark.parametrize("exercise", POOLS, ids=lambda e: e.name)
@pytest.mark.parametrize("hidden", [False, True])
def test_every_kind_of_input_is_among_the_cases(exercise, hidden):
    cases = exercise.draw(0, hidden)
    assert set(KINDS) <= {c.category for c in cases}
    if len(cases[0].args) == 4:
        assert all(c.args[1].size == 1 or np.ptp(c.args[1]) > 0 for c in cases), "an upstream gradient is uniform"


@pytest.mark.parametrize("exercise", [*POOLS[:2], pooling.maxpool_matrix], ids=lambda e: e.name)
def test_ties_also_come_in_arrays_of_integers(exercise):
    (case,) = [c for c in exercise.draw(0) if c.category == "integers with ties"]
    x, size = case.args[0], 2
    windows = view_of(x, (size, size), (x.ndim - 2, x.ndim - 1)).reshape(-1, size * size)
    assert x.dtype.kind == "i"
    assert ((windows == windows.max(1, keepdims=True)).sum(1) > 1).any()


# The lesson's own answers against PyTorch.


@st.composite
def pools(draw):
    """x (N, C, H, W), size and stride: sides that differ, pairs, overlaps, gaps, and ties in half of all images."""
    size = draw(st.integers(1, 4))
    N, C = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    H, W = draw(st.integers(size, size + 7)), draw(st.integers(size, size + 7))
    stride = draw(st.one_of(st.integers(1, 5), st.tuples(st.integers(1, 5), st.integers(1, 5))))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        x = generator.integers(-2, 3, (N, C, H, W)).astype(float)
    else:
        x = generator.standard_normal((N, C, H, W)) * draw(st.sampled_from([1e-3, 1.0, 1e3]))
    if draw(st.booleans()):
        x = np.asfortranarray(x)
    return x, size, stride, generator


def near(got, expected):
    return got.shape == expected.shape and np.allclose(got, expected, rtol=1e-10, atol=1e-10)


def agrees(kind, x, size, stride, generator):
    pool = {"max": functional.max_pool2d, "avg": functional.avg_pool2d}[kind]
    tensor = torch.tensor(x, requires_grad=True)
    want = pool(tensor, size, stride)
    dout = generator.standard_normal(tuple(want.shape))
    (gradient,) = torch.autograd.grad((want * torch.from_numpy(dout)).sum(), tensor)
    out, cache = SOLVED[f"{kind}pool2d_forward"](x, size, stride)
    assert near(out, want.detach().numpy())
    assert near(SOLVED[f"{kind}pool2d_backward"](dout, cache), gradient.numpy())


def matrices_agree(x, size):
    image = x[0, 0]
    tensor = torch.tensor(image)[None, None]
    for A, pool in (
        (SOLVED["maxpool_matrix"](image, size), functional.max_pool2d),
        (SOLVED["avgpool_matrix"](image.shape, size), functional.avg_pool2d),
    ):
        leaf = tensor.clone().requires_grad_()
        out = pool(leaf, size)
        rows = [torch.autograd.grad(o, leaf, retain_graph=True)[0].ravel().numpy() for o in out.ravel()]
        assert near(A @ image.ravel(), out.detach().numpy().ravel())
        assert near(A, np.array(rows))  # row k of A is the gradient of output k


def the_rest_agrees(x, size):
    def function(image):
        return functional.avg_pool2d(torch.tensor(image), size).numpy()

    assert near(SOLVED["global_avgpool_forward"](x), torch.tensor(x).mean((2, 3)).numpy())
    before = torch.tensor(function(x))
    if before.norm() > 0:
        shifts = [0, 1, x.shape[3] - 1]
        moved = [torch.tensor(function(torch.tensor(x).roll(s, -1).numpy())) for s in shifts]
        want = [((m - before).norm() / before.norm()).item() for m in moved]
        assert near(SOLVED["shift_invariance"](function, x, shifts), np.array(want))


def all_agree(drawn):
    x, size, stride, generator = drawn
    agrees("max", x, size, stride, generator)
    agrees("avg", x, size, stride, generator)
    matrices_agree(x, size)
    the_rest_agrees(x, size)


few = settings(max_examples=40, deadline=None, derandomize=True)
many = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(pools())
@few
def test_the_lessons_answers_agree_with_pytorch(drawn):
    all_agree(drawn)


@pytest.mark.slow
@given(pools())
@many
def test_the_lessons_answers_agree_with_pytorch_a_thousand_times(drawn):
    all_agree(drawn)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pytorch_gives_a_tie_to_the_first_maximum(order, dtype):
    """The rule that the lesson states, and that the oracle takes from PyTorch, in each of its code paths."""
    x = (
        torch.randint(0, 2, (2, 8, 9, 9), generator=torch.Generator().manual_seed(0))
        .to(dtype)
        .contiguous(memory_format=order)
    )
    _, places = functional.max_pool2d(x, 3, 2, return_indices=True)
    for n, c, i, j in np.ndindex(*places.shape):
        first = int(x[n, c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].flatten().numpy().argmax())
        assert int(places[n, c, i, j]) == (2 * i + first // 3) * 9 + 2 * j + first % 3
