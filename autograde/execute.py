"""One submission, from its steps to an execution: cells run in the student's process, cells of tests in the judge.

A job goes in and an execution comes out, both plain data that can cross a process. A student's process that has to be
ended is replaced: the cells before are run again without the one to blame, so that it costs no other answer.
"""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from autograde import judged
from autograde.course import Limits
from autograde.judge import Judge, Output, Tested, sentence
from autograde.judged import Role, Step
from autograde.reading import Reading
from autograde.sandbox.proxy import Line
from autograde.sandbox.session import Cause, Ended, Session, Warm

NOT_RUN = "NotRun"  # the name of the error in a cell that was never reached
REPLACED = 12  # how often a student's process may be replaced
OUTPUTS = 20_000_000  # characters of all outputs together


class End(StrEnum):
    """How an execution can end."""

    FINISHED = "finished"
    TIME = "time limit"
    MEMORY = "memory limit"
    OUTPUT = "output limit"
    DIED = "process died"


ENDS = {Cause.TIME: End.TIME, Cause.MEMORY: End.MEMORY, Cause.OUTPUT: End.OUTPUT, Cause.DIED: End.DIED}


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


@functools.cache
def _warm(process: int, *, isolated: bool) -> Warm:
    """This worker's warm process."""
    return Warm(isolated=isolated)


def run(job: Job) -> Execution:
    """Run a job. Whatever the submission does, an execution comes back."""
    started = time.monotonic()
    runner = Runner(job, _warm(os.getpid(), isolated=job.isolated), Reading.of(judged.answers_of(job.steps)))
    try:
        for step in job.steps:
            runner.step(step)
    finally:
        runner.close()
    return runner.execution(time.monotonic() - started)


class Runner:
    """A submission on its way through its steps."""

    def __init__(self, job: Job, warm: Warm, reading: Reading):
        self.job, self.warm, self.reading = job, warm, reading
        self.judge = Judge(job.steps, job.lesson, job.secret)
        self.session: Session | None = None
        self.modules = judged.imports_of(job.steps)
        self.deadline = time.monotonic() + job.limits.submission_seconds
        self.outputs: dict[int, tuple[Output, ...]] = {}
        self.records: list[Mapping[str, Any]] = []
        self.seeds: dict[str, int] = {}
        self.ran: list[Step] = []  # by the student's process, in this order
        self.slow: set[str] = set()  # names in tests that were stopped
        self.first: tuple[Ended, Step] | None = None
        self.replaced = 0
        self.left = OUTPUTS

    def step(self, step: Step) -> None:
        if time.monotonic() > self.deadline or self.replaced > REPLACED:
            self.outputs[step.place] = (_not_run("This cell was not run: the submission had used up its time."),)
            if self.first is None:
                self.first = Ended(Cause.TIME, "all cells together took too long"), step
        elif step.role is Role.TEST:
            self._test(step)
        else:
            self._cell(step)

    def _cell(self, step: Step) -> None:
        outputs, ended = self._in_process(step)
        self.outputs[step.place] = self._kept(outputs)
        if ended is None or self._alive():
            self.ran.append(step)
        if ended is not None:
            self.first = self.first or (ended, step)
            self.outputs[step.place] += (_not_run(sentence(ended)),)

    def _in_process(self, step: Step) -> tuple[Sequence[Output], Ended | None]:
        """A cell's outputs, and how the process was stopped meanwhile, if it was."""
        try:
            session = self._session()
            deadline = min(self.deadline, time.monotonic() + self.job.limits.cell_seconds)
            reply = session.ask({"do": "cell", "source": step.source}, deadline=deadline)
        except Ended as ended:
            return (), ended
        outputs = [o for o in _listed(reply.tree.get("outputs")) if _is_output(o)]
        if reply.interrupted:
            return outputs, Ended(Cause.TIME, f"it ran for more than {self.job.limits.cell_seconds} s")
        if reply.tree.get("failed") == "MemoryError" and self.first is None:
            self.first = Ended(Cause.MEMORY, "there was no more memory for it"), step
        return outputs, None

    def _test(self, step: Step) -> None:
        """A cell of tests; an answer that was stopped once gets less time in the next one."""
        names = {name for name in self.slow if name in step.source}
        seconds = min(5.0, self.job.limits.cell_seconds) if names else float(self.job.limits.cell_seconds)
        try:
            line = Line(self._session(), self.reading, min(seconds, self.deadline - time.monotonic()))
        except Ended as ended:
            tested = Tested((_not_run(sentence(ended)),), ended=ended)
        else:
            tested = self.judge.test(step, line)
        self.outputs[step.place] = self._kept(tested.outputs)
        self.seeds.update(tested.seeds)
        if tested.record is not None:
            self.records.append(tested.record)
        if tested.ended is not None:
            self.first = self.first or (tested.ended, step)
            self.slow |= {name for name in self.reading.defined if name in step.source}

    def _alive(self) -> bool:
        return self.session is not None and self.session.ended is None

    def _session(self) -> Session:
        """The student's process; a new one, in which all that was run is run again, where the last one has ended."""
        if self.session is not None and self.session.ended is None:
            return self.session
        if self.session is not None:
            self.replaced += 1
        self.session = self.warm.fork(self.job.limits, self.modules)
        self._place_files(self.session)
        for step in list(self.ran):
            deadline = min(self.deadline, time.monotonic() + self.job.limits.cell_seconds)
            try:
                self.session.ask({"do": "cell", "source": step.source}, deadline=deadline)
            except Ended:
                self.ran.remove(step)
                raise
        return self.session

    def _place_files(self, session: Session) -> None:
        for name, content in self.job.files:
            deadline = min(self.deadline, time.monotonic() + self.job.limits.cell_seconds)
            session.ask({"do": "file", "name": name}, [content], deadline=deadline)

    def _kept(self, outputs: Sequence[Output]) -> tuple[Output, ...]:
        """Outputs, as long as there is room for them."""
        kept = []
        for output in outputs:
            size = len(json.dumps(output))
            if size <= self.left or output["output_type"] == "error":
                self.left -= min(size, self.left)
                kept.append(output)
        return tuple(kept)

    def close(self) -> None:
        if self.session is not None:
            self.session.close()

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


def _is_output(value: Any) -> bool:
    """Whether what a student's process says is an output can be put into a notebook."""
    if not isinstance(value, dict):
        return False
    kind = value.get("output_type")
    if kind == "stream":
        return value.get("name") in ("stdout", "stderr") and isinstance(value.get("text"), str)
    if kind == "error":
        texts = value.get("traceback")
        lines = isinstance(texts, list) and all(isinstance(line, str) for line in texts)
        return lines and isinstance(value.get("ename"), str) and isinstance(value.get("evalue"), str)
    data = value.get("data")
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return False
    return all(isinstance(text, str) for text in data.values())
