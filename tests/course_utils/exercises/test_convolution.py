"""Lesson 01: a second oracle for each exercise, right answers in other styles, wrong ones that students write."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from scipy.ndimage import gaussian_filter

from course_utils.check import CheckFailed, check
from course_utils.exercises import convolution
from course_utils.exercises import lesson as exercises_of

DRAWS = [(0, False), (1, True)]
FAST = settings(max_examples=25, deadline=None)
LENGTH = st.integers(1, 7)


def drawn(*shape, seed):
    return np.random.default_rng([*shape, seed]).standard_normal(shape)


def conv2d(image, kernel, padding=(0, 0)):
    result = torch.nn.functional.conv2d(
        torch.from_numpy(image.copy())[None, None], torch.from_numpy(kernel.copy())[None, None], padding=padding
    )
    return result[0, 0].numpy()


def full_convolution(image, kernel):
    height, width = kernel.shape
    return conv2d(image, kernel[::-1, ::-1], padding=(height - 1, width - 1))


def assert_close(first, second):
    assert first.shape == second.shape
    assert np.allclose(first, second, rtol=1e-10, atol=1e-12)


@FAST
@given(n=LENGTH, k=LENGTH, seed=st.integers(0, 99))
def test_oracles_of_signals_agree_with_numpy(n, k, seed):
    signal, kernel = drawn(n, seed=seed), drawn(k, seed=seed + 1)
    assert_close(convolution.convolve1d.oracle(signal, kernel), np.convolve(signal, kernel))
    if k <= n:
        assert_close(convolution.correlate1d.oracle(signal, kernel), np.correlate(signal, kernel, "valid"))


@FAST
@given(height=LENGTH, width=LENGTH, h=LENGTH, w=LENGTH, seed=st.integers(0, 99))
def test_oracles_of_images_agree_with_pytorch(height, width, h, w, seed):
    image, kernel = drawn(height, width, seed=seed), drawn(h, w, seed=seed + 1)
    for exercise in (convolution.fft_convolve2d, convolution.compose_kernels):
        assert_close(exercise.oracle(image, kernel), full_convolution(image, kernel))
    if h <= height and w <= width:
        assert_close(convolution.correlate2d.oracle(image, kernel), conv2d(image, kernel))
        assert_close(convolution.convolve2d.oracle(image, kernel), conv2d(image, kernel[::-1, ::-1]))


@FAST
@given(h=LENGTH, w=LENGTH, h2=LENGTH, w2=LENGTH, seed=st.integers(0, 99))
def test_composed_kernel_equals_both_in_turn(h, w, h2, w2, seed):
    image, first, second = drawn(15, 15, seed=seed), drawn(h, w, seed=seed), drawn(h2, w2, seed=seed + 1)
    both = convolution.compose_kernels.oracle(first, second)
    for apply in (convolution.convolve2d.oracle, convolution.correlate2d.oracle):
        assert_close(apply(apply(image, first), second), apply(image, both))


@FAST
@given(size=st.integers(1, 12), sigma=st.floats(0.4, 9))
def test_gaussian_oracle_is_a_normalized_symmetric_bell(size, sigma):
    kernel = convolution.gaussian_kernel.oracle(size, sigma)
    assert math.isclose(kernel.sum(), 1)
    assert_close(kernel, kernel.T)
    assert_close(kernel, kernel[::-1])
    middle = (size - 1) / 2
    squares = [[(i - middle) ** 2 + (j - middle) ** 2 for j in range(size)] for i in range(size)]
    assert np.allclose(np.log(kernel / kernel.max()), (np.min(squares) - np.array(squares)) / (2 * sigma**2))


def test_gaussian_oracle_agrees_with_scipy_ndimage():
    pulse = np.zeros((41, 41))
    pulse[20, 20] = 1
    assert_close(convolution.gaussian_kernel.oracle(9, 1.5), gaussian_filter(pulse, 1.5, radius=4)[16:25, 16:25])


def gabor_by_loops(size, sigma, theta, wavelength, phase=0.0):
    centre, result = (size - 1) / 2, np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            x, y = column - centre, row - centre
            wave = math.cos(2 * math.pi * (x * math.cos(theta) + y * math.sin(theta)) / wavelength + phase)
            result[row, column] = math.exp(-(x * x + y * y) / (2 * sigma * sigma)) * wave
    return result


@FAST
@given(
    size=st.integers(1, 12),
    sigma=st.floats(0.4, 9),
    theta=st.floats(-7, 7),
    wavelength=st.floats(1, 20),
    phase=st.floats(-7, 7),
)
def test_gabor_oracle_agrees_with_its_formula(size, sigma, theta, wavelength, phase):
    arguments = size, sigma, theta, wavelength, phase
    assert_close(convolution.gabor_kernel.oracle(*arguments), gabor_by_loops(*arguments))


def test_filter_bank_oracle_is_the_table():
    bank = convolution.filter_bank.oracle()
    assert list(bank) == list(convolution.BANK)
    for name, kernel in bank.items():
        assert_close(kernel, convolution.BANK[name])


# ---------------------------------------------------------------------------------------------------------------------
# right answers in other styles


def correlate_by_windows(image, kernel):
    return np.einsum("ijab,ab->ij", sliding_window_view(image, kernel.shape), kernel)


def correlate_by_strides(image, kernel):
    shape = tuple(np.subtract(image.shape, kernel.shape) + 1)
    return np.tensordot(as_strided(image, shape + kernel.shape, image.strides * 2), kernel, 2)


def correlate_in_lists(image, kernel):
    (H, W), (h, w) = image.shape, kernel.shape
    return [
        [sum(image[i + a][j + b] * kernel[a][b] for a in range(h) for b in range(w)) for j in range(W - w + 1)]
        for i in range(H - h + 1)
    ]


def correlate_by_shifts(image, kernel):
    rows, columns = np.subtract(image.shape, kernel.shape) + 1
    return sum(kernel[a, b] * image[a : a + rows, b : b + columns] for a, b in np.ndindex(*kernel.shape))


def convolve_by_loops(signal, kernel):
    result = [0] * (len(signal) + len(kernel) - 1)
    for n, sample in enumerate(signal):
        for m, weight in enumerate(kernel):
            result[n + m] += sample * weight
    return result


def convolve_by_padding(signal, kernel):
    return sliding_window_view(np.pad(signal, len(kernel) - 1), len(kernel)) @ kernel[::-1]


def convolve_by_spectra(signal, kernel):
    length = len(signal) + len(kernel) - 1
    return np.fft.irfft(np.fft.rfft(signal, length) * np.fft.rfft(kernel, length), length)


def full_by_padding(image, kernel):
    height, width = kernel.shape
    padded = np.pad(image, ((height - 1, height - 1), (width - 1, width - 1)))
    return correlate_by_windows(padded, kernel[::-1, ::-1])


def full_by_real_spectra(image, kernel):
    shape = tuple(np.add(image.shape, kernel.shape) - 1)
    return np.fft.irfft2(np.fft.rfft2(image, shape) * np.fft.rfft2(kernel, shape), shape)


def full_by_a_power_of_two(image, kernel):
    (H, W), (h, w) = image.shape, kernel.shape
    return np.fft.ifft2(np.fft.fft2(image, (64, 64)) * np.fft.fft2(kernel, (64, 64))).real[: H + h - 1, : W + w - 1]


def full_by_stamps(image, kernel):
    (H, W), (h, w) = image.shape, kernel.shape
    result = np.zeros((H + h - 1, W + w - 1))
    for i, j in np.ndindex(h, w):
        result[i : i + H, j : j + W] += kernel[i, j] * image
    return result


def bank_in_integers():
    identity = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    laplacian = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    return {
        "sobel": np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]]),
        "identity": identity,
        "edge_diagonal": np.outer([1, 0, -1], [1, 0, -1]),
        "laplacian": laplacian,
        "laplacian8": 9 * np.array(identity) - 1,
        "sharpen": np.array(identity) - laplacian,
        "box": np.ones((3, 3), np.float32) / 9,
        "gaussian": np.outer([1, 2, 1], [1, 2, 1]) / 16,
    }


def gaussian_by_rows(size, sigma):
    offsets = np.linspace(-(size - 1) / 2, (size - 1) / 2, size)
    profile = np.exp(-0.5 * (offsets / sigma) ** 2)
    profile /= profile.sum()
    return profile[:, None] * profile


def gaussian_by_mgrid(size, sigma):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    density = np.exp(-(x * x + y * y) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    return (density / density.sum()).astype(np.float32)


def gabor_by_complex_wave(size, sigma, theta, wavelength, phase=0.0):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    u = x * np.cos(theta) + y * np.sin(theta)
    return np.exp(-(x**2 + y**2) / (2 * sigma**2)) * np.exp(1j * (2 * np.pi * u / wavelength + phase)).real


def gabor_in_single_precision(size, sigma, theta, wavelength, phase=0.0):
    return gabor_by_loops(size, sigma, theta, wavelength, phase).astype(np.float32)


OTHER_STYLES = {
    "correlate1d": {
        "windows": lambda signal, kernel: sliding_window_view(signal, len(kernel)) @ kernel,
        "shifts": lambda s, k: sum(k[a] * s[a : len(s) - len(k) + 1 + a] for a in range(len(k))),
        "float32": lambda s, k: (sliding_window_view(s, len(k)) @ k).astype(np.float32),
        "list": lambda s, k: [sum(s[i : i + len(k)] * k) for i in range(len(s) - len(k) + 1)],
    },
    "convolve1d": {
        "loops and a list": convolve_by_loops,
        "padding": convolve_by_padding,
        "spectra": convolve_by_spectra,
        "polynomials": lambda s, k: np.bincount(
            np.add.outer(np.arange(len(s)), np.arange(len(k))).ravel(), np.outer(s, k).ravel()
        ),
    },
    "correlate2d": {
        "einsum": correlate_by_windows,
        "strides": correlate_by_strides,
        "lists": correlate_in_lists,
        "shifts": correlate_by_shifts,
        "float32 view": lambda i, k: correlate_by_windows(i, k).astype(np.float32)[::1],
    },
    "convolve2d": {
        "flip": lambda i, k: correlate_by_windows(i, np.flip(k)),
        "two quarter turns": lambda i, k: correlate_by_shifts(i, np.rot90(k, 2)),
        "cut from the full one": lambda i, k: full_by_real_spectra(i, k)[
            k.shape[0] - 1 : i.shape[0], k.shape[1] - 1 : i.shape[1]
        ],
    },
    "filter_bank": {"integers, lists, one key more": bank_in_integers},
    "gaussian_kernel": {"rows": gaussian_by_rows, "mgrid in float32": gaussian_by_mgrid},
    "gabor_kernel": {
        "loops": gabor_by_loops,
        "complex": gabor_by_complex_wave,
        "float32": gabor_in_single_precision,
    },
    "fft_convolve2d": {
        "real spectra": full_by_real_spectra,
        "a power of two": full_by_a_power_of_two,
        "no spectra": full_by_stamps,
    },
    "compose_kernels": {
        "padding": full_by_padding,
        "stamps": full_by_stamps,
        "spectra": full_by_real_spectra,
        "exchanged": lambda first, second: full_by_padding(second, first),
    },
}


def each(answers):
    return [pytest.param(name, f, id=f"{name}-{style}") for name, by in answers.items() for style, f in by.items()]


def test_every_exercise_is_met_in_other_styles():
    assert set(OTHER_STYLES) == {e.name for e in exercises_of("01_convolution")}


@pytest.mark.parametrize(("name", "answer"), each(OTHER_STYLES))
def test_right_answers_of_another_style_pass(name, answer):
    for seed, hidden in DRAWS:
        check(name, answer, hidden=hidden, seed=seed)


# ---------------------------------------------------------------------------------------------------------------------
# wrong answers


WRONG = {
    "correlate1d": {
        "library": lambda signal, kernel: np.correlate(signal, kernel, "valid"),
        "one number": lambda signal, kernel: np.sum(signal[: len(kernel)] * kernel),
        "always ints": lambda s, k: (sliding_window_view(s, len(k)) @ k).astype(int),
        "string": lambda signal, kernel: str(sliding_window_view(signal, len(kernel)) @ kernel),
        "padded by its edge": lambda s, k: sliding_window_view(np.pad(s, (0, len(k) - 1), "edge"), len(k)) @ k,
    },
    "convolve1d": {
        "library": lambda signal, kernel: np.convolve(signal, kernel),
        "padded by its edge": lambda s, k: sliding_window_view(np.pad(s, len(k) - 1, "edge"), len(k)) @ k[::-1],
        "long kernels refused": lambda s, k: convolve_by_padding(s, k) if len(k) <= len(s) else None,
        "correlation of the middle": lambda s, k: sliding_window_view(np.pad(s, len(k) // 2), len(k)) @ k,
    },
    "correlate2d": {
        "a column missing": lambda i, k: correlate_by_windows(i, k)[:, :-1],
        "a flat list": lambda i, k: correlate_by_windows(i, k).ravel(),
        "cut off at zero": lambda i, k: np.maximum(correlate_by_windows(i, k), 0),
        "rows and columns summed apart": lambda i, k: correlate_by_windows(
            i, np.outer(k.sum(axis=1), k.sum(axis=0)) / (k.sum() or 1)
        ),
        "rounded": lambda i, k: np.round(correlate_by_windows(i, k), 1),
    },
    "convolve2d": {
        "correlation": correlate_by_windows,
        "sign": lambda i, k: -correlate_by_windows(i, np.flip(k)),
        "circular": lambda i, k: np.fft.ifft2(np.fft.fft2(i) * np.fft.fft2(k, i.shape)).real,
        "quarter turn": lambda i, k: correlate_by_windows(i, np.rot90(k)),
    },
    "filter_bank": {
        "a key missing": lambda: {k: v for k, v in bank_in_integers().items() if k != "box"},
        "keys in capitals": lambda: {k.upper(): v for k, v in bank_in_integers().items()},
        "a list": lambda: list(bank_in_integers().values()),
        "Sobel for the diagonal": lambda: {**bank_in_integers(), "edge_diagonal": bank_in_integers()["sobel"]},
        "a larger box": lambda: {**bank_in_integers(), "box": np.full((5, 5), 1 / 25)},
        "another Gaussian": lambda: {**bank_in_integers(), "gaussian": gaussian_by_rows(3, 1.0)},
    },
    "gaussian_kernel": {
        "columns only": lambda n, s: np.tile(gaussian_by_rows(n, s).sum(axis=0) / n, (n, 1)),
        "three sigmas wide": lambda n, s: gaussian_by_rows(n, (n - 1) / 6 or 1),
        "length one": lambda n, s: gaussian_by_rows(n, s) / np.linalg.norm(gaussian_by_rows(n, s)),
        "rounded": lambda n, s: np.round(gaussian_by_rows(n, s), 3),
    },
    "gabor_kernel": {
        "half the frequency": lambda n, s, t, w, phase=0.0: gabor_by_loops(n, s, t, 2 * w, phase),
        "sum": lambda n, s, t, w, phase=0.0: gabor_by_loops(n, s, t, w, phase) + gabor_by_loops(n, s, 0, 1e9),
        "no default": lambda size, sigma, theta, wavelength, phase: gabor_by_loops(
            size, sigma, theta, wavelength, phase
        ),
        "magnitudes sum to one": lambda n, s, t, w, phase=0.0: (
            gabor_by_loops(n, s, t, w, phase) / np.abs(gabor_by_loops(n, s, t, w, phase)).sum()
        ),
    },
    "fft_convolve2d": {
        "divided by the size": lambda i, k: full_by_stamps(i, k) / i.size,
        "spectra added": lambda i, k: full_by_stamps(i, np.ones_like(k)),
        "the larger of both sizes": lambda i, k: full_by_stamps(i, k)[: max(i.shape[0], k.shape[0])],
        "kernel flipped up and down": lambda i, k: full_by_stamps(i, k[::-1]),
    },
    "compose_kernels": {
        "mean": lambda first, second: (first + second) / 2,
        "Kronecker": np.kron,
        "square padding": lambda f, s: correlate_by_windows(np.pad(f, len(s) - 1), s[::-1, ::-1]),
        "flipped up and down": lambda first, second: full_by_stamps(first, second[::-1]),
    },
}


@pytest.mark.parametrize(("name", "answer"), each(WRONG))
def test_wrong_answers_fail(name, answer):
    for seed, hidden in DRAWS:
        with pytest.raises(CheckFailed):
            check(name, answer, hidden=hidden, seed=seed)


def assigned(image, kernel):
    kernel[:] = kernel[::-1, ::-1].copy()
    return correlate_by_windows(image, kernel)


def test_flipping_the_callers_kernel_is_told():
    with pytest.raises(CheckFailed, match="changes its argument kernel"):
        check("convolve2d", assigned)


def test_extra_keys_are_noted_and_pass(capsys):
    check("filter_bank", bank_in_integers)
    assert "'sobel'" in capsys.readouterr().out


def test_two_mistakes_at_once_are_both_named():
    with pytest.raises(CheckFailed) as failed:
        check("fft_convolve2d", lambda i, k: np.fft.ifft2(np.fft.fft2(i) * np.fft.fft2(k, i.shape)))
    assert {m.name for m in failed.value.result.mistakes} == {"circular without padding", "still complex"}


def test_categories_tell_what_a_square_answer_misses():
    def correlate2d(image, kernel):
        rows, size = len(image) - len(kernel) + 1, len(kernel)
        windows = [[image[i : i + size, j : j + size] for j in range(rows)] for i in range(rows)]
        return np.array([[np.sum(window * kernel) for window in row] for row in windows])

    with pytest.raises(CheckFailed) as failed:
        check(correlate2d)
    right = [name for name, (good, total) in failed.value.result.categories.items() if good == total]
    assert "square image and kernel" in right
    assert "image taller than wide" not in right
    assert "image wider than tall" not in right
