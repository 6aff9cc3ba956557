"""The deconvnet: from one activation back to the pixels that caused it, as Zeiler and Fergus (2014) drew them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.nn.grad import conv2d_input

__all__ = ["deconvnet"]

Step = tuple[nn.Module, torch.Size, torch.Tensor]  # a layer, the size of its input, where its maxima were


def deconvnet(
    model: nn.Module, layer: str | nn.Module, image: torch.Tensor, unit: int
) -> tuple[torch.Tensor, tuple[int, int]]:
    """Lead the strongest activation of a unit back to the image: unpool, rectify, filter, layer by layer.

    All other activations of the layer are set to zero first. A pooling puts each value back where the maximum was (the
    paper's switches), a ReLU lets positive values pass, a convolution is done with its filters transposed, and without
    its bias.

    Parameters
    ----------
    model : Conv2d, ReLU and MaxPool2d layers one after the other, at least up to the layer.
    layer : a module of the model, or its dotted name.
    image : (C, H, W).
    unit : a channel of the layer.

    Returns
    -------
    (C, H, W), zero outside of the unit's receptive field; and the row and column of the activation in the layer's map.

    Raises
    ------
    ValueError
        for a layer of another kind on the way, and for a unit that the layer does not have.
    """
    place = model.get_submodule(layer) if isinstance(layer, str) else layer
    steps: list[Step] = []
    with torch.no_grad():
        x = image[None]
        for module in (m for m in model.modules() if not list(m.children())):
            x = _forward(module, x, steps)
            if module is place:
                break
        if not 0 <= unit < x.shape[1]:
            raise ValueError(f"expected a unit from 0 to {x.shape[1] - 1}, got {unit}: the layer has {x.shape[1]}")
        row, column = divmod(int(x[0, unit].argmax()), x.shape[3])
        signal = torch.zeros_like(x)
        signal[0, unit, row, column] = x[0, unit, row, column]
        for module, size, switches in reversed(steps):
            signal = _backward(module, size, switches, signal)
    return signal[0], (row, column)


def _forward(module: nn.Module, x: torch.Tensor, steps: list[Step]) -> torch.Tensor:
    if isinstance(module, nn.MaxPool2d):
        out, switches = functional.max_pool2d(
            x, module.kernel_size, module.stride, module.padding, return_indices=True, ceil_mode=module.ceil_mode
        )
    elif isinstance(module, nn.Conv2d):
        out, switches = module(x), x.new_empty(0)
    elif isinstance(module, nn.ReLU):
        out, switches = functional.relu(x), x.new_empty(0)
    else:
        raise ValueError(f"expected Conv2d, ReLU and MaxPool2d up to the layer, got {type(module).__name__} before it")
    steps.append((module, x.shape, switches))
    return out


def _backward(module: nn.Module, size: torch.Size, switches: torch.Tensor, signal: torch.Tensor) -> torch.Tensor:
    if isinstance(module, nn.MaxPool2d):
        unpool = nn.MaxUnpool2d(module.kernel_size, module.stride, module.padding)
        return unpool(signal, switches, output_size=list(size))
    if isinstance(module, nn.Conv2d):
        return conv2d_input(size, module.weight, signal, module.stride, module.padding, module.dilation, module.groups)
    return signal.relu()
