"""Drawings of a layer's arithmetic: windows on a padded input, filter banks, receptive fields, tables of layers.

Every public function but those that fill a given figure draws one pyplot figure and returns None, as in ``plots``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch, Polygon, Rectangle

from course_utils.plots import captioned_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Windows", "cost_bars", "field_growth", "fields", "fill_windows", "filter_bank", "print_table", "windows"]

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
    """Draw the padded input, every window and the output into given axes, as :func:`windows` does."""
    row, column = divmod(chosen, windows.count) if windows.count else (0, 0)
    _draw_input(axes, windows)
    _draw_bars(axes, windows, row, column)
    _draw_chosen(axes, windows, row, column)
    right = _draw_output(axes, windows, row, column)
    reach = max(windows.padded, windows.extent)
    lanes = _lanes(windows)
    axes.set(xlim=(-1.2 - 0.4 * lanes, right), ylim=(reach - 0.3, -1.9 - 0.4 * lanes), aspect="equal")
    axes.axis("off")


def _cell(axes: Axes, row: float, column: float, color: str, **style: Any) -> None:
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


def _legend(windows: Windows) -> list[Patch]:
    entries = [Patch(color=CHOSEN, label="taps of one window, and its output")]
    if windows.padding:
        entries.append(Patch(color=PADDING, label="padding (zeros)"))
    if windows.left_over:
        label = f"left over: {windows.left_over} at the bottom and on the right"
        entries.append(Patch(facecolor="white", edgecolor="#999999", hatch="////", label=label))
    if not windows.fits:
        entries.append(Patch(color=BAD, label="taps outside"))
    return entries


def windows(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, chosen: int = 0, caption: str = ""
) -> None:
    """Draw one figure of every window of a layer on a square input, with the formula of the output's size above.

    Bars above and on the left of the input are the windows along one axis, a dot for each tap. A number marks a
    window's upper left pixel and its output. Input and output have the same scale.

    Parameters
    ----------
    size, kernel, stride, padding, dilation : in pixels, the same for rows and columns.
    chosen : the output pixel, counted row by row from 0, whose taps are filled in.
    caption : a sentence below the figure.
    """
    fill_windows(
        captioned_figure(caption, 7.6, 4.2, axes=False)[0], Windows(size, kernel, stride, padding, dilation), chosen
    )


def fill_windows(figure: Figure, windows: Windows, chosen: int = 0) -> None:
    """Fill an empty figure with the drawing of :func:`windows`."""
    axes = figure.add_subplot()
    draw_windows(axes, windows, chosen)
    axes.set_title(f"output size = {windows.formula()}" if windows.fits else windows.formula(), fontsize=10)
    axes.legend(handles=_legend(windows), loc="upper left", bbox_to_anchor=(0, 0), ncols=3, fontsize=8, frameon=False)


Shape = tuple[int, int, int]  # channels, height, width


def filter_bank(volume: Shape, filters: int, kernel: int, stride: int = 1, padding: int = 0, caption: str = "") -> None:
    """Draw a volume, a bank of filters and the volume that comes out, as blocks.

    Parameters
    ----------
    volume : (channels, height, width) of the input.
    filters, kernel, stride, padding : the layer's; every filter is (channels, kernel, kernel).
    caption : a sentence below the figure.
    """
    channels, height, width = volume
    sides = [Windows(n, kernel, stride, padding).count for n in (height, width)]
    out = (filters, sides[0], sides[1])
    axes = captioned_figure(caption, 8.4, 3.4)[1]
    scale = 4.0 / max(height, width)
    end = _block(axes, (0.0, 0.0), volume, scale, INPUT)
    window = (channels, kernel, kernel)
    _block(axes, (0.9, 1.6), window, scale, CHOSEN)
    axes.text(0, -0.3, _shape_text("input", volume), va="top", fontsize=9)
    start = end + 1.0
    smaller = min(1.0, 5.2 / (filters * (kernel * scale + _depth(channels)[1] + 0.15)))
    pitch = smaller * (kernel * scale + _depth(channels)[1] + 0.15)
    for index in range(filters):
        _block(axes, (start, 2.5 + pitch * (filters / 2 - 1 - index)), window, scale, CHOSEN, smaller)
    axes.text(start - 0.3, -0.3, f"{filters} filters,\neach {_shape_text('', window)}", va="top", fontsize=9)
    start += max(1.9, kernel * scale + _depth(channels)[0] + 1.2)
    axes.annotate("", (start - 0.1, 2), (start - 0.8, 2), arrowprops={"arrowstyle": "->", "color": EDGE})
    end = _block(axes, (start + 0.1, 0.0), out, scale, OUTPUT)
    _block(axes, (start + 1.0, 1.9), (filters, 1, 1), scale, CHOSEN)
    axes.text(start + 0.1, -0.3, _shape_text("output", out), va="top", fontsize=9)
    axes.set(xlim=(-0.3, end + 0.8), ylim=(-1.4, 5.6), aspect="equal")
    axes.axis("off")


def _shape_text(name: str, shape: Shape) -> str:
    return f"{name} {' × '.join(map(str, shape))}".strip()


def _depth(channels: int) -> np.ndarray:
    """How far a block reaches back on paper: with the square root, so that 3 and 64 channels both fit."""
    return np.array([0.27, 0.18]) * math.sqrt(channels)


def _block(
    axes: Axes, corner: tuple[float, float], shape: Shape, scale: float, color: str, smaller: float = 1.0
) -> float:
    """Draw a block (channels, height, width) with its lower left corner given; gives its right edge."""
    channels, height, width = shape
    x, y = corner
    back = smaller * _depth(channels)
    wide, high = smaller * width * scale, smaller * height * scale
    front = np.array([(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)])
    style: dict[str, Any] = {"facecolor": color, "edgecolor": EDGE, "linewidth": 0.8}
    axes.add_patch(Polygon(front, **style))
    for a, b in ((3, 2), (2, 1)):
        axes.add_patch(Polygon([front[a], front[b], front[b] + back, front[a] + back], **{**style, "alpha": 0.75}))
    return float(x + wide + back[0])


def field_growth(layers: Sequence[tuple[int, ...]], caption: str = "") -> None:
    """Draw along one axis what one unit of the last layer sees: a row of dots a layer, the image at the bottom.

    Parameters
    ----------
    layers : (kernel, stride) or (kernel, stride, dilation), the first layer first.
    caption : a sentence below the figure.
    """
    spans = _spans(layers)
    axes = captioned_figure(caption, 7.6, 0.6 + 0.8 * len(spans))[1]
    step = 1
    centers: list[dict[int, int]] = []
    for level, (low, high) in enumerate(spans):
        if level:
            step *= layers[level - 1][1]
        centers.append({unit: unit * step for unit in range(low, high + 1)})
    shift = [sum(c.values()) / len(c) for c in centers]
    places = [{u: x - shift[level] for u, x in c.items()} for level, c in enumerate(centers)]
    _connect(axes, layers, places)
    for level, row in enumerate(places):
        color = INPUT if level == 0 else OUTPUT if level < len(layers) else CHOSEN
        axes.scatter(list(row.values()), [level] * len(row), s=70, color=color, edgecolor=EDGE, zorder=3)
        name = "image" if level == 0 else "layer {}: {} × {}, stride {}{}".format(level, *_described(layers[level - 1]))
        axes.text(min(places[0].values()) - 1, level, name, ha="right", va="center", fontsize=9)
        pixels = len(places[0]) if level == len(layers) else _extent(layers[:level])
        if level:
            axes.text(max(places[0].values()) + 1, level, f"sees {pixels} pixels", va="center", fontsize=9)
    axes.margins(x=0.1, y=0.15)
    axes.axis("off")


def _described(layer: tuple[int, ...]) -> tuple[int, int, int, str]:
    kernel, stride, *dilation = layer
    return kernel, kernel, stride, f", dilation {dilation[0]}" if dilation and dilation[0] != 1 else ""


def _taps(layer: tuple[int, ...], unit: int) -> list[int]:
    kernel, stride, *dilation = layer
    return [unit * stride + (dilation[0] if dilation else 1) * tap for tap in range(kernel)]


def _spans(layers: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
    """The first and last unit of each level, the image first, that unit 0 of the last layer depends on."""
    spans = [(0, 0)]
    for layer in reversed(layers):
        low, high = spans[0]
        spans.insert(0, (_taps(layer, low)[0], _taps(layer, high)[-1]))
    return spans


def _extent(layers: Sequence[tuple[int, ...]]) -> int:
    low, high = _spans(layers)[0]
    return high - low + 1


def _connect(axes: Axes, layers: Sequence[tuple[int, ...]], places: Sequence[Mapping[int, float]]) -> None:
    for level, layer in enumerate(layers):
        for unit, x in places[level + 1].items():
            for tap in _taps(layer, unit):
                axes.plot((x, places[level][tap]), (level + 1, level), color="#bbbbbb", linewidth=0.8, zorder=1)


def fields(image: np.ndarray, sizes: Mapping[str, int], caption: str = "") -> None:
    """Draw squares around the middle of a photo: how much of it a unit sees.

    Parameters
    ----------
    image : (height, width) or (height, width, 3).
    sizes : label → side of the square in pixels.
    caption : a sentence below the figure.
    """
    height, width = image.shape[:2]
    axes = captioned_figure(caption, 6.2, 6.2 * height / width + 0.2)[1]
    axes.imshow(image, cmap="gray")
    colors = plt.get_cmap("plasma")(np.linspace(0.1, 0.95, len(sizes)))
    for color, (label, side) in zip(colors, sizes.items(), strict=True):
        corner = (width - side) / 2 - 0.5, (height - side) / 2 - 0.5
        axes.add_patch(
            Rectangle(corner, side, side, fill=False, edgecolor=color, linewidth=2, label=f"{label}: {side}")
        )
    axes.set(xlabel="column", ylabel="row", xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.legend(fontsize=8, loc="lower right", framealpha=0.9, title="sees (pixels)", title_fontsize=8)


Row = tuple[str, tuple[int, ...], int, int, int]  # name, shape, activations, parameters, multiply-adds


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows of ``layer_table`` in columns, with totals; memory is activations in float32, 4 bytes each."""
    line = "{:<10} {:>15} {:>12} {:>9} {:>13} {:>15}".format
    print(line("layer", "shape", "activations", "MB", "parameters", "multiply-adds"))
    for name, shape, activations, parameters, macs in [*rows, ("total", (), *_totals(rows))]:
        size = " × ".join(map(str, shape))
        megabytes = f"{4 * activations / 1e6:.3f}"
        print(line(name, size, f"{activations:,}", megabytes, f"{parameters:,}", f"{macs:,}"))


