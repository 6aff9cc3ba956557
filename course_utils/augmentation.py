"""Random changes to images that leave their classes alone, a whole batch at once, on the images' own device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class CropAndFlip:
    """The usual augmentation of small images: each is shifted by up to ``padding`` pixels, and half are mirrored.

    An image is framed by ``padding`` zeros and cut out again at a place of its own, one of (2 · padding + 1)².

    padding : pixels.
    flip : False where a mirror image is another thing, as with digits and letters.

    As ``augment`` of ``batches`` it prepares the whole set once. It can also be called with images (N, C, H, W) and a
    generator on their device, and gives new images of that shape.
    """

    padding: int = 4
    flip: bool = True

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        import torch

        return self.of(images)(torch.arange(len(images), device=images.device), generator)

    def of(self, images: torch.Tensor) -> Callable[[torch.Tensor, torch.Generator | None], torch.Tensor]:
        """A function of indices (B,) and a generator that gives these images, each changed: (B, C, H, W).

        The framed images and their mirror images are laid down once. Each pixel is then the first of one window in the
        flat memory, all windows are rows of one strided view, and a batch is a choice of rows.
        """
        import torch

        count, channels, height, width = images.shape
        framed = self._framed(images)  # (1 or 2, N, C, H + 2p, W + 2p)
        across, plane = framed.shape[4], framed.shape[3] * framed.shape[4]
        last = framed.numel() - ((channels - 1) * plane + (height - 1) * across + width)
        windows = framed.as_strided((last + 1, channels, height, width), (1, plane, across, 1))

        def draw(indices: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
            def below(high: int) -> torch.Tensor:
                return torch.randint(high, indices.shape, generator=generator, device=indices.device)

            steps = 2 * self.padding + 1
            first = (below(len(framed)) * count + indices) * (channels * plane)
            return windows.index_select(0, first + below(steps) * across + below(steps))

        return draw

    def _framed(self, images: torch.Tensor) -> torch.Tensor:
        """The images in their frames, and where flips are wanted also mirrored: (1 or 2, N, C, H + 2p, W + 2p)."""
        count, channels, height, width = images.shape
        p = self.padding
        framed = images.new_zeros(1 + self.flip, count, channels, height + 2 * p, width + 2 * p)
        framed[0, ..., p : p + height, p : p + width] = images
        if self.flip:
            framed[1, ..., p : p + height, p : p + width] = images.flip(-1)
        return framed

    def values(self, images: torch.Tensor) -> int:
        """How many numbers ``of`` lays down."""
        count, channels, height, width = images.shape
        return (1 + self.flip) * count * channels * (height + 2 * self.padding) * (width + 2 * self.padding)
