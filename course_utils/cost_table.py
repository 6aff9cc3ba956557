"""The costs of a network as a table: in a terminal, and in a notebook with a bar behind each number."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_utils.cost import Cost, Row

__all__ = ["page", "size", "text", "unit"]

NOTES = (
    "Functions of one number at a time (ReLU, dropout, batch norm, sums) can overwrite what they read: no activations "
    "of their own.",
    "cache: what PyTorch keeps for the backward pass. sees: the side of the receptive field, in pixels.",
)


def text(cost: Cost) -> str:
    """Columns of text, with the totals and what the columns mean."""
    cells = [_head(cost), *_body(cost), _total(cost)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(_aligned, row, widths, range(len(widths)))).rstrip() for row in cells]
    rule = "─" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], "", cost.memory, *NOTES])


def page(cost: Cost) -> str:
    """The same in HTML."""
    largest = [max(row.counts[i] for row in cost.rows) for i in range(4)]
    body = "".join(
        f"<tr>{_html_cells(cells, row.counts, largest)}</tr>" for cells, row in zip(_body(cost), cost.rows, strict=True)
    )
    head, total = (
        "".join(f"<th{_side(i)}>{cell}</th>" for i, cell in enumerate(row)) for row in (_head(cost), _total(cost))
    )
    notes = "<br>".join(map(html.escape, (cost.memory, *NOTES)))
    return f"<table><tr>{head}</tr>{body}<tr>{total}</tr></table><p>{notes}</p>"


def unit(number: float) -> tuple[str, float]:
    """The unit for so many bytes, and how many bytes it is."""
    return ("MB", 1e6) if number >= 1e6 else ("kB", 1e3)


def size(number: float) -> str:
    """So many bytes, in words."""
    name, one = unit(number)
    return f"{number / one:,.3g} {name}" if number < 1000 * one else f"{number / one:,.0f} {name}"


def _head(cost: Cost) -> tuple[str, ...]:
    name, _ = unit(cost.cache)
    return "layer", "kind", "output", "activations", "parameters", "multiply-adds", f"cache ({name})", "sees"


def _body(cost: Cost) -> list[tuple[str, ...]]:
    return [(row.name, row.kind, _product(row.shape), *_numbers(row.counts, cost), _sees(row)) for row in cost.rows]


def _total(cost: Cost) -> tuple[str, ...]:
    counts = cost.activations, cost.parameters, cost.multiply_adds, cost.cache
    return "total", "", "", *_numbers(counts, cost), ""


def _numbers(counts: Sequence[int], cost: Cost) -> list[str]:
    """The four counts in words; zeros are left blank."""
    *others, cache = counts
    _, one = unit(cost.cache)
    return [*(f"{n:,}" if n else "" for n in others), f"{cache / one:,.2f}" if cache else ""]


def _sees(row: Row) -> str:
    if not row.shape:
        return ""
    return "?" if row.receptive_field is None else _product(sorted(set(row.receptive_field)))


def _product(sizes: Sequence[int]) -> str:
    return " × ".join(map(str, sizes))


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)


def _side(column: int, more: str = "") -> str:
    return f" style='text-align:{'left' if column < 2 else 'right'};padding:1px 8px{more}'"


def _html_cells(cells: Sequence[str], counts: Sequence[int], largest: Sequence[int]) -> str:
    """The cells of a row, each number on a bar that shows its share of the column's largest."""
    shares = [100 * n / most if most else 0 for n, most in zip(counts, largest, strict=True)]
    bars = [f";background:linear-gradient(to left,#4c72b055 {share:.0f}%,transparent 0)" for share in shares]
    styles = ["", "", "", *bars, ""]
    return "".join(
        f"<td{_side(i, style)}>{html.escape(cell)}</td>"
        for i, (cell, style) in enumerate(zip(cells, styles, strict=True))
    )
