"""Grades as rows that an LMS imports as they are: a sheet of its own filled in, or one made from the roster.

- Canvas looks for ``Student``, ``ID``, ``SIS User ID``, ``SIS Login ID``, ``Section`` in this order, then takes every
  other column for an assignment: by the number behind its title, ``Title (4711)``, or else by the title; where it knows
  neither it makes a new one. A line of ``Points Possible`` may follow. An empty entry removes a grade, so what has no
  score keeps the template's (https://github.com/instructure/canvas-lms/blob/master/lib/gradebook_importer.rb;
  https://teaching.resources.osu.edu/toolsets/carmencanvas/guides/calculating-final-grades/import-csv-file-carmen-grades).
- Moodle's grading worksheet needs ``Identifier``, ``Grade`` and ``Last modified (grade)`` as they were downloaded, and
  passes over a grade above ``Maximum grade``
  (https://github.com/moodle/moodle/blob/MOODLE_405_STABLE/mod/assign/feedback/offline/importgradeslib.php).
- Moodle's gradebook imports what it exports, ``First name``, ``Last name``, ``ID number``, ``Email address`` and
  ``Assignment: Title (Real)``, and asks which column is which (https://docs.moodle.org/405/en/Grade_import).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograde.errors import UsageError
from autograde.roster import Owner, Roster, Student, columns, header, parsed, squashed

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("First name", "Last name", "ID number", "Email address")
POSSIBLE = "Points Possible"
_CALCULATED = re.compile(r"(Current|Final|Unposted|Override) .*(Score|Points|Grade|Status)")
_AROUND = re.compile(r"^\s*Assignment:|\((?:\d+|Real)\)\s*$")  # a title, as Moodle and Canvas write it into a header


@dataclass(frozen=True)
class Grades:
    """What there is to export: points by (lesson, student), and what each lesson is worth, in the course's order."""

    points: Mapping[tuple[str, str], float]
    possible: Mapping[str, float]


@dataclass(frozen=True)
class Sheet:
    """Rows for a file, and what an instructor should know before importing it."""

    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self.rows)
        return text.getvalue()


def canvas(people: Roster, grades: Grades) -> Sheet:
    """A sheet for Canvas, made from the roster."""
    rows: list[tuple[str, ...]] = [(*CANVAS, *grades.possible)]
    rows.append((f"    {POSSIBLE}", "", "", "", "", *map(points, grades.possible.values())))
    rows += [(s.sortable, s.canvas, s.sis, s.login or s.id, "", *_of(s, grades)) for s in people.students]
    return Sheet(tuple(rows), _left_out(people, grades))


def moodle(people: Roster, grades: Grades) -> Sheet:
    """A sheet for Moodle's gradebook, made from the roster."""
    rows: list[tuple[str, ...]] = [(*MOODLE, *(f"Assignment: {lesson} (Real)" for lesson in grades.possible))]
    rows += [(*s.names, s.sis, s.email, *_of(s, grades)) for s in people.students]
    return Sheet(tuple(rows), _left_out(people, grades))


def filled(template: Sequence[Sequence[str]], people: Roster, grades: Grades, named: Mapping[str, str]) -> Sheet:
    """An LMS's own sheet with the points in it; ``named`` says which column a lesson is, where the titles do not."""
    first = template[0]
    places = _places(first, grades.possible, named)
    rows, notes = [tuple(first)], []
    known = columns(first)
    for row in template[1:]:
        made = [*row, *[""] * (len(first) - len(row))]
        if POSSIBLE in made[0]:
            notes += _differing(made, places, grades, "Canvas")
        elif student := _student(known, made, people):
            for lesson, place in places.items():
                given = grades.points.get((lesson, student.id))
                made[place] = made[place] if given is None else points(given)
            notes += _above(first, made, places, grades)
        rows.append(tuple(made))
    absent = [lesson for lesson in grades.possible if lesson not in places]
    if absent:
        notes.append(f"The template has no column for {', '.join(absent)}: say which with --column LESSON=TITLE.")
    there = {s.id for row in template[1:] if (s := _student(known, row, people))}
    lost = sorted({student for _, student in grades.points} - there)
    if lost:
        notes.append(f"Not in the template, and so left out: {', '.join(lost)}.")
    return Sheet(tuple(rows), tuple(dict.fromkeys(notes)))


