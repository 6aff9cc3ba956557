"""Lesson 02: a second oracle for each exercise, right answers in other styles, wrong ones, and the printed tables."""

import itertools
import math

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from course_utils.comparison import compare
from course_utils.contract import Raises
from course_utils.examination import examine
from course_utils.exercises import padding_stride
from course_utils.trial import expected

ORACLE = {e.name: e.oracle for e in vars(padding_stride).values() if hasattr(e, "oracle")}
DRAWS = [(0, False), (1, True)]
QUICK = settings(max_examples=60, deadline=None)
SMALL, PAIR = st.integers(1, 4), st.tuples(st.integers(1, 3), st.integers(1, 3))
PADDINGS = st.one_of(st.integers(0, 3), st.tuples(st.integers(0, 3), st.integers(0, 3)))
STRIDES = st.one_of(st.integers(1, 3), PAIR)


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


# A second oracle for each exercise: counting, SciPy, or PyTorch where the first is NumPy


def window_starts(size, kernel, stride, padding, dilation):
    """Count the places by trying each."""
    last = size + padding - 1
    return [s for s in range(-padding, last + 1, stride) if s + dilation * (kernel - 1) <= last]


@QUICK
@given(st.integers(1, 40), SMALL, SMALL, st.integers(0, 5), SMALL)
def test_output_size_is_the_number_of_places(size, kernel, stride, padding, dilation):
    count = len(window_starts(size, kernel, stride, padding, dilation))
    if count:
        assert ORACLE["conv_output_size"](size, kernel, stride, padding, dilation) == count
    else:
        with pytest.raises(ValueError, match="does not fit"):
            ORACLE["conv_output_size"](size, kernel, stride, padding, dilation)


@QUICK
@given(st.integers(1, 12), SMALL)
def test_same_padding_keeps_the_size_and_exists_for_odd_effective_kernels_only(kernel, dilation):
    if dilation * (kernel - 1) % 2:
        with pytest.raises(ValueError, match="no padding"):
            ORACLE["same_padding"](kernel, dilation)
    else:
        padding = ORACLE["same_padding"](kernel, dilation)
        assert len(window_starts(50, kernel, 1, padding, dilation)) == 50


@QUICK
@given(st.integers(1, 6), st.integers(1, 6), PADDINGS)
def test_pad2d_agrees_with_numpy(height, width, padding):
    image = random(height, width)
    want = np.pad(image, [(p, p) for p in pair(padding)])
    np.testing.assert_array_equal(ORACLE["pad2d"](image, padding), want)


def scipy_correlation(image, kernel, stride, padding, dilation):
    """Zeros between the taps, SciPy's valid correlation, then every second (third, …) row and column."""
    spread = np.zeros([dilation * (n - 1) + 1 for n in kernel.shape])
    spread[::dilation, ::dilation] = kernel
    padded = np.pad(image, [(p, p) for p in pair(padding)])
    assume(all(k <= n for k, n in zip(spread.shape, padded.shape, strict=True)))
    down, across = pair(stride)
    return scipy.signal.correlate2d(padded, spread, "valid")[::down, ::across]


@QUICK
@given(st.tuples(*[st.integers(1, 8)] * 2), PAIR, STRIDES, PADDINGS, SMALL)
def test_strided_correlation_agrees_with_scipy(shape, kernel_shape, stride, padding, dilation):
    image, kernel = random(*shape), random(*kernel_shape)
    want = scipy_correlation(image, kernel, stride, padding, dilation)
    got = ORACLE["correlate2d_strided"](image, kernel, stride, padding, dilation)
    np.testing.assert_allclose(got, want, atol=1e-12)


@QUICK
@given(SMALL, st.tuples(*[st.integers(1, 7)] * 2), SMALL, st.integers(1, 3), STRIDES, PADDINGS)
def test_volumes_agree_with_a_sum_of_scipy_correlations(channels, shape, filters, size, stride, padding):
    volume, bank = random(channels, *shape), random(filters, channels, size, size)
    bias = random(filters)
    want = [
        b + sum(scipy_correlation(v, k, stride, padding, 1) for v, k in zip(volume, f, strict=True))
        for f, b in zip(bank, bias, strict=True)
    ]
    got = ORACLE["conv_volume"](volume, bank, bias, stride, padding)
    np.testing.assert_allclose(got, np.array(want), atol=1e-12)


