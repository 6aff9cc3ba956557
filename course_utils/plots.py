"""Pictures of the lessons, drawn from arrays. What draws makes one pyplot figure and returns None.

Other modules of pictures build on ``captioned_figure``, ``plain_logarithm``, ``draw_matrix``, ``as_array`` and
``as_picture``; those of networks are ``portraits`` and ``mosaics``.

A notebook shows the figure below the cell; in a terminal ``plt.show()`` or ``plt.savefig(...)`` does.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = [
    "as_array",
    "as_picture",
    "bars",
    "captioned_figure",
    "curves",
    "draw_matrix",
    "images",
    "kernels",
    "matrices",
    "plain_logarithm",
    "stems",
]

Limits = tuple[float, float]


def captioned_figure(caption: str, width: float, height: float, *, axes: bool = True) -> tuple[Figure, Any]:
    """A pyplot figure of so many inches, with its caption wrapped below it, and its axes unless they are made later."""
    import matplotlib.pyplot as plt

    lines = textwrap.wrap(caption, max(30, int(14 * width)))
    figure = plt.figure(figsize=(width, height + 0.17 * len(lines)), layout="constrained")
    if "inline" in plt.get_backend():  # pyplot draws each figure after a cell; the notebook draws it again to show it
        setattr(figure.canvas, "draw_idle", _not_yet)  # noqa: B010 (a method, for mypy)
    if lines:
        figure.supxlabel("\n".join(lines), fontsize=9, x=0.01, ha="left", style="italic")
    return figure, figure.add_subplot() if axes else None


def _not_yet(*_: Any, **__: Any) -> None:
    """In the place of a canvas's ``draw_idle``."""


def as_array(values: Any) -> np.ndarray:
    """An array of a tensor on any device, or of anything else that holds numbers."""
    return values.detach().float().cpu().numpy() if hasattr(values, "detach") else np.asarray(values, dtype=float)


