"""Pictures show what they are given, with titles, axis labels and a caption; what cannot be drawn is told clearly."""

import io

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf

from course_utils import plots

PICTURE = np.arange(12.0).reshape(3, 4)


@pytest.fixture(autouse=True)
def no_figures_left():
    plt.close("all")
    yield
    plt.close("all")


def the_figure():
    (number,) = plt.get_fignums()
    figure = plt.figure(number)
    figure.canvas.draw()
    return figure


CALLS = {
    "images": lambda caption: plots.images([PICTURE, np.zeros((5, 5, 3))], ["one", "two"], caption),
    "matrices": lambda caption: plots.matrices([PICTURE, [1, 2, 3]], ["one", "two"], caption),
    "kernels": lambda caption: plots.kernels([PICTURE - 5], ["one"], caption),
    "curves": lambda caption: plots.curves({"one": [1, 2], "two": ([1, 2], [3, 4])}, caption, xlabel="x", ylabel="y"),
    "stems": lambda caption: plots.stems({"one": [1, -2], "two": ([4, 5], [3, 4])}, caption),
    "bars": lambda caption: plots.bars({"one": 1, "two": 2}, caption, ylabel="y"),
}


@pytest.mark.parametrize("draw", CALLS.values(), ids=CALLS)
def test_draws_one_figure_with_labels_and_a_wrapped_caption_and_returns_nothing(draw):
    assert draw("A caption in words, " * 20) is None
    figure = the_figure()
    assert figure.get_supxlabel().startswith("A caption in words")
    assert figure.get_supxlabel().count("\n") >= 2
    assert any(axes.get_ylabel() for axes in figure.axes)
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 > -0.02 and drawn.y0 > -0.02 and drawn.x1 < width + 0.02 and drawn.y1 < height + 0.02


@pytest.mark.parametrize("draw", CALLS.values(), ids=CALLS)
def test_draws_without_a_caption(draw):
    draw("")
    assert the_figure().get_supxlabel() == ""


def test_images_keep_order_titles_and_limits():
    plots.images([PICTURE + i for i in range(6)], list("abcdef"), columns=4, limits=(0, 20), xlabel="u", ylabel="v")
    axes = the_figure().axes
    assert [a.get_title() for a in axes] == list("abcdef")
    assert all(np.array_equal(a.images[0].get_array(), PICTURE + i) for i, a in enumerate(axes))
    assert all(a.images[0].get_clim() == (0, 20) for a in axes)
    assert [a.get_ylabel() for a in axes] == ["v", "", "", "", "v", ""]
    assert [a.get_xlabel() for a in axes] == ["", "", "u", "u", "u", "u"]


def test_images_have_their_own_range_by_default():
    plots.images([PICTURE, 10 * PICTURE])
    assert [a.images[0].get_clim() for a in the_figure().axes] == [(0, 11), (0, 110)]


def test_matrices_share_their_colours_and_show_their_numbers():
    plots.matrices([PICTURE, [100, 200]])
    first, second = the_figure().axes
    assert first.images[0].get_clim() == second.images[0].get_clim() == (0, 200)
    assert [t.get_text() for t in first.texts] == [f"{v:g}" for v in PICTURE.ravel()]
    assert [t.get_text() for t in second.texts] == ["100", "200"]


def test_numbers_stay_out_of_large_matrices():
    plots.matrices([np.zeros((3, 10))])
    assert not the_figure().axes[0].texts


def test_numbers_can_be_read_on_dark_and_on_bright_cells():
    plots.matrices([[0.0, 1.0]], colors="gray")
    assert [t.get_color() for t in the_figure().axes[0].texts] == ["white", "black"]


def test_kernels_are_white_at_zero():
    plots.kernels([[[-1.0, 3.0]], [[0.5, 0.25]], [[0.0, 0.0]]])
    assert [a.images[0].get_clim() for a in the_figure().axes] == [(-3, 3), (-0.5, 0.5), (-1, 1)]


