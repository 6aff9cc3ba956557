"""An answer of lesson 10 at work, watched from close by: what it does besides returning something.

Everything here is used beside the answer, by a recipe (:mod:`course_utils.recipe`), and gives back plain data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import nn

from course_utils import witness

__all__ = ["Precision", "differentiated", "stepped", "walked"]


def differentiated(answer: Callable[..., Any], scores: Any, labels: Any, smoothing: float) -> tuple[Any, Any]:
    """A loss of scores (N, K), and its gradient (N, K); None where nothing leads back to the scores."""
    leaf = scores.detach().clone().requires_grad_()
    loss = answer(leaf, labels, smoothing)
    if not (isinstance(loss, torch.Tensor) and loss.requires_grad):
        return loss, None
    if loss.numel() == 1:
        loss.sum().backward()
    return loss.detach(), leaf.grad


class Precision(nn.Module):
    """A layer that hands on what it gets and notes in which precision, forward and backward.

    Attributes
    ----------
    seen : for each call, the type of the numbers that came, such as ``"bfloat16"``, and the network's mode.
    backward : for each backward pass, whether autocast was on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, bool]] = []
        self.backward: list[bool] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, …) in and out."""
        self.seen.append((str(x.dtype).removeprefix("torch."), self.training))
        if x.requires_grad:
            x.register_hook(self._note)
        return x

    def _note(self, gradient: torch.Tensor) -> None:
        self.backward.append(torch.is_autocast_enabled("cpu"))


def stepped(
    answer: Callable[..., Any], model: nn.Module, images: Any, labels: Any, rate: float, amp: bool
) -> dict[str, Any]:
    """One call of ``train_step(model, images, labels, optimizer, amp)`` on a model whose gradients are ones.

    Returns what came back, how it hangs on the graph, and what a layer of :class:`Precision` in the model saw.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.5)
    watch = next(module for module in model.modules() if isinstance(module, Precision))
    witness.with_gradients(model)
    loss = answer(model, images, labels, optimizer, amp)
    is_tensor = isinstance(loss, torch.Tensor)
    return {
        "loss": float(loss.detach()) if is_tensor and loss.numel() == 1 else loss,
        "kind": str(loss.dtype).removeprefix("torch.") if is_tensor else "no tensor",
        "graph": bool(is_tensor and loss.requires_grad),
        "seen": list(watch.seen),
        "backward": list(watch.backward),
        "weights": sorted({str(p.dtype).removeprefix("torch.") for p in model.parameters()}),
        "state": {name: value.detach().float().clone() for name, value in model.state_dict().items()},
    }


class OnDevice(torch.Tensor):
    """A tensor that stands for one on a device: it, and what is made of it, notes copies to the host."""

    trips: ClassVar[list[str]] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note what moves numbers to the host; do everything as usual."""
        if getattr(func, "__name__", "") in ("cpu", "numpy", "tolist", "__array__"):
            cls.trips.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs or {})


def walked(
    answer: Callable[..., Any], images: Any, labels: Any, options: dict[str, Any], seed: int | None, epochs: int
) -> dict[str, Any]:
    """Go through ``DeviceLoader(images, labels, …)`` for some epochs, and once through a second one of the same seed.

    Parameters
    ----------
    options : further arguments of the loader but the generator.
    seed : of its generator; None for no generator.
    """
    OnDevice.trips.clear()
    given = [t.clone().as_subclass(OnDevice) for t in (images, labels)]

    def loader() -> Any:
        generator = None if seed is None else witness.generator(seed)
        return answer(*given, **options, generator=generator)

    before = witness.random_states()
    first, second = loader(), loader()
    walks = [[tuple(map(_plain, batch)) for batch in first] for _ in range(epochs)]
    after, trips = witness.random_states(), list(OnDevice.trips)
    return {
        "length": len(first),
        "epochs": walks,
        "again": [tuple(map(_plain, batch)) for batch in second],
        "drawn": before != after,
        "trips": trips,
        "kept": all(torch.equal(_plain(g), t) for g, t in zip(given, (images, labels), strict=True)),
    }


def _plain(value: Any) -> torch.Tensor:
    """A tensor of its own, of the ordinary kind."""
    return torch.as_tensor(value).as_subclass(torch.Tensor).detach().clone()
