"""Interactive pictures: one still picture, and sliders below it that redraw it while a kernel runs.

The picture is drawn first and does not need the sliders, so an exported notebook, a page on the web or a terminal
shows it too. In a terminal it is an open pyplot figure (``plt.show()`` or ``plt.savefig(...)`` shows it).
"""

from __future__ import annotations

import io
import numbers
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_utils.diagrams import Windows, fill_windows
from course_utils.plots import draw_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["padding_stride_playground", "sliding_kernel"]

Fill = Callable[..., None]  # draws into an empty figure; keywords are the sliders' values
Values = Mapping[str, int]


def sliding_kernel(image: np.ndarray, kernel: np.ndarray) -> None:
    """A kernel sliding over an image: the window, the kernel, the products and the output so far.

    The output is the valid correlation: the kernel is laid down as it is written. A slider moves the window row by
    row. Images of up to 9 × 9 show their numbers; up to about 64 × 64 the window is still easy to see.

    Parameters
    ----------
    image : (height, width), one channel.
    kernel : (kernel height, kernel width), no larger than the image.

    Raises
    ------
    ValueError
        for an image or kernel that is not a matrix of numbers, or a kernel that does not fit.
    """
    image, kernel = _matrix("image", image), _matrix("kernel", kernel)
    if kernel.shape[0] > image.shape[0] or kernel.shape[1] > image.shape[1]:
        raise ValueError(f"the kernel {kernel.shape} does not fit into the image {image.shape}: take a smaller kernel")
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    output = (windows * kernel).sum((2, 3))
    rows, columns = output.shape
    start = (rows // 2) * columns + columns // 2

    def fill(figure: Figure, position: int) -> None:
        _fill_sliding(figure, image, kernel, output, divmod(position, columns))

    sliders = {"position": (0, output.size - 1, start)}
    _show(fill, (9.0, 3.6), sliders, "An image with a window, the kernel, their products, and the output so far")


def padding_stride_playground(size: int = 7) -> None:
    """Sliders for kernel, stride, padding and dilation over a square input: every window, and the output they give.

    The picture shows the padded input with every window position, the taps of one window (apart from each other
    where the dilation is not 1), the rows and columns left over where the stride does not fit, the output at the
    same scale, and the formula of its size with the numbers filled in.

    Parameters
    ----------
    size : the input's height and width, 3 to 12 pixels.

    Raises
    ------
    ValueError
        for another size.
    """
    if isinstance(size, bool) or not isinstance(size, numbers.Integral) or not 3 <= size <= 12:
        raise ValueError(f"expected a size from 3 to 12 pixels, got {size!r}: larger inputs cannot be read on a screen")

    def fill(figure: Figure, window: int, **layer: int) -> None:
        windows = Windows(int(size), **layer)
        fill_windows(figure, windows, min(window, max(windows.count**2 - 1, 0)))

    def highest(values: Values) -> Values:
        windows = Windows(int(size), **{name: values[name] for name in values if name != "window"})
        return {"window": max(windows.count**2 - 1, 1)}  # a slider needs two places

    stride = 3 if size == 7 else 2  # 7 pixels: the stride that does not fit
    last = highest({"kernel": 3, "stride": stride, "padding": 0, "dilation": 1})["window"]
    sliders = {
        "kernel": (1, int(size), 3),
        "stride": (1, 4, stride),
        "padding": (0, 3, 0),
        "dilation": (1, 3, 1),
        "window": (0, last, 0),
    }
    _show(fill, (7.6, 4.8), sliders, "A padded input with every window of a kernel, and the output they give", highest)


def _matrix(name: str, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "biuf":
        advice = ": pass one channel, such as gray(photo())" if array.ndim == 3 else ""
        raise ValueError(f"expected a {name} of shape (height, width) of numbers, got shape {array.shape}{advice}")
    return array.astype(float)


def _fill_sliding(
    figure: Figure, image: np.ndarray, kernel: np.ndarray, output: np.ndarray, place: tuple[int, int]
) -> None:
    row, column = place
    height, width = kernel.shape
    products = image[row : row + height, column : column + width] * kernel
    panels = figure.subplot_mosaic("iko;ipo", width_ratios=[3, 2, 3])  # image; kernel above products; output
    draw_matrix(panels["i"], image, "image, and the window", colors="gray")
    _outline(panels["i"], row, column, height, width)
    extent = float(np.abs(kernel).max()) or 1.0
    draw_matrix(panels["k"], kernel, "kernel", colors="RdBu_r", limits=(-extent, extent))
    extent = float(np.abs(products).max()) or 1.0
    title = f"window × kernel, sum = {products.sum():.3g}"
    draw_matrix(panels["p"], products, title, colors="RdBu_r", limits=(-extent, extent))
    _draw_output_so_far(panels["o"], output, row, column)


def _draw_output_so_far(axes: Axes, output: np.ndarray, row: int, column: int) -> None:
    done = np.arange(output.size).reshape(output.shape) <= row * output.shape[1] + column
    so_far = np.where(done, output, np.nan)
    limits = (float(output.min()), float(output.max()))
    draw_matrix(axes, so_far, f"output so far, at [{row}, {column}]", colors="gray", limits=limits)
    for text in axes.texts:
        text.set_visible(text.get_text() != "nan")
    _outline(axes, row, column, 1, 1)


def _outline(axes: Axes, row: int, column: int, height: int, width: int) -> None:
    corner = column - 0.5, row - 0.5
    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="#ff7f0e", linewidth=2.5))


def _show(
    fill: Fill,
    inches: tuple[float, float],
    sliders: Mapping[str, tuple[int, int, int]],
    alt: str,
    highest: Callable[[Values], Values] = lambda values: {},
) -> None:
    """Show the picture for the sliders' first values and, where a notebook runs, the sliders that redraw it.

    ``sliders`` maps a keyword of ``fill`` to its lowest, highest and first value; ``alt`` says what the picture shows;
    ``highest`` gives the sliders whose highest value depends on the values of the others.
    """
    values = {name: first for name, (_, _, first) in sliders.items()}
    if not _kernel_runs():
        fill(plt.figure(figsize=inches, layout="constrained"), **values)
        return
    from IPython.display import Image, display

    def picture(values: Values) -> Image:
        return Image(_png(fill, inches, values), alt=alt)

    shown = display(picture(values), display_id=True)
    display(_controls(sliders, lambda values: shown.update(picture(values)), highest))


def _png(fill: Fill, inches: tuple[float, float], values: Values) -> bytes:
    figure = Figure(figsize=inches, layout="constrained")
    fill(figure, **values)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


def _controls(
    sliders: Mapping[str, tuple[int, int, int]], redraw: Callable[[Values], None], highest: Callable[[Values], Values]
) -> Any:
    """A column of sliders; each change calls ``redraw`` with the values of all."""
    from ipywidgets import IntSlider, VBox

    controls = {n: IntSlider(first, low, high, description=n) for n, (low, high, first) in sliders.items()}

    def changed(_: Any) -> None:
        for name, high in highest({n: c.value for n, c in controls.items()}).items():
            controls[name].max = high
        redraw({n: c.value for n, c in controls.items()})

    for control in controls.values():
        control.observe(changed, names="value")
    return VBox(list(controls.values()))


def _kernel_runs() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None
