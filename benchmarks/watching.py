"""How soon is a submission's feedback there when `autograde watch` runs? From its arrival to its page.

    python benchmarks/watching.py [LESSON…] [--rounds 3]

Starts `autograde watch` on an empty class in a temporary folder. For each lesson a solved, a mistaken (up to four known
mistakes) and a blank submission arrive one at a time, in one file operation, each after a moment of rest. Printed are
seconds until the page is complete; with several rounds, other students hand in the same again, and it is the median.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from grading import _answers, make_class

from autograde import cells
from autograde.course import Course
from autograde.lesson import Lesson

KINDS = {"solved": 0, "mistaken": 5, "blank": 9}
REST = 1.5  # seconds between a page and the next submission
LONGEST = 60.0  # seconds to wait for a page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", default=("04_pooling", "05_batch_norm"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        print(json.dumps(latency(Path(folder) / "course", options.lessons, options.rounds), indent=1))


def latency(root: Path, lessons: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    """Seconds from arrival to page: lesson → kind of submission → median of the rounds."""
    make_class(root, lessons, 0, bare=False)
    course = Course.find(root)
    found: dict[str, dict[str, list[float]]] = {lesson: {kind: [] for kind in KINDS} for lesson in course.lessons}
    with watching(root):
        for number in range(rounds):
            for lesson in (Lesson.gradable(course, name) for name in course.lessons):
                for kind, which in KINDS.items():
                    text = cells.text(cells.replaced(lesson.released, _answers(lesson, which, random.Random(number))))
                    found[lesson.name][kind].append(arrival(course, f"{kind}{number}", lesson.name, text))
                    time.sleep(REST)
    return {lesson: {kind: round(median(of[kind]), 2) for kind in of} for lesson, of in found.items()}


def arrival(course: Course, student: str, lesson: str, text: str) -> float:
    """Hand in; seconds until the page is there."""
    path = course.submitted / student / lesson / f"{lesson}.ipynb"
    path.parent.mkdir(parents=True)
    beside = course.root / "arriving.ipynb"
    beside.write_text(text)
    page = course.page(student, lesson)
    started = time.perf_counter()
    beside.rename(path)
    while not page.exists():
        if time.perf_counter() - started > LONGEST:
            raise RuntimeError(f"No page of {student} in {lesson} after {LONGEST:g} s.")
        time.sleep(0.01)
    return time.perf_counter() - started


@contextmanager
def watching(root: Path) -> Iterator[None]:
    """`autograde watch`, once it is ready."""
    command = [sys.executable, "-m", "autograde", "watch"]
    with (root / "watch.log").open("w+") as log:
        process = subprocess.Popen(
            command, cwd=root, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        try:
            while "Ready." not in (root / "watch.log").read_text():
                if process.poll() is not None:
                    raise RuntimeError((root / "watch.log").read_text()[-2000:])
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    main()
