"""Two photos as a small data set: which of them does a patch come from? Edges and texture decide, not colours."""

from __future__ import annotations

import numpy as np

from course_utils.data import PHOTOS, gray, photo
from course_utils.dataset import Dataset, consecutive

__all__ = ["edges", "patches", "tiles"]

STRIP = 64  # pixels: every fourth strip of columns of this width is held out
BLUR, GAIN = 6.0, 4.0  # standard deviation in pixels of what is subtracted, and what the rest is multiplied by
LEAST = 0.12  # standard deviation of a patch that shows something


def edges(name: str) -> np.ndarray:
    """A gray photo less its own blurred version, times four: (1, 427, 640) float32, about zero where nothing is."""
    from scipy.ndimage import gaussian_filter

    brightness = gray(photo(name))
    return (GAIN * (brightness - gaussian_filter(brightness, BLUR))).astype(np.float32)[None]


def patches(count: int = 3000, held_out: int = 600, size: int = 32, seed: int = 0) -> Dataset:
    """Random patches of the edges of both photos that show something, labelled with their photo.

    Parameters
    ----------
    count, held_out : patches for training and for validation; half from each photo. The latter come from strips of
        columns that no training patch touches.
    size : side in pixels, at most 64.
    seed : another one gives other patches.

    Returns
    -------
    A Dataset of images (1, size, size), classes "china" and "flower"; it has no test part.

    Raises
    ------
    ValueError
        for a size above 64.
    """
    if not 1 <= size <= STRIP:
        raise ValueError(f"expected a size from 1 to {STRIP}, got {size}: a patch lies within one strip of the photo")
    rng = np.random.default_rng(seed)
    photos = [edges(name) for name in PHOTOS]
    images = [_patch(photos[i % 2], size, i >= count, rng) for i in range(count + held_out)]
    labels = np.arange(count + held_out) % 2
    return Dataset("photo patches", np.stack(images), labels, PHOTOS, consecutive(count, held_out, 0))


def _patch(image: np.ndarray, size: int, held_out: bool, rng: np.random.Generator) -> np.ndarray:
    """A patch within a strip that is held out, or is not."""
    strips = [s for s in range(image.shape[2] // STRIP) if (s % 4 == 3) == held_out]
    while True:
        row, strip = rng.integers(image.shape[1] - size + 1), rng.choice(strips)
        column = STRIP * strip + rng.integers(STRIP - size + 1)
        found = image[:, row : row + size, column : column + size]
        if found.std() >= LEAST:
            return found


def tiles(size: int = 32) -> np.ndarray:
    """Both photos' edges cut into squares that do not overlap, row by row, china first: (n, 1, size, size)."""
    cut = []
    for name in PHOTOS:
        image = edges(name)
        rows, columns = (n // size for n in image.shape[1:])
        whole = image[0, : rows * size, : columns * size].reshape(rows, size, columns, size)
        cut.append(whole.swapaxes(1, 2).reshape(-1, 1, size, size))
    return np.concatenate(cut)
