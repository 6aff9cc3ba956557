"""Pictures of gradients, losses and costs: what is drawn where, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_utils import landscapes


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_by_layer_draws_weights_in_the_order_of_the_layers():
    landscapes.by_layer({"plain": {"0.weight": 3.0, "0.bias": 9.0, "1.weight": 1.0}, "residual": {"a.weight": 2.0}})
    (axes,) = plt.gcf().axes
    assert [line.get_ydata().tolist() for line in axes.lines] == [[3.0, 1.0], [2.0]]
    assert axes.lines[0].get_xdata().tolist() == [1, 2]
    assert axes.get_yscale() == "log"


@pytest.mark.parametrize("norms", [{}, {"a": {"0.bias": 1.0}}, {"a": {"0.weight": 0.0}}])
def test_by_layer_refuses_what_a_logarithmic_axis_cannot_show(norms):
    with pytest.raises(ValueError, match="expected"):
        landscapes.by_layer(norms)


def test_surfaces_share_one_scale_and_lay_the_first_direction_to_the_right():
    grid = [-1.0, 0.0, 2.0]
    tilted = torch.tensor([[0.1] * 3, [1.0] * 3, [1e9] * 3])  # it rises along the first direction
    landscapes.surfaces({"tilted": tilted, "flat": np.full((3, 3), 2.0)}, grid, highest=10.0)
    above = [axes for axes in plt.gcf().axes if axes.name != "3d"]
    aside = [axes for axes in plt.gcf().axes if axes.name == "3d"]
    assert [axes.get_title() for axes in above] == ["tilted", "flat"]
    assert [axes.get_zlim() for axes in aside] == [(-1.0, 1.0)] * 2  # powers of ten; what is above 10 is cut off
    boxes = [path.get_extents() for path in above[0].collections[0].get_paths() if len(path.vertices)]
    assert boxes[0].x0 == -1.0  # the lowest stripe is at the left
    assert boxes[0].x1 < 0
    assert boxes[0].height == 3.0  # from the bottom to the top


@pytest.mark.parametrize(
    ("losses", "grid", "words"),
    [
        ({}, [0, 1], "expected surfaces of shape"),
        ({"a": np.ones((2, 3))}, [0, 1], "expected surfaces of shape"),
        ({"a": np.ones((2, 2))}, [1, 0], "steps that rise"),
        ({"a": np.ones((2, 2))}, [0, 1], "losses that differ"),
    ],
)
def test_surfaces_says_what_it_expects(losses, grid, words):
    with pytest.raises(ValueError, match=words):
        landscapes.surfaces(losses, grid)


def test_costs_joins_the_nets_of_a_family():
    points = {"ResNet-50": (4, 25), "ResNet-18": (2, 12), "DenseNet-121": (3, 8)}
    landscapes.costs(points, xlabel="multiply-adds", ylabel="parameters")
    (axes,) = plt.gcf().axes
    assert {line.get_label(): list(line.get_xdata()) for line in axes.lines} == {"ResNet": [2, 4], "DenseNet": [3]}
    assert sorted(t.get_text() for t in axes.texts) == ["121", "18", "50"]
    with pytest.raises(ValueError, match="expected points"):
        landscapes.costs({}, xlabel="x", ylabel="y")