def as_picture(image: np.ndarray) -> np.ndarray:
    """(C, H, W) of one or three channels as Matplotlib draws it, (H, W) or (H, W, 3).

    Values outside of [0, 1], as of a normalized image, are stretched to it.

    Raises
    ------
    ValueError
        for another number of channels.
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"expected an image (C, H, W) of one or three channels, got shape {image.shape}")
    low, high = float(image.min()), float(image.max())
    values = image if low >= 0 and high <= 1 else (image - low) / (high - low if high > low else 1.0)
    return values[0] if len(values) == 1 else values.transpose(1, 2, 0)


def draw_matrix(
    axes: Axes, values: np.ndarray, title: str = "", *, colors: str = "viridis", limits: Limits | None = None
) -> None:
    """Draw a matrix (rows, columns) into given axes, with its numbers in the cells where they fit."""
    low, high = limits or (None, None)
    image = axes.imshow(values.astype(float), cmap=colors, vmin=low, vmax=high)
    axes.set_title(title, fontsize=9)
    axes.set_xticks(range(values.shape[1]) if values.shape[1] <= 10 else [])
    axes.set_yticks(range(values.shape[0]) if values.shape[0] <= 10 else [])
    axes.tick_params(labelsize=7, length=0)
    if max(values.shape) > 9:
        return
    size = max(5, 11 - values.shape[1])
    shades = image.to_rgba(values.astype(float))  # (rows, columns, 4)
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = shades[row, column]
        dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.55
        text = f"{float(value):.3g}"
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color="white" if dark else "black")


def images(
    pictures: Sequence[np.ndarray],
    titles: Sequence[str] = (),
    caption: str = "",
    *,
    columns: int | None = None,
    colors: str = "gray",
    limits: Limits | None = None,
    xlabel: str = "column",
    ylabel: str = "row",
) -> None:
    """Draw images beside one another, with a title each and a caption below.

    Parameters
    ----------
    pictures : each (H, W), or (H, W, 3) with values in [0, 1]; their sizes may differ.
    titles : none, or one for each image.
    caption : a sentence below the figure.
    columns : how many images a row; all of them up to four, else four.
    colors : the colour map of (H, W) images.
    limits : the values drawn darkest and brightest; by default each image has its own range.
    xlabel, ylabel : the names of the axes.

    Raises
    ------
    ValueError
        for no images, another shape, or titles that do not go with the images.
    """
    arrays = [_picture(p) for p in _several("image", pictures)]
    low, high = limits or (None, None)
    height, width = np.max([a.shape[:2] for a in arrays], axis=0)
    panels = _panels(arrays, titles, caption, columns or min(4, len(arrays)), height / width, widest=4.2)
    _name_axes([panel for panel, _, _ in panels], columns or 4, xlabel, ylabel)
    for panel, array, title in panels:
        panel.imshow(array, cmap=colors, vmin=low, vmax=high, interpolation="nearest")
        panel.set_title(title, fontsize=9)
        panel.locator_params(nbins=4, integer=True)
        panel.tick_params(labelsize=7, length=2)


def matrices(
    values: Sequence[np.ndarray],
    titles: Sequence[str] = (),
    caption: str = "",
    *,
    columns: int | None = None,
    colors: str = "viridis",
    limits: Limits | None = None,
) -> None:
    """Draw small matrices beside one another, with their numbers in the cells (up to 9 × 9).

    Parameters
    ----------
    values : each (rows, columns); a vector is drawn as one row.
    titles, caption, columns, colors : as in :func:`images`.
    limits : the values of the first and last colour; by default those of all matrices together.

    Raises
    ------
    ValueError
        for no matrices, another shape, or titles that do not go with them.
    """
    arrays = [_matrix(v) for v in _several("matrix", values)]
    limits = limits or (min(float(a.min()) for a in arrays), max(float(a.max()) for a in arrays))
    _draw_matrices(arrays, titles, caption, columns, colors, [limits] * len(arrays))


def kernels(
    values: Sequence[np.ndarray], titles: Sequence[str] = (), caption: str = "", *, columns: int | None = None
) -> None:
    """Draw kernels beside one another: red is positive, blue negative, white zero; numbers in the cells up to 9 × 9.

    Every kernel has its own range of colours, symmetric about zero.

    Parameters
    ----------
    values : each (kernel height, kernel width).
    titles, caption, columns : as in :func:`images`.

    Raises
    ------
    ValueError
        for no kernels, another shape, or titles that do not go with them.
    """
    arrays = [_matrix(v) for v in _several("kernel", values)]
    extents = [float(np.abs(a).max()) or 1.0 for a in arrays]
    _draw_matrices(arrays, titles, caption, columns, "RdBu_r", [(-e, e) for e in extents])


def curves(
    lines: Mapping[str, Any],
    caption: str = "",
    *,
    xlabel: str,
    ylabel: str,
    log: bool = False,
    points: bool = False,
) -> None:
    """Draw curves into one diagram.

    Parameters
    ----------
    lines : label → y (n,), drawn over 0 … n − 1, or label → (x, y), both (n,).
    caption : a sentence below the figure.
    xlabel, ylabel : the names of the axes, with their units.
    log : logarithmic axes, both of them.
    points : a dot at each value.

    Raises
    ------
    ValueError
        for no curves, or an x and a y of different lengths.
    """
    drawn = {label: _line(label, line) for label, line in _several("curve", lines).items()}
    _, axes = captioned_figure(caption, 6.5, 3.2)
    for label, (x, y) in drawn.items():
        axes.plot(x, y, label=label, marker="o" if points else None, markersize=4, linewidth=1.5)
    if log:
        _logarithmic(axes, np.unique(np.concatenate([x for x, _ in drawn.values()])))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def stems(signals: Mapping[str, Any], caption: str = "", *, xlabel: str = "index n", shared: bool = True) -> None:
    """Draw short signals below one another, a stem for each value, over one common index axis.

    Parameters
    ----------
    signals : title → y (n,), drawn at 0 … n − 1, or title → (x, y), both (n,).
    caption : a sentence below the figure.
    xlabel : the name of the axis.
    shared : one range of values for all signals.

    Raises
    ------
    ValueError
        for no signals, or an x and a y of different lengths.
    """
    from matplotlib.ticker import MaxNLocator

    lines = {title: _line(title, line) for title, line in _several("signal", signals).items()}
    figure, _ = captioned_figure(caption, 6.5, 0.6 + 1.1 * len(lines), axes=False)
    panels = figure.subplots(len(lines), 1, sharex=True, sharey=shared, squeeze=False)[:, 0]
    for panel, (title, (x, y)) in zip(panels, lines.items(), strict=True):
        panel.stem(x, y, basefmt="k-")
        panel.axhline(0, color="black", linewidth=0.8)
        panel.set_title(title, fontsize=9, loc="left")
        panel.set_ylabel("value", fontsize=8)
        panel.tick_params(labelsize=7)
        panel.margins(y=0.15)
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1].set_xlabel(xlabel, fontsize=9)


def bars(heights: Mapping[str, float], caption: str = "", *, ylabel: str, log: bool = False) -> None:
    """Draw one bar a number, with the number on top.

    Parameters
    ----------
    heights : label → number.
    caption : a sentence below the figure.
    ylabel : what the numbers are, with their unit.
    log : a logarithmic axis.

    Raises
    ------
    ValueError
        for no numbers.
    """
    labels, values = list(_several("bar", heights)), [float(v) for v in heights.values()]
    _, axes = captioned_figure(caption, max(4.0, 1.1 * len(labels)), 3.2)
    drawn = axes.bar(labels, values, color="#4c72b0", log=log)
    axes.bar_label(drawn, [f"{v:.3g}" if abs(v) < 1000 else f"{v:,.0f}" for v in values], fontsize=8, padding=2)
    axes.margins(y=0.15)
    axes.set_ylabel(ylabel)
    axes.tick_params(axis="x", labelsize=8)


def _several(kind: str, given: Any) -> Any:
    """What was given, where it is at least one thing in a list (or, for curves, a mapping)."""
    if isinstance(given, np.ndarray) and given.ndim < 3:
        raise ValueError(f"expected a list of them, got one array of shape {given.shape}: put the {kind} into a list")
    if len(given) == 0:
        raise ValueError(f"expected at least one {kind}, got none: there is nothing to draw")
    return given


def _picture(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] == 3)):
        raise ValueError(f"expected an image of shape (H, W) or (H, W, 3), got shape {array.shape}")
    return array


def _matrix(value: Any) -> np.ndarray:
    array = np.atleast_2d(np.asarray(value, dtype=float))
    if array.size == 0 or array.ndim != 2:
        raise ValueError(f"expected a matrix of shape (rows, columns), got shape {array.shape}")
    return array


def _line(label: str, line: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = line if isinstance(line, tuple) else (np.arange(len(line)), line)
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"expected x and y of one length, got shapes {x.shape} and {y.shape} for {label!r}")
    return x, y


def _logarithmic(axes: Axes, x: np.ndarray) -> None:
    """Logarithmic axes, with plain numbers at the ticks of up to three decades. A few values of x are the ticks."""
    axes.set(xscale="log", yscale="log")
    plain_logarithm(axes.xaxis)
    plain_logarithm(axes.yaxis)
    if len(x) <= 8:
        axes.set_xticks(x)


def plain_logarithm(axis: Axis) -> None:
    """Plain numbers at the ticks of a logarithmic axis of up to three decades; above, powers of ten are clearer."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    low, high = axis.get_data_interval()
    if high > 1e3 * low:
        return
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high > 10 * low else (1, 1.5, 2, 3, 4, 5, 6, 8)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())


