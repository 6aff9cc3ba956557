"""Pictures of explanations: maps and pictures beside the image that they explain, and patches that excite units.

Every function draws one pyplot figure and returns None. Tensors do as well as arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.plots import as_array, as_picture, captioned_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["beside", "grid", "patches", "signed"]


def signed(values: Any) -> np.ndarray:
    """A gradient (C, H, W) as a picture in [0, 1]: zero is middle gray, the largest magnitude black or white."""
    array = as_array(values)
    return 0.5 + array / (2 * (np.abs(array).max() or 1.0))


def beside(
    image: Any, maps: Mapping[str, Any], caption: str = "", *, title: str = "the image", columns: int | None = None
) -> None:
    """Draw an image and, beside it, what explains it.

    Parameters
    ----------
    image : (C, H, W), C 1 or 3.
    maps : title → a map (h, w) of numbers that are not negative, drawn over a pale image and stretched to its size; or
        (map, size, step) where position k belongs to a square of ``size`` pixels that begins at pixel k · step; or a
        picture (C, H, W).
    caption : a sentence below the figure.
    title : of the image.
    columns : panels in a row.

    Raises
    ------
    ValueError
        for no maps, or one of another shape.
    """
    grid([(image, title, maps)], caption, columns=columns)


def grid(rows: Sequence[tuple[Any, str, Mapping[str, Any]]], caption: str = "", *, columns: int | None = None) -> None:
    """Draw several images, each with what explains it in a row of its own.

    Parameters
    ----------
    rows : (image, its title, maps) as in :func:`beside`.
    caption : a sentence below the figure.
    columns : panels in a row; by default an image and all of its maps.

    Raises
    ------
    ValueError
        for no rows or no maps, or one of another shape.
    """
    panels = [panel for image, title, maps in rows for panel in _row(as_array(image), title, maps)]
    if not panels or len(panels) == len(rows):
        raise ValueError("expected at least one image with at least one map, got none: there is nothing to draw")
    across = columns or max(1 + len(maps) for _, _, maps in rows)
    down = -(-len(panels) // across)
    height, width = panels[0][1].shape[-2:]
    side = min(9.4 / across, 2.6, (7.2 / down - 0.3) * width / height)
    figure, _ = captioned_figure(caption, side * across, (side * height / width + 0.3) * down, axes=False)
    for axes, (name, image, value) in zip(figure.subplots(down, across, squeeze=False).ravel(), panels, strict=False):
        _draw(axes, image, value)
        axes.set_title(name, fontsize=9)
    for axes in figure.axes:
        axes.set_axis_off()


def _row(image: np.ndarray, title: str, maps: Mapping[str, Any]) -> list[tuple[str, np.ndarray, Any]]:
    return [(title, image, None), *((name, image, value) for name, value in maps.items())]


def _draw(axes: Axes, image: np.ndarray, value: Any) -> None:
    """An image, or a map over it; red is much, transparent nothing."""
    if value is None:
        axes.imshow(as_picture(image), cmap="gray", interpolation="nearest")
        return
    found, size, step = value if isinstance(value, tuple) else (value, None, None)
    array = as_array(found)
    if array.ndim == 3:
        axes.imshow(as_picture(array), cmap="gray", interpolation="nearest")
        return
    if array.ndim != 2:
        raise ValueError(f"expected a map (h, w) or a picture (C, H, W), got shape {array.shape}")
    height, width = image.shape[-2:]
    pale = as_picture(image)
    pale = pale if pale.ndim == 2 else pale.mean(2)
    axes.imshow(0.35 + 0.5 * pale, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    high = float(array.max()) or 1.0
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    if size is not None:
        first = (size - step) / 2 - 0.5
        extent = (first, first + step * array.shape[1], first + step * array.shape[0], first)
    style: dict[str, Any] = {"vmin": 0, "vmax": high, "extent": extent, "interpolation": "nearest"}
    axes.imshow(array, cmap="inferno", alpha=np.clip(0.15 + 1.2 * array / high, 0, 0.9), **style)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def patches(rows: Mapping[str, Any], caption: str = "") -> None:
    """Draw a row of patches for each unit.

    Parameters
    ----------
    rows : label → (count, C, r, r); their sizes may differ.
    caption : a sentence below the figure.

    Raises
    ------
    ValueError
        for no rows, or another shape.
    """
    arrays = {label: as_array(values) for label, values in rows.items()}
    if not arrays or any(a.ndim != 4 or a.shape[1] not in (1, 3) or len(a) == 0 for a in arrays.values()):
        raise ValueError(f"expected patches (count, C, r, r), got shapes {[a.shape for a in arrays.values()]}")
    across = max(map(len, arrays.values()))
    side = min(0.8, 8.0 / across)
    figure, _ = captioned_figure(caption, side * across + 1.4, (side + 0.06) * len(arrays) + 0.1, axes=False)
    panels = figure.subplots(len(arrays), 1, squeeze=False)[:, 0]
    for axes, (label, values) in zip(panels, arrays.items(), strict=True):
        axes.imshow(_strip([as_picture(patch) for patch in values], across), vmin=0, vmax=1, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")


def _strip(pictures: Sequence[np.ndarray], places: int) -> np.ndarray:
    """Pictures side by side, white between them and where places are left: (H, W, 3)."""
    height, width = pictures[0].shape[:2]
    gap = max(1, width // 10)
    strip = np.ones((height, places * (width + gap) - gap, 3))
    for i, picture in enumerate(pictures):
        colored = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
        strip[:, i * (width + gap) : i * (width + gap) + width] = colored
    return strip
