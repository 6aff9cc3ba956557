"""How fast is the grader, and how much memory does it take? Against nbgrader's own command, on the same files.

    python benchmarks/grading.py [--submissions 100] [--rounds 3] [LESSON…]

Makes a class in a temporary folder: for each lesson a mix of solved (4 in 10), mistaken (5) and blank (1) submissions.
Each round grades all of them with `autograde grade --force`, and then the first ten of each lesson (the same mix) with
one `nbgrader autograde --force`, which takes too long for all. Printed are medians over the rounds, and the median of
the rounds' ratios.
nbgrader runs every cell, those tagged `show` (plots, training) included; `--bare` takes a second ratio on the same
notebooks without such cells. Then, in one run each:

overhead   wall time × cores over the CPU time of the students' own processes, for a lesson whose checks train (03),
           in a class of 100, half solved and half mistaken
memory     private memory of a submission's processes beyond the warm process's, at the end of a solved notebook
growth     resident memory of the command after the first tenth, and at the end, of 1,000 blank submissions
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from autograde import answers, cells, demo, execute, judged, schedule
from autograde.course import Course
from autograde.execute import Job
from autograde.judged import Role, Step
from autograde.lesson import Lesson
from autograde.release import release
from autograde.sandbox.session import Session
from course_utils import exercises

ROOT = Path(__file__).parents[1]
LESSONS = ("02_padding_stride", "04_pooling")
TRAINS = "03_layers"
CPU = "import time as _time\nprint(_time.process_time())"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", default=LESSONS)
    parser.add_argument("--submissions", type=int, default=100, help="of each lesson, at least ten")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", action="store_true", help="also on notebooks without cells to show")
    parser.add_argument("--growth", type=int, default=1000, help="blank submissions in one run")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        results = {
            "machine": {"cores": schedule.cores(), "python": sys.version.split()[0], "load": os.getloadavg()[0]},
            "throughput": throughput(Path(folder), options),
            "overhead": overhead(),
            "memory": {lesson: memory(lesson) for lesson in Course.find(ROOT).lessons},
            "growth": growth(Path(folder) / "growth", options.growth),
        }
    print(json.dumps(results, indent=1))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


def throughput(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds a submission: ours on all, nbgrader's on a sample; the ratios; and whether the scores agree."""
    whole, bare = folder / "whole", folder / "bare"
    places = (whole, bare) if options.bare else (whole,)
    made = {place: make_class(place, options.lessons, options.submissions, place is bare) for place in places}
    sample = {lesson: names[:10] for lesson, names in made[whole].items()}
    rounds = []
    for _ in range(options.rounds):
        taken: dict[str, Any] = {}
        for place in places:
            ours = timed(place, "autograde", "grade", "--force", "--yes", *options.lessons)
            taken[f"{place.name}: ours"] = ours / sum(map(len, made[place].values()))
            scores = read_scores(place)
            theirs = sum(
                timed(place, "nbgrader", "autograde", lesson, "--force", "--student", "s00[0-9]") for lesson in sample
            )
            taken[f"{place.name}: nbgrader"] = theirs / sum(map(len, sample.values()))
            taken[f"{place.name}: ratio"] = taken[f"{place.name}: nbgrader"] / taken[f"{place.name}: ours"]
            taken[f"{place.name}: scores differ"] = differences(scores, read_scores(place))
        print(json.dumps(taken), file=sys.stderr, flush=True)
        rounds.append(taken)
    return {key: median(r[key] for r in rounds) for key in rounds[0]} | {"rounds": len(rounds)}


def make_class(root: Path, lessons: Sequence[str], count: int, bare: bool) -> dict[str, list[str]]:
    """A course with a class of made-up submissions; ``bare``: from sources without the cells to show."""
    root.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", root)
    for lesson in lessons:
        notebook = cells.read_source(Course.find(ROOT).source(lesson))
        if bare:
            notebook.cells = [cell for cell in notebook.cells if not cells.is_show(cell)]
        target = root / "solutions" / lesson / f"{lesson}.ipynb"
        target.parent.mkdir(parents=True)
        target.write_text(cells.text(notebook))
    course = Course.find(root)
    release(course, course.lessons)
    made = {}
    for lesson in (Lesson.gradable(course, name) for name in lessons):
        draw = random.Random(7)
        names = [f"s{number:03}" for number in range(count)]
        for number, student in enumerate(names):
            path = course.submitted / student / lesson.name / f"{lesson.name}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(cells.text(cells.replaced(lesson.released, _answers(lesson, number % 10, draw))))
        subprocess.run(
            [sys.executable, "-m", "nbgrader", "generate_assignment", lesson.name, "--force"],
            cwd=root,
            check=True,
            capture_output=True,
        )
        made[lesson.name] = names
    return made


