"""Drawings of the blocks that deep networks are made of: plain, residual, bottleneck, dense.

Every function draws one pyplot figure and returns None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from course_utils.plots import captioned_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["chains", "dense"]

CONV, OTHER, SKIP = "#dce6f5", "#f4f4f4", "#c62828"
STEP = 1.0  # from the middle of one box to the next


def chains(drawn: Mapping[str, Sequence[str]], shortcuts: Mapping[str, str] | None = None, caption: str = "") -> None:
    """Draw blocks side by side, each a chain of steps from top to bottom, with its shortcut.

    Parameters
    ----------
    drawn : title → steps, such as ``("3 × 3 conv, 64", "batch norm", "+", "ReLU")``. A step ``"+"`` is where the
        shortcut comes back.
    shortcuts : title → what the shortcut does, such as ``"x"``; a block without one has none.
    caption : a sentence below the figure.

    Raises
    ------
    ValueError
        where there is no block, or a block with a shortcut has no step ``"+"``.
    """
    shortcuts = shortcuts or {}
    if not drawn or any("+" not in drawn.get(title, ()) for title in shortcuts):
        raise ValueError('expected blocks, and a step "+" in each that has a shortcut: say where it comes back')
    longest = max(map(len, drawn.values()))
    figure, _ = captioned_figure(caption, 2.9 * len(drawn), 0.42 * (longest + 2), axes=False)
    for place, (title, steps) in enumerate(drawn.items(), 1):
        axes = figure.add_subplot(1, len(drawn), place)
        _chain(axes, steps)
        if title in shortcuts:
            _shortcut(axes, steps.index("+"), shortcuts[title])
        axes.set(xlim=(-2.1, 4.4), ylim=(-STEP * (longest + 0.6), 1.5))
        axes.set_title(title, fontsize=9)
        axes.axis("off")


def _chain(axes: Axes, steps: Sequence[str]) -> None:
    axes.text(0, 1.1, "x", ha="center", va="center", fontsize=9)
    for i, step in enumerate(steps):
        y = -STEP * i
        color = CONV if "conv" in step else OTHER
        if step == "+":
            axes.text(0, y, "+", ha="center", va="center", fontsize=11, bbox={"boxstyle": "circle", "fc": "white"})
        else:
            axes.text(
                *(0, y, step), ha="center", va="center", fontsize=8, bbox={"boxstyle": "round,pad=0.3", "fc": color}
            )
        _arrow(axes, (0, y + (0.9 if i == 0 else 0.72)), (0, y + 0.3), "black")
    _arrow(axes, (0, -STEP * (len(steps) - 1) - 0.3), (0, -STEP * len(steps)), "black")


def _shortcut(axes: Axes, place: int, text: str) -> None:
    """From the top, around the boxes on the right, to the plus."""
    right = 2.35
    axes.plot([0, right, right], [0.72, 0.72, -STEP * place], color=SKIP, linewidth=1.4)
    _arrow(axes, (right, -STEP * place), (0.3, -STEP * place), SKIP)
    axes.text(right + 0.15, 0.36 - STEP * place / 2, text, fontsize=8, color=SKIP, va="center")


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str) -> None:
    axes.annotate("", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.1})


def dense(width: int, growth: int, layers: int, caption: str = "") -> None:
    """Draw what each layer of a dense block gets: a bar of channels for each layer, coloured by where they come from.

    Parameters
    ----------
    width : channels that come into the block.
    growth : channels that each layer adds.
    layers : how many layers the block has.
    caption : a sentence below the figure.

    Raises
    ------
    ValueError
        for numbers below 1.
    """
    if min(width, growth, layers) < 1:
        raise ValueError(f"expected numbers of at least 1, got {(width, growth, layers)}: channels and layers")
    import matplotlib.pyplot as plt

    _, axes = captioned_figure(caption, 7.5, 0.6 + 0.36 * (layers + 1))
    colors = ["#8c8c8c", *(plt.get_cmap("viridis")(0.8 * i / max(1, layers - 1)) for i in range(layers))]
    for row in range(layers + 1):
        left = 0
        for source, channels in enumerate([width, *[growth] * row]):
            axes.barh(row, channels, left=left, color=colors[source], edgecolor="white")
            name = "x" if source == 0 else str(source)
            axes.text(left + channels / 2, row, name, ha="center", va="center", fontsize=7, color="white")
            left += channels
        axes.text(left + growth / 5, row, str(left), va="center", fontsize=8)
    axes.set_yticks(range(layers + 1), [*(f"layer {i + 1} gets" for i in range(layers)), "the block puts out"])
    axes.invert_yaxis()
    axes.set(xlabel="channels", xlim=(0, (width + layers * growth) * 1.08))
    axes.tick_params(axis="y", labelsize=8)
