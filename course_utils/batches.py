"""Batches of images that lie on the device already: a new order, a gather and an augmentation are tensor operations."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

    Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]

SHARE = 0.5  # of the device's free memory that the images may take


class Labelled(Protocol):
    """Anything with images (N, C, H, W) and labels (N,), NumPy arrays or tensors."""

    @property
    def images(self) -> Any: ...
    @property
    def labels(self) -> Any: ...


class Batches:
    """What ``batches`` returns: an iterable that can be gone through any number of times, in a new order each time."""

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        size: int,
        shuffle: bool,
        generator: torch.Generator,
        device: torch.device,
        augment: Augment | None,
    ) -> None:
        self.images, self.labels, self.size, self.shuffle = images, labels, size, shuffle
        self.generator, self.device, self.augment = generator, device, augment

    def __len__(self) -> int:
        """The number of batches, the last and smaller one included."""
        return math.ceil(len(self.labels) / self.size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        drawing = _on(self.device, self.generator) if self.augment else self.generator
        for indices in self._order().split(self.size):
            images = self.images.index_select(0, indices).to(self.device)
            labels = self.labels.index_select(0, indices).to(self.device)
            yield (self.augment(images, drawing) if self.augment else images), labels

    def _order(self) -> torch.Tensor:
        import torch

        count, where = len(self.labels), self.images.device
        if not self.shuffle:
            return torch.arange(count, device=where)
        return torch.randperm(count, generator=self.generator, device=self.generator.device).to(where)


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
    moved. There is no work an image: an epoch is one permutation, and a batch is one gather of its images.

    Parameters
    ----------
    dataset : a part of a data set, such as ``load("digits").train``, or a pair (images, labels).
    size : images in a batch; the last batch may be smaller.
    shuffle : a new order in each epoch; False keeps the order.
    generator : draws the order and what ``augment`` draws; left out, a new one with seed 0. PyTorch's global generator
        is never drawn from.
    device : where the batches are wanted; left out, where the images are.
    augment : a function of images and a generator that gives new images, both on the device, such as
        ``crop_and_flip(4)``; a function of three arguments fits by ``lambda images, g: function(images, 4, g)``.

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
    generator = generator or torch.Generator().manual_seed(0)
    store = target if _fits(images, target) else images.device
    images, labels = images.to(store, torch.float32), labels.to(store, torch.int64)
    return Batches(images, labels, int(size), shuffle, generator, target, augment)


def _fits(images: torch.Tensor, device: torch.device) -> bool:
    return images.device == device or 4 * images.numel() <= SHARE * _free(device)


def _free(device: torch.device) -> float:
    """Bytes that are free on a device; no limit where it cannot be asked."""
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return float("inf")


def _on(device: torch.device, generator: torch.Generator) -> torch.Generator:
    """A generator on the device: this one, or one that it seeds."""
    import torch

    if generator.device.type == device.type:
        return generator
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return torch.Generator(device).manual_seed(int(seed))
