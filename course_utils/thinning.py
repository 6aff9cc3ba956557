"""Large networks looked at cheaply: their sizes as they are, what they compute with a sixteenth of their channels.

VGG-19 holds 144 million weights and multiplies 20 billion times an image. Which steps it is made of shows as well in a
net of the same map sizes that has 4, 8, 16 and 32 channels instead of 64, 128, 256 and 512.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from course_utils import probe

__all__ = ["PARTS", "look"]

PARTS = ("parameters", "layers", "dropout", "scores in training mode", "scores in evaluation mode")
FACTOR = 16


def look(
    make: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    images: tuple[int, ...],
    seed: int | None = None,
    whole: bool = False,
    layers: bool = True,
) -> tuple[Any, ...]:
    """Look at a network whose numbers of channels are multiples of 16, but for the first and the last.

    Parameters
    ----------
    make, args, kwargs, images, seed : as in :func:`course_utils.probe.look`.
    whole : all channels, also where fewer would do.
    layers : whether to look at the whole network too; with a seed that can be left out, which saves half of the time:
        then None stands for the number of parameters, and there are no layers.

    Returns
    -------
    The number of parameters and the layers' sizes, as ``probe.look`` gives them. With a seed also: what dropout does in
    training, in words (None where the network draws by other means); the scores in training and in evaluation mode; and
    whether they are those of the whole network, because its code does not work with fewer channels.

    Raises
    ------
    Exception
        as ``probe.look``.
    """
    sizes = probe.look(make, args, kwargs, images) if layers or seed is None else (None, {})
    if seed is None:
        return sizes
    if not whole:
        try:
            return (*sizes, *_computed(make, args, kwargs, images, seed, thin=True), False)
        except Exception:  # a number of channels stands in its code: x[:, :48], say
            pass
    return (*sizes, *_computed(make, args, kwargs, images, seed, thin=False), True)


def _computed(
    make: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    images: tuple[int, ...],
    seed: int,
    *,
    thin: bool,
) -> tuple[Any, ...]:
    """What dropout does, the scores in training mode and those in evaluation mode."""
    rates: list[float] = []

    def observed(*given: Any, **more: Any) -> nn.Module:
        net = make(*given, **more)
        return _Observed(net, rates, thin=thin)

    _, _, training, evaluation = probe.look(observed, args, kwargs, images, seed)
    return None if training is None else _in_words(rates), training, evaluation


def _in_words(rates: Sequence[float]) -> str:
    """For example ``"p = 0.5, p = 0.5"``."""
    return ", ".join(f"p = {rate:g}" for rate in rates) or "none"


class _Observed(nn.Module):
    """A network, thinned if wanted. While it trains, the rates of its dropout are noted."""

    def __init__(self, net: nn.Module, rates: list[float], *, thin: bool):
        super().__init__()
        self.net, self.rates, self.thin = net, rates, thin
        if thin:
            _make_thin(net)

    def forward(self, images: torch.Tensor) -> Any:
        with _Noted(self.thin) as noted:
            out = self.net(images)
        if self.training:
            self.rates[:] = noted.rates
        return out


def _make_thin(net: nn.Module) -> None:
    """Keep the first sixteenth of the filters and of their channels, where that is a whole number."""
    kept: dict[int, Any] = {}  # or a parameter that two layers share would become two
    for module in net.modules():
        for own in (module._parameters, module._buffers):
            for name, tensor in own.items():
                if tensor is not None:
                    own[name] = kept.setdefault(id(tensor), _first(tensor))


def _first(tensor: torch.Tensor) -> torch.Tensor:
    places = tuple(slice(n // FACTOR if n % FACTOR == 0 else n) for n in tensor.shape[:2])
    part = tensor.detach()[places].clone()
    return nn.Parameter(part, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else part


class _Noted(TorchFunctionMode):
    """While it lasts: rates of dropout are noted, and maps become rows in a thin network, whatever their length."""

    def __init__(self, thin: bool):
        super().__init__()
        self.thin = thin
        self.rates: list[float] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(func, "__name__", "").strip("_"), kwargs or {}
        if "dropout" in name:
            self._note(*args, **kwargs)
        if self.thin and name in ("view", "reshape") and _is_row(args[0], args[1:]):
            return args[0].reshape(len(args[0]), -1)  # its code says how long: view(-1, 256 * 6 * 6)
        return func(*args, **kwargs)

    def _note(self, x: torch.Tensor, p: float = 0.5, training: bool = True, *_: Any, **__: Any) -> None:
        if training:
            self.rates.append(float(p))


def _is_row(x: torch.Tensor, sizes: Sequence[Any]) -> bool:
    """Whether maps (N, C, H, W) are to be seen as rows (N, length)."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    return x.ndim == 4 and len(sizes) == 2 and sizes[0] in (-1, len(x))
