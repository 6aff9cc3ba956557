"""``autograde collect``: a folder, or what an LMS lets one download, into ``submitted/STUDENT/LESSON/LESSON.ipynb``.

First it is read what there is, then decided what to take (:func:`plan`, which touches no file), and only then written.
One bad file costs its own student's submission at most, and says so.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from nbformat import NotebookNode

from autograde import alignment, cells, gradebook, lms, outcomes
from autograde import roster as rosters
from autograde.archive import ArchiveError, Refusal, Source
from autograde.course import Course
from autograde.errors import CourseError, NotebookError, UsageError
from autograde.gradebook import Book
from autograde.lms import TIMESTAMP, Kind, Upload
from autograde.roster import Roster
from autograde.selection import NOTEBOOKS, Known, Pick, plan

CLOSED = (".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".xz")  # packed files that are not opened
Signatures = Mapping[str, frozenset[str]]


class Fate(StrEnum):
    """What became of a pick."""

    NEW = "new"
    REPLACED = "replaced an earlier one"
    SAME = "as it was"
    DATED = "as it was, its time corrected"
    OLDER = "older than what is there"


@dataclass(frozen=True)
class Collected:
    """What was collected, in the order of the course; ``missing``: (lesson, student)."""

    kind: Kind
    done: tuple[tuple[Pick, Fate], ...]
    refused: tuple[Refusal, ...]
    notes: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]
    due: datetime | None


def collect(
    course: Course,
    source: Path,
    lesson: str | None = None,
    *,
    roster: Path | None = None,
    due: str | None = None,
    kind: Kind | None = None,
    dry_run: bool = False,
) -> Collected:
    """Take over a download; with ``dry_run``, only say what would be taken."""
    people = _roster(course, roster)
    deadline = _due(due, lesson)
    with Source(source) as opened:
        files, refused = opened.files()
        kind = kind or lms.detect(files)
        if people is None and kind is not Kind.FOLDER:
            raise UsageError(
                f"To know whose files these are, give a roster: --roster FILE, or {course.folder / rosters.FILE}."
            )
        uploads, unnamed = lms.label(files, kind, people, opened.read, course.lessons)
        known, damaged = look(opened, uploads, signatures(course, lesson))
        if deadline is None and lesson and gradebook.exists(course):
            deadline = Book(course).due(lesson)
        planned = plan(known, people, course.lessons, lesson, deadline, kind)
        refused = (*refused, *unnamed, *damaged, *planned.refused)
        if not dry_run:
            _enter(course, people, lesson, deadline if due else None)
        done = tuple(_take(course, pick, opened, dry_run=dry_run) for pick in planned.picks)
    missing = () if people is None else _missing(course, people.ids, planned.picks, lesson)
    return Collected(kind, done, refused, planned.notes, missing, deadline)


def _roster(course: Course, path: Path | None) -> Roster | None:
    usual = course.folder / rosters.FILE
    if path is None and not usual.is_file():
        return None
    return rosters.read(path or usual)


def _due(text: str | None, lesson: str | None) -> datetime | None:
    if text is None:
        return None
    if lesson is None:
        raise UsageError("A due date is one lesson's: name it, as in autograde collect SOURCE 01_convolution --due …")
    found = lms.moment(text)
    if found is None:
        raise UsageError(
            f"{text!r} is no date: write it as 2026-11-20 23:59 (this machine's time) or 2026-11-20T23:59+01:00."
        )
    return found


def signatures(course: Course, lesson: str | None) -> Signatures:
    """What a lesson's notebook can be told by: the ids of its graded cells and the names that its answers define."""
    made = {}
    for name in course.lessons:
        try:
            made[name] = _signature(cells.read_source(course.source(name)).cells)
        except NotebookError as error:
            if name == lesson:
                raise CourseError(f"{course.source(name)}: {error}") from error
    return made


def _signature(notebook: Iterable[NotebookNode]) -> frozenset[str]:
    names: set[str] = set()
    for cell in notebook:
        names.add(cells.grade_id(cell))
        if cell.cell_type == "code":
            names |= {f"def {name}" for name in alignment.definitions(cell.source[: alignment.LONGEST])}
    return frozenset(names - {""})


def look(opened: Source, uploads: Sequence[Upload], known: Signatures) -> tuple[tuple[Known, ...], tuple[Refusal, ...]]:
    """Read what was uploaded, zip files opened; what cannot be read is refused, each by itself."""
    found: list[Known] = []
    refused: list[Refusal] = []
    for upload in uploads:
        try:
            parts, bad = _parts(opened, upload)
            refused += bad
        except ArchiveError as error:
            refused.append(Refusal(upload.file.path, str(error)))
            continue
        for part in parts:
            try:
                found.append(_known(part, opened.read(part.file), known))
            except ArchiveError as error:
                refused.append(Refusal(part.file.path, str(error)))
    return tuple(found), tuple(refused)


def _parts(opened: Source, upload: Upload) -> tuple[tuple[Upload, ...], list[Refusal]]:
    name = upload.own.lower()
    if name.endswith(CLOSED):
        raise ArchiveError("only zip files are opened: ask for the notebook itself.")
    if not name.endswith(".zip"):
        return (upload,), []
    files, bad = opened.inside(upload.file)
    deeper = [file for file in files if file.name.lower().endswith((".zip", *CLOSED))]
    bad = (*bad, *(Refusal(file.path, "it is an archive in an archive.") for file in deeper))
    return lms.unpacked(upload, (file for file in files if file not in deeper)), list(bad)


