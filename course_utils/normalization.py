"""Pictures of lesson 05, one figure each: what a norm averages, its graph, activations by depth, runs with a band."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.plots import captioned_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["activations_by_depth", "averaged_cubes", "graph", "histograms", "runs"]

BLUE, ORANGE, GREEN, PURPLE, GRAY = "#4c72b0", "#dd8452", "#55a868", "#8172b3", "#e4e6ea"
Place = tuple[float, float]

# Which of the numbers (image n, channel c) share a mean with those of image 0 and the last channel; 6 channels.
IMAGES, CHANNELS, POSITIONS = 4, 6, 5
AVERAGED: dict[str, tuple[str, Callable[[int, int], bool]]] = {
    "batch": ("one channel, all images\nC means", lambda n, c: c == CHANNELS - 1),
    "layer": ("one image, all channels\nN means", lambda n, c: n == 0),
    "instance": ("one image, one channel\nN·C means", lambda n, c: n == 0 and c == CHANNELS - 1),
    "group": ("one image, a block of channels\nN·G means (here G = 2)", lambda n, c: n == 0 and c >= CHANNELS // 2),
}


def averaged_cubes(norms: Sequence[str] = tuple(AVERAGED), caption: str = "") -> None:
    """Draw an activation of shape (N, C, H, W) as a block of cubes for each norm, coloured where one mean is taken.

    Parameters
    ----------
    norms : some of "batch", "layer", "instance" and "group".
    caption : a sentence below the figure.

    Raises
    ------
    ValueError
        for another norm.
    """
    unknown = [norm for norm in norms if norm not in AVERAGED]
    if unknown or not norms:
        raise ValueError(f"expected some of {tuple(AVERAGED)}, got {tuple(norms)}: name the norms to draw")
    figure = captioned_figure(caption, max(2.6 * len(norms), 6.0), 3.1, axes=False)[0]
    for axes, norm in zip(figure.subplots(1, len(norms), squeeze=False)[0], norms, strict=True):
        words, together = AVERAGED[norm]
        _draw_block(axes, together)
        axes.set_title(f"{norm} norm\n{words}", fontsize=9)
        axes.set_anchor("S")


def _draw_block(axes: Axes, together: Callable[[int, int], bool]) -> None:
    """The three visible sides of the block, a face for each number: in front image 0, on the right the last channel."""
    for c in range(CHANNELS):
        for p in range(POSITIONS):
            _face(axes, [(c, p, 0), (c + 1, p, 0), (c + 1, p + 1, 0), (c, p + 1, 0)], together(0, c))
    for n in range(IMAGES):
        for p in range(POSITIONS):
            corners = [(CHANNELS, p, n), (CHANNELS, p, n + 1), (CHANNELS, p + 1, n + 1), (CHANNELS, p + 1, n)]
            _face(axes, corners, together(n, CHANNELS - 1), shade=0.8)
        for c in range(CHANNELS):
            top = POSITIONS
            corners = [(c, top, n), (c + 1, top, n), (c + 1, top, n + 1), (c, top, n + 1)]
            _face(axes, corners, together(n, c), shade=0.9)
    for text, place in (("channels C", (3, -0.9, 0)), ("images N", (CHANNELS + 0.9, -0.5, IMAGES / 2))):
        axes.text(*_projected(*place), text, ha="center", va="center", fontsize=8, rotation=0 if text[0] == "c" else 35)
    axes.text(*_projected(-0.6, POSITIONS / 2, 0), "positions H·W", ha="center", va="center", fontsize=8, rotation=90)
    axes.set(xlim=(-1.2, 9.4), ylim=(-1.5, 7.4), aspect="equal")
    axes.axis("off")


def _projected(channel: float, position: float, image: float) -> Place:
    return channel + 0.62 * image, position + 0.45 * image


def _face(axes: Axes, corners: Sequence[tuple[float, float, float]], coloured: bool, shade: float = 1.0) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Polygon

    color = [shade * v for v in to_rgb(ORANGE if coloured else GRAY)]
    places = [_projected(*corner) for corner in corners]
    axes.add_patch(Polygon(places, facecolor=color, edgecolor="white", linewidth=0.8))


# Where the nodes of batch norm's graph stand, what each holds, and whether it holds a number for each example.
NODES: dict[str, tuple[Place, str, bool]] = {
    "x": ((0, 1), "x", True),
    "mean": ((1.5, 0), "μ", False),
    "centred": ((3, 1), "c = x − μ", True),
    "variance": ((4.5, 0), "σ² = mean(c²)", False),
    "std": ((6.6, 0), "s = √(σ² + ε)", False),
    "normalized": ((8.4, 1), "x̂ = c / s", True),
    "gamma": ((9.9, 0), "γ", False),
    "scaled": ((10.6, 1), "γ x̂", True),
    "beta": ((11.9, 0), "β", False),
    "out": ((12.8, 1), "out = γ x̂ + β", True),
}
EDGES = (
    ("x", "mean"), ("x", "centred"), ("mean", "centred"), ("centred", "variance"), ("variance", "std"),
    ("centred", "normalized"), ("std", "normalized"), ("normalized", "scaled"), ("gamma", "scaled"),
    ("scaled", "out"), ("beta", "out"),
)  # fmt: skip


def graph(caption: str = "") -> None:
    """Draw batch norm as a graph: boxes with a number an example above, those with one number a feature below."""
    figure = captioned_figure(caption, 9.6, 2.2, axes=False)[0]
    axes = figure.add_subplot()
    drawn = {name: _node(axes, *node) for name, node in NODES.items()}
    for start, end in EDGES:
        style = {"arrowstyle": "-|>", "color": "#555555", "linewidth": 1.1}
        arrow = {**style, "patchA": drawn[start].get_bbox_patch(), "patchB": drawn[end].get_bbox_patch()}
        axes.annotate("", xy=NODES[end][0], xytext=NODES[start][0], arrowprops={**arrow, "shrinkA": 1, "shrinkB": 1})
    axes.text(-0.6, 1.55, "blue: shape (N, D), a number for each example", color=BLUE, fontsize=9)
    axes.text(-0.6, -0.7, "orange: shape (D,), one number for the whole batch", color="#b35c1e", fontsize=9)
    axes.set(xlim=(-0.7, 13.9), ylim=(-0.8, 1.8))
    axes.axis("off")


def _node(axes: Axes, place: Place, text: str, for_each_example: bool) -> Any:
    colors = ("#dfe7f3", BLUE) if for_each_example else ("#fbe9dd", ORANGE)
    box = {"boxstyle": "round,pad=0.35", "facecolor": colors[0], "edgecolor": colors[1]}
    return axes.text(*place, text, ha="center", va="center", fontsize=10, bbox=box, zorder=3)


def activations_by_depth(
    rows: Mapping[str, Sequence[np.ndarray]], caption: str = "", *, layers: Sequence[int] = (1, 2, 5, 10)
) -> None:
    """Draw histograms of activations: a row for each net, a column for each depth, on one axis from −4 to 4.

    Parameters
    ----------
    rows : label → the activations of layer 1, 2, …, each of any shape.
    caption : a sentence below the figure.
    layers : the depths that are drawn, counted from 1.

    Raises
    ------
    ValueError
        for a net that has fewer layers.
    """
    short = [label for label, activations in rows.items() if len(activations) < max(layers)]
    if short or not rows:
        raise ValueError(f"expected activations of {max(layers)} layers, got fewer for {short}: draw fewer layers")
    figure = captioned_figure(caption, 9.6, 1.35 * len(rows) + 0.3, axes=False)[0]
    panels = figure.subplots(len(rows), len(layers), sharex=True, squeeze=False)
    for line, (label, activations) in zip(panels, rows.items(), strict=True):
        for axes, layer in zip(line, layers, strict=True):
            values = np.ravel(activations[layer - 1])
            axes.hist(
                values, bins=np.linspace(-4, 4, 41), color=BLUE, histtype="stepfilled"
            )  # one shape, drawn quickly
            spread = float(values.std())
            axes.set_title(
                f"layer {layer}, std {spread:.2g}" if spread < 99 else f"layer {layer}, std {spread:.0f}", fontsize=8
            )
            axes.set_yticks([])
            axes.tick_params(labelsize=7)
        line[0].set_ylabel(label, fontsize=8)
    for axes in panels[-1]:
        axes.set_xlabel("activation", fontsize=8)


def histograms(
    panels: Mapping[str, Mapping[str, np.ndarray]],
    caption: str = "",
    *,
    xlabel: str,
    limits: tuple[float, float] | None = None,
    log: bool = False,
) -> None:
    """Draw histograms over one another, a panel for each title, each of an area of one.

    Parameters
    ----------
    panels : title → label → values of any shape. A single label goes without a legend.
    caption : a sentence below the figure.
    xlabel : what the values are, with their unit.
    limits : the range that is drawn, the same for all panels; by default each panel has that of its values.
    log : a logarithmic density.
    """
    figure = captioned_figure(caption, min(9.6, 4.8 * len(panels)), 2.8, axes=False)[0]
    for axes, (title, groups) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        values = np.concatenate([np.ravel(v) for v in groups.values()])
        low, high = limits or (float(values.min()), float(values.max()))
        edges = np.linspace(low, high, 61)
        for (label, group), color in zip(groups.items(), (BLUE, ORANGE, GREEN, PURPLE), strict=False):
            look = {"histtype": "stepfilled", "alpha": 0.55, "color": color, "label": label}
            axes.hist(np.ravel(group), bins=edges, density=True, log=log, **look)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(xlabel, fontsize=9)
        axes.tick_params(labelsize=8)
        if len(groups) > 1:
            axes.legend(fontsize=8)
    figure.axes[0].set_ylabel("density (logarithmic)" if log else "density", fontsize=9)


def runs(
    lines: Mapping[str, np.ndarray],
    x: Sequence[float],
    caption: str = "",
    *,
    xlabel: str,
    ylabel: str,
) -> None:
    """Draw repeated runs: the median as a line, from the worst to the best as a band, over a logarithmic axis.

    Parameters
    ----------
    lines : label → (len(x), repetitions).
    x : positive numbers, in ascending order.
    caption : a sentence below the figure.
    xlabel, ylabel : the names of the axes, with their units.

    Raises
    ------
    ValueError
        for lines of another length than ``x``.
    """
    wrong = {label: np.shape(values) for label, values in lines.items() if len(values) != len(x)}
    if wrong:
        raise ValueError(f"expected {len(x)} rows, one for each x, got {wrong}")
    axes = captioned_figure(caption, 6.8, 3.4)[1]
    for (label, values), color in zip(lines.items(), (ORANGE, BLUE, GREEN, PURPLE), strict=False):
        axes.fill_between(x, np.min(values, axis=1), np.max(values, axis=1), color=color, alpha=0.2, linewidth=0)
        axes.plot(x, np.median(values, axis=1), color=color, marker="o", markersize=4, label=label)
    axes.set(xscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.set_xticks(x, [f"{v:g}" for v in x])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