@QUICK
@given(st.lists(st.tuples(SMALL, st.integers(1, 3), st.integers(1, 3)), max_size=4))
def test_receptive_field_is_the_stretch_of_pixels_with_a_gradient(layers):
    first = torch.zeros(1, 1, 700, dtype=torch.float64, requires_grad=True)
    out = first
    for kernel, stride, dilation in layers:
        weight = torch.ones(1, 1, kernel, dtype=torch.float64)
        out = torch.nn.functional.conv1d(out, weight, stride=stride, dilation=dilation)
    out[0, 0, out.shape[-1] // 2].backward()
    seen = first.grad[0, 0].nonzero().ravel()
    assert ORACLE["receptive_field"](layers) == int(seen[-1] - seen[0]) + 1


@QUICK
@given(SMALL, SMALL, st.integers(1, 5), st.booleans(), st.integers(1, 6), st.integers(1, 6))
def test_costs_agree_with_torch(channels, filters, kernel, bias, height, width):
    out = filters, height, width
    weights = torch.empty(filters, channels, kernel, kernel)
    assert ORACLE["conv_parameters"](channels, filters, kernel, bias) == weights.numel() + filters * bias
    with FlopCounterMode(display=False) as counter:
        image = torch.zeros(1, channels, height + kernel - 1, width + kernel - 1)
        assert torch.nn.functional.conv2d(image, weights).shape[1:] == out
    assert ORACLE["conv_macs"](channels, filters, kernel, height, width) == counter.get_total_flops() // 2


@QUICK
@given(SMALL, SMALL, SMALL, st.integers(1, 5))
def test_a_linear_layer_is_a_convolution_as_large_as_its_input(channels, height, width, units):
    volume, weight = random(channels, height, width), random(channels * height * width, units)
    filters = ORACLE["linear_as_conv"](weight, (channels, height, width))
    maps = ORACLE["conv_volume"](volume, filters, np.zeros(units))
    np.testing.assert_allclose(maps[:, 0, 0], volume.ravel() @ weight, atol=1e-12)


# The tables of three networks

LENET = padding_stride.LENET
ALEXNET = [
    ("conv1", "conv", 96, 11, 4, 0),
    ("pool1", "pool", 3, 2),
    ("conv2", "conv", 256, 5, 1, 2),
    ("pool2", "pool", 3, 2),
    ("conv3", "conv", 384, 3, 1, 1),
    ("conv4", "conv", 384, 3, 1, 1),
    ("conv5", "conv", 256, 3, 1, 1),
    ("pool5", "pool", 3, 2),
    ("fc6", "linear", 4096),
    ("fc7", "linear", 4096),
    ("fc8", "linear", 1000),
]
VGG16 = []
for block, (filters, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], start=1):
    VGG16 += [(f"conv{block}_{i + 1}", "conv", filters, 3, 1, 1) for i in range(count)] + [
        (f"pool{block}", "pool", 2, 2)
    ]
VGG16 += ALEXNET[-3:]


