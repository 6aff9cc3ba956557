"""A device that is not there, with a clock of its own: what an answer that times a device reads is known exactly.

The simulation is a queue. A call hands work over and comes back; the device does the work one piece after the other.
Everything here is used beside the answer, by a recipe (:mod:`course_utils.recipe`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Device", "Event", "Pace", "timed"]

EARLY = 1000.0  # seconds on the clock when it starts: nobody may count on zero


@dataclass(frozen=True)
class Pace:
    """How long things take, in seconds.

    compile : the first call's own time on the host, in which the device has nothing to do.
    first : the device's work of the first call.
    launch : a later call's time on the host.
    work : the device's work of a later call, at least as long as ``launch``.
    """

    compile: float
    first: float
    launch: float
    work: float


class Device:
    """A queue of work and the clock of the process that fills it.

    present : False for a machine without a GPU, where a call comes back when its work is done.
    """

    def __init__(self, pace: Pace, present: bool):
        self.pace, self.present = pace, present
        self.now = self.free = EARLY  # the clock; when the queue is empty
        self.calls = 0

    def step(self) -> None:
        """Hand a piece of work over."""
        if self.calls == 0:
            self.now += self.pace.compile
            self.free = self.now + self.pace.first
        else:
            self.free = max(self.now, self.free) + self.pace.work
            self.now += self.pace.launch
        self.calls += 1
        if not self.present:
            self.now = self.free

    def synchronize(self, *_: Any) -> None:
        """Wait for the queue to be empty."""
        if not self.present:
            raise AssertionError("Torch not compiled with CUDA enabled")
        self.now = max(self.now, self.free)

    @contextmanager
    def in_place(self, answer: Any) -> Iterator[None]:
        """Let time's clocks and PyTorch's waiting be those of this device, also where an answer imported them."""
        changes = [(owner, name, getattr(owner, name), new) for owner, name, new in self._stand_ins()]
        own = _globals(answer)
        swapped = {k: v for k, v in own.items() if callable(v) and any(v is old for _, _, old, _ in changes)}
        try:
            for owner, name, _, new in changes:
                setattr(owner, name, new)
            own.update({k: next(new for _, _, old, new in changes if old is v) for k, v in swapped.items()})
            yield
        finally:
            own.update(swapped)
            for owner, name, old, _ in changes:
                setattr(owner, name, old)

    def _stand_ins(self) -> Iterator[tuple[Any, str, Any]]:
        for name in ("perf_counter", "time", "monotonic"):
            yield time, name, lambda: self.now
            yield time, f"{name}_ns", lambda: round(1e9 * self.now)
        for name in ("process_time", "thread_time"):  # two threads are busy all the time
            yield time, name, lambda: 2 * self.now
            yield time, f"{name}_ns", lambda: round(2e9 * self.now)
        yield torch.cuda, "is_available", lambda: self.present
        yield torch.cuda, "synchronize", self.synchronize
        yield torch.cuda, "Event", lambda *_, **__: Event(self)
        yield torch.cuda, "current_stream", lambda *_: self
        yield torch.backends.mps, "is_available", lambda: False
        if hasattr(torch, "accelerator"):
            yield torch.accelerator, "is_available", lambda *_: self.present
            yield torch.accelerator, "synchronize", self.synchronize


class Event:
    """``torch.cuda.Event`` of a simulated device: a mark in the queue."""

    def __init__(self, device: Device):
        self.device, self.at = device, 0.0

    def record(self, *_: Any) -> None:
        """Put the mark behind all that is in the queue."""
        self.at = max(self.device.now, self.device.free)

    def synchronize(self) -> None:
        """Wait for the mark."""
        self.device.now = max(self.device.now, self.at)

    def elapsed_time(self, end: Event) -> float:
        """Milliseconds from this mark to another."""
        return 1e3 * (end.at - self.at)


def timed(answer: Callable[..., Any], batch: int, repeats: int, pace: tuple[float, ...], present: bool) -> Any:
    """What an answer ``throughput(step, batch, repeats)`` says of a simulated device; ``pace`` as in :class:`Pace`."""
    device = Device(Pace(*pace), present)
    with device.in_place(answer):
        return answer(device.step, batch, repeats)


def _globals(answer: Any) -> dict[str, Any]:
    """The names that a function's code looks up, also behind partial applications; none of other callables."""
    while hasattr(answer, "func"):
        answer = answer.func
    found: dict[str, Any] = getattr(answer, "__globals__", {})
    return found
