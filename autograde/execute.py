"""One submission, from its steps to an execution: cells run in the student's process, cells of tests in the judge.

A job goes in and an execution comes out, both plain data that can cross a process. A student's process that has to be
ended is replaced: the cells before are run again without the one to blame, so that it costs no other answer.
"""

from __future__ import annotations

import faulthandler
import functools
import gc
import json
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeGuard

from autograde import judged
from autograde.course import Limits
from autograde.errors import AutogradeError
from autograde.judge import Judge, Output, Tested, sentence
from autograde.judged import Role, Step
from autograde.reading import Reading
from autograde.sandbox.proxy import Line
from autograde.sandbox.session import HEAVY, Cause, Ended, Session, Warm

NOT_RUN = "NotRun"  # the name of the error in a cell that was never reached
REPLACED = 12  # how often a student's process may be replaced
OUTPUTS = 20_000_000  # characters of all outputs together
LONGEST_ERROR = 20_000  # characters of what an error says
AGAIN = 5.0  # seconds for a cell or a function that has run too long before
STUCK = 300  # seconds beyond the submission's own, after which a worker that is still busy with it ends itself


class End(StrEnum):
    """How an execution can end."""

    FINISHED = "finished"
    TIME = "time limit"
    MEMORY = "memory limit"
    OUTPUT = "output limit"
    DIED = "process died"


ENDS = {
    Cause.TIME: End.TIME,
    Cause.MEMORY: End.MEMORY,
    Cause.OUTPUT: End.OUTPUT,
    Cause.DIED: End.DIED,
    Cause.BROKEN: End.DIED,
}


@dataclass(frozen=True)
class Job:
    """What is run for a submission, with the files that lie beside the notebook (name → content)."""

    student: str
    lesson: str
    steps: tuple[Step, ...]
    limits: Limits
    secret: str = ""
    isolated: bool = True
    files: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Execution:
    """What became of each step (by its place in the notebook), and how it ended; ``cell`` and ``detail`` say where."""

    outputs: Mapping[int, tuple[Output, ...]]
    end: End
    seconds: float
    cell: str = ""
    detail: str = ""
    records: tuple[Mapping[str, Any], ...] = ()
    seeds: Mapping[str, int] = field(default_factory=dict)
    suspicious: tuple[str, ...] = ()


_alone = threading.Lock()  # a process has one warm process, and runs one submission at a time


@functools.cache
def _warm(process: int, *, isolated: bool) -> Warm:
    """This worker's warm process."""
    warm = Warm(isolated=isolated)
    warm.probe()
    return warm


def run(job: Job) -> Execution:
    """Run a job. Whatever the submission does, an execution comes back."""
    started = time.monotonic()
    with _alone, _not_for_ever(job.limits.submission_seconds + STUCK):
        warm = _warm(os.getpid(), isolated=job.isolated)
        runner = Runner(job, warm)
        try:
            runner.run()
        except SandboxBrokenError:  # somebody killed a part of it
            runner = Runner(job, warm, last=True)
            runner.run()
        made = runner.execution(time.monotonic() - started)
        _settle(os.getpid())
        return made


@functools.cache
def _settle(process: int) -> None:
    """After a worker's first job: what there is by now stays; a look through it for garbage takes 0.2 seconds."""
    gc.freeze()