def test_curves_draw_y_over_its_index_or_over_x():
    plots.curves({"index": [5, 6], "own x": ([7, 9], [1, 2])}, xlabel="time (s)", ylabel="value")
    (axes,) = the_figure().axes
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[0, 5], [1, 6]], [[7, 1], [9, 2]]]
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["index", "own x"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (s)", "value")


def test_logarithmic_curves_have_plain_numbers_at_their_own_x():
    plots.curves({"cost": ([3, 7, 49], [9, 49, 2401])}, xlabel="n", ylabel="cost", log=True)
    (axes,) = the_figure().axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [t.get_text() for t in axes.get_xticklabels()] == ["3", "7", "49"]
    assert "1000" in [t.get_text() for t in axes.get_yticklabels()]


def test_an_image_with_channels_first_becomes_one_to_draw():
    gray, colour = np.full((1, 2, 3), 0.25), np.linspace(0, 1, 24).reshape(3, 2, 4)
    np.testing.assert_array_equal(plots.as_picture(gray), gray[0])
    np.testing.assert_array_equal(plots.as_picture(colour)[1, 2], colour[:, 1, 2])
    normalized = plots.as_picture(np.array([[[-2.0, 0.0, 6.0]]]))
    np.testing.assert_array_equal(normalized, [[0, 0.25, 1]])
    np.testing.assert_array_equal(plots.as_picture(np.full((1, 2, 2), 7.0)), np.zeros((2, 2)))
    for shape in ((2, 4, 4), (4, 4)):
        with pytest.raises(ValueError, match="one or three channels"):
            plots.as_picture(np.zeros(shape))


def test_a_logarithmic_axis_of_many_decades_keeps_powers_of_ten():
    plots.curves({"cost": ([1, 2, 3], [1e-6, 1.0, 1e6])}, xlabel="n", ylabel="cost", log=True)
    (axes,) = the_figure().axes
    assert any("10^{" in t.get_text() for t in axes.get_yticklabels())


def test_a_logarithmic_axis_of_a_narrow_range_still_has_ticks():
    plots.curves({"loss": ([1, 2, 3], [0.45, 0.5, 0.72])}, xlabel="epoch", ylabel="loss", log=True)
    (axes,) = the_figure().axes
    low, high = axes.get_ylim()
    inside = [t.get_text() for y, t in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True) if low < y < high]
    assert "0.5" in inside and "0.6" in inside


def test_stems_stand_below_one_another_on_a_common_axis():
    plots.stems({"one": [1, 2, 3], "two": ([4, 5], [0, -1])}, xlabel="sample")
    first, second = the_figure().axes
    assert first.get_xlim() == second.get_xlim()
    assert first.get_ylim() == second.get_ylim()
    assert (first.get_xlabel(), second.get_xlabel()) == ("", "sample")


def test_bars_carry_their_numbers():
    plots.bars({"small": 0.5, "large": 1234567}, ylabel="weights", log=True)
    (axes,) = the_figure().axes
    assert [t.get_text() for t in axes.texts] == ["0.5", "1,234,567"]
    assert axes.get_yscale() == "log"


BAD = {
    "no images": (lambda: plots.images([]), "at least one image, got none"),
    "one image without a list": (lambda: plots.images(PICTURE), "put the image into a list"),
    "channels first": (lambda: plots.images([np.zeros((3, 8, 8))]), r"got shape \(3, 8, 8\)"),
    "an empty image": (lambda: plots.images([np.zeros((0, 4))]), r"got shape \(0, 4\)"),
    "too few titles": (lambda: plots.images([PICTURE, PICTURE], ["one"]), "expected 2 titles, .* got 1"),
    "too many titles": (lambda: plots.kernels([PICTURE], ["one", "two"]), "expected 1 titles, .* got 2"),
    "a cube as a matrix": (lambda: plots.matrices([np.zeros((2, 2, 2))]), r"got shape \(2, 2, 2\)"),
    "no kernels": (lambda: plots.kernels([]), "at least one kernel"),
    "no curves": (lambda: plots.curves({}, xlabel="x", ylabel="y"), "at least one curve"),
    "x and y of different lengths": (
        lambda: plots.curves({"cost": ([1, 2], [1, 2, 3])}, xlabel="x", ylabel="y"),
        r"\(2,\) and \(3,\) for 'cost'",
    ),
    "a matrix as a signal": (lambda: plots.stems({"s": PICTURE}), "for 's'"),
    "no bars": (lambda: plots.bars({}, ylabel="y"), "at least one bar"),
}


@pytest.mark.parametrize(("draw", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_drawn_is_told_and_leaves_no_figure(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
    assert not plt.get_fignums()


def test_a_figure_is_not_drawn_unseen_before_a_notebook_shows_it():
    draws = []
    before = plt.get_backend()
    plt.switch_backend("module://matplotlib_inline.backend_inline")
    try:
        plots.images([PICTURE])
        figure = plt.gcf()
        figure.canvas.mpl_connect("draw_event", draws.append)
        figure.stale = True
        Gcf.draw_all()  # what pyplot does after a cell
        assert not draws
        figure.savefig(io.BytesIO())  # what the notebook does
        assert draws
    finally:
        plt.close("all")
        plt.switch_backend(before)
