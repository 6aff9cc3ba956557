"""The course's data: five labelled sets with one interface, and two photos. Float arrays in [0, 1], NCHW."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from course_utils import glyphs as drawings
from course_utils import sources
from course_utils.augmentation import CropAndFlip
from course_utils.batches import batches
from course_utils.dataset import Dataset, consecutive
from course_utils.formats import DataError
from course_utils.official import Official, read

__all__ = [
    "NAMES",
    "PHOTOS",
    "CropAndFlip",
    "DataError",
    "Dataset",
    "batches",
    "cifar10",
    "digits",
    "fashion_mnist",
    "glyphs",
    "gray",
    "load",
    "mnist",
    "photo",
]
PHOTOS = ("china", "flower")
DRAWN = {"glyphs": (28, 1), "glyphs-rgb": (32, 3)}  # side and channels


def load(name: str, size: int | None = None) -> Dataset:
    """One of the course's data sets, by name.

    Parameters
    ----------
    name : one of the following; all have ten classes.

        ==================  ==================  =======  ==========  =======
        name                images (C, H, W)    train    validation  test
        ==================  ==================  =======  ==========  =======
        ``digits``          1 × 8 × 8           1,200    297         300
        ``glyphs``          1 × 28 × 28         10,000   2,000       2,000
        ``glyphs-rgb``      3 × 32 × 32         10,000   2,000       2,000
        ``mnist``           1 × 28 × 28         55,000   5,000       10,000
        ``fashion-mnist``   1 × 28 × 28         55,000   5,000       10,000
        ``cifar10``         3 × 32 × 32         45,000   5,000       10,000
        ==================  ==================  =======  ==========  =======

    size : for images of size × size, see ``Dataset.resized``; glyphs are drawn at that size.

    Returns
    -------
    A Dataset with its split. The first three need no file. The others are read from the folder that the environment
    variable COURSE_DATA_DIR names, where the official files lie there (packed or unpacked), else downloaded once.

    Raises
    ------
    ValueError
        for another name.
    DataError
        where a file is truncated, corrupted or another one, and where no mirror gives it.
    """
    if name in DRAWN:
        side, channels = DRAWN[name]
        return glyphs(size=size or side, channels=channels)
    if name not in READ:
        raise ValueError(f"expected one of {', '.join(NAMES)}, got {name!r}: choose one of these data sets")
    dataset = READ[name]()
    return dataset.resized(size) if size else dataset


def digits() -> Dataset:
    """The 1,797 handwritten digits of 8 × 8 pixels that come with scikit-learn (UCI, Alpaydin and Kaynak 1998).

    ``images`` is in scikit-learn's order. The parts are random: 1,200, 297 and 300 images.
    """
    pixels, labels = _digits()
    images = pixels[:, None] / 16.0  # (1797, 1, 8, 8)
    order = np.random.default_rng(0).permutation(len(images))
    split = {"train": order[:1200], "validation": order[1200:-300], "test": order[-300:]}
    return Dataset("digits", images, labels.astype(np.int64), tuple("0123456789"), split)


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    """The file as it is: a text of which reading takes most of the time of a small exercise."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return loaded.images, loaded.target


def glyphs(
    count: int = 14_000, size: int = 28, channels: int = 1, seed: int = 0, characters: str = "ABCDEFGHIJ"
) -> Dataset:
    """Letters drawn from Matplotlib's own fonts, turned, slanted and spoilt at random: any number, without a download.

    An image shows a character as a capital or a small letter in one of 20 fonts, and often a piece of another one.
    With one channel it is bright on dark; with three, ink and ground have any colour, and half the images are dark on
    bright.

    Parameters
    ----------
    count : images; a seventh of them are for validation and a seventh for testing.
    size : side of an image, in pixels.
    channels : 1 or 3.
    seed : another one gives other images.
    characters : the classes, letters and digits, each once.

    Returns
    -------
    A Dataset with equally many images of each class, give or take one.

    Raises
    ------
    ValueError
        for fewer than 7 images, a size below 8, another number of channels, and other characters.
    """
    drawings.check(count, size, channels, characters)
    rng = np.random.default_rng(seed)
    labels = rng.permutation(count) % len(characters)
    images = drawings.draw(labels, characters, size, channels, rng)
    train, seventh = count - 2 * (count // 7), count // 7
    split = consecutive(train, seventh, seventh)
    return Dataset("glyphs" if channels == 1 else "glyphs-rgb", images, labels, tuple(characters.upper()), split)


def mnist() -> Dataset:
    """70,000 handwritten digits of 28 × 28 pixels (LeCun et al. 1998).

    Every twelfth of the official training images is for validation; the test images are the official ones.
    """
    return _official("mnist", sources.MNIST)


def fashion_mnist() -> Dataset:
    """70,000 pictures of clothes of 28 × 28 pixels (Xiao et al. 2017).

    Every twelfth of the official training images is for validation; the test images are the official ones.
    """
    return _official("fashion-mnist", sources.FASHION_MNIST)


def cifar10() -> Dataset:
    """60,000 colour photos of 32 × 32 pixels (Krizhevsky 2009).

    Every tenth of the official training images is for validation, as many as He et al. (2016) kept; the test images are
    the official ones. Where the folder of COURSE_DATA_DIR has the test file and only some of the five training files,
    these are used, and a warning says so.
    """
    return _official("cifar10", sources.CIFAR10)


def _official(name: str, official: Official) -> Dataset:
    """In memory the training images come first, then those for validation, then the test, so that parts are views."""
    (images, labels), (test_images, test_labels) = read(official)
    kept = np.arange(len(labels)) % official.validation == official.validation - 1
    pixels = np.concatenate([images[~kept], images[kept], test_images])
    scaled = np.divide(pixels, np.float32(255), dtype=np.float32)
    labels = np.concatenate([labels[~kept], labels[kept], test_labels])
    split = consecutive(int((~kept).sum()), int(kept.sum()), len(test_labels))
    return Dataset(name, scaled, labels, official.classes, split)


READ: dict[str, Callable[[], Dataset]] = {
    "digits": digits,
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "cifar10": cifar10,
}
NAMES = ("digits", *DRAWN, "mnist", "fashion-mnist", "cifar10")


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
