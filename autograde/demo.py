"""``autograde demo``: a made-up class, from the solutions and the known mistakes, through every command."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from autograde import answers, cells, download, export, gradebook, outcomes
from autograde import table as layout
from autograde.collect import Collected, collect
from autograde.course import Course
from autograde.errors import UsageError
from autograde.feedback import feedback
from autograde.grade import Progress, grade
from autograde.gradebook import Book
from autograde.lesson import Lesson
from autograde.lms import TIMESTAMP, Kind
from autograde.outcomes import Ending, Outcome
from autograde.release import release
from autograde.report import report
from autograde.verify import known
from course_utils import exercises

STUDENTS = (
    *("amara", "benedikt", "chiyo", "dario", "elif", "farid", "greta", "hugo", "ines", "jun"),
    *("kofi", "lucia", "mateo", "nadia", "olu", "priya", "quentin", "rosa", "sven", "tariq"),
    *("uma", "viktor", "wanjiru", "ximena", "yusuf", "zofia", "anouk", "bilal", "carmen", "dmitri"),
)
LESSONS = 3
FOLDER = "demo"  # of a class: the made-up downloads, and the sheets for an LMS
KINDS = (Kind.CANVAS, Kind.MOODLE, Kind.GRADESCOPE)  # one a lesson
MADE = "demo.json"  # beside the submissions: which the demo made, so that it never touches another
BROKEN = '{"cells": [ this file was cut off'


@dataclass(frozen=True)
class Role:
    """What a made-up submission is like; ``mistakes`` are names by exercise, ``unanswered`` are left as released."""

    student: str
    lesson: str
    kind: str  # "right", "mistakes", "blank" or "broken"
    mistakes: Mapping[str, str] = field(hash=False)
    unanswered: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        if self.kind != "mistakes":
            return {"right": "all right", "blank": "nothing filled in", "broken": "cut off, not JSON"}[self.kind]
        left = f", {len(self.unanswered)} left out" if self.unanswered else ""
        return f"{len(self.mistakes)} with a known mistake{left}"


@dataclass(frozen=True)
class Demo:
    """A made-up class after grading: each role with its outcome and the score that it should have."""

    collected: tuple[tuple[str, Collected], ...]
    cast: tuple[tuple[Role, Outcome, float | None], ...]
    report: Path
    grades: Path
    stale: tuple[str, ...]

    @property
    def surprises(self) -> tuple[str, ...]:
        """Where an outcome is not what the demo made it to be."""
        return tuple(f"{r.lesson} {r.student}: {o.ending}, {o.score}" for r, o, e in self.cast if not _as_made(r, o, e))


def demo(
    course: Course,
    lessons: Sequence[str],
    *,
    students: int = len(STUDENTS),
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = lambda outcome, done, total: None,
) -> Demo:
    """Make a class and put it through release, collect, grade, feedback, export and report."""
    loaded = [Lesson.load(course, name) for name in lessons[:LESSONS]]
    clear(course)
    fresh = release(course, [lesson.name for lesson in loaded], course.folder / "release")
    stale = tuple(r.lesson for r in fresh if _text(r.path) != _text(course.release(r.lesson)))
    roles = cast(loaded, seed, STUDENTS[:students])
    collected = submit(course, {role: submission(role, _by_name(loaded, role.lesson)) for role in roles})
    graded = grade(course, [lesson.name for lesson in loaded], workers=workers, force=True, progress=progress)
    feedback(course, lessons)
    found = {outcome.key: outcome for outcome in graded.outcomes}
    acts = tuple((r, found[r.lesson, r.student], expected(r, _by_name(loaded, r.lesson))) for r in roles)
    folder = course.folder / FOLDER
    for kind in ("canvas", "moodle"):
        export.for_lms(course, lessons, kind, roster=folder / "roster.csv", output=folder / f"{kind}.csv")
    return Demo(collected, acts, report(course, lessons), export.write(course), stale)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _by_name(lessons: Sequence[Lesson], name: str) -> Lesson:
    return next(lesson for lesson in lessons if lesson.name == name)


def clear(course: Course) -> None:
    """Remove what an earlier demo made; refuse when there is anything else."""
    made = _made(course)
    here = sorted(p for p in course.submitted.glob("*/*/*") if p.is_file() and p.name != TIMESTAMP)
    foreign = [p for p in here if made.get(str(p.relative_to(course.submitted))) != _digest(p.read_bytes())]
    students = {name.split("/")[0] for name in made}
    strangers = {o.student for o in outcomes.load(course.folder).values()} - students
    strangers |= (set(Book(course).students()) if gradebook.exists(course) else set()) - students
    if foreign or strangers:
        what = ", ".join([*(str(p.relative_to(course.submitted)) for p in foreign), *sorted(strangers)][:3])
        raise UsageError(
            f"{course.folder} holds a class that the demo did not make ({what}, …); nothing was touched. "
            "Give the demo a folder of its own: autograde demo --class DIR."
        )
    for student in students:
        for folder in (course.submitted, course.autograded, course.feedback):
            shutil.rmtree(folder / student, ignore_errors=True)
    if gradebook.exists(course):
        Book(course).remove(sorted(students))
    for name in (outcomes.FILE, export.FILE, MADE):
        (course.folder / name).unlink(missing_ok=True)


def _made(course: Course) -> dict[str, str]:
    """The submissions that an earlier demo made: path → digest."""
    try:
        found = json.loads(_text(course.folder / MADE) or "{}")
    except ValueError:
        return {}
    return {str(name): str(digest) for name, digest in found.items()} if isinstance(found, dict) else {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def cast(lessons: Sequence[Lesson], seed: int, students: Sequence[str] = STUDENTS) -> tuple[Role, ...]:
    """Who makes which mistakes: one submission is broken, one blank, one all right; the others have their faults."""
    draw = random.Random(seed)
    places = [(student, lesson) for lesson in lessons for student in students]
    special = dict(zip(draw.sample(range(len(places)), 3), ("broken", "blank", "right"), strict=True))
    return tuple(_role(draw, s, lesson, special.get(i, "mistakes")) for i, (s, lesson) in enumerate(places))


def _role(draw: random.Random, student: str, lesson: Lesson, kind: str) -> Role:
    possible = [exercise for exercise in known(lesson) if exercise.mistakes]
    if kind != "mistakes" or not possible:
        return Role(student, lesson.name, kind, {})
    wrong = draw.sample(possible, draw.randint(1, min(4, (len(possible) + 1) // 2)))
    chosen = {exercise.name: draw.choice(exercise.mistakes[:4]).name for exercise in wrong}
    left = [exercise.name for exercise in possible if exercise.name not in chosen and draw.random() < 0.1]
    return Role(student, lesson.name, kind, chosen, tuple(left))


def submission(role: Role, lesson: Lesson) -> str:
    """The text of a role's notebook."""
    if role.kind == "broken":
        return BROKEN
    return cells.text(cells.replaced(lesson.released, {} if role.kind == "blank" else _answers(role, lesson.source)))


