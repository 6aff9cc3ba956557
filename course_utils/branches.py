"""A module made of branches, drawn with its tensors: each is a bar as wide as it has channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_utils.plots import captioned_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["module"]

COLORS = ("#4c72b0", "#dd8452", "#55a868", "#8172b3", "#937860")
GIVEN, BOX, SKIP = "#8c8c8c", "#f4f4f4", "#c62828"
COLUMN, ROW = 2.6, 1.45  # from one branch to the next, from one step to the next
ROOM = 0.9  # the share of a column that a bar may take
THICK = 0.2  # of a bar
Step = tuple[str, int]


def module(
    width: int, branches: Sequence[Sequence[Step]], caption: str = "", *, size: str = "", out: str = "", back: str = ""
) -> None:
    """Draw a module: what comes in, what each branch makes of it, and the concatenation of what comes out.

    Draws one pyplot figure.

    Parameters
    ----------
    width : channels that come in.
    branches : each from the top down; a step is what is done, such as "3 × 3 conv", and how many channels it puts out.
    caption : a sentence below the figure.
    size, out : height and width of the maps that come in and go out, as text; by default not written.
    back : of a residual module, what leads from the concatenation back to the width of what comes in, to be added.

    Raises
    ------
    ValueError
        where there is no branch, a branch without a step, or a number of channels below 1.
    """
    channels = [width, *(c for branch in branches for _, c in branch)]
    if not branches or not all(branches) or min(channels) < 1:
        raise ValueError(f"expected branches of steps (what, channels ≥ 1), got {branches!r}")
    longest, total = max(map(len, branches)), sum(branch[-1][1] for branch in branches)
    whole = COLUMN * len(branches)
    scale = min(ROOM * COLUMN / max(c for branch in branches for _, c in branch), whole / max(width, total))
    bottom, middle = -ROW * (longest + 1), whole / 2 - COLUMN / 2
    end = bottom - 2 * ROW if back else bottom
    _, axes = captioned_figure(caption, max(5.0, 1.85 * len(branches)), 0.51 * (1.3 - end))
    _bar(axes, middle, 0.0, [width], scale, [GIVEN], f"{width} channels come in{_of(size)}", above=True)
    for i, (branch, color) in enumerate(zip(branches, _colors(len(branches)), strict=True)):
        _branch(axes, COLUMN * i, branch, scale, color, (middle, bottom))
    parts = [branch[-1][1] for branch in branches]
    words = f"concatenated: {' + '.join(map(str, parts))} = {total} channels{_of(out or size)}"
    _bar(axes, middle, bottom, parts, scale, _colors(len(branches)), words)
    if back:
        _sum(axes, (middle, bottom), width, scale, back)
    right = whole - COLUMN / 2 + (0.9 if back else 0.0)
    axes.set(xlim=(-COLUMN / 2, right), ylim=(end - 0.75, 0.6))
    axes.axis("off")


def _sum(axes: Axes, start: tuple[float, float], width: int, scale: float, back: str) -> None:
    """The way back to the width of what came in, and the shortcut around everything."""
    x, y = start[0], start[1] - ROW
    _line(axes, (x, start[1] - THICK - 0.34), (x, y + 0.4))
    axes.text(*(x, y + 0.2, back), ha="center", va="center", fontsize=8, bbox={"boxstyle": "round,pad=0.25", "fc": BOX})
    _line(axes, (x, y - 0.02), (x, y - 0.36))
    axes.text(x, y - 0.56, "+", ha="center", va="center", fontsize=11, bbox={"boxstyle": "circle", "fc": "white"})
    half = scale * width / 2
    side = x + half + 0.55
    axes.plot([x + half, side, side], [-THICK / 2, -THICK / 2, y - 0.56], color=SKIP, linewidth=1.4)
    _line(axes, (side, y - 0.56), (x + 0.25, y - 0.56), SKIP)
    axes.text(side + 0.08, y / 2, "x", fontsize=9, color=SKIP, va="center")
    _line(axes, (x, y - 0.78), (x, y - ROW + 0.06))
    _bar(axes, x, y - ROW, [width], scale, [GIVEN], f"{width} channels go out")


def _of(size: str) -> str:
    return f", {size}" if size else ""


def _colors(count: int) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(count)]


def _branch(axes: Axes, x: float, branch: Sequence[Step], scale: float, color: str, end: tuple[float, float]) -> None:
    _line(axes, (end[0] + (x - end[0]) * 0.15, -THICK), (x, -ROW + 0.62))
    for row, (what, channels) in enumerate(branch, 1):
        y = -ROW * row
        if row > 1:
            _line(axes, (x, y + ROW - THICK - 0.34), (x, y + 0.62))
        axes.text(
            *(x, y + 0.42, what), ha="center", va="center", fontsize=8, bbox={"boxstyle": "round,pad=0.25", "fc": BOX}
        )
        _bar(axes, x, y, [channels], scale, [color], str(channels))
    _line(axes, (x, -ROW * len(branch) - THICK - 0.34), (end[0] + (x - end[0]) * 0.3, end[1] + 0.08))


def _bar(
    axes: Axes, x: float, y: float, parts: Sequence[int], scale: float, colors: Sequence[str], words: str, *,
    above: bool = False,
) -> None:  # fmt: skip
    left = x - scale * sum(parts) / 2
    for channels, color in zip(parts, colors, strict=True):
        axes.barh(y - THICK / 2, scale * channels, THICK, left=left, color=color, edgecolor="white", linewidth=0.6)
        left += scale * channels
    place = (x, y + 0.16, "bottom") if above else (x, y - THICK - 0.02, "top")
    axes.text(*place[:2], words, ha="center", va=place[2], fontsize=8)


def _line(axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str = "#555555") -> None:
    axes.annotate("", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 0.9})
