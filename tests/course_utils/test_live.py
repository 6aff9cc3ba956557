import base64
import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils import live


@pytest.fixture
def notebook():
    """A scope with a loss, a step, and a training loop that calls them by name."""
    scope = {"calls": []}
    code = """
def softmax_cross_entropy(scores, labels):
    calls.append(len(labels))
    return 2.0 / len(calls), scores

def sgd_momentum(parameters, gradients, velocity, lr, momentum=0.9):
    parameters[0] += lr

def train(images, labels, epochs, batch=4):
    parameters = [images.sum() * 0]
    for _ in range(epochs):
        for start in range(0, len(images), batch):
            softmax_cross_entropy(images[start : start + batch], labels[start : start + batch])
            sgd_momentum(parameters, None, None, lr=1)
"""
    exec(code, scope)
    yield SimpleNamespace(scope=scope, images=np.eye(3)[[0, 1, 2] * 3], labels=np.array([0, 1, 2, 0, 1, 2, 1, 1, 1]))
    plt.close("all")


def test_a_run_is_written_down_epoch_by_epoch(notebook, capsys):
    with live.watch(notebook.scope, images=9, epochs=2, held_out=lambda parameters: parameters[0] / 10) as run:
        notebook.scope["train"](notebook.images, notebook.labels, 2)
    assert run.losses == pytest.approx([(4 * 2 + 4 * 1 + 2 / 3) / 9, (4 / 2 + 4 * 2 / 5 + 2 / 6) / 9])
    assert run.accuracies == pytest.approx([7 / 9, 7 / 9])
    assert run.held_out_accuracies == pytest.approx([0.3, 0.6])  # three steps an epoch
    assert run.parameters[0] == 6
    assert "18/18" in capsys.readouterr().out


def test_in_a_terminal_the_curves_are_one_figure_with_named_axes(notebook):
    with live.watch(notebook.scope, images=9, epochs=3):
        notebook.scope["train"](notebook.images, notebook.labels, 3)
    (number,) = plt.get_fignums()
    loss, accuracy = plt.figure(number).axes
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss (cross entropy)")
    assert accuracy.get_ylabel() == "accuracy"
    assert len(loss.lines[0].get_xdata()) == 3
    assert loss.get_xlim() == (0.5, 3.5)
    assert [t.get_text() for t in accuracy.get_legend().get_texts()] == ["training, during the epoch"]


def test_in_a_notebook_a_bar_and_a_picture_are_renewed_in_place(notebook, monkeypatch, capsys):
    shown, updated = [], []
    handle = SimpleNamespace(update=lambda bundle, raw: updated.append(bundle))
    display = SimpleNamespace(display=lambda bundle, raw, display_id: shown.append(bundle) or handle)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(live, "_kernel_runs", lambda: True)
    monkeypatch.setattr(live.Screen, "seconds", -1)
    with live.watch(notebook.scope, images=9, epochs=3):
        notebook.scope["train"](notebook.images, notebook.labels, 3)
    assert [list(bundle) for bundle in shown] == [["text/plain"], ["image/png"]]
    pictures = [base64.b64decode(bundle["image/png"]) for bundle in shown + updated if "image/png" in bundle]
    assert len(pictures) == 4  # three epochs, and the end
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    bars = [bundle["text/plain"] for bundle in updated if "text/plain" in bundle]
    assert "27/27" in bars[-1]
    assert capsys.readouterr().out == ""
    assert not plt.get_fignums()


def test_the_functions_are_put_back_also_after_an_error(notebook):
    before = notebook.scope["softmax_cross_entropy"], notebook.scope["sgd_momentum"]
    with pytest.raises(ZeroDivisionError), live.watch(notebook.scope, images=9, epochs=1):
        assert notebook.scope["softmax_cross_entropy"] is not before[0]
        notebook.scope["train"](notebook.images, notebook.labels, 1 // 0)
    assert (notebook.scope["softmax_cross_entropy"], notebook.scope["sgd_momentum"]) == before


def test_what_a_watched_function_returns_reaches_the_caller(notebook):
    with live.watch(notebook.scope, images=9, epochs=1):
        loss, gradient = notebook.scope["softmax_cross_entropy"](notebook.images, notebook.labels)
        with pytest.raises(TypeError):
            notebook.scope["sgd_momentum"]([np.zeros(1)], None, None)
    assert loss == 2
    assert gradient is notebook.images


def test_a_scope_without_the_functions_is_refused_with_their_names():
    with (
        pytest.raises(ValueError, match="sgd_momentum"),
        live.watch({"softmax_cross_entropy": len}, images=1, epochs=1),
    ):
        pass


def test_nothing_is_drawn_where_nothing_was_seen(notebook):
    with live.watch(notebook.scope, images=9, epochs=1) as run:
        pass
    assert run.losses == []
    assert not plt.get_fignums()
