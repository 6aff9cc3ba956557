"""One small convolutional net on digits, with and without normalization, trained many times at once.

The copies are groups of grouped convolutions: they share each step's library calls, and nothing else. Each copy has its
own weights, its own order of the images and its own learning rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from course_utils.data import digits

if TYPE_CHECKING:
    import torch

__all__ = ["accuracy_by_batch", "accuracy_by_rate"]

CLASSES = 10
# Channels, kernel, stride and padding of each layer; the last turns what is left into scores. A kernel as large as its
# input is a linear layer: its output is 1 × 1, so that a channel has a single value an image.
Layer = tuple[int, int, int, int]
NETS: dict[str, tuple[Layer, ...]] = {
    "convolutional": (
        *((8, 3, 1, 1), (8, 3, 2, 1), (8, 3, 1, 1), (16, 3, 1, 1), (16, 3, 1, 1), (16, 3, 2, 1)),
        (CLASSES, 2, 1, 0),
    ),
    "dense": ((64, 8, 1, 0), (64, 1, 1, 0), (CLASSES, 1, 1, 0)),
}
NORMS = ("none", "batch", "group")
TRAINED_ON, HELD_OUT = 1200, 576  # of 1,797 digits; both divide into batches without a last one of a single image


def accuracy_by_rate(
    norm: str, rates: Sequence[float], *, seeds: int = 5, epochs: int = 2, batch: int = 40
) -> np.ndarray:
    """Train the net at each learning rate, plain stochastic gradient descent, and see how well it does.

    The net: six convolutions of 3 × 3 with 8, 8, 8, 16, 16 and 16 filters, the second and the last of stride 2, each
    followed by the norm and ReLU; then one linear layer. Weights start as He's normal numbers.

    Parameters
    ----------
    norm : "none", "batch" or "group" (groups of four channels).
    rates : learning rates.
    seeds : copies for each rate, which differ in their first weights and in the order of the images.
    epochs, batch : how often 1,200 digits are seen, and how many at a time.

    Returns
    -------
    (len(rates), seeds): accuracy on 576 other digits, in evaluation mode, in [0, 1].

    Raises
    ------
    ValueError
        for another norm.
    """
    copies = np.repeat(np.asarray(rates, dtype=np.float32), seeds)
    with _one_thread():
        net = _trained("convolutional", norm, copies, seeds, epochs, batch)
        return _accuracy(net, len(copies), training=False, batch=None).reshape(len(rates), seeds)


def accuracy_by_batch(
    norm: str, batches: Sequence[int], *, seeds: int = 5, epochs: int = 1, rate: float = 0.2
) -> dict[str, np.ndarray]:
    """Train the net with batches of different sizes and measure it in both modes.

    Parameters
    ----------
    norm, seeds, epochs : as in :func:`accuracy_by_rate`.
    batches : sizes of a batch.
    rate : the learning rate for batches of 40; for others it is scaled with √(size / 40).

    Returns
    -------
    "training" (held-out digits in batches of the same size, normalized by their own statistics) and "evaluation"
    (by the running statistics) → (len(batches), seeds), in [0, 1].

    Raises
    ------
    ValueError
        for another norm.
    """
    found: dict[str, list[np.ndarray]] = {"training": [], "evaluation": []}
    for size in batches:
        rates = np.full(seeds, rate * np.sqrt(size / 40), dtype=np.float32)
        with _one_thread():
            net = _trained("dense", norm, rates, seeds, epochs, size)
            for mode, accuracies in found.items():
                training = mode == "training"  # in evaluation the size of a batch makes no difference
                accuracies.append(_accuracy(net, seeds, training=training, batch=size if training else None))
    return {mode: np.array(accuracies) for mode, accuracies in found.items()}


@contextmanager
def _one_thread() -> Iterator[None]:
    """The nets are so small that threads wait for one another longer than they work, the more so on a busy computer."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _net(kind: str, norm: str, copies: int) -> torch.nn.Sequential:
    """``copies`` nets side by side: the input has a channel for each, the output (copies·10, 1, 1) scores."""
    from torch import nn

    if norm not in NORMS:
        raise ValueError(f"expected one of {NORMS}, got {norm!r}: choose how the net is normalized")
    layers: list[nn.Module] = []
    before = 1
    *hidden, last = NETS[kind]
    for channels, kernel, stride, padding in hidden:
        layers.append(nn.Conv2d(copies * before, copies * channels, kernel, stride, padding, groups=copies))
        if norm == "batch":
            layers.append(nn.BatchNorm2d(copies * channels))
        elif norm == "group":
            layers.append(nn.GroupNorm(copies * channels // 4, copies * channels))
        layers.append(nn.ReLU())
        before = channels
    layers.append(nn.Conv2d(copies * before, copies * last[0], last[1], groups=copies))
    return nn.Sequential(*layers)


def _initialized(net: torch.nn.Sequential, seed: int) -> torch.nn.Sequential:
    """He's weights, the same for every norm: only the layers' order and sizes decide what is drawn."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for layer in net:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                torch.nn.init.zeros_(layer.bias)
    return net


def _split() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images (1797, 8, 8), labels (1797,), and a fixed order: the first are trained on, the others held out."""
    import torch

    data = digits()
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    return torch.tensor(data.images[:, 0], dtype=torch.float32), torch.tensor(data.labels), order


def _trained(kind: str, norm: str, rates: np.ndarray, seeds: int, epochs: int, batch: int) -> torch.nn.Sequential:
    import torch

    images, labels, order = _split()
    copies, chosen = len(rates), order[:TRAINED_ON]
    net = _initialized(_net(kind, norm, copies), seed=0)
    for epoch in range(epochs):
        generators = [torch.Generator().manual_seed(1000 * epoch + copy % seeds) for copy in range(copies)]
        orders = torch.stack([chosen[torch.randperm(TRAINED_ON, generator=g)] for g in generators], dim=1)
        for start in range(0, TRAINED_ON, batch):
            indices = orders[start : start + batch]  # (batch, copies)
            scores = net(images[indices]).reshape(-1, CLASSES)
            losses = torch.nn.functional.cross_entropy(scores, labels[indices].reshape(-1), reduction="none")
            _step(net, losses.reshape(indices.shape).mean(0), torch.from_numpy(rates))
    return net


def _step(net: torch.nn.Module, losses: torch.Tensor, rates: torch.Tensor) -> None:
    """One step of gradient descent; a loss that is multiplied by its rate moves its copy by that rate."""
    import torch

    net.zero_grad()
    (rates * losses).sum().backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for parameter in net.parameters():
            assert parameter.grad is not None
            parameter.sub_(parameter.grad)


def _accuracy(net: torch.nn.Sequential, copies: int, *, training: bool, batch: int | None) -> np.ndarray:
    """The accuracy of each copy on the held-out digits, (copies,); the running statistics stay as they are."""
    import torch

    images, labels, order = _split()
    held_out = order[TRAINED_ON : TRAINED_ON + HELD_OUT]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.train(training)
    size = batch or HELD_OUT
    right = np.zeros(copies)
    with torch.no_grad():
        for start in range(0, HELD_OUT, size):
            indices = held_out[start : start + size]
            x = images[indices][:, None].expand(-1, copies, -1, -1)
            found = net(x).reshape(len(indices), copies, CLASSES).argmax(2)
            right += (found == labels[indices][:, None]).sum(0).numpy()
    net.load_state_dict(before)
    return right / len(held_out)
