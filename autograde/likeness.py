"""Answers that are suspiciously alike: a lead for a person to follow, not a verdict.

Text is compared as copydetect does it (winnowing: Schleimer, Wilkerson and Aiken 2003), so other names, comments and
spaces make no difference. What is given, what the instructor's answer has, and what many of a class wrote is nobody's
own, and is left out: the straight way to write three lines of NumPy is everybody's.
"""

from __future__ import annotations

import functools
import io
import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from copydetect import CodeFingerprint
from nbformat import NotebookNode

from autograde.lesson import Lesson

GRAM = 20  # characters of a fingerprint, where a name is one character
WINDOW = 4  # of so many fingerprints in a row, at least one is kept
FEWEST = 6  # fingerprints that two have in common
SHARE = 0.5  # of the fingerprints that are the one's own and the other's
MANY = 5  # what more than a fifth of a class wrote is common property,
MOST = 25  # and what more than so many did

Answers = Mapping[str, str]  # an answer's grade id → its text


@dataclass(frozen=True)
class Alike:
    """Two submissions to a lesson that share text which hardly anybody else has.

    share : of what is the one's own and the other's, how much is in both, from 0 to 1; the smaller of the two.
    exercises : where.
    """

    lesson: str
    students: tuple[str, str]
    exercises: tuple[str, ...]
    share: float
    fingerprints: int


def alike(lesson: Lesson, answers: Mapping[str, Answers]) -> tuple[Alike, ...]:
    """The pairs of students whose answers to a lesson are alike, the most alike first."""
    given = frozenset().union(*(_fingerprints(c.source) for n in (lesson.released, lesson.source) for c in _code(n)))
    prints = {
        student: {name: _fingerprints(text) - given for name, text in texts.items()}
        for student, texts in answers.items()
    }
    owners = Counter(mark for own in prints.values() for mark in frozenset().union(*own.values()))
    most = min(MOST, max(3, len(prints) // MANY))
    rare = {
        student: {name: frozenset(m for m in marks if owners[m] <= most) for name, marks in own.items()}
        for student, own in prints.items()
    }
    found = (_pair(lesson.name, pair, rare) for pair in _candidates(rare))
    return tuple(sorted((p for p in found if p is not None), key=lambda p: (-p.share, -p.fingerprints, p.students)))


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@functools.lru_cache(maxsize=20_000)
def _fingerprints(text: str) -> frozenset[int]:
    made = CodeFingerprint("answer.py", GRAM, WINDOW, language="python", fp=io.StringIO(text))
    return frozenset(map(int, made.hashes))


Rare = Mapping[str, Mapping[str, frozenset[int]]]


def _candidates(rare: Rare) -> list[tuple[str, str]]:
    """The pairs that have enough in common to be looked at, without looking at all pairs."""
    holders: dict[int, list[str]] = {}
    for student in sorted(rare):
        for mark in frozenset().union(*rare[student].values()):
            holders.setdefault(mark, []).append(student)
    common = Counter(pair for students in holders.values() for pair in itertools.combinations(students, 2))
    return [pair for pair, count in common.items() if count >= FEWEST]


def _pair(lesson: str, students: tuple[str, str], rare: Rare) -> Alike | None:
    one, other = (rare[student] for student in students)
    shared = {name: one[name] & other[name] for name in one.keys() & other.keys()}
    marks = frozenset().union(*shared.values())
    larger = max(len(frozenset().union(*own.values())) for own in (one, other))
    if len(marks) < FEWEST or len(marks) < SHARE * larger:
        return None
    where = tuple(name for name in one if shared.get(name))
    return Alike(lesson, students, where, len(marks) / larger, len(marks))
