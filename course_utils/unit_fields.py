"""Where a unit of a chain of layers looks: the square of the image behind each position of its map."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["unit_field"]


def unit_field(model: nn.Module, layer: str | nn.Module) -> tuple[int, int, int]:
    """The receptive field of a layer's positions, by the recurrence of lesson 02.

    Position (i, j) of the layer's map sees the rows ``start + i * jump`` up to ``start + i * jump + size - 1`` of the
    image, and columns likewise. Where padding takes part, these lie partly outside of the image.

    Parameters
    ----------
    model : layers that are called one after the other, in the order of ``model.modules()``: rows of layers, also in
        rows, with square kernels.
    layer : a module of the model, or its dotted name; a row of layers stands for its last one.

    Returns
    -------
    size, jump, start : in pixels.

    Raises
    ------
    ValueError
        for a layer that is none of the model's.
    """
    place = model.get_submodule(layer) if isinstance(layer, str) else layer
    wanted = _leaves(place)[-1]
    size, jump, start = 1, 1, 0
    for module in _leaves(model):
        if hasattr(module, "kernel_size"):
            taps = _one(getattr(module, "dilation", 1)) * (_one(module.kernel_size) - 1)
            size += taps * jump
            start -= _one(module.padding) * jump
            jump *= _one(module.stride)
        if module is wanted:
            return size, jump, start
    raise ValueError(f"expected a layer of the model, got {type(place).__name__}, which is none of its modules")


def _leaves(module: nn.Module) -> list[nn.Module]:
    """The layers that hold no others."""
    return [m for m in module.modules() if not list(m.children())]


def _one(value: Any) -> int:
    """A size that is given as a number or as a pair of equal ones."""
    return int(value[0]) if isinstance(value, tuple) else int(value)
