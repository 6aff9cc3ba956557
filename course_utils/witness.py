"""What answers get to work with where a check looks at more than what they return.

Everything here is made beside the answer, by a recipe (:mod:`course_utils.recipe`).
"""

from __future__ import annotations

import random
from hashlib import sha256

import numpy as np
import torch
from torch import nn

__all__ = ["Witness", "generator", "gradients", "random_states", "with_gradients"]


class Witness(nn.Module):
    """A layer that passes everything on and remembers how it was called.

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


def with_gradients(model: nn.Module) -> nn.Module:
    """A model whose parameters have gradients from before: ones."""
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    return model


def gradients(model: nn.Module) -> dict[str, torch.Tensor | None]:
    """The gradients that a model's parameters hold, by name; None for one that holds none."""
    return {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}


def random_states() -> tuple[str, ...]:
    """What the global generators of PyTorch, NumPy and Python would draw next, told by a digest each."""
    _, numbers, place, *_ = np.random.get_state(legacy=True)
    states = (
        torch.get_rng_state().numpy().tobytes(),
        np.asarray(numbers).tobytes(),
        repr((place, random.getstate())).encode(),
    )
    return tuple(sha256(state).hexdigest() for state in states)


def generator(seed: int) -> torch.Generator:
    """A generator of PyTorch's that begins at a seed."""
    return torch.Generator().manual_seed(seed)
