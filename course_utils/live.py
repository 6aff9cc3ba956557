"""A training run watched while it runs: a progress bar, and the curves of loss and accuracy as they grow."""

from __future__ import annotations

import base64
import io
import math
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from tqdm import tqdm

__all__ = ["Run", "Screen", "watch"]


@dataclass
class Run:
    """What was seen of a training run.

    images, epochs : how many training images there are, and how many passes over them are expected.
    held_out : parameters → accuracy on images that are not trained on, or None.
    losses, accuracies : of each finished epoch, over its batches as they were trained on.
    held_out_accuracies : after each finished epoch; empty without ``held_out``.
    parameters : the list of arrays that the training steps change; None before the first step.
    """

    images: int
    epochs: int
    held_out: Callable[[list[np.ndarray]], float] | None = None
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    held_out_accuracies: list[float] = field(default_factory=list)
    parameters: list[np.ndarray] | None = None
    _batches: list[tuple[int, float, int]] = field(default_factory=list)  # images, their summed loss, how many right

    def saw_batch(self, scores: np.ndarray, labels: np.ndarray, loss: float) -> None:
        right = int((np.argmax(scores, axis=1) == labels).sum())
        self._batches.append((len(labels), float(loss) * len(labels), right))

    @property
    def epoch_is_over(self) -> bool:
        return sum(count for count, _, _ in self._batches) >= self.images

    def close_epoch(self) -> None:
        """Turn the batches seen since the last epoch into one point of each curve."""
        count, loss, right = np.sum(self._batches, axis=0)
        self._batches.clear()
        self.losses.append(loss / count)
        self.accuracies.append(right / count)
        if self.held_out is not None and self.parameters is not None:
            self.held_out_accuracies.append(float(self.held_out(self.parameters)))

    def draw(self, figure: Figure) -> None:
        """Fill an empty figure with the curves so far, on axes as long as the whole run."""
        left, right = figure.subplots(
            1, 2, gridspec_kw={"left": 0.1, "right": 0.98, "bottom": 0.18, "top": 0.95, "wspace": 0.25}
        )
        epochs = np.arange(1, len(self.losses) + 1)
        left.plot(epochs, self.losses, "-o", markersize=4)
        left.set(xlabel="epoch", ylabel="loss (cross entropy)", yscale="log")
        right.plot(epochs, self.accuracies, "-o", markersize=4, label="training, during the epoch")
        if self.held_out_accuracies:
            right.plot(epochs, self.held_out_accuracies, "-s", markersize=4, label="held out, after the epoch")
        right.set(xlabel="epoch", ylabel="accuracy")
        right.legend(fontsize=8, loc="lower right")
        for axes in (left, right):
            axes.set_xlim(0.5, self.epochs + 0.5)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.3)


@contextmanager
def watch(
    scope: MutableMapping[str, Any],
    *,
    images: int,
    epochs: int,
    held_out: Callable[[list[np.ndarray]], float] | None = None,
    loss: str = "softmax_cross_entropy",
    step: str = "sgd_momentum",
) -> Iterator[Run]:
    """Watch a training run: ``with watch(globals(), images=…, epochs=…) as run: train(…)``.

    For the time of the block, two functions of ``scope`` are replaced by ones that do the same and also write down what
    passes through them. Whoever trains by calling them is watched without knowing. In a notebook the curves are
    redrawn after every epoch; in a terminal they become one pyplot figure at the end.

    Parameters
    ----------
    scope : the names of the notebook, ``globals()``.
    images : how many training images there are.
    epochs : how many passes over them the run will make.
    held_out : takes the list of parameters, returns an accuracy in [0, 1]; called after every epoch.
    loss : the name of a function (scores, labels) → (loss, gradient); its calls are counted.
    step : the name of a function (parameters, …) that changes the parameters.

    Raises
    ------
    ValueError
        for a name that the scope does not have.
    """
    missing = [name for name in (loss, step) if name not in scope]
    if missing:
        raise ValueError(
            f"expected functions called {loss} and {step}, got no {missing[0]}: run the cell that defines it"
        )
    run, originals = Run(images, epochs, held_out), {loss: scope[loss], step: scope[step]}

    def watched_loss(scores: np.ndarray, labels: np.ndarray) -> Any:
        if run.epoch_is_over:
            run.close_epoch()
            screen.renew()
        result = originals[loss](scores, labels)
        run.saw_batch(scores, labels, result[0])
        screen.advance(len(labels))
        return result

    def watched_step(parameters: list[np.ndarray], *arguments: Any, **keywords: Any) -> Any:
        run.parameters = parameters
        return originals[step](parameters, *arguments, **keywords)

    with Screen(run) as screen:
        scope.update({loss: watched_loss, step: watched_step})
        try:
            yield run
            if run.epoch_is_over:
                run.close_epoch()
                screen.renew()
        finally:
            scope.update(originals)


class Watched(Protocol):
    """What a screen shows: a run that knows its length and its losses so far, and draws itself."""

    epochs: int
    losses: list[float]

    @property
    def images(self) -> int | None: ...

    def draw(self, figure: Figure) -> None: ...


class Screen:
    """Where a run is shown: a bar of text and a picture, both renewed in place where a notebook runs.

    Showing takes time from the training, so short epochs share a picture. Use it in a ``with`` block: at its end the
    last picture is drawn, after an error nothing more.

    Parameters
    ----------
    run : what is shown. Where the number of images is not known, the bar has no end until it is.
    visible : False shows nothing at all.
    """

    seconds = 0.5  # between two pictures, and between two bars, at least

    def __init__(self, run: Watched, *, visible: bool = True):
        self.run = run
        self.visible = visible
        self.in_notebook = visible and _kernel_runs()
        self.shown = {"bar": -math.inf, "curves": -math.inf}  # when, in seconds
        self.handles: dict[str, Any] = {}
        self.bar = tqdm(
            total=self._total(),
            initial=(run.images or 0) * len(run.losses),
            unit=" images",
            file=io.StringIO() if self.in_notebook else sys.stdout,
            ncols=80,
            mininterval=0.5,
            ascii=False,
            disable=not visible,
        )

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if error is None and self.visible:
                self._finish()
        finally:
            self.bar.close()

    def advance(self, images: int) -> None:
        """So many more images were trained on."""
        self.bar.update(images)
        if self._is_due("bar"):
            self._show_bar()

    def renew(self) -> None:
        """An epoch is over."""
        self.bar.total = self._total()
        if self._is_due("curves"):
            self._show_bar()
            self._show_curves()

    def _total(self) -> int | None:
        return self.run.images * self.run.epochs if self.run.images else None

    def _finish(self) -> None:
        if self.in_notebook:
            self._show_bar()
        if self.run.losses and self.in_notebook:
            self._show_curves()
        elif self.run.losses:
            self.run.draw(plt.figure(figsize=(8, 3)))

    def _is_due(self, name: str) -> bool:
        return self.in_notebook and time.monotonic() > self.shown[name] + self.seconds

    def _show_bar(self) -> None:
        self._show("bar", {"text/plain": str(self.bar)})

    def _show_curves(self) -> None:
        figure = Figure(figsize=(8, 3))
        self.run.draw(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
        self._show("curves", {"image/png": base64.b64encode(buffer.getvalue()).decode()})

    def _show(self, name: str, bundle: dict[str, str]) -> None:
        from IPython.display import display

        if name in self.handles:
            self.handles[name].update(bundle, raw=True)
        else:
            self.handles[name] = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self.shown[name] = time.monotonic()


def _kernel_runs() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None