def _totals(rows: Sequence[Row]) -> tuple[int, int, int]:
    return sum(row[2] for row in rows), sum(row[3] for row in rows), sum(row[4] for row in rows)


def cost_bars(rows: Sequence[Row], caption: str = "") -> None:
    """Draw for each layer its activations, parameters and multiply-adds, a bar each and its share of the total.

    Parameters
    ----------
    rows : of ``layer_table``: (name, shape, activations, parameters, multiply-adds).
    caption : a sentence below the figure.
    """
    figure = captioned_figure(caption, 9.2, 0.9 + 0.19 * len(rows), axes=False)[0]
    panels = figure.subplots(1, 3, sharey=True)
    _cost_panel(panels[0], "memory (MB, 4 bytes a number)", [(row[0], 4e-6 * row[2]) for row in rows])
    _cost_panel(panels[1], "parameters (millions)", [(row[0], 1e-6 * row[3]) for row in rows])
    _cost_panel(panels[2], "multiply-adds (millions)", [(row[0], 1e-6 * row[4]) for row in rows])
    panels[0].invert_yaxis()
    panels[0].set_ylabel("layer", fontsize=9)


def _cost_panel(axes: Axes, title: str, values: Sequence[tuple[str, float]]) -> None:
    total = sum(value for _, value in values)
    places = range(len(values))
    drawn = axes.barh(places, [value for _, value in values], color="#4c72b0")
    shares = [f"{value / total:.0%}" if value / total >= 0.005 else "" for _, value in values]
    axes.bar_label(drawn, shares, fontsize=7, padding=2)
    axes.set_yticks(places, [name for name, _ in values])
    axes.set_title(f"total {total:,.0f}" if total >= 1000 else f"total {total:.3g}", fontsize=9)
    axes.set_xlabel(title, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.15)
    axes.grid(axis="x", alpha=0.3)
