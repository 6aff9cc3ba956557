"""The pictures of lesson 05 show what they say, and refuse what they cannot draw."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Polygon

from course_utils import normalization


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def faces(axes):
    """How many faces of the block are coloured, of those in front (not shaded)."""
    front = [p for p in axes.patches if isinstance(p, Polygon)][: normalization.CHANNELS * normalization.POSITIONS]
    return sum(np.allclose(p.get_facecolor()[:3], to_rgb(normalization.ORANGE)) for p in front)


def test_cubes_colour_the_numbers_that_share_a_mean():
    normalization.averaged_cubes(caption="a sentence")
    channels, positions = normalization.CHANNELS, normalization.POSITIONS
    counts = dict(zip(normalization.AVERAGED, map(faces, plt.gcf().axes), strict=True))
    assert counts == {
        "batch": positions,
        "layer": channels * positions,
        "instance": positions,
        "group": channels * positions // 2,
    }
    assert plt.gcf().get_supxlabel() == "a sentence"


def test_cubes_refuse_unknown_norms():
    with pytest.raises(ValueError, match="expected some of"):
        normalization.averaged_cubes(["weight"])
    with pytest.raises(ValueError, match="expected some of"):
        normalization.averaged_cubes([])


def test_graph_has_a_box_for_each_node_and_an_arrow_for_each_edge():
    normalization.graph()
    axes = plt.gcf().axes[0]
    assert {text for _, text, _ in normalization.NODES.values()} <= {t.get_text() for t in axes.texts}
    assert sum(t.get_text() == "" for t in axes.texts) == len(normalization.EDGES)
    assert {name for edge in normalization.EDGES for name in edge} == set(normalization.NODES)


def test_activations_name_each_layer_with_its_spread():
    values = [np.full(8, 3.0), np.array([-250.0, 250.0])]
    normalization.activations_by_depth({"net": values}, layers=(1, 2))
    assert [a.get_title() for a in plt.gcf().axes] == ["layer 1, std 0", "layer 2, std 250"]
    with pytest.raises(ValueError, match="2 layers, got fewer for"):
        normalization.activations_by_depth({"net": values[:1]}, layers=(1, 2))


def test_histograms_share_limits_and_name_groups_where_there_are_several():
    one, two = {"a": np.arange(5.0)}, {"a": np.arange(5.0), "b": np.arange(9.0)}
    normalization.histograms({"first": one, "second": two}, xlabel="x", limits=(-1, 4))
    first, second = plt.gcf().axes
    assert first.get_legend() is None
    assert [t.get_text() for t in second.get_legend().get_texts()] == ["a", "b"]
    drawn = [[(p.xy[:, 0].min(), p.xy[:, 0].max()) for p in axes.patches] for axes in (first, second)]
    assert drawn == [[(-1, 4)], [(-1, 4)] * 2]


def test_runs_draw_the_median_and_a_band():
    normalization.runs({"net": np.array([[1, 2, 9], [3, 4, 5]])}, [0.1, 1], xlabel="rate", ylabel="accuracy")
    axes = plt.gcf().axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [2, 4])
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (1, 9)
    with pytest.raises(ValueError, match="2 rows"):
        normalization.runs({"net": np.ones((3, 4))}, [0.1, 1], xlabel="rate", ylabel="accuracy")