def _answers(role: Role, source: NotebookNode) -> dict[str, str]:
    """What the role wrote into the lesson's answer cells; model answers where it made no mistake."""
    texts = {}
    for cell in source.cells:
        name = cells.grade_id(cell)
        if name in role.mistakes:
            exercise = exercises.find(name)
            mistake = next(m for m in exercise.mistakes if m.name == role.mistakes[name])
            texts[name] = answers.mistaken(cell.source, exercise, mistake)
        elif cells.is_answer(cell) and name not in role.unanswered:
            texts[name] = answers.solved(cell.source)
    return texts


def submit(course: Course, texts: Mapping[Role, str]) -> tuple[tuple[str, Collected], ...]:
    """Make a download for each lesson and collect it, and write down that the submissions are the demo's."""
    paths = {f"{role.student}/{role.lesson}/{role.lesson}.ipynb": text for role, text in texts.items()}
    outcomes.write(course.folder / MADE, json.dumps({name: _digest(t.encode()) for name, t in paths.items()}, indent=1))
    students = download.people(list(dict.fromkeys(role.student for role in texts)))
    folder = course.folder / FOLDER
    outcomes.write(folder / "roster.csv", download.roster(students))
    collected = []
    for number, lesson in enumerate(dict.fromkeys(role.lesson for role in texts)):
        kind = KINDS[number % len(KINDS)]
        own = {role.student: text for role, text in texts.items() if role.lesson == lesson}
        path = folder / f"{kind}.zip"
        path.write_bytes(download.made(kind, lesson, own, students))
        collected.append((lesson, collect(course, path, lesson, roster=folder / "roster.csv")))
    return tuple(collected)


def expected(role: Role, lesson: Lesson) -> float | None:
    """The score that a role must get; what is graded by hand has none yet."""
    if role.kind in ("broken", "blank"):
        return None if role.kind == "broken" else 0.0
    lost = {*role.mistakes, *role.unanswered}
    parts = cells.parts(lesson.source).values()
    return sum(part.points for part in parts if part.kind != "written" and part.exercise not in lost)


def _as_made(role: Role, outcome: Outcome, score: float | None) -> bool:
    """Whether an outcome has the right ending and score, and names the mistakes that were put in."""
    ending = Ending.UNREADABLE if role.kind == "broken" else Ending.GRADED
    named = {d.exercise: m for d in outcome.diagnoses for m in d.mistakes}
    return outcome.ending is ending and outcome.score == score and named == dict(role.mistakes)


def table(made: Demo) -> str:
    """The class as text: what each submission was made of, and what became of it."""
    rows = [("lesson", "student", "made of", "outcome", "score", "mistakes named")]
    for role, outcome, _ in made.cast:
        named = {(d.exercise, m) for d in outcome.diagnoses for m in d.mistakes}
        score = "" if outcome.score is None else f"{outcome.score:g}/{outcome.max_score:g}"
        count = f"{len(named & set(role.mistakes.items()))} of {len(role.mistakes)}" if role.mistakes else ""
        rows.append((role.lesson, role.student, role.words, outcome.ending.value, score, count))
    lines = [f"{lesson}: {len(c.done)} collected from a {c.kind.title()} download." for lesson, c in made.collected]
    lines += layout.lines(rows)
    lines.append("Written answers wait to be graded by hand and count nothing yet.")
    broken = [f"{r.lesson} of {r.student}" for r, _, _ in made.cast if r.kind == "broken"]
    lines.append(f"{', '.join(broken)} is broken on purpose: it is told apart, and all others are graded.")
    lines += [f"Not as it was made: {surprise}" for surprise in made.surprises]
    lines += [f"The released {lesson} is not what its source says: run autograde release." for lesson in made.stale]
    return "\n".join(lines)
