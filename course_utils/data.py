"""Data that needs no download: scikit-learn's digits and its two photos, as float arrays in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PHOTOS = ("china", "flower")


@dataclass(frozen=True)
class Dataset:
    """Labelled images.

    images : (N, C, H, W), float64 in [0, 1].
    labels : (N,), int64, an index into ``classes``.
    classes : the classes' names.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def digits() -> Dataset:
    """The 1,797 handwritten digits of 8 × 8 pixels that come with scikit-learn (UCI, Alpaydin and Kaynak 1998)."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    images = loaded.images[:, None] / 16.0  # (1797, 1, 8, 8)
    return Dataset("digits", images, loaded.target.astype(np.int64), tuple("0123456789"))


def photo(name: str = "china") -> np.ndarray:
    """A colour photo that comes with scikit-learn.

    Parameters
    ----------
    name : "china" (a temple) or "flower" (a dahlia).

    Returns
    -------
    (427, 640, 3) float64 in [0, 1], red, green, blue.

    Raises
    ------
    ValueError
        for another name.
    """
    if name not in PHOTOS:
        raise ValueError(f"expected one of {PHOTOS}, got {name!r}: choose one of the two photos of scikit-learn")
    from sklearn.datasets import load_sample_image

    return load_sample_image(f"{name}.jpg") / 255.0


def gray(image: np.ndarray) -> np.ndarray:
    """The brightness of a colour image: (H, W, 3) → (H, W), weights 0.299, 0.587, 0.114 (ITU-R BT.601)."""
    if image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(f"expected an image of shape (H, W, 3), got shape {image.shape}: pass a colour photo")
    return image @ np.array([0.299, 0.587, 0.114])
