"""What a function that looks into a network gives, and what it leaves behind: hooks, modes, gradients, changed weights.

Everything here runs beside the function, by a recipe (:mod:`course_utils.recipe`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = ["UNTOUCHED", "differences", "observe", "snapshot"]

UNTOUCHED = "as they were"
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def observe(
    function: Callable[..., Any],
    model: nn.Module,
    image: np.ndarray,
    layer: str | int | None,
    rest: Sequence[Any],
    training: bool = False,
    gradients: bool = False,
) -> tuple[Any, str, str]:
    """Call ``function(model, image, *rest)``, or ``function(model, layer, image, *rest)``, and look around afterwards.

    Parameters
    ----------
    image : one image or several, handed over as a tensor of single precision.
    layer : a dotted name; or a number, and the module at that place is handed over; None where there is no layer.
    training : whether the model is in training mode before.
    gradients : whether the model's parameters hold gradients before, ones.

    Returns
    -------
    The result; whether it is "with a graph", as far as it is a tensor; what :func:`differences` says of the model and
    of the image.
    """
    given = torch.tensor(np.array(image), dtype=torch.float32)
    model.train(training)
    for parameter in model.parameters() if gradients else ():
        parameter.grad = torch.ones_like(parameter)
    places = () if layer is None else (layer if isinstance(layer, str) else list(model.children())[layer],)
    before = snapshot(model, given)
    value = function(model, *places, given, *rest)
    told = differences(before, snapshot(model, given))
    if not isinstance(value, torch.Tensor):
        return value, "without a graph", told
    return value.detach().clone(), "with a graph" if value.requires_grad else "without a graph", told


def snapshot(model: nn.Module, image: torch.Tensor) -> dict[str, Any]:
    """The things that must not change, by what they are called; all of them copies."""
    modules = list(model.modules())
    return {
        "hooks": [id(hook) for m in modules for name in HOOKS for hook in getattr(m, name).values()],
        "layers": [(id(m), getattr(m, "inplace", None), "forward" in vars(m)) for m in modules],
        "mode": [m.training for m in modules],
        "weights": {name: value.detach().clone() for name, value in model.state_dict().items()},
        "gradients of the weights": {
            n: None if p.grad is None else p.grad.clone() for n, p in model.named_parameters()
        },
        "requires_grad of the weights": [p.requires_grad for p in model.parameters()],
        "image": {"values": image.detach().clone(), "gradient": image.grad},
        "requires_grad of the image": [image.requires_grad],
    }


def differences(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The names of what has changed, after a comma each; :data:`UNTOUCHED` where nothing has."""
    changed = [name for name in before if not _same(before[name], after[name])]
    return "changed: " + ", ".join(changed) if changed else UNTOUCHED


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(before[name], after[name]) for name in before)
    if isinstance(before, torch.Tensor) and isinstance(after, torch.Tensor):
        return before.shape == after.shape and torch.allclose(before, after, rtol=1e-5, atol=1e-6, equal_nan=True)
    if before is None and isinstance(after, torch.Tensor):
        return not after.any()  # a gradient of zeros is none
    return bool(before == after)
