"""Random changes to images that leave their classes alone, a whole batch at once, on the images' own device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def crop_and_flip(padding: int = 4, flip: bool = True) -> Callable[[torch.Tensor, torch.Generator], torch.Tensor]:
    """The usual augmentation of small images, as ``augment`` for ``batches``: shifted by up to ``padding``, mirrored.

    Parameters
    ----------
    padding : pixels.
    flip : False where a mirror image is another thing, as with digits and letters.

    Returns
    -------
    A function of images (N, C, H, W) and a generator on their device; it gives new images of the same shape.
    """

    def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        cropped = random_crop(images, padding, generator)
        return random_flip(cropped, generator) if flip else cropped

    return augment


def random_crop(images: torch.Tensor, padding: int, generator: torch.Generator) -> torch.Tensor:
    """Each image framed by ``padding`` zeros and cut out again at a place of its own: (N, C, H, W) → (N, C, H, W).

    A new tensor. Every pixel of a padded batch is the first of one window in the flat memory, so all windows are rows
    of one strided view, and cutting out is picking rows.
    """
    import torch
    from torch.nn.functional import pad

    count, channels, height, width = images.shape
    padded = pad(images, (padding,) * 4).contiguous()
    plane, across = padded[0, 0].numel(), padded.shape[3]
    last = padded.numel() - ((channels - 1) * plane + (height - 1) * across + width)  # where the last window starts
    windows = padded.as_strided((last + 1, channels, height, width), (1, plane, across, 1))
    first = torch.arange(count, device=images.device) * (channels * plane)
    top, left = torch.randint(2 * padding + 1, (2, count), generator=generator, device=images.device)
    return windows.index_select(0, first + top * across + left)


def random_flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image mirrored, left for right, with probability ½: (N, C, H, W) → (N, C, H, W), a new tensor."""
    import torch

    mirrored = torch.rand(len(images), generator=generator, device=images.device) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)
