"""A small residual net for CIFAR-10 that trains fast, and the parameters on which weight decay belongs.

The layout is that of David Page's ResNet-9 ("How to train your ResNet", 2018), written for this course.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["FastNet", "parameter_groups"]


def _layer(channels_in: int, channels_out: int, pool: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)]
    if pool:
        layers.append(nn.MaxPool2d(2))  # before norm and ReLU, which so work on a quarter of the numbers
    return nn.Sequential(*layers, nn.BatchNorm2d(channels_out), nn.ReLU())


class FastNet(nn.Module):
    """Eight convolutions, two residual pairs, one linear layer: (N, channels, H, W) → scores (N, classes).

    Parameters
    ----------
    width : channels of the first layer; 64 for CIFAR-10.
    classes : how many scores come out.
    channels : of the images. H and W are at least 8.
    """

    def __init__(self, width: int = 64, classes: int = 10, channels: int = 3):
        super().__init__()
        w = width
        self.first = nn.Sequential(_layer(channels, w), _layer(w, 2 * w, pool=True))
        self.second = nn.Sequential(_layer(2 * w, 2 * w), _layer(2 * w, 2 * w))
        self.third = nn.Sequential(_layer(2 * w, 4 * w, pool=True), _layer(4 * w, 8 * w, pool=True))
        self.fourth = nn.Sequential(_layer(8 * w, 8 * w), _layer(8 * w, 8 * w))
        self.scores = nn.Linear(8 * w, classes, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores, an eighth of what the linear layer gives, so that training begins with small ones."""
        x = self.first(x)
        x = self.third(x + self.second(x))
        x = x + self.fourth(x)
        return self.scores(x.amax((2, 3))) / 8


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups for an optimizer: weights with decay; biases and the parameters of norms without.

    Weights are the parameters with two axes or more. A bias or a norm's scale multiplies no input that could be
    fitted too closely, and a norm's scale pulled to 0 would shut its channel.
    """
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
