"""Pictures of the lessons. Every public function draws one figure with pyplot, ready to be shown, and returns None."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_matrix(
    axes: Axes, values: np.ndarray, title: str = "", *, colors: str = "viridis", limits: tuple[float, float] | None = None
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
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = image.cmap(image.norm(float(value)))
        dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.55
        text = f"{float(value):.3g}"
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color="white" if dark else "black")
