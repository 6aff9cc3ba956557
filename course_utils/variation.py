"""A network that differs in one thing from another: calls that its forward pass makes are changed, or it is itself.

Known mistakes of architectures are written with this, so that one sentence ("no ReLU after the addition") holds for any
right network, whatever its attributes are called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

__all__ = ["Varied"]

# What a library function is called in an edit, by its name without underscores (add_ and __iadd__ are additions too).
OPERATIONS = {
    "conv2d": "conv",
    "linear": "linear",
    "relu": "relu",
    "tanh": "tanh",
    "max_pool2d": "max_pool",
    "avg_pool2d": "avg_pool",
    "adaptive_avg_pool2d": "global_pool",
    "mean": "global_pool",
    "batch_norm": "batch_norm",
    "local_response_norm": "response_norm",
    "dropout": "dropout",
    "flatten": "flatten",
    "cat": "cat",
    "add": "add",
    "iadd": "add",
}

Change = Callable[..., Any]
Edit = tuple[Any, ...]


class Varied(nn.Module):
    """A network with edits.

    Parameters
    ----------
    net : the network.
    edits : each ``("net", change)``: change(net) alters the network once, or returns another;
        or ``(operation, which, change, *modules)``: the calls of an operation (a value of ``OPERATIONS``) whose numbers
        within a forward pass, from 0, are in ``which`` (an int, several, or None for all) become
        ``change(call, *arguments)``, where ``call`` is what was to be called. ``modules`` are trained with the network.

    Parameters that nothing uses any more are left out when a network is counted (:mod:`course_utils.probe`).
    """

    def __init__(self, net: nn.Module, edits: Sequence[Edit]):
        super().__init__()
        for edit in edits:
            if edit[0] == "net":
                net = edit[1](net) or net
        self.net = net
        self.edits = [edit for edit in edits if edit[0] != "net"]
        self.added = nn.ModuleList(module for edit in self.edits for module in edit[3:])

    def forward(self, *inputs: torch.Tensor) -> Any:
        with _Changed(self.edits):
            return self.net(*inputs)

    def drop(self, names: Sequence[str]) -> None:
        """Take out parameters, by their names; what still computes with them gets the same numbers as a constant."""
        for name in names:
            owner, _, own = name.rpartition(".")
            module = self.get_submodule(owner)
            constant = module._parameters.pop(own)
            module.__dict__[own] = None if constant is None else constant.detach().double()


class _Changed(TorchFunctionMode):
    """While it lasts, calls of the library are changed."""

    def __init__(self, edits: Sequence[Edit]):
        super().__init__()
        self.edits = edits
        self.counts: Counter[str] = Counter()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        call = func
        operation = OPERATIONS.get(getattr(func, "__name__", "").strip("_"))
        if operation and _is_activation(args):
            number = self.counts[operation]
            self.counts[operation] += 1
            for name, which, change, *_ in self.edits:
                if name == operation and _matches(which, number):
                    call = partial(change, call)
        return call(*args, **(kwargs or {}))


def _is_activation(args: Sequence[Any]) -> bool:
    """Whether a call is about numbers of a batch; batch norm counts its batches by an addition too."""
    first = args[0] if args else None
    first = first[0] if isinstance(first, (tuple, list)) and first else first
    return isinstance(first, torch.Tensor) and first.ndim > 1


def _matches(which: Any, number: int) -> bool:
    return which is None or which == number or (not isinstance(which, int) and number in which)
