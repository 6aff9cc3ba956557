"""Drawings of blocks: what is written into them, and what is refused."""

import matplotlib.pyplot as plt
import pytest

from course_utils import blocks


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def texts(axes):
    return [t.get_text() for t in axes.texts]


def test_a_shortcut_is_drawn_beside_its_own_block_only():
    blocks.chains({"plain": ["conv", "ReLU"], "residual": ["conv", "+", "ReLU"]}, {"residual": "projection"}, "Two.")
    plain, residual = plt.gcf().axes
    assert [a.get_title() for a in (plain, residual)] == ["plain", "residual"]
    assert {"x", "conv", "ReLU"} <= set(texts(plain))
    assert "projection" in texts(residual)
    assert "projection" not in texts(plain)
    assert len(residual.lines) == 1
    assert not plain.lines


@pytest.mark.parametrize("given", [({}, None), ({"a": ["conv"]}, {"a": "x"}), ({"a": ["+"]}, {"b": "x"})])
def test_a_shortcut_needs_a_place_to_come_back(given):
    with pytest.raises(ValueError, match="expected blocks"):
        blocks.chains(*given)


def test_bars_of_a_dense_block_are_as_long_as_its_channels():
    blocks.dense(64, 32, 6, "The first block of DenseNet-121.")
    (axes,) = plt.gcf().axes
    totals = [int(t) for t in texts(axes) if t.isdigit() and int(t) > 6]
    assert totals == [64, 96, 128, 160, 192, 224, 256]
    assert max(bar.get_x() + bar.get_width() for bar in axes.patches) == 256
    with pytest.raises(ValueError, match="at least 1"):
        blocks.dense(64, 0, 6)
