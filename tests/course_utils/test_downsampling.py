"""The pictures of lesson 04: what is drawn where, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, Rectangle

from course_utils import downsampling

NUMBERS = np.array([[1, 3, 2, 1], [4, 2, 1, 5], [0, 1, 3, 3], [1, 6, 0, 1]])


@pytest.fixture(autouse=True)
def _figures():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def texts(axes):
    return [t.get_text() for t in axes.texts]


def rings(axes):
    return [(tuple(map(int, p.center)), to_hex(p.get_edgecolor())) for p in axes.patches if isinstance(p, Circle)]


def frames(axes):
    """Colour → the size of each frame without a filling."""
    outlines = [p for p in axes.patches if isinstance(p, Rectangle) and not p.get_fill()]
    return {to_hex(p.get_edgecolor()): round(p.get_width()) for p in outlines}


def test_windows_rings_the_first_maximum_of_each_window_in_the_windows_colour():
    downsampling.windows({"image": NUMBERS, "out": [[4, 5], [6, 3]]}, 2, 2, "a caption")
    image, out = plt.gcf().axes
    assert [place for place, _ in rings(image)] == [(0, 1), (3, 1), (1, 3), (2, 2)]  # (column, row); a tie at the last
    assert [color for _, color in rings(image)] == list(frames(image)) == list(frames(out))
    assert set(frames(image).values()) == {2}
    assert set(frames(out).values()) == {1}
    assert texts(out) == ["4", "5", "6", "3"]
    assert not rings(out)


def test_cells_are_of_one_size_in_all_panels_and_square():
    downsampling.windows({"image": NUMBERS, "out": [[4, 5], [6, 3]], "dx": NUMBERS}, 2, 2, "a caption " * 20)
    plt.gcf().canvas.draw()
    sides = [np.diff(axes.transData.transform([(0, 0), (1, 1)]), axis=0)[0] for axes in plt.gcf().axes]
    np.testing.assert_allclose(np.abs(sides), np.abs(sides[0][0]), rtol=1e-6)


def test_a_pixel_that_wins_twice_has_two_rings_of_different_size():
    downsampling.windows({"image": [[1, 7, 2], [3, 0, 4]], "dx": [[0, 5, 0], [0, 0, 0]]}, 2, 1)
    circles = [p for p in plt.gcf().axes[0].patches if isinstance(p, Circle)]
    assert [c.center for c in circles] == [(1, 0), (1, 0)]
    assert circles[0].radius < circles[1].radius


def test_windows_without_winners():
    downsampling.windows({"image": NUMBERS}, 2, 2, winners=False)
    assert not rings(plt.gcf().axes[0])


def test_windows_refuses_a_panel_of_another_shape():
    with pytest.raises(ValueError, match=r"expected shape \(4, 4\) or \(2, 2\) for 'out', got \(3, 3\)"):
        downsampling.windows({"image": NUMBERS, "out": np.zeros((3, 3))}, 2, 2)


def test_windows_refuses_more_windows_than_colours():
    with pytest.raises(ValueError, match="at most 9 windows, got 16"):
        downsampling.windows({"image": NUMBERS}, 1, 1)


def test_product_writes_matrix_pixels_and_outputs_and_parts_the_rows_of_the_image():
    A = np.kron(np.eye(2), np.full((1, 4), 0.25))  # (2, 8)
    downsampling.product(A, np.arange(8).reshape(2, 4), np.array([[1.5, 5.5]]), names=("pixels", "means"))
    (axes,) = plt.gcf().axes
    assert texts(axes).count(".25") == 8
    assert {"pixels", "means", "image row 0", "image row 1", "1.5", "5.5"} <= set(texts(axes))
    assert [line.get_xdata()[0] for line in axes.lines] == [-0.5, 3.5, 7.5]


@pytest.mark.parametrize(
    ("matrix", "pixels", "words"),
    [
        (np.zeros((4, 1)), np.zeros((2, 2)), r"expected a matrix of shape \(1, 4\), got \(4, 1\)"),
        (np.zeros((1, 49)), np.zeros((7, 7)), "at most 36 pixels, got 49"),
    ],
)
def test_product_refuses_what_does_not_fit(matrix, pixels, words):
    with pytest.raises(ValueError, match=words):
        downsampling.product(matrix, pixels, np.zeros((1, 1)))
