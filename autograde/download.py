"""Made-up bulk downloads, each in the naming of its LMS (:mod:`autograde.lms` says where that is documented)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence

from autograde.lms import METADATA, Kind
from autograde.roster import Student, squashed

HEADER = "id,first_name,last_name,email,canvas_id,sid"
SENT = "2026-01-15 10:00:00 Z"


def people(names: Sequence[str]) -> tuple[Student, ...]:
    """Students with numbers and addresses of their own."""
    return tuple(
        Student(s, first=s.capitalize(), last=f"Example{n}", email=f"{s}@example.org", canvas=f"{n}", sis=f"s{n}")
        for n, s in enumerate(names, 1001)
    )


def roster(students: Sequence[Student]) -> str:
    """The students as a CSV file."""
    rows = (",".join((s.id, s.first, s.last, s.email, s.canvas, s.sis)) for s in students)
    return "\n".join([HEADER, *rows]) + "\n"


def made(kind: Kind, lesson: str, texts: Mapping[str, str], students: Sequence[Student]) -> bytes:
    """A zip file with the notebooks of those students who have one."""
    handed_in = [(student, texts[student.id]) for student in students if student.id in texts]
    entries = {Kind.CANVAS: _canvas, Kind.MOODLE: _moodle, Kind.GRADESCOPE: _gradescope}[kind](lesson, handed_in)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries:
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return file.getvalue()


Entries = Iterator[tuple[str, str]]
HandedIn = Sequence[tuple[Student, str]]


def _canvas(lesson: str, handed_in: HandedIn) -> Entries:
    for number, (student, text) in enumerate(handed_in, 5001):
        yield f"{squashed(student.sortable)}_{student.canvas}_{number}_{lesson}-1.ipynb", text


def _moodle(lesson: str, handed_in: HandedIn) -> Entries:
    for number, (student, text) in enumerate(handed_in, 7001):
        yield f"{student.full}_{number}_assignsubmission_file/{lesson} (1).ipynb", text


def _gradescope(lesson: str, handed_in: HandedIn) -> Entries:
    metadata = []
    for number, (student, text) in enumerate(handed_in, 9001):
        folder = f"submission_{number}"
        yield f"assignment_1_export/{folder}/{lesson}.ipynb", text
        metadata += [f"{folder}:", "  :submitters:", f"  - :name: {student.full}", f"    :sid: {student.sis}"]
        metadata += [f"    :email: {student.email}", f"  :created_at: {SENT}"]
    yield f"assignment_1_export/{METADATA}", "\n".join(["---", *metadata]) + "\n"