def torch_table(layers, input_shape):
    """The table from PyTorch's modules on the device "meta": real layers, counted while they run."""
    x = torch.empty(1, *input_shape, device="meta")
    rows = [("input", tuple(x.shape[1:]), x.numel(), 0, 0)]
    for name, kind, *numbers in layers:
        if kind == "conv":
            layer = torch.nn.Conv2d(x.shape[1], *numbers, device="meta")
        elif kind == "pool":
            layer = torch.nn.MaxPool2d(*numbers)
        else:
            x = x.flatten(1)
            layer = torch.nn.Linear(x.shape[1], *numbers, device="meta")
        with FlopCounterMode(display=False) as counter:
            x = layer(x)
        parameters = sum(p.numel() for p in layer.parameters())
        rows.append((name, tuple(x.shape[1:]), x.numel(), parameters, counter.get_total_flops() // 2))
    return rows


@pytest.mark.parametrize(
    ("layers", "shape", "parameters", "activations", "multiply_adds"),
    [
        pytest.param(LENET, (1, 28, 28), 1_256_080, 33_144, 6_522_000, id="LeNet 20/50/500"),
        pytest.param(ALEXNET, (3, 227, 227), 62_378_344, 936_323, 1_135_256_096, id="AlexNet"),
        pytest.param(VGG16, (3, 224, 224), 138_357_544, 15_237_608, 15_470_264_320, id="VGG-16"),
    ],
)
def test_printed_tables(layers, shape, parameters, activations, multiply_adds):
    rows = ORACLE["layer_table"](layers, shape)
    assert rows == torch_table(layers, shape)
    assert sum(r[3] for r in rows) == parameters
    assert sum(r[2] for r in rows) == activations
    assert sum(r[4] for r in rows) == multiply_adds


def test_what_the_lesson_says_of_the_tables():
    lenet = ORACLE["layer_table"](LENET, (1, 28, 28))
    assert [r[2] for r in lenet] == [784, 15_680, 3_920, 9_800, 2_450, 500, 10]
    vgg = ORACLE["layer_table"](VGG16, (3, 224, 224))
    assert round(4 * sum(r[2] for r in vgg) / 1e6) == 61
    assert sum(r[3] for r in vgg[-3:]) == 123_642_856
    smaller = [("conv1_1", "conv", 64, 3, 2, 1), *VGG16[1:]]
    halved = ORACLE["layer_table"](smaller, (3, 224, 224))
    assert round(sum(r[2] for r in halved) / sum(r[2] for r in vgg), 2) == 0.26
    assert round(sum(r[3] for r in halved) / 1e6) == 54
    assert ORACLE["conv_macs"](3, 64, 7, 112, 112) == 118_013_952


# Right answers in other styles


def output_size_by_counting(size, kernel, stride=1, padding=0, dilation=1):
    count = len(window_starts(size, kernel, stride, padding, dilation))
    if count == 0:
        raise ValueError("no place")
    return count


def output_size_with_math(size, kernel, stride=1, padding=0, dilation=1):
    out = math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1)
    if out < 1:
        raise ValueError(out)
    return out


def output_size_as_numpy_int(size, kernel, stride=1, padding=0, dilation=1):
    padded = np.zeros(size + 2 * padding)
    windows = np.lib.stride_tricks.sliding_window_view(padded, dilation * (kernel - 1) + 1)  # its own ValueError
    return np.int64(len(windows[::stride]))


def same_padding_by_search(kernel, dilation=1):
    effective = 1 + (kernel - 1) * dilation
    for padding in range(effective):
        if 2 * padding + 1 == effective:
            return padding
    raise ValueError


def same_padding_with_divmod(kernel, dilation=1):
    half, rest = divmod(dilation * (kernel - 1), 2)
    if rest:
        raise ValueError
    return np.int32(half)


def same_padding_halved(kernel, dilation=1):
    if (dilation * kernel - dilation) % 2 == 1:
        raise ValueError("even")
    return int(dilation * (kernel - 1) / 2)


def pad_with_numpy(image, padding):
    rows, columns = pair(padding)
    return np.pad(image, ((rows, rows), (columns, columns)))


def pad_with_loops(image, padding):
    rows, columns = pair(padding)
    padded = [[0] * (image.shape[1] + 2 * columns) for _ in range(image.shape[0] + 2 * rows)]
    for i, row in enumerate(image):
        for j, value in enumerate(row):
            padded[i + rows][j + columns] = value
    return np.array(padded)


def pad_with_concatenate(image, padding):
    rows, columns = pair(padding)
    sides = np.zeros((len(image), columns))
    wide = np.hstack([sides, image, sides])
    above = np.zeros((rows, wide.shape[1]))
    return np.vstack([above, wide, above])


def pad_view_of_a_larger_array(image, padding):
    return np.pad(image, 5)[tuple(slice(5 - p, 5 + n + p) for p, n in zip(pair(padding), image.shape, strict=True))]


def strided_by_windows(image, kernel, stride=1, padding=0, dilation=1):
    padded = pad_with_numpy(image, padding)
    extent = tuple(dilation * (n - 1) + 1 for n in kernel.shape)
    windows = np.lib.stride_tricks.sliding_window_view(padded, extent)
    down, across = pair(stride)
    return np.einsum("ijuv,uv->ij", windows[::down, ::across, ::dilation, ::dilation], kernel)


def strided_by_taps(image, kernel, stride=1, padding=0, dilation=1):
    padded = pad_with_numpy(image, padding)
    (down, across), (height, width) = pair(stride), kernel.shape
    rows = (padded.shape[0] - dilation * (height - 1) - 1) // down + 1
    columns = (padded.shape[1] - dilation * (width - 1) - 1) // across + 1
    out = 0.0
    for u, v in np.ndindex(height, width):
        tap = padded[u * dilation :: down, v * dilation :: across]
        out = out + kernel[u, v] * tap[:rows, :columns]
    return out


def strided_by_fft(image, kernel, stride=1, padding=0, dilation=1):
    padded = pad_with_numpy(image, padding).astype(float)
    spread = np.zeros([dilation * (n - 1) + 1 for n in kernel.shape])
    spread[::dilation, ::dilation] = kernel
    product = np.fft.fft2(padded) * np.conj(np.fft.fft2(spread, padded.shape))
    valid = np.fft.ifft2(product).real[: padded.shape[0] - len(spread) + 1, : padded.shape[1] - spread.shape[1] + 1]
    return valid[:: pair(stride)[0], :: pair(stride)[1]]


def strided_in_single_precision(image, kernel, stride=1, padding=0, dilation=1):
    return strided_by_windows(image, kernel, stride, padding, dilation).astype(np.float32)


def volume_by_loops(volume, filters, bias, stride=1, padding=0):
    (down, across), (rows, columns) = pair(stride), pair(padding)
    padded = np.pad(volume, ((0, 0), (rows, rows), (columns, columns)))
    size = filters.shape[2]
    high, wide = (padded.shape[1] - size) // down + 1, (padded.shape[2] - size) // across + 1
    out = [[[0.0] * wide for _ in range(high)] for _ in filters]
    for k, i, j in np.ndindex(len(filters), high, wide):
        window = padded[:, i * down : i * down + size, j * across : j * across + size]
        out[k][i][j] = float((window * filters[k]).sum() + bias[k])
    return np.array(out)


def volume_by_channels(volume, filters, bias, stride=1, padding=0):
    maps = [
        sum(strided_by_taps(v, k, stride, padding) for v, k in zip(volume, f, strict=True)) + b
        for f, b in zip(filters, bias, strict=True)
    ]
    return np.stack(maps)


def volume_by_matrix_product(volume, filters, bias, stride=1, padding=0):
    (down, across), (rows, columns), size = pair(stride), pair(padding), filters.shape[-1]
    padded = np.pad(volume, ((0, 0), (rows, rows), (columns, columns)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (1, 2))[:, ::down, ::across]
    columns_matrix = windows.transpose(0, 3, 4, 1, 2).reshape(filters[0].size, -1)
    return (filters.reshape(len(filters), -1) @ columns_matrix + bias[:, None]).reshape(-1, *windows.shape[1:3])


def field_backwards(layers):
    size = 1
    for kernel, stride, *dilation in layers[::-1]:
        size = (size - 1) * stride + (dilation[0] if dilation else 1) * (kernel - 1) + 1
    return size


def field_as_a_sum(layers):
    steps = [1, *itertools.accumulate((layer[1] for layer in layers), lambda a, b: a * b)]
    return 1 + sum((*layer, 1)[2] * (layer[0] - 1) * step for layer, step in zip(layers, steps, strict=False))


def field_by_impulse(layers):
    touched = {0}
    for layer in reversed(layers):
        kernel, stride, dilation = (*layer, 1)[:3]
        touched = {unit * stride + tap * dilation for unit in (min(touched), max(touched)) for tap in range(kernel)}
    return np.int64(max(touched) - min(touched) + 1)


def parameters_by_shape(in_channels, out_channels, kernel, bias=True):
    return int(np.prod((out_channels, in_channels, kernel, kernel))) + (out_channels if bias else 0)


def parameters_by_filter(in_channels, out_channels, kernel, bias=True):
    return sum(in_channels * kernel * kernel + (1 if bias else 0) for _ in range(out_channels))


def parameters_by_size(in_channels, out_channels, kernel, bias=True):
    return np.empty((out_channels, in_channels, kernel, kernel)).size + np.empty(out_channels if bias else 0).size


def macs_from_weights(in_channels, out_channels, kernel, out_height, out_width):
    return parameters_by_shape(in_channels, out_channels, kernel, False) * out_height * out_width


def macs_with_prod(in_channels, out_channels, kernel, out_height, out_width):
    return math.prod([in_channels, out_channels, kernel, kernel, out_height, out_width])


def macs_in_numpy(in_channels, out_channels, kernel, out_height, out_width):
    return np.prod(np.array([in_channels, out_channels, kernel**2, out_height, out_width], dtype=np.int64))


def table_with_a_dispatch(layers, input_shape):
    def conv(shape, filters, kernel, stride, padding):
        sides = tuple(output_size_with_math(n, kernel, stride, padding) for n in shape[1:])
        weights = filters * shape[0] * kernel**2
        return (filters, *sides), weights + filters, weights * math.prod(sides)

    def pool(shape, size, stride):
        return (shape[0], *(output_size_with_math(n, size, stride) for n in shape[1:])), 0, 0

    def linear(shape, units):
        return (units,), (math.prod(shape) + 1) * units, math.prod(shape) * units

    rows = [("input", input_shape, math.prod(input_shape), 0, 0)]
    for name, kind, *numbers in layers:
        shape, parameters, macs = {"conv": conv, "pool": pool, "linear": linear}[kind](rows[-1][1], *numbers)
        rows.append((name, shape, math.prod(shape), parameters, macs))
    return rows


def table_of_lists(layers, input_shape):
    return [[row[0], list(row[1]), *row[2:]] for row in table_with_a_dispatch(layers, input_shape)]


def table_in_numpy_ints(layers, input_shape):
    return [
        (n, tuple(np.int64(v) for v in s), np.int64(a), np.int64(p), np.int64(m))
        for n, s, a, p, m in table_with_a_dispatch(layers, input_shape)
    ]


def linear_by_filter(weight, in_shape):
    return np.array([weight[:, unit].reshape(in_shape) for unit in range(weight.shape[1])])


def linear_by_moveaxis(weight, in_shape):
    return np.moveaxis(weight.reshape(*in_shape, -1), -1, 0)


def linear_by_loops(weight, in_shape):
    channels, height, width = in_shape
    filters = np.zeros((weight.shape[1], channels, height, width))
    for k, c, i, j in np.ndindex(filters.shape):
        filters[k, c, i, j] = weight[(c * height + i) * width + j, k]
    return filters


RIGHT = {
    "conv_output_size": [output_size_by_counting, output_size_with_math, output_size_as_numpy_int],
    "same_padding": [same_padding_by_search, same_padding_with_divmod, same_padding_halved],
    "pad2d": [pad_with_numpy, pad_with_loops, pad_with_concatenate, pad_view_of_a_larger_array],
    "correlate2d_strided": [strided_by_windows, strided_by_taps, strided_by_fft, strided_in_single_precision],
    "conv_volume": [volume_by_loops, volume_by_channels, volume_by_matrix_product],
    "receptive_field": [field_backwards, field_as_a_sum, field_by_impulse],
    "conv_parameters": [parameters_by_shape, parameters_by_filter, parameters_by_size],
    "conv_macs": [macs_from_weights, macs_with_prod, macs_in_numpy],
    "layer_table": [table_with_a_dispatch, table_of_lists, table_in_numpy_ints],
    "linear_as_conv": [linear_by_filter, linear_by_moveaxis, linear_by_loops],
}
STYLES = [(name, answer) for name, answers in RIGHT.items() for answer in answers]


def test_every_exercise_has_answers_in_three_styles():
    assert set(RIGHT) == set(ORACLE)
    assert all(len(answers) >= 3 for answers in RIGHT.values())


@pytest.mark.parametrize(("name", "answer"), STYLES, ids=lambda v: getattr(v, "__name__", v))
def test_right_answers_in_other_styles_pass(name, answer):
    exercise = getattr(padding_stride, name)
    for seed, hidden in DRAWS:
        result = examine(exercise, answer, seed=seed, hidden=hidden)
        assert result.passed, (result.problem, [f.case for f in result.failures], result.changed, result.forbidden)


# Wrong answers as students write them, with the mistakes that the diagnosis names


def sign_of_the_padding(size, kernel, stride=1, padding=0, dilation=1):
    out = (size - 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if out < 1:
        raise ValueError("does not fit")
    return out


def formula_of_many_slides(size, kernel, stride=1, padding=0, dilation=1):
    return (size - kernel + 2 * padding) // stride + 1


def formula_with_a_fraction(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1


def rests_refused(size, kernel, stride=1, padding=0, dilation=1):
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0 or room % stride != 0:
        raise ValueError("invalid")
    return room // stride + 1


def floor_of_numpy(size, kernel, stride=1, padding=0, dilation=1):
    if dilation * (kernel - 1) + 1 > size + 2 * padding:
        raise ValueError
    return np.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


def half_the_kernel(kernel, dilation=1):
    return kernel // 2


def taps_must_be_odd(kernel, dilation=1):
    if kernel % 2 == 0:
        raise ValueError
    return dilation * (kernel - 1) // 2


def pair_straight_to_numpy(image, padding):
    return np.pad(image, padding)


def slice_to_minus_padding(image, padding):
    rows, columns = pair(padding)
    out = np.zeros((image.shape[0] + 2 * rows, image.shape[1] + 2 * columns))
    out[rows:-rows, columns:-columns] = image
    return out


def window_at_i_j(image, kernel, stride=1, padding=0, dilation=1):
    (down, across), padded = pair(stride), pad_with_numpy(image, padding)
    height, width = (dilation * (n - 1) + 1 for n in kernel.shape)
    out = np.zeros(((padded.shape[0] - height) // down + 1, (padded.shape[1] - width) // across + 1))
    for i, j in np.ndindex(out.shape):
        out[i, j] = np.sum(padded[i : i + height : dilation, j : j + width : dilation] * kernel)
    return out


def height_for_both(image, kernel, stride=1, padding=0, dilation=1):
    (down, across), padded = pair(stride), pad_with_numpy(image, padding)
    height, width = (dilation * (n - 1) + 1 for n in kernel.shape)
    out = np.zeros([(padded.shape[0] - height) // down + 1] * 2)
    for i, j in np.ndindex(out.shape):
        y, x = i * down, j * across
        out[i, j] = np.sum(padded[y : y + height : dilation, x : x + width : dilation] * kernel)
    return out


def bias_inside_the_channel_loop(volume, filters, bias, stride=1, padding=0):
    maps = [
        sum(strided_by_taps(v, k, stride, padding) + b for v, k in zip(volume, f, strict=True))
        for f, b in zip(filters, bias, strict=True)
    ]
    return np.stack(maps)


def channel_loop_overwrites(volume, filters, bias, stride=1, padding=0):
    return np.stack(
        [strided_by_taps(volume[-1], f[-1], stride, padding) + b for f, b in zip(filters, bias, strict=True)]
    )


def step_before_field(layers):
    field, step = 1, 1
    for kernel, stride, *dilation in layers:
        step *= stride
        field += (dilation[0] if dilation else 1) * (kernel - 1) * step
    return field


def recursion_forwards(layers):
    size = 1
    for kernel, stride, *dilation in layers:
        size = (size - 1) * stride + (dilation[0] if dilation else 1) * (kernel - 1) + 1
    return size


def depth_forgotten(in_channels, out_channels, kernel, bias=True):
    return out_channels * kernel**2 + (out_channels if bias else 0)


def switch_forgotten(in_channels, out_channels, kernel, bias=True):
    return out_channels * (in_channels * kernel**2 + 1)


def weights_only(in_channels, out_channels, kernel, out_height, out_width):
    return in_channels * out_channels * kernel**2


def bias_counts_as_work(in_channels, out_channels, kernel, out_height, out_width):
    return (in_channels * kernel**2 + 1) * out_channels * out_height * out_width


def halving_pools(layers, input_shape):
    return table_with_a_dispatch([(*x[:2], x[3], x[3]) if x[1] == "pool" else x for x in layers], input_shape)


def work_from_parameters(layers, input_shape):
    rows = table_with_a_dispatch(layers, input_shape)
    return [(n, s, a, p, p * math.prod(s[1:]) if p else 0) for n, s, a, p, _ in rows]


def reshape_only(weight, in_shape):
    return weight.reshape(-1, *in_shape)


def channels_last(weight, in_shape):
    channels, height, width = in_shape
    return weight.T.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)


WRONG = [
    ("conv_output_size", sign_of_the_padding, ["padding subtracted"]),
    ("conv_output_size", formula_of_many_slides, ["dilation ignored", "unfit kernel accepted"]),
    ("conv_output_size", formula_with_a_fraction, ["true division", "unfit kernel accepted"]),
    ("conv_output_size", rests_refused, ["rest refused"]),
    ("conv_output_size", floor_of_numpy, ["whole number as float"]),
    ("same_padding", half_the_kernel, ["half of the kernel"]),
    ("same_padding", taps_must_be_odd, ["every even kernel refused"]),
    ("pad2d", pair_straight_to_numpy, ["pair read as before and after"]),
    ("pad2d", slice_to_minus_padding, ["slice up to minus zero"]),
    ("correlate2d_strided", window_at_i_j, ["stride for the size only"]),
    ("correlate2d_strided", height_for_both, ["width counted like height"]),
    ("conv_volume", bias_inside_the_channel_loop, ["bias added for every channel"]),
    ("conv_volume", channel_loop_overwrites, ["last channel only"]),
    ("receptive_field", step_before_field, ["own stride counted first"]),
    ("receptive_field", recursion_forwards, ["walked in the wrong direction"]),
    ("conv_parameters", depth_forgotten, ["filters without depth"]),
    ("conv_parameters", switch_forgotten, ["bias switch ignored"]),
    ("conv_macs", weights_only, ["weights counted once"]),
    ("conv_macs", bias_counts_as_work, ["biases included"]),
    ("layer_table", halving_pools, ["pool size ignored"]),
    ("layer_table", work_from_parameters, ["multiply adds with biases"]),
    ("linear_as_conv", reshape_only, ["reshaped without transposing"]),
    ("linear_as_conv", channels_last, ["channels read last"]),
]


@pytest.mark.parametrize(("name", "answer", "mistakes"), WRONG, ids=lambda v: getattr(v, "__name__", ""))
def test_wrong_answers_fail_and_their_mistakes_are_named(name, answer, mistakes):
    for seed, hidden in DRAWS:
        result = examine(getattr(padding_stride, name), answer, seed=seed, hidden=hidden)
        assert not result.passed
        assert sorted(m.name for m in result.mistakes) == sorted(mistakes)


@pytest.mark.parametrize("name", ["conv_output_size", "same_padding"])
def test_an_input_without_an_answer_is_refused_with_a_value_error(name):
    exercise = getattr(padding_stride, name)
    for seed, hidden in DRAWS:
        refused = [c for c in exercise.draw(seed, hidden) if isinstance(expected(exercise, c), Raises)]
        assert len(refused) >= 3
        assert all(compare(Raises(ValueError), expected(exercise, c)).equal for c in refused)
