"""The pictures of lesson 00 show the numbers that they are given."""

import matplotlib
import matplotlib.pyplot as plt
import pytest

from course_utils import graphs

WINNERS = [(2011, "A", 25.8), (2012, "B", 16.4), (2013, "C", 11.7)]


@pytest.fixture(autouse=True)
def figures():
    matplotlib.use("Agg")
    plt.close("all")
    yield
    plt.close("all")


def texts():
    """All texts of the one figure that was drawn."""
    (number,) = plt.get_fignums()
    figure = plt.figure(number)
    figure.canvas.draw()
    return [t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text()]


def test_graph_carries_values_and_gradients():
    graphs.add_mul_graph(-2, 5, -4)
    shown = texts()
    assert {"x", "y", "z", "+", "×", "f", "q = x + y"} <= set(shown)
    assert sorted(t for t in shown if t.lstrip("−").isdigit()) == sorted(
        ["−2", "5", "3", "−4", "−12", "−4", "−4", "−4", "3", "1"]
    )


def test_graph_of_the_forward_pass_has_no_gradients():
    graphs.add_mul_graph(-2, 5, -4, gradients=False)
    assert sorted(t for t in texts() if t.lstrip("−").isdigit()) == sorted(["−2", "5", "3", "−4", "−12"])


def test_weights_are_bars_of_their_length_with_the_numbers_beside():
    graphs.weights({"filters": 450, "fully connected": 14450688}, caption="Two layers.")
    shown = texts()
    assert {"450", "14,450,688", "filters", "fully connected"} <= set(shown)
    assert any("Two layers." in t for t in shown)
    assert sorted(p.get_width() for p in plt.gca().patches) == [450, 14450688]
    assert plt.gca().get_xscale() == "log"
    assert "weights" in plt.gca().get_xlabel()


@pytest.mark.parametrize("counts", [{}, {"none": 0}])
def test_weights_refuses_what_a_logarithmic_axis_cannot_show(counts):
    with pytest.raises(ValueError, match="expected numbers of at least 1"):
        graphs.weights(counts)


def test_timeline_has_a_bar_a_year_and_the_line_of_a_human():
    graphs.error_timeline(WINNERS, {2012: 15.3}, human=5.1, caption="Errors.")
    axes = plt.gca()
    shown = texts()
    assert [p.get_height() for p in axes.patches] == [25.8, 16.4, 11.7]
    assert {"25.8", "16.4", "11.7", "15.3", "a trained human: 5.1 %"} <= set(shown)
    assert axes.get_ylabel() == "top-5 error in %"
    assert {p.get_facecolor() for p in axes.patches[:1]} != {p.get_facecolor() for p in axes.patches[1:]}