def _draw_matrices(
    arrays: Sequence[np.ndarray],
    titles: Sequence[str],
    caption: str,
    columns: int | None,
    colors: str,
    limits: Sequence[Limits],
) -> None:
    height, width = np.max([a.shape for a in arrays], axis=0)
    panels = _panels(arrays, titles, caption, columns or min(4, len(arrays)), height / width, widest=2.5)
    _name_axes([panel for panel, _, _ in panels], columns or 4, "column", "row")
    for (panel, array, title), limit in zip(panels, limits, strict=True):
        draw_matrix(panel, array, title, colors=colors, limits=limit)


def _panels(
    arrays: Sequence[np.ndarray], titles: Sequence[str], caption: str, columns: int, aspect: float, widest: float
) -> list[tuple[Axes, np.ndarray, str]]:
    """A figure with one panel an array, each with its title.

    ``aspect`` is height by width of a panel, ``widest`` its largest width in inches.
    """
    if titles and len(titles) != len(arrays):
        raise ValueError(f"expected {len(arrays)} titles, one for each picture, got {len(titles)}")
    rows = -(-len(arrays) // columns)
    width = min(widest, 9.6 / columns)
    height = min(width * aspect, 4.5)
    figure, _ = captioned_figure(caption, width * columns + 0.3, (height + 0.35) * rows + 0.3, axes=False)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in axes[len(arrays) :]:
        unused.remove()
    names = titles or [""] * len(arrays)
    return list(zip(axes[: len(arrays)], arrays, names, strict=True))


def _name_axes(panels: Sequence[Axes], columns: int, xlabel: str, ylabel: str) -> None:
    """Name the axes once: below the last panel of each column, left of the first of each row."""
    for i, panel in enumerate(panels):
        if i + columns >= len(panels):
            panel.set_xlabel(xlabel, fontsize=8)
        if i % columns == 0:
            panel.set_ylabel(ylabel, fontsize=8)
