"""The drawings of lesson 02: the numbers that they show are the layer's."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import diagrams
from course_utils.diagrams import Windows
from course_utils.exercises import padding_stride


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    plt.close("all")
    yield
    plt.close("all")


def texts():
    figure = plt.gcf()
    figure.canvas.draw()
    below = [figure._supxlabel.get_text().replace("\n", " ")] if figure._supxlabel else []
    return [t.get_text() for a in figure.axes for t in (*a.texts, a.title)] + below


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))
def test_windows_are_those_of_the_layer(size, kernel, stride, padding, dilation):
    windows = Windows(size, kernel, stride, padding, dilation)
    try:
        count = padding_stride.conv_output_size.oracle(size, kernel, stride, padding, dilation)
    except ValueError:
        assert not windows.fits
        assert (windows.count, windows.left_over) == (0, 0)
        return
    assert windows.fits
    assert windows.count == count
    assert windows.taps(count - 1)[-1] + 1 + windows.left_over == windows.padded
    assert windows.formula().endswith(f"= {count}")


def test_windows_names_sizes_formula_and_caption():
    diagrams.windows(5, 3, padding=1, chosen=4, caption="A caption.")
    shown = texts()
    assert "input 5 × 5 → 7 × 7" in shown
    assert "output 5 × 5" in shown
    assert "A caption." in shown
    assert shown.count("24") == 2  # the last window's corner, and its output


def test_windows_without_a_place_say_so():
    diagrams.windows(4, 3, dilation=3)
    assert "no output" in texts()
    assert any("effective kernel, 7, is longer than the padded input, 4" in t for t in texts())


def test_filter_bank_names_the_three_shapes():
    diagrams.filter_bank((3, 32, 32), filters=6, kernel=5, caption="Six filters.")
    assert {"input 3 × 32 × 32", "6 filters,\neach 3 × 5 × 5", "output 6 × 28 × 28", "Six filters."} <= set(texts())


@pytest.mark.parametrize("layers", [[(3, 1)] * 3, [(3, 2), (3, 1, 2), (2, 1)], [(5, 3)]])
def test_field_growth_says_what_each_layer_sees_and_draws_a_dot_a_pixel(layers):
    diagrams.field_growth(layers)
    seen = [padding_stride.receptive_field.oracle(layers[: i + 1]) for i in range(len(layers))]
    assert [t for t in texts() if t.startswith("sees")] == [f"sees {n} pixels" for n in seen]
    image = plt.gcf().axes[0].collections[0]
    assert len(image.get_offsets()) == seen[-1]


def test_fields_draw_squares_of_their_size_in_the_middle():
    diagrams.fields(np.zeros((100, 120)), {"a": 10, "b": 40})
    squares = plt.gcf().axes[0].patches
    assert [(s.get_width(), s.get_height()) for s in squares] == [(10, 10), (40, 40)]
    assert {(s.get_x() + s.get_width() / 2, s.get_y() + s.get_height() / 2) for s in squares} == {(59.5, 49.5)}


ROWS = padding_stride.layer_table.oracle(padding_stride.TINY, (1, 4, 4))


def test_print_table_adds_memory_and_totals(capsys):
    diagrams.print_table(ROWS)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1][:1] + lines[1][-4:] == ["input", "16", "0.000", "0", "0"]
    assert lines[-1] == ["total", "59", "0.000", "47", "312"]
    assert len(lines) == 2 + len(ROWS)


def test_cost_bars_draw_a_bar_a_layer_in_their_units():
    diagrams.cost_bars(ROWS, "Costs.")
    memory, parameters, work = plt.gcf().axes
    assert [bar.get_width() for bar in memory.patches] == pytest.approx([4e-6 * n for n in (16, 32, 8, 3)])
    assert [bar.get_width() for bar in parameters.patches] == pytest.approx([0, 20e-6, 0, 27e-6])
    assert [bar.get_width() for bar in work.patches] == pytest.approx([0, 288e-6, 0, 24e-6])
    assert "54%" in texts()  # 32 of 59 activations


def test_public_names_exist():
    assert all(hasattr(diagrams, name) for name in diagrams.__all__)