def _known(upload: Upload, content: bytes, known: Signatures) -> Known:
    """What a file is, from its cells."""
    made = Known(upload, digest=hashlib.sha256(content).hexdigest())
    if not upload.own.lower().endswith(NOTEBOOKS):
        return made
    try:
        own = _signature(cells.parse(content.decode("utf-8-sig")).cells)
    except (NotebookError, UnicodeDecodeError):
        return made
    shares = {name: len(own & signature) for name, signature in known.items()}
    best = max(shares, key=lambda name: shares[name], default="")
    return replace(made, lesson=best if best and shares[best] else "", readable=True)


def _enter(course: Course, people: Roster | None, lesson: str | None, due: datetime | None) -> None:
    """The class, and a new due date, into the gradebook: nbgrader decides by them what is late."""
    if not (due or gradebook.exists(course)):
        return  # grading makes one
    with Book(course) as book:
        if people is not None:
            book.enrol({s.id: (*s.names, s.email) for s in people.students})
        if lesson and due:
            book.schedule(lesson, due)


def _take(course: Course, pick: Pick, opened: Source, *, dry_run: bool) -> tuple[Pick, Fate]:
    """Put one submission where a class's are; what was there before is kept aside."""
    target = course.submitted / pick.student / pick.lesson
    made = {_safe(upload.own): opened.read(upload.file) for upload in pick.beside}
    made[f"{pick.lesson}.ipynb"] = opened.read(pick.notebook.file)
    if pick.sent:
        made[TIMESTAMP] = f"{pick.sent.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC\n".encode()
    there = _there(target)
    fate = _fate(made, there, pick.sent)
    if dry_run or fate in (Fate.SAME, Fate.OLDER):
        return pick, fate
    if fate is Fate.DATED:
        outcomes.write(target / TIMESTAMP, made[TIMESTAMP].decode())
    else:
        _write(target, made, course.earlier(pick.student, pick.lesson) / _digest(there))
    return pick, fate


def _safe(name: str) -> str:
    """A file's name that is only a name."""
    return rosters.UNFIT.sub("_", name)[-100:]


def _there(target: Path) -> dict[str, bytes]:
    """The files of a submission that was collected before."""
    if not target.is_dir():
        return {}
    return {p.name: p.read_bytes() for p in sorted(target.iterdir()) if p.is_file() and not p.is_symlink()}


def _fate(made: Mapping[str, bytes], there: Mapping[str, bytes], sent: datetime | None) -> Fate:
    if not there:
        return Fate.NEW
    if {n: c for n, c in made.items() if n != TIMESTAMP} == {n: c for n, c in there.items() if n != TIMESTAMP}:
        return Fate.SAME if TIMESTAMP not in made or made.get(TIMESTAMP) == there.get(TIMESTAMP) else Fate.DATED
    before = lms.moment(there.get(TIMESTAMP, b"").decode("utf-8", "replace"), UTC)
    return Fate.OLDER if sent and before and sent.replace(microsecond=0) < before else Fate.REPLACED


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(name.encode("utf-8", "replace") + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:12]


def _write(target: Path, files: Mapping[str, bytes], aside: Path) -> None:
    """In two renamings: whoever looks sees the old submission, none for a moment, or the new one."""
    fresh = target.with_name(f".{target.name}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        if target.exists():
            aside.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(aside, ignore_errors=True)  # the same files, by its name
            shutil.move(target, aside)
        fresh.rename(target)
    except OSError as error:
        raise CourseError(
            f"{target} cannot be written: {error.strerror}. What was collected before is kept."
        ) from error


def _missing(
    course: Course, ids: Collection[str], picks: Sequence[Pick], lesson: str | None
) -> tuple[tuple[str, str], ...]:
    """Who has no submission to a lesson that this download is of."""
    lessons = sorted({lesson} if lesson else {pick.lesson for pick in picks})
    planned = {(pick.lesson, pick.student) for pick in picks}
    everyone = [(name, student) for name in lessons for student in ids]
    return tuple(p for p in everyone if p not in planned and not (course.submitted / p[1] / p[0]).is_dir())


def table(collected: Collected) -> str:
    """What was collected, as text: a line a lesson, then who is late, who is missing, and each sentence."""
    lines = []
    for lesson in dict.fromkeys(pick.lesson for pick, _ in collected.done):
        own = [(pick, fate) for pick, fate in collected.done if pick.lesson == lesson]
        counts = {fate: sum(f is fate for _, f in own) for fate in Fate}
        lines.append(f"{lesson}: {len(own)} ({', '.join(f'{n} {fate}' for fate, n in counts.items() if n)}).")
        if late := [_lateness(pick, collected.due) for pick, _ in own if pick.late]:
            lines.append(f"  Late: {', '.join(late)}.")
    for lesson in dict.fromkeys(lesson for lesson, _ in collected.missing):
        absent = [student for name, student in collected.missing if name == lesson]
        lines += [f"  No submission to {lesson} by {', '.join(absent)}."]
    lines += [f"  {note}" for note in collected.notes]
    lines += [f"  Not taken: {refusal.what}: {refusal.why}" for refusal in collected.refused]
    return "\n".join(map(_printable, lines)) or "There is nothing to collect in it."


def _printable(line: str) -> str:
    """A line that does nothing to a terminal, whatever a file is called."""
    return "".join(c if c.isprintable() else "�" for c in line)


def _lateness(pick: Pick, due: datetime | None) -> str:
    if due is None or pick.sent is None:
        return f"{pick.student} (give --due, and nbgrader's plugin for late penalties will know)"
    if pick.notebook.sent is None:
        return f"{pick.student} (Canvas does not say by how much; counted as a second)"
    minutes = max(1, round((pick.sent - due).total_seconds() / 60))
    return f"{pick.student} ({minutes // 1440} d {minutes % 1440 // 60} h {minutes % 60} min)"
