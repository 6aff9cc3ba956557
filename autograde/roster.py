"""Who is in the class: a CSV file, as an instructor writes one or as an LMS exports it.

Columns are found by their names, whatever their order. Known are those of

- nbgrader's list of students: ``id``, ``first_name``, ``last_name``, ``email``, ``lms_user_id``
  (https://nbgrader.readthedocs.io/en/stable/command_line_tools/nbgrader-db-student-import.html);
- Canvas's gradebook export: ``Student``, ``ID``, ``SIS User ID``, ``SIS Login ID``, ``Section``
  (https://github.com/instructure/canvas-lms/blob/master/lib/gradebook_importer.rb);
- Moodle's grading worksheet (``Identifier``, ``Full name``, ``Email address``, ``Last modified (submission)``:
  https://docs.moodle.org/405/en/Assignment_activity) and its grade export
  (https://docs.moodle.org/405/en/Grade_import);
- Gradescope's roster: ``Name``, ``SID``, ``Email``, ``Role``.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from autograde.errors import UsageError

FILE = "roster.csv"  # of a class, where none is named
LARGEST = 20_000_000  # bytes
UNFIT = re.compile(r'[<>"/\\\x00-\x1f\x7f]')  # in an id, which is the name of a folder and stands on pages
COLUMNS = {
    "id": ("student id", "id", "student"),
    "name": ("name", "full name", "display name"),
    "first": ("first name", "firstname", "given name"),
    "last": ("last name", "lastname", "surname", "family name"),
    "email": ("email", "email address", "e mail"),
    "login": ("login", "login id", "sis login id", "username"),
    "sis": ("sis user id", "sid", "id number", "student number"),
    "canvas": ("canvas id", "canvas user id", "lms user id"),
    "participant": ("identifier", "participant", "moodle id"),
    "submitted": ("last modified submission",),
    "role": ("role",),
}
CANVAS = {"student": "name", "id": "canvas"}  # these two mean something else in Canvas's gradebook


@dataclass(frozen=True)
class Student:
    """A row of a roster: ``id`` names the folder of the submissions, the rest is what an LMS may call the person."""

    id: str
    name: str = ""
    first: str = ""
    last: str = ""
    email: str = ""
    login: str = ""
    sis: str = ""
    canvas: str = ""
    participant: str = ""
    submitted: str = ""

    @property
    def names(self) -> tuple[str, str]:
        """First and last name."""
        if self.first or self.last:
            return self.first, self.last
        if "," in self.name:
            last, first = self.name.split(",", 1)
            return first.strip(), last.strip()
        first, _, last = self.name.rpartition(" ")
        return first, last

    @property
    def sortable(self) -> str:
        """The name as Canvas lists it: last name, first name."""
        first, last = self.names
        return f"{last}, {first}" if first and last else last or first or self.id

    @property
    def full(self) -> str:
        """The name as it is said."""
        return " ".join(part for part in self.names if part) or self.id

    @cached_property
    def keys(self) -> frozenset[str]:
        """All ways to write the name without spaces, the family name first or last."""
        words = " ".join(self.names).split()
        turns = (words[i:] + words[:i] for i in range(max(1, len(words))))
        return frozenset(squashed("".join(turn)) for turn in turns if words)


@dataclass(frozen=True)
class Owner:
    """Whom a download names as the author of a file; empty where it does not say."""

    label: str
    name: str = ""
    canvas: str = ""
    participant: str = ""
    sis: str = ""
    email: str = ""
    id: str = ""

    @property
    def key(self) -> str:
        """The same for all files of one person in one download."""
        return self.id or self.canvas or self.participant or self.sis or self.email.casefold() or self.name


@dataclass(frozen=True)
class Match:
    """A student found; ``sure`` when by a number or an address, not by a name alone."""

    student: Student
    sure: bool


@dataclass(frozen=True)
class Roster:
    """A class."""

    students: tuple[Student, ...]
    _index: dict[tuple[str, str], list[Student]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for student in self.students:
            for key in _entries(student):
                self._index.setdefault(key, []).append(student)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(student.id for student in self.students)

    @cached_property
    def words(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """For each id, what may stand for the student in a file's name."""
        made = ((s.id, {*map(squashed, (s.id, s.login, s.sis, s.email)), *s.keys}) for s in self.students)
        return tuple((name, frozenset(words - {""})) for name, words in made)

    def find(self, owner: Owner) -> Match | str:
        """The student whom a download means, or a sentence that says why there is none."""
        for kind in ("id", "canvas", "participant", "sis", "email"):
            found = self.by(kind, getattr(owner, kind))
            if len(found) == 1:
                return Match(found[0], sure=True)
        named = [s for s in self.by("name", squashed(owner.name)) if not _contradicts(owner, s)]
        if len(named) == 1:
            return Match(named[0], sure=False)
        if named:
            both = " and ".join(s.id for s in named)
            return f"{both} have this name in the roster: give them there the numbers that the LMS knows them by."
        return "nobody in the roster has this number, address or name."

    def by(self, kind: str, value: str) -> list[Student]:
        """The students who have an entry of a kind ("id", "canvas", "sis", "email", "name" …)."""
        return self._index.get((kind, value.strip().casefold()), []) if value.strip() else []


