"""Which of the files in a download are a student's submission to a lesson: whose they are, which attempt is the last.

Decided from what is known of the files; no file is touched here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from autograde import lms
from autograde import roster as rosters
from autograde.archive import Refusal
from autograde.lms import TIMESTAMP, Kind, Upload
from autograde.roster import Roster, Student, squashed
from autograde.submission import LARGEST

NOTEBOOKS = (".ipynb", ".ipynb.txt", ".ipynb.json", ".json")


@dataclass(frozen=True)
class Known:
    """An upload that was looked into.

    lesson : whose answers are in it; empty where none.
    readable : whether it is a notebook.
    digest : of its content.
    """

    upload: Upload
    lesson: str = ""
    readable: bool = False
    digest: str = ""

    @property
    def is_notebook(self) -> bool:
        name = self.upload.own.lower()
        return name.endswith(".ipynb") or (self.readable and name.endswith(NOTEBOOKS))


@dataclass(frozen=True)
class Pick:
    """What is taken as a student's submission to a lesson: a notebook and the files that came with it."""

    student: str
    lesson: str
    notebook: Upload
    beside: tuple[Upload, ...] = ()
    sent: datetime | None = None
    late: bool = False


@dataclass(frozen=True)
class Plan:
    """What a download means: what to take, what not and why, and what an instructor should know."""

    picks: tuple[Pick, ...]
    refused: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()


def plan(
    known: Sequence[Known],
    people: Roster | None,
    lessons: Sequence[str],
    lesson: str | None = None,
    due: datetime | None = None,
    kind: Kind = Kind.FOLDER,
) -> Plan:
    """Decide whose each file is and which attempt counts. No file is touched."""
    owned, refused = _owned(known, people)
    picks: list[Pick] = []
    notes: list[str] = []
    for student, files in sorted(owned.items()):
        by_lesson, strange = _by_lesson(files, lessons, lesson, kind)
        refused += strange
        for name, candidates in sorted(by_lesson.items()):
            pick, said = _pick(student, name, candidates, files, due)
            picks.append(pick)
            notes += said
    return Plan(tuple(sorted(picks, key=lambda p: (p.lesson, p.student))), tuple(refused), tuple(notes))


def _by_lesson(
    files: Sequence[Known], lessons: Sequence[str], lesson: str | None, kind: Kind
) -> tuple[dict[str, list[Known]], list[Refusal]]:
    """A student's notebooks by the lesson that they are handed in for.

    In an LMS's download all are for its assignment, also one of another lesson; a folder may hold several lessons.
    """
    found: dict[str, list[Known]] = {}
    refused = []
    for each in (f for f in files if f.is_notebook):
        own = each.lesson or _by_name(each.upload.own, lessons)
        name = lesson or own if kind is not Kind.FOLDER or not own else own
        if name:
            found.setdefault(name, []).append(each)
        elif each.upload.own.lower().endswith(".ipynb"):
            why = "it is no notebook of this course, by its cells or its name."
            refused.append(Refusal(each.upload.file.path, why))
    if not found and not refused and files:
        refused.append(Refusal(files[0].upload.file.path, "it is no notebook."))
    if lesson:
        found = {name: own for name, own in found.items() if name == lesson}
        fitting = [f for f in found.get(lesson, ()) if f.lesson in ("", lesson)]
        found |= {lesson: fitting} if fitting else {}
    return found, refused


