"""A network drawn as LeCun et al. (1998) drew theirs: each tensor on its way is a stack of sheets, one a channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.plots import as_array, captioned_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["chain"]

SHEET, STRIP, EDGE = "#d9ead3", "#f6b26b", "#555555"
WIDTH = 9.4  # inches; all lengths below are in inches too, before a chain that is wider is made smaller
LARGEST = 1.15  # side of the largest sheet
REACH = 0.75  # from the first sheet of a stack to its last, along either axis, at most
TALL, SHORT, THIN = 1.9, 0.3, 0.12  # the longest strip, the shortest, and how wide they are
ROOM, GAP = 0.75, 0.3  # what a stack has for its name at least, and between stacks
BELOW = -1.15  # where texts below begin
FRAME = 0.6  # points: lines around tiles
Size = tuple[float, float]  # width and height
Place = tuple[float, float]  # of a lower left corner: x, y


def chain(tensors: Mapping[str, Any], caption: str = "", *, between: Sequence[str] = ()) -> None:
    """Draw the tensors of a network from left to right: maps as stacks of sheets to scale, vectors as strips.

    Parameters
    ----------
    tensors : name → the shape of a tensor for one image, (C, H, W) or (units,), as a tuple; or the tensor itself, whose
        numbers are then drawn from dark to bright, on a range of its own.
    caption : a sentence below the figure.
    between : what leads from each tensor to the next, one fewer than tensors; by default arrows alone.

    Raises
    ------
    ValueError
        for no tensors, another shape, or another number of texts.
    """
    shapes = [given if isinstance(given, tuple) else tuple(given.shape) for given in tensors.values()]
    if not shapes or any(len(shape) not in (1, 3) or min(shape) < 1 for shape in shapes):
        raise ValueError(f"expected tensors (C, H, W) or (units,) of one image, got shapes {shapes}")
    if between and len(between) != len(shapes) - 1:
        raise ValueError(f"expected {len(shapes) - 1} texts between {len(shapes)} tensors, got {len(between)}")
    sizes = _sizes(shapes)
    rooms = [max(ROOM, width) for width, _ in sizes]
    total = sum(rooms) + GAP * (len(rooms) - 1)
    low, high = (BELOW - 0.45 if between else -1.0), 1.45
    _, axes = captioned_figure(caption, WIDTH, 0.3 + (high - low) * min(1.0, WIDTH / total))
    x = 0.0
    for name, given, shape, size, room in zip(tensors, tensors.values(), shapes, sizes, rooms, strict=True):
        values = None if isinstance(given, tuple) else as_array(given)
        (_sheets if len(shape) == 3 else _strip)(axes, (x + (room - size[0]) / 2, -size[1] / 2), size, shape, values)
        axes.text(x + room / 2, 1.05, f"{name}\n{' × '.join(map(str, shape))}", ha="center", va="bottom", fontsize=7.5)
        x += room + GAP
    for i, right in enumerate(np.cumsum([room + GAP for room in rooms])[:-1]):
        _arrow(axes, float(right), between[i] if between else "")
    axes.set(xlim=(-0.05, total + 0.05), ylim=(low, high), aspect="equal")
    axes.axis("off")


def _sizes(shapes: Sequence[tuple[int, ...]]) -> list[Size]:
    """How large each tensor is drawn. Strips grow with the root of their length, so that 10 and 500 units both fit."""
    side = max((max(shape[1:]) for shape in shapes if len(shape) == 3), default=1)
    units = max((shape[0] for shape in shapes if len(shape) == 1), default=1)
    return [
        (THIN, max(SHORT, TALL * (shape[0] / units) ** 0.5))
        if len(shape) == 1
        else (LARGEST * shape[2] / side + _reach(shape[0]), LARGEST * shape[1] / side + _reach(shape[0]))
        for shape in shapes
    ]


def _reach(channels: int) -> float:
    return REACH * (1 - channels**-0.5)


def _sheets(axes: Axes, corner: Place, size: Size, shape: tuple[int, ...], values: np.ndarray | None) -> None:
    """The first channel at the upper left, each next one further to the right, lower, and in front of it."""
    channels, reach = shape[0], _reach(shape[0])
    pitch = reach / max(1, channels - 1)
    line = min(FRAME, 20 * pitch) if channels > 1 else FRAME  # of 72 points an inch: most of a sheet's edge stays free
    for channel in range(channels):
        moved = pitch * channel
        place = corner[0] + moved, corner[1] + reach - moved
        numbers = None if values is None else values[channel]
        limits = (0.0, 1.0) if values is None else (float(values.min()), float(values.max()))
        _tile(axes, place, (size[0] - reach, size[1] - reach), numbers, limits, SHEET, line, zorder=2 + channel)


def _strip(axes: Axes, corner: Place, size: Size, shape: tuple[int, ...], values: np.ndarray | None) -> None:
    numbers = None if values is None else values[:, None]
    limits = (0.0, 1.0) if values is None else (float(values.min()), float(values.max()))
    _tile(axes, corner, size, numbers, limits, STRIP, zorder=2)


def _tile(
    axes: Axes,
    corner: Place,
    size: Size,
    values: np.ndarray | None,
    limits: Size,
    color: str,
    line: float = FRAME,
    *,
    zorder: int,
) -> None:
    """A framed rectangle, plain or filled with the numbers of a matrix."""
    from matplotlib.patches import Rectangle

    if values is not None:
        extent = (corner[0], corner[0] + size[0], corner[1], corner[1] + size[1])
        axes.imshow(values, "viridis", extent=extent, vmin=limits[0], vmax=limits[1], zorder=zorder)
    look: dict[str, Any] = {
        "facecolor": "none" if values is not None else color,
        "edgecolor": EDGE,
        "linewidth": line,
        "snap": False,
    }
    axes.add_patch(Rectangle(corner, *size, zorder=zorder, **look))


def _arrow(axes: Axes, right: float, text: str) -> None:
    """In the gap that ends at ``right``, with what happens there below."""
    style = {"arrowstyle": "-|>", "color": EDGE, "linewidth": 1.0}
    axes.annotate("", (right - 0.02, 0), (right - GAP + 0.02, 0), arrowprops=style, zorder=100)
    axes.text(right - GAP / 2, BELOW, text, ha="center", va="top", fontsize=7, color=EDGE)
