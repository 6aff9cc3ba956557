"""What a network costs, layer by layer: parameters, multiply-adds, activations, memory, and how far a layer sees.

>>> from torch import nn
>>> counted = count(nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.MaxPool2d(2)), (3, 32, 32))
>>> counted.parameters, counted.multiply_adds, counted.activations
(608, 470400, 10912)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from course_utils import cost_table

if TYPE_CHECKING:
    from torch import nn

    from course_utils.tracing import Layer

__all__ = ["Cost", "Row", "count"]


@dataclass(frozen=True)
class Row:
    """One layer; all numbers are for one image.

    name : where it is in the model, such as ``"layer1.0.conv2"``; a second call of it has ``" (2)"`` behind.
    kind : the class of the module or the name of the function, and of those that work on its output in place.
    shape : of the output, without the batch: (C, H, W) or (units,).
    activations : numbers that it puts out.
    parameters : with biases, at the first use.
    multiply_adds : of convolutions and matrix products; biases, pooling and functions of one number are not counted.
    cache : bytes kept for the backward pass that no earlier layer keeps, without parameters.
    receptive_field : how many pixels an output depends on along each axis, beyond the image's edge too, as in lesson
        02; statistics of normalization do not count; None where it is not known.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    activations: int = 0
    parameters: int = 0
    multiply_adds: int = 0
    cache: int = 0
    receptive_field: tuple[int, ...] | None = None

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Activations, parameters, multiply-adds and cache."""
        return self.activations, self.parameters, self.multiply_adds, self.cache


@dataclass(frozen=True)
class Cost:
    """The rows of a model, as a table in text and in a notebook. The first row is the input."""

    rows: tuple[Row, ...]
    bytes_a_number: int = 4

    @property
    def activations(self) -> int:
        return sum(row.activations for row in self.rows)

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    @property
    def cache(self) -> int:
        return sum(row.cache for row in self.rows)

    def grouped(self, depth: int = 1) -> Cost:
        """The same with one row for all layers whose names agree in the first ``depth`` parts.

        Raises
        ------
        ValueError
            for a depth below 1.
        """
        if depth < 1:
            raise ValueError(f"expected a depth of at least 1, got {depth}: 1 groups by the outermost modules")
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(".".join(row.name.split(" ")[0].split(".")[:depth]), []).append(row)
        return replace(self, rows=tuple(_sum(name, rows) for name, rows in groups.items()))

    @property
    def memory(self) -> str:
        """A sentence on the memory that the numbers take."""
        parameters, activations = (
            cost_table.size(self.bytes_a_number * n) for n in (self.parameters, self.activations)
        )
        return (
            f"Memory at {self.bytes_a_number} bytes a number: parameters {parameters}, activations {activations} an "
            f"image. Training keeps {cost_table.size(self.cache)} an image for the backward pass."
        )

    def __str__(self) -> str:
        return cost_table.text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return cost_table.page(self)

    def chart(self, caption: str = "", *, left: str = "activations", right: str = "parameters") -> None:
        """Draw two bars a layer, back to back, each with its share of the total; layers with neither are left out.

        Parameters
        ----------
        caption : a sentence below the figure.
        left, right : what the bars are: "activations" or "parameters" (as memory), "cache" or "multiply_adds".

        Raises
        ------
        ValueError
            for something else to draw.
        """
        for name in (left, right):
            if name not in BARS:
                raise ValueError(f"expected one of {tuple(BARS)}, got {name!r}: choose what a bar is")
        from course_utils.portraits import back_to_back

        rows = [row for row in self.rows if getattr(row, left) or getattr(row, right)]
        back_to_back([row.name for row in rows], self._bars(left, rows), self._bars(right, rows), caption)

    def _bars(self, name: str, rows: Sequence[Row]) -> tuple[str, list[float]]:
        numbers = [
            getattr(row, name) * (self.bytes_a_number if name in ("activations", "parameters") else 1) for row in rows
        ]
        unit, size = ("millions", 1e6) if name == "multiply_adds" else cost_table.unit(sum(numbers))
        return f"{BARS[name][0]} ({unit}{BARS[name][1]})", [n / size for n in numbers]


BARS = {  # what a bar is, and what follows its unit
    "activations": ("memory of activations", " an image"),
    "parameters": ("memory of parameters", ""),
    "cache": ("kept for the backward pass", " an image"),
    "multiply_adds": ("multiply-adds", " an image"),
}


def count(model: nn.Module, input_shape: Sequence[int], *, training: bool = False) -> Cost:
    """Count what a model costs on images of a shape, from one pass of a copy that has shapes but no numbers.

    Any module will do: branches, groups, dilation, pooling that rounds up, modules that are used twice, functions that
    are called without a module. Nothing is computed, no memory is taken, and the model is left as it is: it may be on
    any device, also on "meta" (``with torch.device("meta"): model = ...``).

    Parameters
    ----------
    model : takes one batch of images.
    input_shape : of one image: (C, H, W); (C, L) and (C, D, H, W) for models in one and three dimensions.
    training : count the pass in training mode, with dropout's masks and with the heads that only training uses. Two
        images go through it then, because batch norm needs them, and the numbers are halved.

    Returns
    -------
    Cost. A layer is a module without parts, or a function that is called outside of such modules. Functions of one
    number at a time without parameters stand in the row whose output they work on. Parameters that the pass did not
    use have a row of their own at the end, so that the totals are those of the model.

    Raises
    ------
    ValueError
        for a shape that is none, and for lazy layers.
    Exception
        whatever the model raises on such an input, with a note that names the layer. A model whose code looks at the
        numbers (``.item()``, an ``if`` on a tensor) cannot be counted.

    Notes
    -----
    The first call in a process is slow: PyTorch imports its compiler then, as the first optimizer would. Multiply-adds
    are by the formulas of ``torch.utils.flop_counter``, which count two operations for one.
    """
    shape = tuple(input_shape)
    if not 2 <= len(shape) <= 4 or not all(isinstance(size, int) and size > 0 for size in shape):
        raise ValueError(
            f"expected the shape of one image such as (3, 224, 224), got {input_shape!r}: leave the batch out"
        )
    from course_utils.tracing import trace

    batch = 2 if training else 1
    rows = [_row(layer, batch) for layer in _folded(trace(model, (batch, *shape), training=training))]
    unused = sum(p.numel() for p in model.parameters()) - sum(row.parameters for row in rows)
    if unused:
        rows.append(Row("not used", "", (), parameters=unused))
    sizes = [p.element_size() for p in model.parameters() if p.is_floating_point()]
    return Cost(tuple(rows), sizes[0] if sizes else 4)


def _folded(layers: Sequence[Layer]) -> list[Layer]:
    """Put functions of one number at a time into the latest of the layers whose output they work on."""
    kept: list[Layer] = []
    places: dict[int, int] = {}  # storage → which of the kept layers put it out
    for layer in layers:
        place = max((places[s] for s in layer.sources if s in places), default=None)
        if not layer.local or layer.parameters:
            place = len(kept)
            kept.append(layer)
        elif place is None:
            continue  # a constant
        else:
            _merge(layer, kept[place])
        places.update(dict.fromkeys(layer.made, place))
    return kept


def _merge(layer: Layer, host: Layer) -> None:
    if layer.kind not in host.kind.split(", "):
        host.kind = ", ".join(filter(None, (host.kind, layer.kind)))
    host.kept += layer.kept
    host.multiply_adds += layer.multiply_adds
    host.field = layer.field


def _row(layer: Layer, batch: int) -> Row:
    from course_utils import receptive_fields

    activations, multiply_adds, cache = (n // batch for n in (layer.activations, layer.multiply_adds, layer.kept))
    sees = receptive_fields.sizes(layer.field)
    return Row(layer.name, layer.kind, layer.shape, activations, layer.parameters, multiply_adds, cache, sees)


def _sum(name: str, rows: Sequence[Row]) -> Row:
    """One row for several; the last one says what comes out."""
    kind = rows[0].kind if len(rows) == 1 else f"{len(rows)} layers"
    activations, parameters, multiply_adds, cache = (sum(n) for n in zip(*(row.counts for row in rows), strict=True))
    field = rows[-1].receptive_field
    return Row(name, kind, rows[-1].shape, activations, parameters, multiply_adds, cache, field)
