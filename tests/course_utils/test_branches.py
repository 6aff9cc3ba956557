"""Drawings of modules made of branches: what stands in them, and what is refused."""

import matplotlib.pyplot as plt
import pytest

from course_utils import branches

MODULE = [[("1 × 1 conv", 3)], [("3 × 3 max pool", 4), ("1 × 1 conv", 2)]]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def drawn():
    (axes,) = plt.gcf().axes
    return [text.get_text() for text in axes.texts if text.get_text()], [bar.get_width() for bar in axes.patches]


def test_every_tensor_is_a_bar_as_wide_as_it_has_channels():
    branches.module(4, MODULE, "A module.", size="28 × 28")
    texts, widths = drawn()
    assert texts[0] == "4 channels come in, 28 × 28"
    assert texts[-1] == "concatenated: 3 + 2 = 5 channels, 28 × 28"
    assert [t for t in texts if "conv" in t or "pool" in t] == ["1 × 1 conv", "3 × 3 max pool", "1 × 1 conv"]
    assert [round(w / widths[0] * 4, 6) for w in widths] == [4, 3, 4, 2, 3, 2]
    assert plt.gcf().get_supxlabel() == "A module."


def test_a_smaller_grid_is_written_where_it_goes_out():
    branches.module(4, MODULE, size="9 × 9", out="4 × 4")
    assert drawn()[0][-1] == "concatenated: 3 + 2 = 5 channels, 4 × 4"


def test_a_residual_module_goes_back_to_its_width():
    branches.module(4, MODULE, back="1 × 1 conv, times 0.1")
    texts, widths = drawn()
    assert {"1 × 1 conv, times 0.1", "+", "x"} <= set(texts)
    assert texts[-1] == "4 channels go out"
    assert widths[-1] == widths[0]


@pytest.mark.parametrize(("width", "given"), [(4, []), (4, [[]]), (0, MODULE), (4, [[("1 × 1 conv", 0)]])])
def test_what_cannot_be_drawn_is_refused(width, given):
    with pytest.raises(ValueError, match="expected branches"):
        branches.module(width, given)
