"""A layer that passes everything on and remembers how it was called."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["Witness"]


class Witness(nn.Module):
    """Passes its input on.

    Attributes
    ----------
    sizes : how many examples each call had.
    training_modes : for each call, whether the network was in training mode.
    gradients : for each call, whether a graph for gradients was kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.training_modes: list[bool] = []
        self.gradients: list[bool] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Note the call; (N, …) in and out."""
        self.sizes.append(len(x))
        self.training_modes.append(self.training)
        self.gradients.append(torch.is_grad_enabled())
        return x