def _answers(lesson: Lesson, number: int, draw: random.Random) -> dict[str, str]:
    """Four in ten solved, five with up to four known mistakes, one blank."""
    if number == 9:
        return {}
    sources = {cells.grade_id(c): c.source for c in lesson.source.cells if cells.is_answer(c)}
    found = {name: answers.solved(source) for name, source in sources.items()}
    possible = [exercise for exercise in demo.known(lesson) if exercise.mistakes]
    for exercise in draw.sample(possible, draw.randint(1, min(4, len(possible)))) if number >= 4 else ():
        found[exercise.name] = answers.mistaken(sources[exercise.name], exercise, draw.choice(exercise.mistakes))
    return found


def timed(folder: Path, *command: str) -> float:
    """Seconds that a command takes; a bad submission is no failure of the command."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{command}: {done.stderr[-2000:]}")
    return time.perf_counter() - started


def read_scores(folder: Path) -> dict[tuple[str, str, str], float | None]:
    """What the gradebook holds: lesson, student, cell → points given automatically."""
    from nbgrader.api import Gradebook

    course = Course.find(folder)
    with Gradebook(course.database, course.name) as book:
        found = [(s.assignment.name, s.student.id, s) for a in book.assignments for s in a.submissions]
        return {(a, student, g.name): g.auto_score for a, student, s in found for n in s.notebooks for g in n.grades}


def differences(one: dict[Any, Any], other: dict[Any, Any]) -> int:
    return sum(one[key] != other[key] for key in one)


def overhead() -> dict[str, float]:
    """A class of 100, from a main module that the workers need not import: the command's is one, this file is none."""
    code = "import grading, json; print(json.dumps(grading.run_hundred()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "benchmarks", check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run_hundred() -> dict[str, float]:
    """A class of 100, over all cores: wall time, and the CPU time of the students' own processes."""
    lesson = Lesson.gradable(Course.find(ROOT), TRAINS)
    draw = random.Random(3)
    numbers = (0, 1, 5, 6) * 25
    jobs = [_job(lesson, _answers(lesson, number, draw), str(number)) for number in numbers]
    workers = schedule.cores()
    make = schedule.processes("autograde.execute", *exercises.modules([TRAINS]))
    list(schedule.run(execute.run, jobs[:workers], make, workers))  # reads everything from the disk once
    started = time.perf_counter()
    runs = list(schedule.run(execute.run, jobs, make, workers))
    wall = time.perf_counter() - started
    own = sum(_printed(job, run) for job, run in runs if run is not None)
    return {"wall s": wall, "cores": workers, "students' CPU s": own, "ratio": wall * workers / own}


def _job(lesson: Lesson, texts: dict[str, str], student: str) -> Job:
    ready = judged.build(cells.replaced(lesson.released, texts), lesson)
    last = Step(10_000, Role.STUDENT, CPU, "the CPU time")
    return Job(student, lesson.name, (*ready.steps, last), lesson.course.limits, "benchmark")


def _printed(job: Job, run: execute.Execution) -> float:
    return float(run.outputs[10_000][0]["text"])


def memory(lesson: str) -> float:
    """MB of private memory that a submission's processes hold at the end of its solved notebook."""
    found: list[float] = []
    close = Session.close

    def look_and_close(session: Session) -> None:
        found.append(_private(session.process))
        close(session)

    Session.close = look_and_close  # type: ignore[method-assign]
    try:
        loaded = Lesson.gradable(Course.find(ROOT), lesson)
        execute.run(_job(loaded, _answers(loaded, 0, random.Random(0)), "x"))
    finally:
        Session.close = close  # type: ignore[method-assign]
    return found[-1]


def _private(process: int) -> float:
    """Of a process and its descendants."""
    total = 0
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean:", "Private_Dirty:")):
            total += int(line.split()[1])
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return total / 1000 + sum(_private(int(child)) for child in children)


def growth(root: Path, count: int) -> dict[str, float]:
    """MB that the command holds early and late in a long run."""
    make_class(root, ["00_start_here"], 1, bare=True)
    course = Course.find(root)
    text = course.release("00_start_here").read_text()
    for number in range(count):
        path = course.submitted / f"s{number:04}" / "00_start_here" / "00_start_here.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    command = [sys.executable, "-m", "autograde", "grade", "--force"]
    sizes: dict[int, float] = {}
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as run:
        for number, _ in enumerate(run.stderr or (), 1):
            if number in (count // 10, count - 5):
                lines = Path(f"/proc/{run.pid}/status").read_text().splitlines()
                sizes[number] = int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1000
    early, late = sizes.values()
    return {"submissions": count, "early MB": early, "late MB": late, "seconds": time.perf_counter() - started}


if __name__ == "__main__":
    main()