def points(number: float) -> str:
    """Points with two decimals at most, as gradebooks show them."""
    return f"{round(number, 2):.10g}"


def _of(student: Student, grades: Grades) -> list[str]:
    given = [grades.points.get((lesson, student.id)) for lesson in grades.possible]
    return ["" if number is None else points(number) for number in given]


def _left_out(people: Roster, grades: Grades) -> tuple[str, ...]:
    lost = sorted({student for _, student in grades.points} - set(people.ids))
    return (f"Not in the roster, and so left out: {', '.join(lost)}.",) if lost else ()


def _student(known: Mapping[str, int], row: Sequence[str], people: Roster) -> Student | None:
    """The student of the roster whom a row of the template is about."""
    there = parsed(known, row)
    for kind in ("id", "login", "sis"):
        found = people.by("sis", there.get(kind, ""))
        if len(found) == 1:
            return found[0]
    name = there.get("name") or f"{there.get('first', '')} {there.get('last', '')}"
    numbers = {kind: there.get(kind, "") for kind in ("canvas", "participant", "sis", "email")}
    match = people.find(Owner(name, name, **numbers))
    return None if isinstance(match, str) else match.student


def _places(first: Sequence[str], lessons: Mapping[str, float], named: Mapping[str, str]) -> dict[str, int]:
    """Which column each lesson is."""
    names = [header(entry) for entry in first]
    if {"identifier", "grade"} <= set(names):
        if len(lessons) != 1:
            raise UsageError("A grading worksheet of Moodle's is of one assignment: name the lesson that it is of.")
        return {lesson: names.index("grade") for lesson in lessons}
    places: dict[str, int] = {}
    for lesson in lessons:
        fitting = _fitting(lesson, first, named)
        if len(fitting) > 1:
            titles = " and ".join(repr(first[place]) for place in fitting)
            raise UsageError(f"{titles} could both be {lesson}: say which with --column {lesson}=TITLE.")
        if fitting:
            places[lesson] = fitting[0]
    return places


def _fitting(lesson: str, first: Sequence[str], named: Mapping[str, str]) -> list[int]:
    if lesson in named:
        wanted = named[lesson].strip()
        found = [i for i, entry in enumerate(first) if wanted in (entry.strip(), _AROUND.sub("", entry).strip())]
        if not found:
            raise UsageError(f"The template has no column {wanted!r}.")
        return found
    titles = [(i, squashed(_AROUND.sub("", entry).strip())) for i, entry in enumerate(first) if _is_title(entry)]
    bare = squashed(re.sub(r"^\d+", "", lesson))
    return [i for i, title in titles if squashed(lesson) in title or title == bare]


def _is_title(entry: str) -> bool:
    """Whether a column can be an assignment's points: no total that is calculated, no other form of them."""
    return not _CALCULATED.search(entry) and not re.search(r"\((Percentage|Letter|Feedback)\)\s*$", entry)


def _differing(row: Sequence[str], places: Mapping[str, int], grades: Grades, who: str) -> list[str]:
    """Where an LMS counts a lesson by another number of points."""
    said = {lesson: row[place].strip() for lesson, place in places.items() if row[place].strip()}
    return [
        f"{who} has {lesson} out of {there}, here out of {points(grades.possible[lesson])}: points are not converted."
        for lesson, there in said.items()
        if _number(there) != grades.possible[lesson]
    ]


def _above(first: Sequence[str], row: Sequence[str], places: Mapping[str, int], grades: Grades) -> list[str]:
    """What a worksheet says of the points that are possible."""
    names = [header(entry) for entry in first]
    if "maximum grade" not in names:
        return []
    shown = [*row]
    for place in places.values():
        shown[place] = row[names.index("maximum grade")]
    return _differing(shown, places, grades, "Moodle")


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
