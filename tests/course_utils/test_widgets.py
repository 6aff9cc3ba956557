"""The interactive pictures: what they draw without a kernel, what the sliders do with one, what they refuse."""

import io

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
import IPython.display
import matplotlib.pyplot as plt
from PIL import Image

from course_utils import widgets
from course_utils.widgets import padding_stride_playground, sliding_kernel

IMAGE = np.arange(36.0).reshape(6, 6)
KERNEL = np.array([[1, 0, -1], [2, 0, -2]])


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def notebook(monkeypatch):
    """A notebook without a browser: keeps what is displayed, and each picture that replaces it."""

    class Shown:
        def __init__(self):
            self.objects, self.updates = [], []

        def __call__(self, thing, display_id=False):
            self.objects.append(thing)
            return self if display_id else None

        def update(self, thing):
            self.updates.append(thing)

    shown = Shown()
    monkeypatch.setattr(widgets, "_kernel_runs", lambda: True)
    monkeypatch.setattr(IPython.display, "display", shown)
    return shown


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("L"), dtype=float)


def panel(title):
    (axes,) = [a for a in plt.gcf().axes if a.get_title().startswith(title)]
    return axes


def numbers(axes):
    return [text.get_text() for text in axes.texts if text.get_visible()]


def texts():
    figure = plt.gcf()
    return [t.get_text() for a in figure.axes for t in (*a.texts, a.title)]


# sliding_kernel


def test_sliding_kernel_draws_a_still_picture_where_no_kernel_runs():
    assert sliding_kernel(IMAGE, KERNEL) is None
    assert len(plt.get_fignums()) == 1
    assert [a.get_title() for a in plt.gcf().axes] == [
        "image, and the window", "kernel", "output so far, at [2, 2]", "window × kernel, sum = -6",
    ]  # fmt: skip
    assert numbers(panel("kernel")) == ["1", "0", "-1", "2", "0", "-2"]


def test_the_still_picture_shows_the_products_and_the_output_up_to_the_window():
    sliding_kernel(IMAGE, KERNEL)
    assert numbers(panel("window")) == ["14", "0", "-16", "40", "0", "-44"]
    assert numbers(panel("output")) == ["-6"] * (2 * 4 + 3)  # rows 0 and 1, and row 2 up to column 2


def test_sliding_kernel_takes_a_photo_and_integers_and_leaves_them_alone():
    photo, kernel = np.arange(64 * 48, dtype=np.uint8).reshape(64, 48), np.ones((5, 5), int)
    before = photo.copy()
    sliding_kernel(photo, kernel)
    assert np.array_equal(photo, before)
    assert panel("output").get_title() == "output so far, at [30, 22]"


def test_a_kernel_as_large_as_the_image_has_one_position():
    sliding_kernel(IMAGE, IMAGE)
    assert numbers(panel("output")) == [f"{(IMAGE**2).sum():.3g}"]


def test_the_slider_of_a_notebook_redraws_the_picture(notebook):
    sliding_kernel(IMAGE, KERNEL)
    still, controls = notebook.objects
    (slider,) = controls.children
    assert (slider.min, slider.value, slider.max) == (0, 10, 19)
    slider.value = 0
    assert len(notebook.updates) == 1
    first, moved = pixels(still), pixels(notebook.updates[0])
    assert first.shape == moved.shape
    assert (first != moved).mean() > 0.01
    assert still.alt
    assert not plt.get_fignums()  # nothing is left for the notebook to draw a second time


@pytest.mark.parametrize(
    ("image", "kernel", "said"),
    [
        (np.zeros((4, 5, 3)), KERNEL, r"image of shape \(height, width\).*\(4, 5, 3\).*one channel"),
        (np.zeros(5), KERNEL, r"image of shape \(height, width\).*\(5,\)"),
        (np.zeros((0, 3)), KERNEL, r"image .*\(0, 3\)"),
        ([["a", "b"]], [[1]], "image .* of numbers"),
        (IMAGE, np.ones(3), r"kernel of shape \(height, width\).*\(3,\)"),
        (IMAGE, np.ones((7, 2)), r"kernel \(7, 2\) does not fit into the image \(6, 6\)"),
        (IMAGE, np.ones((2, 7)), "does not fit"),
    ],
)
def test_sliding_kernel_refuses_what_it_cannot_draw(image, kernel, said):
    with pytest.raises(ValueError, match=said):
        sliding_kernel(image, kernel)
    assert not plt.get_fignums()


# padding_stride_playground


def test_playground_draws_a_still_picture_with_the_formula_and_the_rest():
    assert padding_stride_playground() is None
    assert "output size = ⌊(7 + 2·0 − 1·(3 − 1) − 1) / 3⌋ + 1 = ⌊4 / 3⌋ + 1 = 2" in texts()
    assert "output 2 × 2" in texts()
    legend = [t.get_text() for a in plt.gcf().axes for t in a.get_legend().get_texts()]
    assert "left over: 1 at the bottom and on the right" in legend


def test_every_slider_of_the_playground_changes_the_picture(notebook):
    padding_stride_playground(9)
    still, controls = notebook.objects
    sliders = {s.description: s for s in controls.children}
    assert list(sliders) == ["kernel", "stride", "padding", "dilation", "window"]
    before = pixels(still)
    for name, value in (("kernel", 4), ("stride", 1), ("padding", 2), ("dilation", 2), ("window", 7)):
        sliders[name].value = value
        after = pixels(notebook.updates[-1])
        assert after.shape == before.shape
        assert (before != after).mean() > 0.001, name
        before = after


def test_the_window_slider_of_the_playground_ends_at_the_last_window(notebook):
    padding_stride_playground()
    sliders = {s.description: s for s in notebook.objects[1].children}
    assert sliders["window"].max == 3  # 2 × 2 windows
    sliders["stride"].value = 1
    assert sliders["window"].max == 24
    sliders["window"].value = 24
    sliders["kernel"].value = 6
    assert (sliders["window"].max, sliders["window"].value) == (3, 3)


def test_playground_shows_a_kernel_that_does_not_fit_instead_of_failing(notebook):
    padding_stride_playground(3)
    sliders = {s.description: s for s in notebook.objects[1].children}
    sliders["dilation"].value = 3
    assert len(notebook.updates) == 1
    sliders["window"].value = sliders["window"].max
    assert len(notebook.updates) == 2


@pytest.mark.parametrize("size", [2, 13, 7.0, "7", None, True])
def test_playground_refuses_other_sizes(size):
    with pytest.raises(ValueError, match="size from 3 to 12"):
        padding_stride_playground(size)
    assert not plt.get_fignums()


@pytest.mark.parametrize("size", [3, 8, 12])
def test_playground_draws_every_size(size):
    padding_stride_playground(size)
    plt.gcf().canvas.draw()


def test_only_the_two_pictures_are_public():
    assert widgets.__all__ == ["padding_stride_playground", "sliding_kernel"]
