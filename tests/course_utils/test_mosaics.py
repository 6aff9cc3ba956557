"""Mosaics show every tile in its place; activations are the layers' own, and leave nothing behind."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from course_utils import mosaics


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


def tiles(axes, height, width):
    """The tiles of a mosaic, row by row, without the lines between them."""
    canvas = np.ma.filled(axes.images[0].get_array(), np.nan)
    rows, columns = (canvas.shape[0] + 1) // (height + 1), (canvas.shape[1] + 1) // (width + 1)
    cut = [canvas[r * (height + 1) :, c * (width + 1) :][:height, :width] for r in range(rows) for c in range(columns)]
    return np.array(cut)


CALLS = {
    "gray filters": lambda caption: mosaics.filters(torch.randn(6, 1, 5, 5), caption),
    "colour filters": lambda caption: mosaics.filters(torch.randn(96, 3, 7, 7), caption),
    "deep filters": lambda caption: mosaics.filters(torch.randn(32, 24, 3, 3), caption),
    "one layer": lambda caption: mosaics.feature_maps({"conv1": torch.rand(6, 28, 28)}, caption),
    "three layers and the image": lambda caption: mosaics.feature_maps(
        {"conv1": torch.rand(6, 28, 28), "conv2": torch.rand(16, 10, 10), "long": torch.rand(120, 2, 5)},
        caption,
        image=torch.rand(3, 32, 32),
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
    assert height < 14


def test_filters_on_one_channel_are_scaled_by_their_largest_weight():
    weight = torch.randn(7, 1, 3, 4)
    weight[2] = 0
    mosaics.filters(weight, columns=4)
    (axes,) = the_figure().axes
    shown = tiles(axes, 3, 4)
    assert shown.shape == (8, 3, 4)
    largest = np.array([max(float(w.abs().max()), 1e-9) for w in weight])
    np.testing.assert_allclose(shown[:7], weight[:, 0].numpy() / largest[:, None, None], atol=1e-6)
    assert np.isnan(shown[7]).all()
    assert axes.images[0].get_clim() == (-1, 1)
    assert [t.get_text() for t in axes.get_yticklabels()] == ["0", "4"]


def test_filters_on_three_channels_are_colours_about_gray():
    weight = torch.zeros(2, 3, 2, 2)
    weight[0, 0] = 2.0  # red
    weight[1, 2, 0, 0] = -1.0
    mosaics.filters(weight, columns=2)
    canvas = np.asarray(the_figure().axes[0].images[0].get_array())
    np.testing.assert_allclose(canvas[0, 0], [1, 0.5, 0.5])
    np.testing.assert_allclose(canvas[0, 3], [0.5, 0.5, 0])
    np.testing.assert_allclose(canvas[0, 2], [1, 1, 1])  # the line between them


def test_deep_filters_have_a_row_each_and_say_what_is_left_out():
    weight = torch.randn(20, 5, 3, 3)
    mosaics.filters(weight, most=4)
    (axes,) = the_figure().axes
    shown = tiles(axes, 3, 3)
    assert shown.shape == (16, 3, 3)
    np.testing.assert_allclose(shown[4 * 1 + 2], weight[1, 2] / weight[1].abs().max(), rtol=1e-5)
    assert axes.get_title() == "4 of 20 filters (rows), 4 of 5 channels (columns)"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("channel", "filter")


def test_feature_maps_have_their_own_range_or_share_one():
    maps = torch.stack([torch.arange(6.0).reshape(2, 3), 10 + 2 * torch.arange(6.0).reshape(2, 3), torch.ones(2, 3)])
    mosaics.feature_maps({"pool": maps})
    (axes,) = the_figure().axes
    first, second, constant = tiles(axes, 2, 3)[:3]
    np.testing.assert_allclose(first, np.arange(6).reshape(2, 3) / 5)
    np.testing.assert_allclose(second, first)
    np.testing.assert_allclose(constant, 0)
    assert axes.get_title(loc="left") == "pool: 3 × 2 × 3"
    plt.close("all")
    mosaics.feature_maps({"pool": maps}, shared=True)
    np.testing.assert_allclose(tiles(the_figure().axes[0], 2, 3)[:3], maps)


def test_the_image_stands_before_its_maps():
    mosaics.feature_maps({"a": np.zeros((2, 4, 4)), "b": np.zeros((3, 2, 2))}, image=np.full((1, 8, 8), 0.5))
    titles = [axes.get_title(loc="left") for axes in the_figure().axes]
    assert titles == ["the image", "a: 2 × 4 × 4", "b: 3 × 2 × 2"]


BAD = {
    "a matrix": (lambda: mosaics.filters(torch.ones(3, 3)), r"got shape \(3, 3\): pass the layer's weight"),
    "no maps": (lambda: mosaics.feature_maps({}), "expected maps"),
    "a batch": (lambda: mosaics.feature_maps({"a": torch.ones(1, 2, 3, 3)}), "take one image of the batch"),
    "an image of two channels": (
        lambda: mosaics.feature_maps({"a": torch.ones(2, 3, 3)}, image=torch.ones(2, 3, 3)),
        "one or three channels",
    ),
}


@pytest.mark.parametrize(("draw", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_drawn_is_told_and_leaves_no_figure(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
    assert not plt.get_fignums()


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 10))


def test_activations_are_those_before_a_function_in_place_overwrites_them():
    model, images = net(), torch.rand(2, 1, 8, 8)
    model.train()
    found = mosaics.activations(model, images, ["1", "2"])
    with torch.no_grad():
        expected = nn.functional.batch_norm(model[0](images), model[1].running_mean, model[1].running_var)
    torch.testing.assert_close(found["1"], expected)
    torch.testing.assert_close(found["2"], expected.relu())
    assert not found["1"].requires_grad


def test_activations_leave_nothing_behind():
    model = net()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    mosaics.activations(model, torch.rand(2, 1, 8, 8), ["0"])
    with pytest.raises(RuntimeError):
        mosaics.activations(model, torch.rand(2, 1, 9, 9), ["0"])
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with pytest.raises(ValueError, match=r"among \['0', '1', '2', '3', '4'\], got 'conv'"):
        mosaics.activations(model, torch.rand(2, 1, 8, 8), ["conv"])
