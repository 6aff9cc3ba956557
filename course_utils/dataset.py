"""Labelled images and their fixed parts: for training, for validation, for testing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Index = slice | np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images.

    name : what it is.
    images : (N, C, H, W), floats in [0, 1]: float64 for digits, else float32.
    labels : (N,), int64, an index into ``classes``.
    classes : the classes' names.
    split : which images each part has; empty for a part.

    ``train``, ``validation`` and ``test`` are the parts, each a Dataset. They are the same on every machine, and no
    image is in two of them. An index works too: ``dataset[3]`` is an image and its label, and ``dataset[:100]`` a
    Dataset of the first 100, so a Dataset is also what ``torch.utils.data.DataLoader`` takes.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    split: Mapping[str, Index] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, (int, np.integer)):
            return self.images[index], int(self.labels[index])
        return Dataset(self.name, self.images[index], self.labels[index], self.classes)

    def __repr__(self) -> str:
        parts = ", ".join(f"{len(self.labels[index]):,} {part}" for part, index in self.split.items())
        return f"{self.name}: {len(self):,} images {self.shape}, {len(self.classes)} classes" + (
            f" ({parts})" if parts else ""
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: (C, H, W)."""
        return self.images.shape[1:]

    @property
    def train(self) -> Dataset:
        """What a model learns from."""
        return self._part("train")

    @property
    def validation(self) -> Dataset:
        """What decisions are made with: when to stop, which learning rate."""
        return self._part("validation")

    @property
    def test(self) -> Dataset:
        """What is looked at once, at the end."""
        return self._part("test")

    def _part(self, part: str) -> Dataset:
        if part not in self.split:
            raise ValueError(f"expected a whole data set, got {self!r}: take .{part} of what load(…) gives")
        index = self.split[part]
        return Dataset(f"{self.name}, {part}", self.images[index], self.labels[index], self.classes)

    def resized(self, size: int) -> Dataset:
        """The same with images of size × size: enlarged by the largest whole factor that fits, then framed by zeros.

        8 × 8 digits become 24 × 24 in a frame of 2 for 28, and fill 32; 28 × 28 images get a frame of 2 for 32, as
        LeNet-5's did.

        Raises
        ------
        ValueError
            where the images are larger than that.
        """
        height, width = self.images.shape[2:]
        if size < max(height, width):
            raise ValueError(
                f"expected a size of at least {max(height, width)}, got {size}: images are not made smaller"
            )
        return Dataset(self.name, _enlarged(self.images, size), self.labels, self.classes, self.split)


def _enlarged(images: np.ndarray, size: int) -> np.ndarray:
    import torch
    from torch.nn.functional import interpolate

    factor = size // max(images.shape[2:])
    if factor > 1:
        images = interpolate(torch.from_numpy(images), scale_factor=factor, mode="bilinear").numpy()
    rows, columns = (size - side for side in images.shape[2:])
    frame = ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2))
    return np.pad(images, ((0, 0), (0, 0), *frame)) if rows or columns else images


def consecutive(train: int, validation: int, test: int) -> dict[str, Index]:
    """The split of images that lie in memory part after part, so that the parts are views of the whole."""
    held_out = train + validation
    return {"train": slice(0, train), "validation": slice(train, held_out), "test": slice(held_out, held_out + test)}
