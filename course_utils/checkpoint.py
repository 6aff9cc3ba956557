"""A training run in a file, so that it goes on after a crash, a closed laptop or a kill."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_utils.history import History

__all__ = ["Checkpoint"]


class Checkpoint:
    """The state of a run: weights, the optimizer's own numbers, the curves, and the best weights so far.

    Where the file exists, model, optimizer and history are brought to where it ends. Without a file it keeps only the
    best weights, in memory.

    Parameters
    ----------
    path : of the file; None for none. It is replaced as a whole, so that whoever kills the process finds the last
        epoch's or the one before, never a part.
    model, optimizer, history : of the run, and changed where the file exists.
    seed : of the run.

    Raises
    ------
    ValueError
        for a file that cannot be read, or that belongs to another model, optimizer, seed or a longer run.
    """

    def __init__(
        self,
        path: str | Path | None,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        history: History,
        seed: int,
    ):
        self.path = Path(path) if path is not None else None
        self.model, self.optimizer, self.history = model, optimizer, history
        self.settings = {
            "seed": seed,
            "model": type(model).__name__,
            "optimizer": type(optimizer).__name__,
            **{k: v for k, v in optimizer.defaults.items() if isinstance(v, int | float | tuple | str)},
        }
        self.best: dict[str, torch.Tensor] | None = None
        if self.path is not None and self.path.exists():
            self._resume(self.path)

    def save(self) -> None:
        """Keep the epoch that is over: its weights if they are the best, and everything in the file."""
        if self.history.best_epoch == self.history.done:
            self.best = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        if self.path is not None:
            _write(
                self.path,
                {
                    "settings": self.settings,
                    "history": self.history.state(),
                    "weights": self.model.state_dict(),
                    "best": self.best,
                    "optimizer": self.optimizer.state_dict(),
                },
            )

    @contextmanager
    def best_at_the_end(self) -> Iterator[None]:
        """However the block ends, the model has its best weights then, if an epoch was over."""
        try:
            yield
        finally:
            if self.best is not None:
                self.model.load_state_dict(self.best)

    def _resume(self, path: Path) -> None:
        state = _read(path)
        anew = f"delete {path} to start anew, or name another file"
        for name, here in self.settings.items():
            there = state["settings"].get(name)
            if there != here:
                raise ValueError(f"expected a checkpoint of this run, got one with {name} {there} for {here}: {anew}")
        done = len(state["history"]["losses"])
        if done > self.history.epochs:
            raise ValueError(f"expected a checkpoint of at most {self.history.epochs} epochs, got {done}: {anew}")
        try:
            self.model.load_state_dict(state["weights"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"expected a checkpoint of this model, got other layers: {anew}") from error
        self.history.restore(state["history"])
        self.best = state["best"]
        print(f"Going on after epoch {done} of {self.history.epochs}, from {path}.")


def _write(path: Path, state: dict[str, Any]) -> None:
    """Write beside the old file, then put the new one in its place at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or not {"settings", "history", "weights", "best", "optimizer"} <= state.keys():
            raise KeyError("it holds something else")
    except (RuntimeError, EOFError, OSError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"expected a checkpoint, got {path}, which cannot be read ({reason}): delete it to start anew"
        ) from error
    return state