def _owned(known: Sequence[Known], people: Roster | None) -> tuple[dict[str, list[Known]], list[Refusal]]:
    """The files of each student; refused where nobody, or more than one, can be meant."""
    found: dict[str, dict[str, tuple[bool, list[Known]]]] = {}
    refused: dict[str, Refusal] = {}
    for each in known:
        owner = each.upload.owner
        match = rosters.Match(Student(owner.id), sure=True) if people is None else people.find(owner)
        if isinstance(match, str):
            refused.setdefault(owner.key, Refusal(owner.label, match))
        else:
            found.setdefault(match.student.id, {}).setdefault(owner.key, (match.sure, []))[1].append(
                _timed(each, match.student)
            )
    owned = {}
    for student, owners in found.items():
        sure = [key for key, (certain, _) in owners.items() if certain]
        taken = sure if len(sure) == 1 else list(owners) if len(owners) == 1 else []
        for key in set(owners) - set(taken):
            labels = sorted({files[0].upload.owner.label for _, files in owners.values()})
            why = f"{' and '.join(labels)} would both be {student}: give the roster their numbers in the LMS."
            refused[key] = Refusal(owners[key][1][0].upload.owner.label, why)
        if taken:
            owned[student] = owners[taken[0]][1]
    return owned, list(refused.values())


def _timed(known: Known, student: Student) -> Known:
    """With the time that Moodle's grading worksheet has, which the download has not."""
    upload = known.upload
    if upload.sent or not student.submitted or upload.owner.participant != student.participant:
        return known
    return replace(known, upload=replace(upload, sent=lms.moment(student.submitted)))


def _by_name(own: str, lessons: Sequence[str]) -> str:
    """The lesson whose name is in a file's name."""
    return max((name for name in lessons if squashed(name) in squashed(own)), key=len, default="")


def _pick(
    student: str, lesson: str, candidates: Sequence[Known], files: Sequence[Known], due: datetime | None
) -> tuple[Pick, list[str]]:
    """The last attempt's best notebook, and what an instructor should know of it."""
    last = max(candidates, key=_when).upload.attempt
    best = max((c for c in candidates if c.upload.attempt == last), key=lambda c: _fit(c, lesson))
    upload = best.upload
    sent = upload.sent
    late = upload.late or bool(sent and due and sent > due)
    if upload.late and sent is None and due is not None:
        sent = due + timedelta(seconds=1)
    mine = [f for f in files if f.upload.attempt == last and not f.is_notebook]
    beside = tuple(f.upload for f in mine if _belongs(f.upload))
    return Pick(student, lesson, upload, beside, sent, late), list(_notes(student, lesson, best, candidates))


def _when(known: Known) -> tuple[bool, float, tuple[str, ...]]:
    """Later attempts are larger; numbers in an order are compared as numbers."""
    sent = known.upload.sent
    order = tuple(f"{part:020d}" if isinstance(part, int) else part for part in known.upload.order)
    return sent is not None, sent.timestamp() if sent else 0.0, order


def _fit(known: Known, lesson: str) -> tuple[bool, bool, bool, tuple[bool, float, tuple[str, ...]]]:
    named = squashed(lesson) in squashed(known.upload.own)
    return known.lesson == lesson, known.readable, named, _when(known)


def _belongs(upload: Upload) -> bool:
    """Whether a file is put beside the notebook: not a time that a student wrote, nothing huge."""
    return upload.own.lower() != TIMESTAMP and upload.file.size <= LARGEST and not upload.own.startswith(".")


def _notes(student: str, lesson: str, best: Known, candidates: Sequence[Known]) -> Iterator[str]:
    own = best.upload.own
    if best.lesson not in ("", lesson):
        yield f"{student}: {own} looks like {best.lesson}; it is taken for {lesson}, as you said."
    elif not best.readable:
        yield f"{student}: {own} cannot be read as a notebook; it is taken as it is, and grading will say so."
    elif squashed(lesson) not in squashed(own):
        yield f"{student}: {own} is taken for {lesson}" + (
            ", by its cells." if best.lesson else "; nothing in it says so."
        )
    others = {c.digest: c for c in candidates if c.digest != best.digest and c.upload.attempt == best.upload.attempt}
    if others:
        yield f"{student}: of several notebooks handed in together {own} is taken, not {_listed(others.values())}."
    earlier = {c.digest for c in candidates if c.upload.attempt != best.upload.attempt}
    if earlier:
        yield f"{student}: the last of {len(earlier) + 1} attempts at {lesson} is taken, {best.upload.file.path}."


def _listed(known: Iterable[Known]) -> str:
    return ", ".join(sorted({each.upload.own for each in known}))
