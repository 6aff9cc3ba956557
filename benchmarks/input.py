"""How fast do images come? ``course_utils.data.batches`` against PyTorch's DataLoader with a transform an image.

    python benchmarks/input.py [--rounds 9] [--images 4096] [--batch 128]

Both shuffle, shift each image by up to 4 pixels and mirror it with probability ½, on one core, from memory to float32
batches in [0, 1]. Theirs is written as one does: a Dataset of byte images whose transform runs once an image, in the
process itself (num_workers=0; with workers both the transforms and what stands here could use more cores). Each round
times one epoch of both in turn, so that both meet the same weather; what is printed are medians over the rounds, and
the median of the rounds' ratios. Beside them stands what ours needs once, before the first epoch, to lay the images
down. The pixels are random: their values change no time.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from course_utils.augmentation import CropAndFlip
from course_utils.batches import batches

PADDING = 4
SHAPES = {"as Fashion-MNIST": (1, 28, 28), "as CIFAR-10": (3, 32, 32)}


class Transformed(Dataset):
    """Byte images, and a transform that is called once an image."""

    def __init__(self, pixels: torch.Tensor, labels: torch.Tensor, transform: Callable[[torch.Tensor], torch.Tensor]):
        self.pixels, self.labels, self.transform = pixels, labels.tolist(), transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.pixels[index]), self.labels[index]


def transform(pixels: torch.Tensor) -> torch.Tensor:
    """Frame, cut out, mirror, scale: (C, H, W) bytes → (C, H, W) float32."""
    _, height, width = pixels.shape
    padded = functional.pad(pixels, (PADDING,) * 4)
    top, left = torch.randint(2 * PADDING + 1, (2,)).tolist()
    cropped = padded[:, top : top + height, left : left + width]
    if torch.rand(()) < 0.5:
        cropped = cropped.flip(-1)
    return cropped.float().div_(255)


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compared(shape: tuple[int, ...], images: int, batch: int) -> dict[str, Callable[[], Any]]:
    """What is timed, after a look at whether both give the same kind of batches."""
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (images, *shape), np.uint8), rng.integers(0, 10, images)
    theirs = DataLoader(Transformed(torch.from_numpy(pixels), torch.from_numpy(labels), transform), batch, shuffle=True)
    scaled = np.divide(pixels, np.float32(255), dtype=np.float32)
    prepare = partial(batches, (scaled, labels), batch, shuffle=True, augment=CropAndFlip(PADDING))
    ours, plain = prepare(), prepare(augment=None)
    (x, y), (others, their_labels) = next(iter(ours)), next(iter(theirs))
    assert (x.shape, x.dtype, y.dtype) == (others.shape, others.dtype, their_labels.dtype)
    assert abs(x.mean() - others.mean()) < 0.02
    epochs = {"DataLoader": theirs, "batches": ours, "not augmented": plain}
    return {kind: partial(deque, loader, 0) for kind, loader in epochs.items()} | {"once": prepare}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--images", type=int, default=4096, help="images an epoch")
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"torch {torch.__version__}, one thread, {options.images} images in batches of {options.batch}, microseconds an"
    )
    print(f"image, medians of {options.rounds} rounds\n")
    print(f"{'':29} {'DataLoader':>10} {'batches':>8} {'ratio':>6} {'not augmented':>14} {'once':>6}")
    for name, shape in SHAPES.items():
        epochs = compared(shape, options.images, options.batch)
        rounds = [{kind: seconds(run) for kind, run in epochs.items()} for _ in range(options.rounds + 1)][1:]
        theirs, ours, plain, once = (1e6 / options.images * median(r[kind] for r in rounds) for kind in epochs)
        ratio = median(r["DataLoader"] / r["batches"] for r in rounds)
        print(f"{f'{name} {shape}':29} {theirs:10.1f} {ours:8.1f} {ratio:6.1f} {plain:14.1f} {once:6.1f}")


if __name__ == "__main__":
    main()
