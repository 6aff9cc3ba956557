"""An image on its way through a network: what each layer makes of it, whatever the network's parts are called."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from course_utils.train import evaluating

__all__ = ["follow"]

LAYERS = {  # the library's functions, and what they are called here
    "conv2d": "convolution",
    "linear": "linear",
    "avg_pool2d": "pooling",
    "max_pool2d": "pooling",
    "adaptive_avg_pool2d": "pooling",
    "max_pool2d_with_indices": "pooling",
}
ACTIVATIONS = ("tanh", "relu", "sigmoid")


def follow(model: nn.Module, image: torch.Tensor) -> dict[str, torch.Tensor]:
    """What a network computes for one image: "image", "convolution 1", "pooling 1", … → (C, H, W) or (units,).

    Layers are seen when they are called, as modules or as functions. An activation function (tanh, ReLU, sigmoid)
    belongs to the layer before it, and what it gives is shown. The network computes in evaluation mode; no gradient and
    no mode is left behind.

    Parameters
    ----------
    image : (C, H, W).

    Returns
    -------
    Copies on the CPU, in the order of the computation.

    Raises
    ------
    ValueError
        for another shape.
    """
    if image.ndim != 3:
        raise ValueError(f"expected one image (C, H, W), got shape {tuple(image.shape)}: take one of the batch")
    first = next(model.parameters(), image)
    with evaluating(model), _Noting() as noted:
        model(image[None].to(first.device, first.dtype))
    counts: dict[str, int] = {}
    found = {"image": image.detach().cpu()}
    for kind, values in noted.layers:
        counts[kind] = counts.get(kind, 0) + 1
        found[f"{kind} {counts[kind]}"] = values
    return found


class _Noting(TorchFunctionMode):
    """While it lasts, the first example's output of each layer is copied."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[tuple[str, torch.Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").strip("_")
        if name in LAYERS:
            self.layers.append((LAYERS[name], _first(out)))
        elif name in ACTIVATIONS and self.layers:
            self.layers[-1] = (self.layers[-1][0], _first(out))
        return out


def _first(out: Any) -> torch.Tensor:
    """The first example of a batch; of a pooling that also tells where its maxima were, the values."""
    tensor = out[0] if isinstance(out, tuple) else out
    return tensor[0].detach().clone().cpu()
