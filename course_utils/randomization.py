"""Networks that have forgotten: copies with new random weights, from the last layer down (Adebayo et al. 2018)."""

from __future__ import annotations

import copy

import torch
from torch import nn

__all__ = ["cascade"]


def cascade(model: nn.Module, seed: int = 0) -> dict[str, nn.Module]:
    """Copies of a model in which more and more layers have the random weights that they were born with.

    Parameters
    ----------
    model : it is left alone.
    seed : decides the random weights; the global generator of PyTorch is left alone.

    Returns
    -------
    Name of a layer with weights → a copy in evaluation mode, in which this layer and all behind it are random; the last
    layer first. A layer has the same random weights in all copies.
    """
    names = [name for name, module in model.named_modules() if hasattr(module, "reset_parameters")]
    forgetting = copy.deepcopy(model).eval()
    found: dict[str, nn.Module] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in reversed(names):
            reset = forgetting.get_submodule(name).reset_parameters
            reset()  # type: ignore[operator]
            found[name] = copy.deepcopy(forgetting)
    return found
