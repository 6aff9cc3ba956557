"""Pictures of how hard a network is to train, and what it costs: gradients by layer, the loss around the weights.

Every function draws one pyplot figure and returns None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.plots import as_array, captioned_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["by_layer", "costs", "surfaces"]

SHOWN = 12  # contour lines, the same in every panel


def by_layer(norms: Mapping[str, Mapping[str, float]], caption: str = "", *, ending: str = "weight") -> None:
    """Draw the gradient of each layer's weights, from the first layer to the last, on a logarithmic axis.

    Parameters
    ----------
    norms : label → what ``gradient_norms`` gives: parameter name → norm of its gradient, in the order of the layers.
    caption : a sentence below the figure.
    ending : only parameters whose names end so are drawn.

    Raises
    ------
    ValueError
        where no parameter of a label has a name that ends so, or a norm is not above 0.
    """
    lines = {label: [n for name, n in found.items() if name.endswith(ending)] for label, found in norms.items()}
    if not lines or not all(lines.values()):
        raise ValueError(f"expected parameters whose names end in {ending!r}, got none: pass what gradient_norms gives")
    if min(map(min, lines.values())) <= 0:
        raise ValueError("expected norms above 0, got one that is not: a logarithmic axis cannot show it")
    _, axes = captioned_figure(caption, 7.5, 3.2)
    for (label, line), style in zip(lines.items(), _styles(len(lines)), strict=True):
        axes.plot(np.arange(1, len(line) + 1), line, style, label=label, linewidth=1.3, markersize=3)
    axes.set(xlabel="layer (1 is next to the image)", ylabel="norm of the gradient", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _styles(count: int) -> list[str]:
    return [("o-", "s-", "^-", "v-", "d-")[i % 5] for i in range(count)]


def surfaces(losses: Mapping[str, Any], grid: Sequence[float], caption: str = "", *, highest: float = 10.0) -> None:
    """Draw loss surfaces side by side: from above, with contour lines, and in perspective. All share one scale.

    Parameters
    ----------
    losses : label → (n, n), ``[i, j]`` the loss at ``grid[i]`` along the first direction, ``grid[j]`` along the second.
    grid : n steps, rising; 0 is the network itself.
    caption : a sentence below the figure.
    highest : losses above it are drawn as it.

    Raises
    ------
    ValueError
        for no surface, for one of another shape, for steps that do not rise, and for losses that are all alike.
    """
    steps = np.asarray(grid, dtype=float)
    arrays = {label: as_array(loss) for label, loss in losses.items()}
    if not arrays or any(a.shape != (len(steps), len(steps)) for a in arrays.values()) or len(steps) < 2:
        raise ValueError(f"expected surfaces of shape ({len(steps)}, {len(steps)}), as many rows as steps, at least 2")
    if (np.diff(steps) <= 0).any():
        raise ValueError(f"expected steps that rise, got {steps.tolist()}: sort them")
    drawn = {label: np.log10(np.clip(np.nan_to_num(a, nan=np.inf), 1e-6, highest)) for label, a in arrays.items()}
    low, high = min(a.min() for a in drawn.values()), max(a.max() for a in drawn.values())
    if low == high:
        raise ValueError(f"expected losses that differ, got {10**low:g} everywhere: choose other steps")
    figure, _ = captioned_figure(caption, 3.6 * len(drawn), 6.2, axes=False)
    for place, (label, heights) in enumerate(drawn.items(), 1):
        above = figure.add_subplot(2, len(drawn), place)
        _from_above(above, steps, heights, label, np.linspace(low, high, SHOWN))
        aside: Any = figure.add_subplot(2, len(drawn), len(drawn) + place, projection="3d")
        _in_perspective(aside, steps, heights, (low, high))


def _from_above(axes: Axes, steps: np.ndarray, heights: np.ndarray, label: str, levels: np.ndarray) -> None:
    """Rows of the array are the first direction, which is drawn to the right."""
    axes.contourf(steps, steps, heights.T, levels, cmap="viridis", extend="both")
    lines = axes.contour(steps, steps, heights.T, levels, colors="white", linewidths=0.6, linestyles="solid")
    axes.clabel(lines, levels[1::2], fmt=lambda power: f"{10**power:.2g}", fontsize=7)
    axes.plot(0, 0, "r+", markersize=9)
    axes.set(xlabel="step along direction 1", ylabel="step along direction 2", aspect="equal")
    axes.set_title(label, fontsize=10)


def _in_perspective(axes: Any, steps: np.ndarray, heights: np.ndarray, limits: tuple[float, float]) -> None:
    from matplotlib.ticker import MaxNLocator

    first, second = np.meshgrid(steps, steps, indexing="ij")
    low, high = limits
    axes.plot_surface(first, second, heights, cmap="viridis", vmin=low, vmax=high, rcount=60, ccount=60)
    ticks = np.arange(np.ceil(low), np.floor(high) + 1)
    axes.set(zlim=(low, high), zticks=ticks, zticklabels=[f"{10**power:g}" for power in ticks])
    axes.set_xlabel("direction 1", fontsize=8)
    axes.set_ylabel("direction 2", fontsize=8)
    axes.set_zlabel("loss", fontsize=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(3))
    axes.tick_params(labelsize=7)
    axes.view_init(elev=32, azim=-55)


def costs(points: Mapping[str, tuple[float, float]], caption: str = "", *, xlabel: str, ylabel: str) -> None:
    """Draw networks as points with their names, a line for each family: what stands before the last "-" of a name.

    Parameters
    ----------
    points : name, such as "ResNet-50" → (x, y).
    caption : a sentence below the figure.
    xlabel, ylabel : the names of the axes, with their units.

    Raises
    ------
    ValueError
        for no points.
    """
    if not points:
        raise ValueError("expected points, got none: pass name → (x, y)")
    _, axes = captioned_figure(caption, 7.0, 3.8)
    families: dict[str, list[tuple[float, float]]] = {}
    for name, point in points.items():
        family, _, depth = name.rpartition("-")
        families.setdefault(family, []).append(point)
        axes.annotate(depth, point, xytext=(5, -9), textcoords="offset points", fontsize=8)
    for (family, places), style in zip(families.items(), _styles(len(families)), strict=True):
        places = sorted(places)
        axes.plot([x for x, _ in places], [y for _, y in places], style, label=family, linewidth=1, markersize=5)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_xlim(0, 1.08 * max(x for x, _ in points.values()))
    axes.set_ylim(0, 1.08 * max(y for _, y in points.values()))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