@contextmanager
def _not_for_ever(seconds: float) -> Iterator[None]:
    """End this process when something takes much too long, even where no Python runs: a new worker is tried."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


class SandboxBrokenError(Exception):
    """A part of the sandbox was ended, and not by the submission."""


class Runner:
    """A submission on its way through its steps; ``last`` when it is not tried again if the sandbox breaks."""

    def __init__(self, job: Job, warm: Warm, *, last: bool = False):
        self.job, self.warm, self.last = job, warm, last
        self.reading = Reading.of(judged.answers_of(job.steps))
        self.judge = Judge(job.steps, job.lesson, job.secret)
        self.session: Session | None = None
        self.line: Line | None = None  # to that process
        self.modules = judged.imports_of(job.steps, HEAVY)
        self.deadline = time.monotonic() + job.limits.submission_seconds
        self.outputs: dict[int, tuple[Output, ...]] = {}
        self.records: list[Mapping[str, Any]] = []
        self.seeds: dict[str, int] = {}
        self.ran: list[tuple[Step, float]] = []  # by the student's process, in this order, with seconds for next time
        self.slow: set[str] = set()  # names in tests that were stopped
        self.first: tuple[Ended, Step] | None = None
        self.replaced = 0
        self.left = OUTPUTS

    def run(self) -> None:
        """All steps, one after the other."""
        try:
            for step in self.job.steps:
                self._step(step)
        finally:
            if self.session is not None:
                self.session.close()

    def _step(self, step: Step) -> None:
        try:
            self._run(step)
        except (AutogradeError, SandboxBrokenError):
            raise
        except Exception as error:  # a fault of the grader's costs one cell, not the class
            ended = Ended(Cause.DIED, f"the grader itself failed ({type(error).__name__}: {error})")
            self.outputs[step.place] = (_not_run(sentence(ended)),)
            self._note(ended, step)

    def _run(self, step: Step) -> None:
        if time.monotonic() > self.deadline or self.replaced > REPLACED:
            self._not_reached(step)
        elif step.role is Role.TEST:
            self._test(step)
        else:
            self._cell(step)

    def _not_reached(self, step: Step) -> None:
        late = time.monotonic() > self.deadline
        why = "the submission had used up its time" if late else "Python had to be started anew too often"
        self.outputs[step.place] = (_not_run(f"This cell was not run: {why}."),)
        self._note(Ended(Cause.TIME if late else Cause.DIED, f"before it, {why}"), step)

    def _note(self, ended: Ended, step: Step) -> None:
        """Keep how it ended, where it was the first time; a sandbox that broke says nothing about the submission."""
        if ended.cause is Cause.BROKEN and not self.last:
            raise SandboxBrokenError(ended.detail)
        self.first = self.first or (ended, step)

    def _cell(self, step: Step) -> None:
        outputs, ended = self._in_process(step)
        self.outputs[step.place] = self._kept(outputs)
        if self.line is not None:
            self.line.verdicts.clear()
        if ended is None or self._alive():
            self.ran.append((step, self._seconds(again=ended is not None)))
        if ended is not None:
            self._note(ended, step)
            self.outputs[step.place] += (_not_run(sentence(ended)),)

    def _in_process(self, step: Step) -> tuple[list[Output], Ended | None]:
        """A cell's outputs, and how the process was stopped meanwhile, if it was."""
        try:
            session = self._session()
            reply = session.ask({"do": "cell", "source": step.source}, deadline=self._until(self._seconds()))
        except Ended as ended:
            return [], ended
        outputs = [made for said in _listed(reply.tree.get("outputs")) if (made := _output(said)) is not None]
        if reply.interrupted:
            return outputs, Ended(Cause.TIME, f"it ran for more than {self.job.limits.cell_seconds} s")
        self._note_memory(session, step)
        return outputs, None

    def _test(self, step: Step) -> None:
        """A cell of tests; an answer that was stopped once gets less time in the next one."""
        slow = any(name in step.source for name in self.slow)
        try:
            session = self._session()
            seconds = self._until(self._seconds(again=slow)) - time.monotonic()
            if self.line is None or self.line.session is not session:
                self.line = Line(session, self.reading)
            self.line.renew(seconds)
            tested = self.judge.test(step, self.line)
            self._note_memory(session, step)
        except Ended as ended:
            tested = Tested((_not_run(sentence(ended)),), ended=ended)
        self.outputs[step.place] = self._kept(tested.outputs)
        self.seeds.update(tested.seeds)
        if tested.record is not None:
            self.records.append(tested.record)
        if tested.ended is not None:
            self._note(tested.ended, step)
            self.slow |= {name for name in self.reading.defined if name in step.source}

    def _note_memory(self, session: Session, step: Step) -> None:
        if session.lacked_memory and session.ended is None:
            self._note(Ended(Cause.MEMORY, "there was no more memory for it"), step)

    def _seconds(self, *, again: bool = False) -> float:
        return min(float(self.job.limits.cell_seconds), AGAIN if again else math.inf)

    def _until(self, seconds: float) -> float:
        return min(self.deadline, time.monotonic() + seconds)

    def _alive(self) -> bool:
        return self.session is not None and self.session.ended is None

    def _session(self) -> Session:
        """The student's process; a new one, in which all that was run is run again, where the last one has ended.

        A cell that ends the process when it is run again is left out.
        """
        while self.session is None or self.session.ended is not None:
            self.replaced += self.session is not None
            if self.replaced > REPLACED:
                raise self.session.ended if self.session and self.session.ended else AssertionError
            self.session = self.warm.fork(self.job.limits, self.modules)
            with suppress(Ended):
                self._replay(self.session)
        self.session.renew()
        return self.session

    def _replay(self, session: Session) -> None:
        for name, content in self.job.files:
            session.ask({"do": "file", "name": name}, [content], deadline=self._until(self._seconds()))
        for entry in list(self.ran):
            session.renew()
            try:
                session.ask({"do": "cell", "source": entry[0].source}, deadline=self._until(entry[1]))
            except Ended:
                self.ran.remove(entry)
                raise

    def _kept(self, outputs: Sequence[Output]) -> tuple[Output, ...]:
        """Outputs, as long as there is room for them."""
        kept = []
        for output in outputs:
            size = len(json.dumps(output))
            if size <= self.left or output["output_type"] == "error":
                self.left -= min(size, self.left)
                kept.append(output)
        return tuple(kept)

    def execution(self, seconds: float) -> Execution:
        made = Execution(
            self.outputs,
            End.FINISHED,
            seconds,
            records=tuple(self.records),
            seeds=self.seeds,
            suspicious=self.reading.worth_a_look(),
        )
        if self.first is None:
            return made
        ended, step = self.first
        return replace(made, end=ENDS[ended.cause], cell=step.label, detail=ended.detail)


def _not_run(text: str) -> Output:
    """In the place of outputs: an error, since nbgrader counts a cell of tests without one as passed."""
    return {"output_type": "error", "ename": NOT_RUN, "evalue": text, "traceback": [text]}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _output(said: Any) -> Output | None:
    """What a student's process says is an output, as a notebook has it; None where it is none."""
    if not isinstance(said, dict):
        return None
    kind, text, data = said.get("output_type"), said.get("text"), said.get("data")
    if kind == "stream" and said.get("name") in ("stdout", "stderr") and isinstance(text, str):
        return {"output_type": "stream", "name": said["name"], "text": text}
    if kind == "error":
        lines = "\n".join(filter(_is_text, _listed(said.get("traceback"))))[-LONGEST_ERROR:].split("\n")
        name, value = (text[:LONGEST_ERROR] if _is_text(text := said.get(key)) else "" for key in ("ename", "evalue"))
        return {"output_type": "error", "ename": name, "evalue": value, "traceback": lines}
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return None
    made = {"output_type": kind, "data": {k: v for k, v in data.items() if _is_text(v)}, "metadata": {}}
    return made if kind == "display_data" else {**made, "execution_count": None}


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str)
