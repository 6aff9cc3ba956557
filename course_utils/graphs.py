"""Pictures of lesson 00, one figure each: the graph of a computation, numbers of weights, the errors of a decade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import atan2, degrees
from typing import TYPE_CHECKING, Any

from course_utils.plots import captioned_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["add_mul_graph", "error_timeline", "weights"]

VALUE, GRADIENT, NODE = "#2e7d32", "#c62828", "#e8eaf6"
OLD, NEW = "#9e9e9e", "#4c72b0"
Place = tuple[float, float]

# Where the circles of (x + y) z stand, and which leads to which.
PLACES: dict[str, Place] = {
    "x": (0, 3.2),
    "y": (0, 1.6),
    "z": (0, 0),
    "+": (2.8, 2.4),
    "×": (5.6, 1.2),
    "f": (8.2, 1.2),
}
EDGES = (("x", "+"), ("y", "+"), ("+", "×"), ("z", "×"), ("×", "f"))


def add_mul_graph(x: float, y: float, z: float, gradients: bool = True, caption: str = "") -> None:
    """Draw f = (x + y) z as a graph: values above the edges, left to right, and gradients of f below them.

    Parameters
    ----------
    x, y, z : the inputs.
    gradients : draw the backward pass too.
    caption : a sentence below the figure.
    """
    _, axes = captioned_figure(caption, 7.4, 3.2)
    q = x + y
    values = (x, y, q, z, q * z)
    slopes = (z, z, z, q, 1.0)
    for (start, end), value, slope in zip(EDGES, values, slopes, strict=True):
        _arrow(axes, PLACES[start], PLACES[end])
        _label(axes, PLACES[start], PLACES[end], f"{value:g}", VALUE, above=True)
        if gradients:
            _label(axes, PLACES[start], PLACES[end], f"{slope:g}", GRADIENT, above=False)
    for name, place in PLACES.items():
        _node(axes, place, name)
    axes.text(5.0, 3.2, "above: values, left to right", color=VALUE, fontsize=9)
    if gradients:
        axes.text(5.0, 2.8, "below: gradients of f, right to left", color=GRADIENT, fontsize=9)
    axes.text(PLACES["+"][0], PLACES["+"][1] + 0.5, "q = x + y", ha="center", fontsize=9, color="#555555")
    axes.set(xlim=(-0.5, 8.7), ylim=(-0.5, 3.7), aspect="equal")
    axes.axis("off")


def _node(axes: Axes, place: Place, name: str) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle(place, 0.3, facecolor=NODE, edgecolor="#3f51b5", linewidth=1.4, zorder=3))
    axes.text(*place, name, ha="center", va="center", fontsize=13, zorder=4)


def _arrow(axes: Axes, start: Place, end: Place) -> None:
    style = {"arrowstyle": "-|>", "color": "#555555", "shrinkA": 18, "shrinkB": 18, "linewidth": 1.2}
    axes.annotate("", xy=end, xytext=start, arrowprops=style)


def _label(axes: Axes, start: Place, end: Place, text: str, color: str, *, above: bool) -> None:
    """A number beside the middle of an edge, turned with it."""
    angle = degrees(atan2(end[1] - start[1], end[0] - start[0]))
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    style: dict[str, Any] = {
        "ha": "center",
        "va": "bottom" if above else "top",
        "color": color,
        "fontsize": 11,
        "weight": "bold",
    }
    axes.annotate(
        text.replace("-", "−"),
        middle,
        xytext=(0, 3 if above else -3),
        textcoords="offset points",
        rotation=angle,
        rotation_mode="anchor",
        **style,
    )


def weights(counts: Mapping[str, int], caption: str = "") -> None:
    """Draw numbers of weights as horizontal bars on a logarithmic axis, largest number at the top.

    Parameters
    ----------
    counts : label → number of weights. A label that begins with "filters" is drawn in another colour.
    caption : a sentence below the figure.

    Raises
    ------
    ValueError
        for no numbers, or one below 1, which a logarithmic axis cannot show.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    if not counts or min(counts.values()) < 1:
        raise ValueError(f"expected numbers of at least 1, got {dict(counts)}: count the weights of each layer")
    ordered = sorted(counts.items(), key=lambda item: item[1])
    _, axes = captioned_figure(caption, 8.4, 0.9 + 0.45 * len(ordered))
    labels, numbers = zip(*ordered, strict=True)
    colors = [NEW if label.startswith("filters") else OLD for label in labels]
    drawn = axes.barh(labels, numbers, color=colors, log=True)
    axes.bar_label(drawn, [f"{n:,}" for n in numbers], padding=4, fontsize=9)
    axes.set(xlabel="number of weights (logarithmic)", xlim=(1, max(numbers) * 30))
    axes.xaxis.set_major_locator(LogLocator(numticks=20))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.spines[["top", "right"]].set_visible(False)


def error_timeline(
    winners: Sequence[tuple[int, str, float]],
    outside: Mapping[int, float],
    human: float,
    first_network: int = 2012,
    caption: str = "",
) -> None:
    """Draw the top-5 errors of a contest's winners, year by year.

    Parameters
    ----------
    winners : (year, name, error in per cent), in the order of the years.
    outside : year → error in per cent of the same group with training data from outside the contest.
    human : the error of a human in per cent, drawn as a line.
    first_network : the first year that a convolutional network won.
    caption : a sentence below the figure.
    """
    _, axes = captioned_figure(caption, 8.4, 3.6)
    years, names, errors = zip(*winners, strict=True)
    colors = [NEW if year >= first_network else OLD for year in years]
    drawn = axes.bar(years, errors, color=colors, width=0.7)
    axes.bar_label(
        drawn,
        [f"{e:g}" for e in errors],
        padding=4,
        fontsize=10,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
    for year, error in outside.items():
        axes.plot([year - 0.35, year + 0.35], [error, error], color="white", linewidth=1.5, linestyle=":")
        axes.text(year, error - 0.5, f"{error:g}", color="white", ha="center", va="top", fontsize=9)
    axes.axhline(human, color=GRADIENT, linestyle="--", linewidth=1.2, zorder=0)
    axes.set_xticks(years, [f"{year}\n{name}" for year, name in zip(years, names, strict=True)], fontsize=8)
    axes.set(ylabel="top-5 error in %", ylim=(0, max(errors) * 1.15))
    axes.legend(handles=_legend(human), fontsize=9, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(human: float) -> list[object]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(color=OLD, label="features designed by hand"),
        Patch(color=NEW, label="convolutional networks (white: with training data from outside)"),
        Line2D([], [], color=GRADIENT, linestyle="--", label=f"a trained human: {human:g} %"),
    ]
