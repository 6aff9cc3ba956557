"""Pictures of runs and of what a network gets wrong."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_utils import portraits
from course_utils.history import History


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


def history(losses, validation=()):
    """Losses, and accuracies that are one minus a tenth of them."""
    made = History(len(losses), 100, list(losses), [1 - 0.1 * loss for loss in losses])
    made.validation_losses = list(validation)
    made.validation_accuracies = [1 - 0.1 * loss for loss in validation]
    return made


RUN = history([2.0, 1.0, 0.5], [1.5, 0.9, 0.8])
CONFUSED = np.array([[8, 2, 0], [0, 5, 0], [1, 3, 6]])
CALLS = {
    "learning_curves": lambda caption: portraits.learning_curves(RUN, caption),
    "confusion": lambda caption: portraits.confusion(CONFUSED, ["T-shirt", "bag", "coat"], caption),
    "mistakes": lambda caption: portraits.mistakes(
        torch.rand(5, 1, 8, 8), torch.arange(5), torch.eye(5), None, caption, count=4
    ),
    "back_to_back": lambda caption: portraits.back_to_back(
        ["conv1", "fc"], ("memory (MB)", [3, 1]), ("parameters (MB)", [0, 9]), caption
    ),
}


@pytest.mark.parametrize("draw", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("caption", ["A caption in words, " * 20, ""], ids=["caption", "none"])
def test_one_figure_within_its_edges_and_nothing_returned(draw, caption):
    assert draw(caption) is None
    figure = the_figure()
    assert figure.get_supxlabel().startswith(caption[:20])
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 > -0.02 and drawn.y0 > -0.02 and drawn.x1 < width + 0.02 and drawn.y1 < height + 0.02


def test_curves_of_one_run():
    portraits.learning_curves(RUN)
    loss, accuracy = the_figure().axes
    trained, validated = loss.lines
    assert trained.get_xydata().tolist() == [[1, 2.0], [2, 1.0], [3, 0.5]]
    assert validated.get_ydata().tolist() == [1.5, 0.9, 0.8]
    assert (trained.get_linestyle(), validated.get_linestyle()) == ("--", "-")
    assert [t.get_text() for t in accuracy.get_legend().get_texts()] == [
        "training, during the epoch",
        "validation, after the epoch",
    ]
    assert loss.get_yscale() == "log"
    assert "1" in [t.get_text() for t in loss.get_yticklabels()]  # plain numbers


def test_curves_of_several_seeds_are_thin_and_their_mean_is_thick():
    runs = {"short": [history([2.0, 1.0]), history([4.0, 3.0, 9.0])], "one": history([1.0, 1.0])}
    portraits.learning_curves(runs)
    loss, accuracy = the_figure().axes
    thin, thinner, mean, alone = loss.lines
    assert mean.get_ydata().tolist() == [3.0, 2.0]  # as far as all of them go
    assert max(thin.get_linewidth(), thinner.get_linewidth()) < mean.get_linewidth()
    assert thin.get_color() == mean.get_color() != alone.get_color()
    texts = [t.get_text() for t in accuracy.get_legend().get_texts()]
    assert texts == ["short (mean of 2 runs)", "one", "training, during the epoch"]


def test_a_confusion_matrix_colours_mistakes_only():
    portraits.confusion(CONFUSED, ["T-shirt", "bag", "coat"])
    (axes,) = the_figure().axes
    drawn = np.asarray(axes.images[0].get_array())
    np.testing.assert_array_equal(drawn, CONFUSED * (1 - np.eye(3)))
    assert axes.get_title() == "19 of 25 right: 76.00%"
    assert [t.get_text() for t in axes.get_yticklabels()] == ["T-shirt", "bag", "coat"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    texts = {(round(t.get_position()[0], 1), t.get_position()[1]): t.get_text() for t in axes.texts}
    assert texts[(1, 0)] == "2"  # column 1, row 0: class 0 called class 1
    assert (0, 1) not in texts  # zeros are left out
    assert [texts[(2.7, row)] for row in range(3)] == ["80.0%", "100.0%", "60.0%"]


def test_a_class_without_images_and_many_classes():
    portraits.confusion([[0, 0], [1, 2]])
    assert "none" in [t.get_text() for t in the_figure().axes[0].texts]
    plt.close("all")
    portraits.confusion(torch.eye(100, dtype=torch.int64))
    axes = the_figure().axes[0]
    assert not axes.texts
    assert [t.get_text() for t in axes.get_xticklabels()] == [str(i) for i in range(0, 100, 10)]


def test_mistakes_come_worst_first():
    images = torch.arange(4).float().reshape(4, 1, 1, 1).expand(4, 1, 2, 2) / 4
    labels = torch.tensor([0, 0, 1, 2])
    scores = torch.tensor([[5.0, 0, 0], [0, 3, 0], [9, 0, 0], [0, 0, 1]])
    portraits.mistakes(images, labels, scores, ["a", "b", "c"], count=3)
    panels = [axes for axes in the_figure().axes if axes.images]
    assert [axes.get_title() for axes in panels] == [
        "is b\ncalled a (100%)",
        "is a\ncalled b (91%)",
        "is c\ncalled c (58%)",
    ]
    assert [float(np.mean(axes.images[0].get_array())) for axes in panels] == [0.5, 0.25, 0.75]
    wrong, _, right = (axes.title.get_color() for axes in panels)
    assert wrong != right


def test_mistakes_in_colour_and_normalized_and_in_bfloat16():
    images = torch.randn(2, 3, 4, 4, dtype=torch.bfloat16, requires_grad=True)
    portraits.mistakes(images, [0, 1], torch.eye(2))
    shown = [np.asarray(axes.images[0].get_array()) for axes in the_figure().axes]
    assert all(array.shape == (4, 4, 3) and array.min() == 0 and array.max() == 1 for array in shown)


def test_bars_stand_back_to_back_with_their_shares():
    portraits.back_to_back(["conv1", "fc"], ("memory (MB)", [3, 1]), ("parameters (MB)", [0, 4000]))
    left, right = the_figure().axes
    assert [t.get_text() for t in left.texts] == ["75%", "25%"]
    assert [t.get_text() for t in right.texts] == ["", "100%"]
    assert (left.get_title(), right.get_title()) == ("total 4", "total 4,000")
    assert left.xaxis_inverted()
    assert not right.xaxis_inverted()
    assert left.yaxis_inverted()  # the first layer on top


BAD = {
    "no runs": (lambda: portraits.learning_curves({}), "expected runs with at least one whole epoch"),
    "no epoch": (lambda: portraits.learning_curves(History(3)), "train before drawing"),
    "an empty group": (lambda: portraits.learning_curves({"a": []}), "expected runs"),
    "a matrix that is not square": (lambda: portraits.confusion(np.ones((2, 3))), r"got shape \(2, 3\)"),
    "too few names": (lambda: portraits.confusion(np.eye(3), ["a"]), "expected 3 names of classes, got 1"),
    "sizes that differ": (
        lambda: portraits.mistakes(torch.rand(3, 1, 2, 2), [0, 1], torch.eye(3)),
        r"got \(3, 1, 2, 2\), \(2,\) and \(3, 3\)",
    ),
    "no images": (lambda: portraits.mistakes(torch.rand(0, 1, 2, 2), [], torch.ones(0, 3)), "expected images"),
    "two channels": (lambda: portraits.mistakes(torch.rand(1, 2, 4, 4), [0], torch.eye(1)), "one or three channels"),
    "no bars": (lambda: portraits.back_to_back([], ("a", []), ("b", [])), "expected two numbers for each name"),
    "a bar short": (lambda: portraits.back_to_back(["x"], ("a", [1]), ("b", [])), "got 1 and 0 for 1"),
}


@pytest.mark.parametrize(("draw", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_drawn_is_told_and_leaves_no_figure(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
    assert not plt.get_fignums()