def squashed(text: str) -> str:
    """A name as letters and digits only, all small."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _entries(student: Student) -> list[tuple[str, str]]:
    """How a student can be looked up; an LMS writes a login where another has a number, and an address for either."""
    codes = {code.casefold() for code in (student.id, student.login, student.sis) if code}
    found = {(kind, code) for kind in ("id", "sis") for code in codes}
    found |= {("email", code) for code in {student.email.casefold(), *codes} if "@" in code}
    found |= {(kind, value) for kind in ("canvas", "participant") if (value := getattr(student, kind).casefold())}
    return sorted(found | {("name", key) for key in student.keys})


def _contradicts(owner: Owner, student: Student) -> bool:
    """Whether they share a name, and are two people for the LMS."""
    pairs = ((owner.canvas, student.canvas), (owner.sis, student.sis), (owner.email, student.email))
    return any(one and other and one.casefold() != other.casefold() for one, other in pairs)


def read(path: Path) -> Roster:
    """The roster in a file; :class:`UsageError` where it is none, or could mean two things."""
    rows = lines(path)
    found = columns(rows[0])
    if not found.keys() & {"id", "login", "sis", "email", "canvas", "participant"}:
        raise UsageError(
            f"The roster {path} has no column that tells students apart: its first line must name the columns, "
            "such as id,first_name,last_name,email."
        )
    people = [row for row in (parsed(found, row) for row in rows[1:]) if _is_student(row)]
    return Roster(
        _checked([Student(id=i, **p) for i, p in zip(_ids(people), map(_personal, people), strict=True)], path)
    )


def lines(path: Path) -> list[list[str]]:
    """The rows of a CSV file, at least one."""
    try:
        content = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    rows = table(decoded(content))
    if not rows:
        raise UsageError(f"{path} has no rows, or is far too large for a table of a class.")
    return rows


def decoded(content: bytes) -> str:
    """Text in UTF-8 or UTF-16 with a mark, and else as Excel writes it on Windows."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def table(text: str) -> list[list[str]]:
    """The rows of a CSV file whose entries stand between commas, semicolons or tabs; empty lines left out."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return []
    return [row for row in rows if any(entry.strip() for entry in row)]


def header(entry: str) -> str:
    """A column's name without what programs write differently."""
    return " ".join(re.findall(r"[a-z0-9]+", entry.lower()))


def columns(first: Sequence[str]) -> dict[str, int]:
    """Which column is what, from the first line of a roster."""
    names = [header(entry) for entry in first]
    canvas = "section" in names and {"student", "id"} <= set(names)
    known = {alias: kind for kind, aliases in COLUMNS.items() for alias in aliases} | (CANVAS if canvas else {})
    found: dict[str, int] = {}
    for number, name in enumerate(names):
        if name in known:
            found.setdefault(known[name], number)
    return found


def parsed(found: Mapping[str, int], row: Sequence[str]) -> dict[str, str]:
    """A row of a roster: kind of entry → entry."""
    made = {kind: row[number].strip() if number < len(row) else "" for kind, number in found.items()}
    made["participant"] = "".join(re.findall(r"\d+$", made.get("participant", "")))
    return made


def _is_student(row: Mapping[str, str]) -> bool:
    """Not Canvas's line of possible points, not its made-up test student, not a teacher."""
    if row.get("role", "").lower() not in ("", "student", "learner"):
        return False
    if row.get("name", "").startswith("Points Possible") or row.get("name") == "Student, Test":
        return False
    return any(row.values())


def _personal(row: Mapping[str, str]) -> dict[str, str]:
    return {kind: value for kind, value in row.items() if kind not in ("id", "role")}


def _ids(people: Sequence[Mapping[str, str]]) -> list[str]:
    """The students' ids: from their own column, or from the first that has one for each and none twice."""
    ways: list[Callable[[Mapping[str, str]], str]] = [
        lambda row: row.get("id", ""),
        lambda row: row.get("login", ""),
        lambda row: row.get("email", "").split("@")[0],
        *(lambda row, kind=kind: row.get(kind, "") for kind in ("sis", "email", "canvas", "participant")),
    ]
    made = [[way(row) for row in people] for way in ways]
    good = [ids for ids in made if all(ids) and len({i.casefold() for i in ids}) == len(ids)]
    return made[0] if any(made[0]) or not good else good[0]


def _checked(students: Sequence[Student], path: Path) -> tuple[Student, ...]:
    seen: set[str] = set()
    for line, student in enumerate(students, 1):
        if not student.id:
            raise UsageError(f"Student {line} of the roster {path} ({student.full or 'no name'}) has no id.")
        if UNFIT.search(student.id) or student.id.startswith(".") or len(student.id) > 100:
            raise UsageError(f"In the roster {path}, {student.id!r} cannot be an id: it names a student's folder.")
        if student.id.casefold() in seen:
            raise UsageError(f"In the roster {path}, the id {student.id} is there twice.")
        seen.add(student.id.casefold())
    return tuple(students)
