"""The computation behind a result, read from PyTorch's graph: in which order parameters stand in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Use", "order"]

MULTIPLICATIONS = ("MmBackward", "AddmmBackward", "BmmBackward")


@dataclass(frozen=True)
class Use:
    """A parameter's place in a computation.

    parameter : the leaf.
    level : how many steps with weights (parameters of two dimensions or more) lie on the longest way from the data to
        the end of the step that uses it.
    transposed : whether it is the right factor of a matrix product: (inputs, outputs), which a linear layer has not.
    """

    parameter: torch.Tensor
    level: int
    transposed: bool


def order(outputs: Sequence[torch.Tensor], parameters: Sequence[torch.Tensor], data: torch.Tensor) -> list[Use]:
    """The parameters behind some outputs, each once, in an order that does not depend on when a step was carried out.

    First come those with fewer steps with weights between them and the data; then the order goes by where a step
    stands, seen from the outputs: the first part of a concatenation before the second, and of what is added the longer
    way first, a weight before its bias.

    Parameters
    ----------
    outputs : tensors with a graph.
    parameters : the leaves to look for.
    data : the leaf that the outputs were computed from.

    Raises
    ------
    RuntimeError
        where no parameter stands behind the outputs.
    """
    roots = [out.grad_fn for out in outputs if out.grad_fn is not None]
    graph = _Graph(roots, data)
    found = list(graph.uses(roots, {id(p) for p in parameters}))
    if not found:
        raise RuntimeError("what comes out has no gradient with respect to any parameter (detach, no_grad)")
    first: dict[int, Use] = {}
    for use in sorted(found, key=lambda use: use.level):  # those of a level keep their order
        first.setdefault(id(use.parameter), use)
    return list(first.values())


class _Graph:
    """The nodes behind some roots, each with its level and the length of the longest way that ends in it."""

    def __init__(self, roots: Sequence[Any], data: torch.Tensor):
        self.data = data
        self.from_data: dict[Any, bool] = {}
        self.level: dict[Any, int] = {}
        self.length: dict[Any, int] = {}
        for node in _children_first(roots, _children):
            self._measure(node)

    def _measure(self, node: Any) -> None:
        children = _children(node)
        fed = [child for child in children if self.from_data[child]]
        weighted = any(not self.from_data[child] and _dimensions(child) > 1 for child in children)
        self.from_data[node] = bool(fed) or getattr(node, "variable", None) is self.data
        self.level[node] = max((self.level[child] for child in fed), default=0) + (weighted and bool(fed))
        self.length[node] = 1 + max((self.length[child] for child in children), default=0)

    def uses(self, roots: Sequence[Any], wanted: set[int]) -> Iterator[Use]:
        """Every use of a leaf, in the order of a walk that begins at the outputs and ends a step after its inputs."""
        for node in _children_first(roots, self._sorted):
            if not self.from_data[node]:
                continue
            for child in self._sorted(node):
                if not self.from_data[child]:
                    product = node.name().startswith(MULTIPLICATIONS) and _children(node)[-1] is child
                    for leaf in _children_first([child], self._sorted):
                        if id(getattr(leaf, "variable", None)) in wanted:
                            yield Use(leaf.variable, self.level[node], product and leaf is child)

    def _sorted(self, node: Any) -> list[Any]:
        children = _children(node)
        if node.name().startswith("CatBackward"):
            return children
        return sorted(children, key=lambda c: (-self.level[c], -self.length[c] * self.from_data[c], -_dimensions(c)))


def _dimensions(node: Any) -> int:
    """Of a leaf, which may be transposed or seen in another shape: how many dimensions it has."""
    while not hasattr(node, "variable"):
        children = _children(node)
        if len(children) != 1:
            return 0
        (node,) = children
    return int(node.variable.ndim)


def _children(node: Any) -> list[Any]:
    return [child for child, _ in node.next_functions if child is not None]


def _children_first(roots: Sequence[Any], children: Any) -> Iterator[Any]:
    """All nodes below some roots, each after those below it, and once."""
    seen: set[Any] = set()
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            yield node
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting += [(child, False) for child in reversed(children(node)) if child not in seen]
