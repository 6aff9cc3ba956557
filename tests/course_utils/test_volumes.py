"""A chain of tensors: every stack has its sheets, its size and its numbers, and nothing is cut off."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_utils import volumes

LENET5 = {"image": (1, 32, 32), "C1": (6, 28, 28), "S2": (6, 14, 14), "F6": (84,), "scores": (10,)}
STEPS = ["convolution\n5 × 5", "pooling", "linear", "linear"]


@pytest.fixture(autouse=True)
def no_figures_left():
    plt.close("all")
    yield
    plt.close("all")


def drawn():
    """The axes of the one figure, after it was drawn."""
    (number,) = plt.get_fignums()
    figure = plt.figure(number)
    figure.canvas.draw()
    (axes,) = figure.axes
    return axes


def widths(axes):
    return [patch.get_width() for patch in axes.patches]


@pytest.mark.parametrize("between", [STEPS, ()], ids=["texts", "arrows"])
@pytest.mark.parametrize("caption", ["A caption in words, " * 20, ""], ids=["caption", "none"])
def test_one_figure_within_its_edges_and_nothing_returned(caption, between):
    assert volumes.chain(LENET5, caption, between=between) is None
    figure = drawn().figure
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 > -0.02 and box.y0 > -0.02 and box.x1 < width + 0.02 and box.y1 < height + 0.02


def test_sheets_are_to_scale_and_as_many_as_channels():
    volumes.chain(LENET5)
    sides = widths(drawn())
    assert len(sides) == 1 + 6 + 6 + 2  # sheets and two strips
    np.testing.assert_allclose(np.array(sides[:13]) / sides[0], [1] + [28 / 32] * 6 + [14 / 32] * 6)
    heights = [patch.get_height() for patch in drawn().patches]
    assert heights[-2] > heights[-1] > sides[-1]  # 84 units above 10, both upright


def test_names_sizes_and_steps_are_written():
    volumes.chain(LENET5, between=STEPS)
    texts = [text.get_text() for text in drawn().texts]
    assert [t for t in texts if "×" in t or "\n" in t][:4] == [
        "image\n1 × 32 × 32",
        "C1\n6 × 28 × 28",
        "S2\n6 × 14 × 14",
        "F6\n84",
    ]
    assert [t for t in texts if t in STEPS] == STEPS


def test_texts_do_not_overlap():
    volumes.chain(LENET5, between=STEPS)
    boxes = [text.get_window_extent() for text in drawn().texts if text.get_text()]
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :] if a.overlaps(b)]


def test_numbers_are_drawn_in_their_places():
    maps, vector = torch.rand(3, 4, 5), torch.tensor([2.0, -1.0, 0.5])
    volumes.chain({"maps": maps, "vector": vector})
    pictures = drawn().images
    assert len(pictures) == 4
    for channel, picture in enumerate(pictures[:3]):
        np.testing.assert_allclose(picture.get_array(), maps[channel].numpy())
        assert picture.get_clim() == (float(maps.min()), float(maps.max()))
    np.testing.assert_allclose(pictures[3].get_array(), vector[:, None].numpy())
    order = [picture.get_zorder() for picture in pictures[:3]]
    assert order == sorted(set(order))  # each sheet in front of the one before


@pytest.mark.parametrize(
    ("tensors", "more", "message"),
    [
        ({}, {}, "of one image, got shapes"),
        ({"batch": (2, 1, 8, 8)}, {}, r"got shapes \[\(2, 1, 8, 8\)\]"),
        ({"nothing": (0, 8, 8)}, {}, "of one image"),
        ({"a": (3,), "b": (2,)}, {"between": ["one", "two"]}, "expected 1 texts between 2 tensors, got 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tensors, more, message):
    with pytest.raises(ValueError, match=message):
        volumes.chain(tensors, **more)
    assert not plt.get_fignums()
