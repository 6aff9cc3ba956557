"""Rows as text, in columns."""

from __future__ import annotations

from collections.abc import Sequence


def lines(rows: Sequence[Sequence[str]], right: int | None = None) -> list[str]:
    """The rows, one a line, each column as wide as its widest entry; columns from ``right`` on stand to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_aligned(row, widths, right)).rstrip() for row in rows]


def _aligned(row: Sequence[str], widths: Sequence[int], right: int | None) -> list[str]:
    first = len(row) if right is None else right
    pairs = list(zip(row, widths, strict=True))
    return [entry.ljust(width) for entry, width in pairs[:first]] + [e.rjust(width) for e, width in pairs[first:]]
