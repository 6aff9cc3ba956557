"""Pictures of lesson 04, one figure each: windows with their winners, and pooling as a matrix."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_utils.plots import captioned_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["product", "windows"]

COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#7f7f7f")
PLAIN, WEIGHT, GRID, INK = "white", "#fbe3c5", "#cccccc", "#222222"
Corners = Mapping[tuple[int, int], tuple[int, int]]  # place in the output → upper left pixel of its window


def windows(
    panels: Mapping[str, np.ndarray], size: int, stride: int, caption: str = "", *, winners: bool = True
) -> None:
    """Draw what belongs to a pooled image side by side: each window in a colour, and its output in the same.

    Parameters
    ----------
    panels : title → matrix. The first is the image, (H, W); each other one has the shape of the image (a gradient of
        its pixels) or that of the output, (H', W').
    size, stride : of the pooling, in pixels, the same for rows and columns.
    caption : a sentence below the figure.
    winners : ring the first maximum of each window.

    Raises
    ------
    ValueError
        for a panel of another shape, or more than nine windows.
    """
    arrays = {title: np.atleast_2d(np.asarray(values, dtype=float)) for title, values in panels.items()}
    image = next(iter(arrays.values()))
    shape = ((image.shape[0] - size) // stride + 1, (image.shape[1] - size) // stride + 1)
    corners = {(i, j): (i * stride, j * stride) for i, j in np.ndindex(*shape)}
    if len(corners) > len(COLORS):
        raise ValueError(f"expected at most {len(COLORS)} windows, got {len(corners)}: take a smaller image")
    for title, values in arrays.items():
        if values.shape not in (image.shape, shape):
            raise ValueError(f"expected shape {image.shape} or {shape} for {title!r}, got {values.shape}")
    every = _row_of_panels([a.shape for a in arrays.values()], caption)
    for axes, (title, values) in zip(every, arrays.items(), strict=True):
        _grid(axes, values, title, shaded=values is not image)
        if values.shape == image.shape:
            _outline(axes, corners, size)
        else:
            _outline(axes, {place: place for place in corners}, 1)
        if values is image and winners:
            _ring(axes, image, corners, size)


def product(
    matrix: np.ndarray,
    pixels: np.ndarray,
    outputs: np.ndarray,
    caption: str = "",
    *,
    names: tuple[str, str] = ("vec(image)", "vec(out)"),
) -> None:
    """Draw a pooling matrix with a vector of pixels above its columns and one of outputs beside its rows.

    Parameters
    ----------
    matrix : (outputs, pixels), at most 36 columns.
    pixels : (H, W); its numbers stand row by row above the columns, and a thick line parts the rows of the image.
    outputs : (H', W'); its numbers stand beside the rows.
    caption : a sentence below the figure.
    names : what the two vectors are called.

    Raises
    ------
    ValueError
        for vectors that do not go with the matrix, or a matrix too wide to be read.
    """
    matrix, pixels, outputs = (np.asarray(v, dtype=float) for v in (matrix, pixels, outputs))
    if matrix.shape != (outputs.size, pixels.size):
        raise ValueError(f"expected a matrix of shape {(outputs.size, pixels.size)}, got {matrix.shape}")
    if pixels.size > 36:
        raise ValueError(f"expected at most 36 pixels, got {pixels.size}: more cannot be read on a screen")
    rows, columns = matrix.shape
    axes = captioned_figure(caption, max(0.42 * columns + 2.2, 4.0), 0.42 * (rows + 2) + 0.5)[1]
    _cells(axes, matrix, 0, 0, shaded=True)
    _cells(axes, pixels.reshape(1, -1), -1.7, 0, shaded=False)
    _cells(axes, outputs.reshape(-1, 1), 0, columns + 0.7, shaded=False)
    for edge in range(0, columns + 1, pixels.shape[1]):
        axes.plot([edge - 0.5, edge - 0.5], [-0.5, rows - 0.5], color=INK, linewidth=1.6)
    for row in range(pixels.shape[0]):
        middle = (row + 0.5) * pixels.shape[1] - 0.5
        axes.text(middle, -2.45, f"image row {row}", ha="center", fontsize=8, color="#555555")
    axes.text(-0.8, -1.7, names[0], ha="right", va="center", fontsize=9)
    axes.text(-0.8, (rows - 1) / 2, "A", ha="right", va="center", fontsize=11)
    axes.text(columns + 0.7, -0.8, names[1], ha="center", va="bottom", fontsize=9)
    axes.set(xlim=(-3.4, columns + 2.2), ylim=(rows - 0.3, -2.9), aspect="equal")
    axes.axis("off")


def _grid(axes: Axes, values: np.ndarray, title: str, *, shaded: bool) -> None:
    """A matrix with its numbers in cells, rows and columns numbered."""
    rows, columns = values.shape
    _cells(axes, values, 0, 0, shaded=shaded)
    axes.set(xlim=(-0.6, columns - 0.4), ylim=(rows - 0.4, -0.6), aspect="equal")
    axes.set_xticks(range(columns))
    axes.set_yticks(range(rows))
    axes.tick_params(labelsize=7, length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("column", fontsize=8)
    axes.set_ylabel("row", fontsize=8)


def _cells(axes: Axes, values: np.ndarray, top: float, left: float, *, shaded: bool) -> None:
    """Cells with numbers; where shaded, those that are not zero stand out."""
    from matplotlib.patches import Rectangle

    for (row, column), value in np.ndenumerate(values):
        x, y = left + column, top + row
        face, ink = (WEIGHT, INK) if value and shaded else (PLAIN, INK if not shaded else "#aaaaaa")
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor=GRID, linewidth=0.8))
        axes.text(x, y, _short(value), ha="center", va="center", fontsize=8, color=ink)


def _short(value: float) -> str:
    """A number that fits into a cell: a quarter without the zero before the point."""
    text = f"{value:.3g}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _outline(axes: Axes, corners: Corners, size: int) -> None:
    """Frame each window in its colour, each a little further inside than the one before, so that overlaps are seen."""
    from matplotlib.patches import Rectangle

    for (place, (top, left)), color in zip(corners.items(), COLORS, strict=False):
        inset = 0.05 + 0.06 * (sum(place) % 2) * (size > 1)
        side = size - 2 * inset
        frame = Rectangle((left - 0.5 + inset, top - 0.5 + inset), side, side, fill=False, edgecolor=color, linewidth=2)
        axes.add_patch(frame)


def _ring(axes: Axes, image: np.ndarray, corners: Corners, size: int) -> None:
    """Ring the first maximum of each window; a pixel that wins twice gets two rings."""
    from matplotlib.patches import Circle

    rings: dict[tuple[int, int], int] = {}
    for color, (row, column) in zip(COLORS, _winners(image, corners, size), strict=False):
        radius = 0.3 + 0.08 * rings.get((row, column), 0)
        rings[row, column] = rings.get((row, column), 0) + 1
        axes.add_patch(Circle((column, row), radius, fill=False, edgecolor=color, linewidth=1.6))


def _winners(image: np.ndarray, corners: Corners, size: int) -> Iterator[tuple[int, int]]:
    for top, left in corners.values():
        row, column = divmod(int(image[top : top + size, left : left + size].argmax()), size)
        yield top + row, left + column


CELL, LEFT, ABOVE, BELOW = 0.45, 0.7, 0.35, 0.48  # inches: a cell's side, and the room of a panel's labels


def _row_of_panels(shapes: Sequence[tuple[int, ...]], caption: str) -> list[Axes]:
    """Axes beside one another for matrices of these shapes, whose cells are of the same size in all of them."""
    import matplotlib.pyplot as plt

    sides = [(CELL * (shape[0] + 0.2), CELL * (shape[1] + 0.2)) for shape in shapes]  # a grid has a margin of 0.1
    width = max(sum(LEFT + across for _, across in sides) + 0.1, 4.0)
    tallest = max(down for down, _ in sides)
    lines = textwrap.wrap(caption, int(14 * width))
    bottom = BELOW + 0.17 * len(lines)
    height = bottom + tallest + ABOVE
    figure = plt.figure(figsize=(width, height))
    if lines:
        figure.text(0.1 / width, 0.05 / height, "\n".join(lines), fontsize=9, style="italic", va="bottom")
    every, left = [], 0.0
    for down, across in sides:
        left += LEFT
        low = bottom + (tallest - down) / 2
        every.append(figure.add_axes((left / width, low / height, across / width, down / height)))
        left += across
    return every
