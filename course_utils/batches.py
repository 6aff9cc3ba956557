"""Batches of images that lie on the device already: a new order, a gather and an augmentation are tensor operations."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from course_utils.augmentation import CropAndFlip

if TYPE_CHECKING:
    import torch

    Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
    Draw = Callable[[torch.Tensor, torch.Generator | None], torch.Tensor]

SHARE = 0.5  # of a GPU's free memory that the images may take
ROOM = 2**30  # bytes of main memory that a copy of the images may take


class Labelled(Protocol):
    """Anything with images (N, C, H, W) and labels (N,), NumPy arrays or tensors."""

    @property
    def images(self) -> Any: ...
    @property
    def labels(self) -> Any: ...


@dataclass(frozen=True, eq=False)
class Batches:
    """What ``batches`` returns: an iterable that can be gone through any number of times.

    draw : from indices (B,), and a generator where images are augmented, to images (B, C, H, W), all on the device.
    labels : (N,), on the device.
    """

    draw: Draw
    labels: torch.Tensor
    size: int
    shuffle: bool
    generator: torch.Generator
    augmented: bool

    def __len__(self) -> int:
        """The number of batches, the last and smaller one included."""
        return math.ceil(len(self.labels) / self.size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        import torch

        count, device, where = len(self.labels), self.labels.device, self.generator.device
        seed = int(torch.randint(2**62, (), generator=self.generator, device=where))
        changes = torch.Generator(device).manual_seed(seed) if self.augmented else None
        order = torch.arange(count, device=device)
        if self.shuffle:
            order = torch.randperm(count, generator=self.generator, device=where).to(device)
        for indices in order.split(self.size):
            yield self.draw(indices, changes), self.labels.index_select(0, indices)


def batches(
    dataset: Labelled | tuple[Any, Any],
    size: int,
    shuffle: bool = False,
    generator: torch.Generator | None = None,
    device: str | torch.device | None = None,
    augment: Augment | None = None,
) -> Batches:
    """Go through a data set in batches, on the device, in a new order each time.

    The images are moved to the device once, when they take no more than half of its free memory; else each batch is
    moved. No work is done image by image: an epoch is one permutation, and a batch is one choice of rows.

    Parameters
    ----------
    dataset : a part of a data set, such as ``load("digits").train``, or a pair (images, labels).
    size : images in a batch; the last batch may be smaller.
    shuffle : a new order in each epoch; False keeps the order.
    generator : draws each epoch's order, and a seed for what ``augment`` draws, so its state at the start of an epoch
        decides the whole epoch; left out, a new one with seed 0. PyTorch's global generator is never drawn from.
    device : where the batches are wanted; left out, where the images are.
    augment : a function of images and a generator that gives new images, all on the device, such as
        ``CropAndFlip(4)``; a function of three arguments fits by ``lambda images, g: function(images, 4, g)``.

    Returns
    -------
    An iterable with a length, of pairs: images (B, C, H, W) float32 and labels (B,) int64. They are copies.

    Raises
    ------
    ValueError
        for a size below 1, and for a number of labels that is not the number of images.

    Examples
    --------
    >>> from course_utils.data import load
    >>> for images, labels in batches(load("digits").train, 500):
    ...     print(tuple(images.shape), tuple(labels.shape))
    (500, 1, 8, 8) (500,)
    (500, 1, 8, 8) (500,)
    (200, 1, 8, 8) (200,)
    """
    import torch

    if isinstance(size, bool) or not isinstance(size, numbers.Integral) or size < 1:
        raise ValueError(f"expected a whole number of images in a batch, 1 or more, got {size!r}")
    images, labels = dataset if isinstance(dataset, tuple) else (dataset.images, dataset.labels)
    if len(images) != len(labels):
        raise ValueError(f"expected a label for each image, got {len(images)} images and {len(labels)} labels")
    images, labels = torch.as_tensor(images), torch.as_tensor(labels)
    target = torch.device(device) if device is not None else images.device
    draw = _drawing(images.to(torch.float32), target, augment)
    generator = generator or torch.Generator().manual_seed(0)
    return Batches(draw, labels.to(target, torch.int64), int(size), shuffle, generator, augment is not None)


def _drawing(images: torch.Tensor, device: torch.device, augment: Augment | None) -> Draw:
    room = _room(device)
    if isinstance(augment, CropAndFlip) and 4 * augment.values(images) <= room:
        return augment.of(images.to(device))
    if 4 * images.numel() <= room:
        images = images.to(device)

    def draw(indices: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        batch = images.index_select(0, indices.to(images.device)).to(device)
        return augment(batch, generator) if augment and generator else batch

    return draw


def _room(device: torch.device) -> float:
    """Bytes that the images may take on a device."""
    import torch

    if device.type == "cuda":
        return SHARE * torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return SHARE * (torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return ROOM
