"""Drawings of a layer's arithmetic: windows on a padded input, volumes, receptive fields, tables of layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.patches import Patch, Rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INPUT, PADDING, CHOSEN, OUTPUT, BAD, EDGE = "#cfe2f3", "#efefef", "#f6b26b", "#d9ead3", "#cc4125", "#555555"
NUMBERED = 10  # up to so many windows along an axis, their numbers can be read


@dataclass(frozen=True)
class Windows:
    """Where a kernel lands on a padded square input. All lengths are in pixels along one axis."""

    size: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def padded(self) -> int:
        return self.size + 2 * self.padding

    @property
    def extent(self) -> int:
        """The effective kernel: from its first tap to its last."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def fits(self) -> bool:
        return self.extent <= self.padded

    @property
    def count(self) -> int:
        """Windows along one axis, which is the output's length."""
        return (self.padded - self.extent) // self.stride + 1 if self.fits else 0

    @property
    def left_over(self) -> int:
        """Rows (and columns) of the padded input behind the last window."""
        return (self.padded - self.extent) % self.stride if self.fits else 0

    def taps(self, window: int) -> list[int]:
        """The rows (or columns) of the padded input that a window reads."""
        return [window * self.stride + self.dilation * i for i in range(self.kernel)]

    def formula(self) -> str:
        """The output's size with the numbers filled in."""
        if not self.fits:
            return f"the effective kernel, {self.extent}, is longer than the padded input, {self.padded}: no output"
        room = self.padded - self.extent
        return (
            f"⌊({self.size} + 2·{self.padding} − {self.dilation}·({self.kernel} − 1) − 1) / {self.stride}⌋ + 1"
            f" = ⌊{room} / {self.stride}⌋ + 1 = {self.count}"
        )


def draw_windows(axes: Axes, windows: Windows, chosen: int = 0) -> None:
    """Draw the padded input, every window and the output at one scale into given axes.

    ``chosen`` is the output pixel, counted row by row, whose taps are filled in. Bars above and on the left of the
    input are the windows along one axis, with a dot at each tap; a number marks a window's corner and its output.
    """
    row, column = divmod(chosen, windows.count) if windows.count else (0, 0)
    _draw_input(axes, windows)
    _draw_bars(axes, windows, row, column)
    _draw_chosen(axes, windows, row, column)
    right = _draw_output(axes, windows, row, column)
    reach = max(windows.padded, windows.extent)
    lanes = _lanes(windows)
    axes.set(xlim=(-1.2 - 0.4 * lanes, right), ylim=(reach - 0.3, -1.9 - 0.4 * lanes), aspect="equal")
    axes.axis("off")


def _cell(axes: Axes, row: float, column: float, color: str, **style: object) -> None:
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **{"facecolor": color, "edgecolor": "white", **style}))


def _draw_input(axes: Axes, windows: Windows) -> None:
    inner = range(windows.padding, windows.padding + windows.size)
    used = windows.padded - windows.left_over
    for row in range(windows.padded):
        for column in range(windows.padded):
            _cell(axes, row, column, INPUT if row in inner and column in inner else PADDING)
            if row >= used or column >= used:
                _cell(axes, row, column, "none", edgecolor="#999999", hatch="////", linewidth=0)
    for index in range(windows.count**2 if windows.count <= NUMBERED else 0):
        row, column = divmod(index, windows.count)
        place = column * windows.stride - 0.42, row * windows.stride - 0.2
        axes.text(*place, str(index), fontsize=6, color=EDGE, zorder=4)


def _lanes(windows: Windows) -> int:
    """How many bars overlap at most: windows that do not touch share a lane."""
    return min(max(windows.count, 1), math.ceil(windows.extent / windows.stride))


def _draw_bars(axes: Axes, windows: Windows, row: int, column: int) -> None:
    for index in range(max(windows.count, 1)):
        taps = windows.taps(index)
        lane = [-0.9 - 0.4 * (index % _lanes(windows))] * len(taps)
        for xs, ys, mine in ((taps, lane, index == column), (lane, taps, index == row)):
            color = (CHOSEN if windows.fits else BAD) if mine else "#aaaaaa"
            axes.plot(xs, ys, "-o", color=color, markersize=3.5, linewidth=1.4, solid_capstyle="butt")


def _draw_chosen(axes: Axes, windows: Windows, row: int, column: int) -> None:
    rows, columns = windows.taps(row), windows.taps(column)
    inside = range(windows.padded)
    for r in rows:
        for c in columns:
            _cell(axes, r, c, CHOSEN if r in inside and c in inside else BAD, alpha=0.85, zorder=3)
    corner = columns[0] - 0.5, rows[0] - 0.5
    frame = Rectangle(corner, windows.extent, windows.extent, fill=False, edgecolor=EDGE, linewidth=1.6, zorder=5)
    axes.add_patch(frame)


def _draw_output(axes: Axes, windows: Windows, row: int, column: int) -> float:
    """Draw the output beside the input; gives the right edge of the picture."""
    left = max(windows.padded, windows.extent) + 1
    title = f"output {windows.count} × {windows.count}" if windows.fits else "no output"
    axes.text(left - 0.5, -0.8, title, fontsize=9)
    padded = f" → {windows.padded} × {windows.padded}" if windows.padding else ""
    axes.text(-0.5, -1.2 - 0.4 * _lanes(windows), f"input {windows.size} × {windows.size}{padded}", fontsize=9)
    for index in range(windows.count**2):
        r, c = divmod(index, windows.count)
        _cell(axes, r, left + c, CHOSEN if (r, c) == (row, column) else OUTPUT)
        if windows.count <= NUMBERED:
            axes.text(left + c, r, str(index), ha="center", va="center", fontsize=7, color=EDGE)
    return left + max(windows.count, 3) + 0.6


def draw_legend(windows: Windows) -> list[Patch]:
    """The legend's entries for :func:`draw_windows`."""
    entries = [Patch(color=CHOSEN, label="taps of one window, and its output")]
    if windows.padding:
        entries.append(Patch(color=PADDING, label="padding (zeros)"))
    if windows.left_over:
        label = f"left over: {windows.left_over} at the bottom and on the right"
        entries.append(Patch(facecolor="white", edgecolor="#999999", hatch="////", label=label))
    if not windows.fits:
        entries.append(Patch(color=BAD, label="taps outside"))
    return entries


def windows(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, chosen: int = 0) -> None:
    """Draw one figure of every window of a layer on a square input, with the formula of the output's size above.

    Parameters
    ----------
    size, kernel, stride, padding, dilation : in pixels, the same for rows and columns.
    chosen : the output pixel, counted row by row from 0, whose taps are filled in.
    """
    figure = plt.figure(figsize=(7.6, 4.4), layout="constrained")
    fill_windows(figure, Windows(size, kernel, stride, padding, dilation), chosen)


def fill_windows(figure: plt.Figure, windows: Windows, chosen: int = 0) -> None:
    """Fill an empty figure with :func:`draw_windows`, the formula and the legend."""
    axes = figure.add_subplot()
    draw_windows(axes, windows, chosen)
    axes.set_title(f"output size = {windows.formula()}" if windows.fits else windows.formula(), fontsize=10)
    figure.legend(handles=draw_legend(windows), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
