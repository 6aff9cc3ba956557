"""Where a training step's time goes, and what each optimization gains on the device at hand."""

from __future__ import annotations

import copy
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from course_utils.plots import captioned_figure

__all__ = ["Rung", "climb", "graphed", "ladder", "profile", "profile_chart", "timeline"]

Step = Callable[[], Any]
TrainStep = Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.optim.Optimizer, bool], Any]


@dataclass(frozen=True)
class Rung:
    """One optimization: images a second with it and all before it, or why there are none."""

    name: str
    rate: float | None
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name}: " + (f"{self.rate:,.0f} images a second" if self.rate else self.reason)


def climb(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    train_step: TrainStep,
    throughput: Callable[[Step, int, int], float],
    *,
    repeats: int = 5,
    patience: float = 25.0,
) -> list[Rung]:
    """Time a training step with one optimization after the other, each on top of those before it.

    Parameters
    ----------
    model, images, labels : on one device; the model is copied and stays as it is.
    train_step : ``train_step(model, images, labels, optimizer, amp)``.
    throughput : ``throughput(step, batch, repeats)`` → images a second.
    repeats : steps that are timed.
    patience : seconds after which ``torch.compile`` is given up.
    """
    cuda = images.is_cuda
    rungs: list[Rung] = []

    def add(name: str, amp: bool, net: nn.Module, x: torch.Tensor, wanted: bool = True, limit: float = 0.0) -> None:
        if not wanted:
            rungs.append(Rung(name, None, "needs a CUDA device"))
            return
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
        try:
            with _at_most(limit):
                rate = throughput(lambda: train_step(net, x, labels, optimizer, amp), len(x), repeats)
            rungs.append(Rung(name, float(rate)))
        except Exception as error:  # a compiler that is missing, or too slow
            rungs.append(Rung(name, None, _short(error)))

    plain, last = copy.deepcopy(model), copy.deepcopy(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    moved = images.contiguous(memory_format=torch.channels_last)
    with _matmul_precision("highest"):
        add("float32", False, plain, images)
    with _matmul_precision("high"):
        add("TF32", False, plain, images, cuda)
        add("bf16 autocast", True, plain, images)
        add("channels_last", True, last, moved)
        add("torch.compile", True, torch.compile(copy.deepcopy(last)), moved, limit=patience)  # type: ignore[arg-type]
        rungs.append(_with_graph(copy.deepcopy(last), moved, labels, train_step, throughput, repeats))
    return rungs


def _with_graph(
    net: nn.Module, x: torch.Tensor, labels: torch.Tensor, train_step: TrainStep, throughput: Any, repeats: int
) -> Rung:
    """The step of before, compiled where that works, replayed from a CUDA graph."""
    if not x.is_cuda:
        return Rung("CUDA graph", None, "needs a CUDA device")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    try:
        replay = graphed(lambda: train_step(net, x, labels, optimizer, True))
        return Rung("CUDA graph", float(throughput(replay, len(x), repeats)))
    except Exception as error:
        return Rung("CUDA graph", None, _short(error))


def _short(error: Exception) -> str:
    """What went wrong, in a line; a compiler wraps a timeout into errors of its own."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    given_up = [line for line in lines if "given up after" in line]
    return (given_up or lines)[0].removeprefix("TimeoutError: ")[:90]


def graphed(step: Step, warm_up: int = 3) -> Step:
    """Record what a step gives a CUDA device to do; the result hands all of it over at once.

    Every tensor must stay where it is: new data are copied into the tensors that the step reads.
    """
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(warm_up):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


@contextmanager
def _matmul_precision(precision: str) -> Iterator[None]:
    """float32 products as they are ("highest") or in TF32 ("high"), convolutions alike; as before afterwards."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision(precision)
        torch.backends.cudnn.allow_tf32 = precision == "high"
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """TimeoutError after so many seconds; 0 for no limit. Only a process's main thread can be stopped so."""
    if not seconds or threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: Any) -> None:
        raise TimeoutError(f"given up after {seconds:g} s")

    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def ladder(rungs: Sequence[Rung], caption: str = "") -> None:
    """Draw one bar an optimization, with its gain over the bar before it; those that were not measured say why."""
    _, axes = captioned_figure(caption, 7.2, 0.5 + 0.42 * len(rungs))
    most, before = max((r.rate for r in rungs if r.rate), default=1.0), None
    for i, rung in enumerate(rungs):
        text = rung.reason
        if rung.rate:
            axes.barh(i, rung.rate, color="#4c72b0")
            text = f"{rung.rate:,.0f}" + (f"  (× {rung.rate / before:.2f})" if before else "")
            before = rung.rate
        axes.text((rung.rate or 0) + 0.01 * most, i, f" {text}", va="center", fontsize=8)
    axes.set_yticks(range(len(rungs)), [r.name for r in rungs], fontsize=9)
    axes.set_ylim(len(rungs) - 0.4, -0.6)
    axes.set_xlim(0, 1.35 * most)
    axes.set_xlabel("images a second in training (in brackets: against the last bar that was measured)")


def profile(step: Step, steps: int = 3) -> dict[str, float]:
    """Milliseconds a step that each operation takes by itself, on the device where there is one; the longest first."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as recorder

    cuda = torch.cuda.is_available()
    step()
    with recorder(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]) as record:
        for _ in range(steps):
            step()
    field = "self_device_time_total" if cuda else "self_cpu_time_total"
    times = {event.key: getattr(event, field) / 1000 / steps for event in record.key_averages()}
    return dict(sorted(((name, t) for name, t in times.items() if t > 0), key=lambda item: -item[1]))


def profile_chart(times: Mapping[str, float], caption: str = "", most: int = 10) -> None:
    """Draw the operations that take longest, and all others as one bar."""
    names, values = list(times)[:most], list(times.values())
    names, bars = [*names, "all others"], [*values[:most], sum(values[most:])]
    _, axes = captioned_figure(caption, 7.2, 0.6 + 0.27 * len(names))
    drawn = axes.barh([name.removeprefix("aten::")[:42] for name in names], bars, color="#4c72b0")
    axes.bar_label(drawn, [f"{v:.2f} ms, {v / sum(values):.0%}" for v in bars], fontsize=8, padding=2)
    axes.invert_yaxis()
    axes.margins(x=0.3)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("milliseconds a step")


def timeline(launch: float, work: float, first: float, calls: int, caption: str = "") -> None:
    """Draw how a GPU's queue fills and empties: what Python does above, what the device does below.

    Parameters
    ----------
    launch, work : milliseconds that a call takes to hand over, and to be done.
    first : milliseconds of the device's work of the first call.
    calls : how many, the first included.
    """
    _, axes = captioned_figure(caption, 7.2, 2.0)
    free = 0.0
    for i in range(calls):
        axes.broken_barh([(i * launch, launch)], (1.1, 0.8), facecolors="#dd8452", edgecolor="white")
        start, length = max(free, i * launch), first if i == 0 else work
        color = "#c44e52" if i == 0 else "#4c72b0"
        axes.broken_barh([(start, length)], (0, 0.8), facecolors=color, edgecolor="white")
        axes.text(start + length / 2, 0.4, "warm-up" if i == 0 else f"{i}", ha="center", va="center", color="white")
        free = start + length
    for at, text in ((calls * launch, "Python is done"), (free, "the device is done")):
        axes.axvline(at, color="black", linewidth=0.8, linestyle="--")
        axes.text(at, 2.05, text, ha="center", fontsize=8)
    axes.set(yticks=[0.4, 1.5], yticklabels=["device", "Python"], xlabel="milliseconds", ylim=(-0.1, 2.0))
