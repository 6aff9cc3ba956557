"""Mosaics of what is inside a network: its filters, and what its layers put out for an image.

``filters`` and ``feature_maps`` draw one pyplot figure and return None. Tensors do as well as arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.plots import as_array, as_picture, captioned_figure

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from torch import nn

__all__ = ["activations", "feature_maps", "filters"]

RED_BLUE = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1}


def filters(weight: Any, caption: str = "", *, columns: int | None = None, most: int = 16) -> None:
    """Draw the filters of a convolution, each scaled by its own largest weight; a weight of zero is gray or white.

    Filters on three channels are drawn in colour and filters on one in red (positive) and blue (negative). Of others
    every channel is drawn: a row is a filter, a column a channel.

    Parameters
    ----------
    weight : (filters, channels, kernel height, kernel width).
    caption : a sentence below the figure.
    columns : filters in a row, for one and for three channels.
    most : how many filters and channels are drawn at most where every channel is.

    Raises
    ------
    ValueError
        for another shape.
    """
    bank = as_array(weight)
    if bank.ndim != 4 or bank.size == 0:
        raise ValueError(
            f"expected (filters, channels, height, width), got shape {bank.shape}: pass the layer's weight"
        )
    largest = np.abs(bank).max(axis=(1, 2, 3), keepdims=True)
    bank = bank / np.where(largest > 0, largest, 1)
    count, channels = bank.shape[:2]
    if channels == 3:
        _draw_mosaic(0.5 + bank.transpose(0, 2, 3, 1) / 2, columns or _columns(count), caption, "filter", {})
    elif channels == 1:
        _draw_mosaic(bank[:, 0], columns or _columns(count), caption, "filter", RED_BLUE)
    else:
        shown = bank[:most, :most]
        note = f"{len(shown)} of {count} filters (rows), {shown.shape[1]} of {channels} channels (columns)"
        _draw_mosaic(shown.reshape(-1, *bank.shape[2:]), shown.shape[1], caption, "", RED_BLUE, note)


def feature_maps(maps: Mapping[str, Any], caption: str = "", *, image: Any = None, shared: bool = False) -> None:
    """Draw what layers put out for one image, a mosaic of channels for each layer.

    Parameters
    ----------
    maps : name of the layer → (channels, height, width).
    caption : a sentence below the figure.
    image : (C, H, W), the image itself, drawn first.
    shared : one range of brightness for all channels of a layer; by default each channel has its own.

    Raises
    ------
    ValueError
        for no maps, or another shape.
    """
    layers = {name: as_array(values) for name, values in maps.items()}
    if not layers or any(values.ndim != 3 or values.size == 0 for values in layers.values()):
        shapes = [values.shape for values in layers.values()]
        raise ValueError(f"expected maps of shape (channels, height, width), got {shapes}: take one image of the batch")
    grids = [_columns(len(values), wide=4.0) for values in layers.values()]
    heights = [_aspect(values, columns) for values, columns in zip(layers.values(), grids, strict=True)]
    picture = None if image is None else as_picture(as_array(image))
    first = [] if picture is None else [0.12]
    figure, _ = captioned_figure(caption, 9.2, 8.6 * sum(first + heights) + 0.35 * len(first + heights), axes=False)
    panels = figure.subplots(len(first + heights), 1, squeeze=False, height_ratios=first + heights)[:, 0]
    if picture is not None:
        panels[0].imshow(picture, cmap="gray", interpolation="nearest")
        panels[0].set_title("the image", fontsize=9, loc="left")
        panels[0].set(xticks=[], yticks=[], anchor="W")
    for panel, (name, values), columns in zip(panels[len(first) :], layers.items(), grids, strict=True):
        tiles = values if shared else np.stack([_stretched(channel) for channel in values])
        _mosaic(panel, tiles, columns, {"cmap": "viridis"})
        _number_tiles(panel, values.shape, columns)
        panel.set_title(f"{name}: {' × '.join(map(str, values.shape))}", fontsize=9, loc="left")


def activations(model: nn.Module, images: torch.Tensor, layers: Sequence[str]) -> dict[str, torch.Tensor]:
    """What layers put out: name → (N, …) on the CPU, in evaluation mode; no hook and no gradient is left behind.

    Parameters
    ----------
    images : (N, C, H, W).
    layers : names in ``model.named_modules()``, such as ``"features.0"``.

    Raises
    ------
    ValueError
        for a name that the model does not have.
    """
    from course_utils.train import evaluating

    modules = dict(model.named_modules())
    unknown = [name for name in layers if name not in modules]
    if unknown:
        raise ValueError(f"expected layers among {[name for name in modules if name]}, got {unknown[0]!r}")
    found: dict[str, torch.Tensor] = {}
    hooks = [
        modules[name].register_forward_hook(
            lambda _m, _x, out, name=name: found.update({name: out.detach().clone().cpu()})
        )
        for name in layers
    ]
    try:
        with evaluating(model):
            model(images.to(next(model.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _stretched(values: np.ndarray) -> np.ndarray:
    """The same values on a range from 0 to 1; a constant is 0."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low if high > low else 1.0)


def _columns(count: int, wide: float = 2.0) -> int:
    """How many tiles in a row of a mosaic about so many times as wide as high, with few places left empty."""
    ideal = float(np.sqrt(wide * count))
    fitting = [n for n in range(1, count + 1) if 0.7 * ideal <= n <= 1.45 * ideal] or [count]
    return min(fitting, key=lambda n: (-count % n, abs(n - ideal)))


def _aspect(tiles: np.ndarray, columns: int) -> float:
    """Height by width of a mosaic."""
    rows = -(-len(tiles) // columns)
    return rows * (tiles.shape[1] + 1) / (columns * (tiles.shape[2] + 1))


def _mosaic(axes: Axes, tiles: np.ndarray, columns: int, style: Mapping[str, Any]) -> None:
    """Draw tiles (n, H, W) or (n, H, W, 3) as one image with white lines between them."""
    rows, (height, width) = -(-len(tiles) // columns), tiles.shape[1:3]
    canvas = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, *tiles.shape[3:]), np.nan)
    for i, tile in enumerate(tiles):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        canvas[top : top + height, left : left + width] = tile
    axes.imshow(
        np.nan_to_num(canvas, nan=1.0) if tiles.ndim == 4 else np.ma.masked_invalid(canvas),
        interpolation="nearest",
        **style,
    )
    axes.spines[:].set_visible(False)


def _number_tiles(axes: Axes, shape: Sequence[int], columns: int, what: str = "channel") -> None:
    """The number of each row's first tile at its left."""
    count, height, _ = shape
    rows = -(-count // columns)
    axes.set_yticks([i * (height + 1) + height / 2 - 0.5 for i in range(rows)], [str(i * columns) for i in range(rows)])
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=7)
    axes.set_ylabel(what, fontsize=8)


def _draw_mosaic(
    tiles: np.ndarray, columns: int, caption: str, what: str, style: Mapping[str, Any], note: str = ""
) -> None:
    """A figure of one mosaic; with ``what``, the tiles are numbered."""
    width = min(9.2, max(3.0, 0.75 * columns))
    _, axes = captioned_figure(caption, width, width * _aspect(tiles, columns) + 0.4)
    _mosaic(axes, tiles, columns, style)
    _number_tiles(axes, tiles.shape[:3], columns, what or "filter")
    if not what:
        axes.set_yticklabels(range(len(axes.get_yticks())))
        axes.set_xlabel("channel", fontsize=8)
    axes.set_title(note, fontsize=9)
