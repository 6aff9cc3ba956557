"""What a training run has seen: losses and accuracies, epoch by epoch."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from course_utils.plots import plain_logarithm

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

__all__ = ["History"]

CURVES = ("losses", "accuracies", "validation_losses", "validation_accuracies", "seconds")


@dataclass
class History:
    """The course of a training run.

    epochs : how many were asked for.
    images : how many training images there are; None until an epoch has counted them.
    losses, accuracies : of each epoch, over its batches as they were trained on.
    validation_losses, validation_accuracies : after each epoch; empty without validation images.
    seconds : that each epoch took, validation included.
    """

    epochs: int
    images: int | None = None
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    validation_accuracies: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    _seen: list[tuple[int, torch.Tensor, torch.Tensor]] = field(default_factory=list, repr=False)
    _started: float = field(default_factory=time.perf_counter, repr=False)

    @property
    def done(self) -> int:
        """Whole epochs so far."""
        return len(self.losses)

    @property
    def batches(self) -> int:
        """Batches so far in the epoch that runs."""
        return len(self._seen)

    @property
    def progress(self) -> float:
        """Epochs so far, with the fraction of the one that runs where the number of images is known."""
        seen = sum(count for count, _, _ in self._seen)
        return self.done + (min(seen / self.images, 1.0) if self.images else 0.0)

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, with the highest validation accuracy; of equal ones that with the lowest loss.

        Without validation the last one; 0 before the first is over.
        """
        if not self.validation_accuracies:
            return self.done
        return 1 + max(range(self.done), key=lambda i: (self.validation_accuracies[i], -self.validation_losses[i]))

    def saw_batch(self, scores: torch.Tensor, labels: torch.Tensor, loss: torch.Tensor) -> None:
        """Note a batch: scores (N, classes), labels (N,), the mean loss. Nothing waits for a GPU here."""
        self._seen.append((len(labels), loss * len(labels), (scores.argmax(1) == labels).sum()))

    def close_epoch(self, validation: tuple[float, float] | None = None) -> None:
        """Turn the batches since the last epoch into one point of each curve.

        Parameters
        ----------
        validation : loss and accuracy on the validation images.

        Raises
        ------
        ValueError
            where there was no batch.
        """
        if not self._seen:
            raise ValueError("expected batches to train on, got none in this epoch: they must be there again in each")
        self.images = sum(count for count, _, _ in self._seen)
        self.losses.append(sum(float(loss) for _, loss, _ in self._seen) / self.images)
        self.accuracies.append(sum(int(right) for _, _, right in self._seen) / self.images)
        if validation is not None:
            self.validation_losses.append(validation[0])
            self.validation_accuracies.append(validation[1])
        now = time.perf_counter()
        self.seconds.append(now - self._started)
        self._started = now
        self._seen.clear()

    def state(self) -> dict[str, list[float]]:
        """The curves, to be saved."""
        return {name: list(getattr(self, name)) for name in CURVES}

    def restore(self, state: dict[str, list[float]]) -> None:
        """Take up curves that were saved."""
        for name in CURVES:
            setattr(self, name, list(state[name]))

    def __str__(self) -> str:
        if not self.done:
            return f"no epoch of {self.epochs} is over"
        text = f"epoch {self.done} of {self.epochs}: loss {self.losses[-1]:.4f}, accuracy {self.accuracies[-1]:.2%}"
        if self.validation_accuracies:
            best = self.best_epoch
            text += f"; validation {self.validation_accuracies[-1]:.2%}"
            text += f", best {self.validation_accuracies[best - 1]:.2%} after epoch {best}"
        return f"{text}; {sum(self.seconds):.1f} s"

    def draw(self, figure: Figure) -> None:
        """Fill an empty figure with the curves so far, on axes as long as the whole run."""
        margins = {"left": 0.1, "right": 0.98, "bottom": 0.18, "top": 0.95, "wspace": 0.25}
        loss, accuracy = figure.subplots(1, 2, gridspec_kw=margins)
        numbered = np.arange(1, self.done + 1)
        for axes, trained, validated in (
            (loss, self.losses, self.validation_losses),
            (accuracy, self.accuracies, self.validation_accuracies),
        ):
            axes.plot(numbered, trained, "-o", markersize=4, label="training, during the epoch")
            if validated:
                axes.plot(numbered, validated, "-s", markersize=4, label="validation, after the epoch")
            axes.set_xlim(0.5, self.epochs + 0.5)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.3)
        loss.set(ylabel="loss (cross entropy)", yscale="log")
        plain_logarithm(loss.yaxis)
        accuracy.set_ylabel("accuracy")
        accuracy.legend(fontsize=8, loc="lower right")
