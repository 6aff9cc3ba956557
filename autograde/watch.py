"""``autograde watch``: what arrives in ``submitted/`` is graded at once, and its feedback and the report are written.

Folders are looked at again and again: that works on any disk, a share of the network too. Workers stay, warm.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograde import execute, judged, schedule
from autograde import feedback as pages
from autograde.course import Course
from autograde.execute import Job
from autograde.grade import Graded, Progress, grade
from autograde.gradebook import Book
from autograde.lesson import Lesson
from autograde.outcomes import Outcome
from autograde.report import report
from course_utils import exercises

PAUSE = 0.1  # seconds between two looks, and how long a file must have stayed as it is
SHARE = 0.1  # of one core at most, for looking

State = dict[tuple[str, str], tuple[tuple[str, int, int], ...]]  # lesson and student → file, time and size, of all


@dataclass
class Standing:
    """Makes the workers of one run after the other: the same ones, until one of them dies."""

    make: schedule.MakeExecutor
    pool: Executor | None = None

    def __call__(self, workers: int) -> Executor:
        if self.pool is None:
            self.pool = self.make(workers)
        return _Lent(self, self.pool)

    def close(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
            self.pool = None


class _Lent(Executor):
    """The workers for one run, at whose end they stay."""

    def __init__(self, owner: Standing, pool: Executor):
        self.owner, self.pool = owner, pool

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        try:
            future = self.pool.submit(work, *args, **kwargs)
        except BrokenExecutor:
            self._forget()
            raise
        future.add_done_callback(self._look)
        return future

    def _look(self, future: Future[Any]) -> None:
        if not future.cancelled() and isinstance(future.exception(), BrokenExecutor):
            self._forget()

    def _forget(self) -> None:
        if self.owner.pool is self.pool:
            self.owner.pool = None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """They belong to whoever lent them."""


@dataclass
class Watch:
    """A class that is being watched: what has been seen of each submission, the pause between looks, the workers."""

    course: Course
    lessons: Sequence[str]
    workers: int
    isolated: bool = True
    progress: Progress = lambda outcome, done, total: None
    seen: State = field(default_factory=dict)
    pause: float = PAUSE
    standing: Standing = field(init=False)

    def __post_init__(self) -> None:
        self.standing = Standing(schedule.processes("autograde.execute", *exercises.modules(self.lessons)))

    def warm(self) -> None:
        """Run an empty submission in each worker, so that the first real one waits for no import and no template."""
        pages.warm(self.course, self.lessons)
        with Book(self.course) as book:
            for name in self.lessons:
                book.register(name, Lesson.gradable(self.course, name).source)
        with self.standing(self.workers) as executor:
            for name in self.lessons:
                lesson = Lesson.gradable(self.course, name)
                job = Job("", name, judged.build(lesson.released, lesson).steps, self.course.limits, "", self.isolated)
                list(executor.map(execute.run, [job] * self.workers))
        gc.freeze()  # what is there by now stays, and looking through it for garbage takes a quarter of a second

    def look(self) -> Graded | None:
        """Grade what has arrived or changed since the last look, once it is written out; None where nothing has."""
        started = time.process_time()
        now = _state(self.course, self.lessons)
        self.pause = max(PAUSE, (time.process_time() - started) / SHARE)
        changed = {key for key, files in now.items() if self.seen.get(key) != files}
        if not changed:
            return None
        time.sleep(PAUSE)
        later = _state(self.course, self.lessons)
        settled = {key for key in changed if later.get(key) == now[key]}
        if not settled:
            return None
        lessons = [name for name in self.lessons if any(lesson == name for lesson, _ in settled)]

        def told(outcome: Outcome, done: int, total: int) -> None:
            pages.feedback(self.course, lessons, {outcome.key})
            self.progress(outcome, done, total)

        made = grade(
            self.course,
            lessons,
            workers=self.workers,
            isolated=self.isolated,
            progress=told,
            make_executor=self.standing,
            only=settled,  # one that runs into its limit does so once, not whenever somebody hands in
        )
        self.seen |= {key: now[key] for key in settled}
        if made.new:
            report(self.course, self.course.lessons)
        return made

    def run(self, ready: Callable[[], None]) -> Iterator[Graded]:
        """Look again and again; says when it is ready, and yields whatever a look has graded."""
        try:
            self.warm()
            ready()
            while True:
                made = self.look()
                if made is not None and made.new:
                    yield made
                time.sleep(self.pause)
        finally:
            self.standing.close()


def _state(course: Course, lessons: Sequence[str]) -> State:
    """The files of every submission, with time and size."""
    found: State = {}
    for lesson in lessons:
        for folder in course.submitted.glob(f"*/{lesson}/"):
            if not folder.parent.name.startswith("."):
                found[lesson, folder.parent.name] = tuple(_files(folder))
    return found


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    with suppress(OSError):  # the folder, or a file in it, was just deleted
        for path in sorted(folder.iterdir()):
            status = path.lstat()
            yield path.name, status.st_mtime_ns, status.st_size
