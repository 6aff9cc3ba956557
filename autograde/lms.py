"""What the names in a download say: whose a file is, which attempt it belongs to, when it was handed in, whether late.

Each LMS names the files of its bulk download in its own way:

- Canvas: ``NAME_USER_FILE_as the student named it.ipynb``, with ``LATE_`` before USER where it was late; NAME is the
  family name and the first name, small letters without spaces; only the last attempt is there, and no time
  (https://github.com/instructure/canvas-lms/blob/master/lib/content_zipper.rb).
- Moodle: ``Full Name_NUMBER_assignsubmission_file/as named.ipynb`` (older versions: ``…_file_/``), or, without folders,
  ``Full Name_NUMBER_assignsubmission_file_as named.ipynb``; NUMBER is what the grading worksheet calls "Participant
  NUMBER"; no time (https://github.com/moodle/moodle/blob/MOODLE_405_STABLE/mod/assign/classes/downloader.php).
- Gradescope: ``assignment_…_export/submission_NUMBER/as named.ipynb`` beside ``submission_metadata.yml``, which has the
  submitters' names, addresses and ids and the time of each submission
  (https://guides.gradescope.com/hc/en-us/articles/22066784117901-Grading-Online-Assignments, "Exporting Submission
  Data"; its fields as https://github.com/ucbds-infra/otter-grader reads them).
- A folder of one's own: ``STUDENT/…/file``, or the student's id or name somewhere in the file's name; a time in the
  name, as Blackboard writes it (``…_attempt_2026-11-20-22-10-05_…``), or in nbgrader's ``timestamp.txt`` beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from dateutil import parser as dates

from autograde.archive import File, Refusal
from autograde.errors import UsageError
from autograde.roster import UNFIT, Owner, Roster, squashed

METADATA = "submission_metadata.yml"
TIMESTAMP = "timestamp.txt"  # nbgrader's
_CANVAS = re.compile(r"^(?P<name>[^/]*?)_(?:(?P<late>LATE)_)?(?P<user>\d+)_(?P<file>\d+)_(?P<own>[^/]+)$")
_CANVAS_ANONYMOUS = re.compile(r"^(?:LATE_)?anon_(?=\w*[A-Za-z])[^_/]+_\d+_[^/]+$")
_CANVAS_TEXT = re.compile(r"^(?P<name>[^/]*?)_(?:LATE_)?(?P<user>\d+)_(?P<what>text|link)\.html$")
_MOODLE = re.compile(
    r"(?:^|/)(?P<name>[^/_]+)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_?/(?P<path>.+)|_(?P<flat>[^/]+))$"
)
_TIME = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)[-T_ ](\d\d)[-:.h]?(\d\d)[-:.m]?(\d\d)(?!\d)")


class Kind(StrEnum):
    """Where a download comes from."""

    CANVAS = "canvas"
    MOODLE = "moodle"
    GRADESCOPE = "gradescope"
    FOLDER = "folder"


@dataclass(frozen=True)
class Upload:
    """A file that somebody handed in.

    own : its name, as the student had it.
    attempt : the same for all files that were handed in together.
    sent : when, where that is known.
    late : whether the LMS says that it was late.
    order : larger for what came later; compared only where no time is known.
    """

    file: File
    owner: Owner
    own: str
    attempt: str
    sent: datetime | None = None
    late: bool = False
    order: tuple[str | int, ...] = ()


Read = Callable[[File], bytes]
Labelled = tuple[tuple[Upload, ...], tuple[Refusal, ...]]


def detect(files: Sequence[File]) -> Kind:
    """Which LMS named most of these files; a folder of one's own where none did. No student's file decides it alone."""
    if _metadata_of(files) is not None:
        return Kind.GRADESCOPE
    if files and 2 * sum(_MOODLE.search(file.path) is not None for file in files) > len(files):
        return Kind.MOODLE
    canvas = [
        file for file in files if any(form.match(file.name) for form in (_CANVAS, _CANVAS_ANONYMOUS, _CANVAS_TEXT))
    ]
    return Kind.CANVAS if files and 2 * len(canvas) > len(files) else Kind.FOLDER


def label(
    files: Sequence[File], kind: Kind, roster: Roster | None, read: Read, lessons: Collection[str] = ()
) -> Labelled:
    """Whose each file is. A folder of one's own may have folders that are called as lessons are."""
    if kind is Kind.GRADESCOPE:
        made = list(_gradescope(files, read))
    elif kind is Kind.FOLDER:
        made = list(_folder(files, roster, read, {squashed(lesson) for lesson in lessons}))
    else:
        made = [(_canvas if kind is Kind.CANVAS else _moodle)(number, file) for number, file in enumerate(files)]
    uploads = tuple(each for each in made if isinstance(each, Upload))
    return uploads, tuple(each for each in made if isinstance(each, Refusal))


def unpacked(upload: Upload, files: Iterable[File]) -> tuple[Upload, ...]:
    """The files of a zip file that was handed in, each as if it had been handed in by itself."""
    return tuple(replace(upload, file=f, own=f.name, order=(*upload.order, i)) for i, f in enumerate(files))


def moment(text: str, zone: tzinfo | None = None) -> datetime | None:
    """A point in time as people and programs write it; where they say no zone, in this one, or in this machine's."""
    *first, last = text.split() or [""]
    try:
        if "/" in last and first and not last[0].isdigit():  # as nbgrader writes it: 2026-11-20 22:10:05 Europe/Berlin
            zone, text = ZoneInfo(last), " ".join(first)
        found: datetime = dates.parse(text.strip())
        return (found.replace(tzinfo=zone) if zone and found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError, OSError, KeyError):
        return None


def _canvas(number: int, file: File) -> Upload | Refusal:
    if _CANVAS_ANONYMOUS.match(file.name):
        return Refusal(file.path, "it is anonymous: switch anonymous grading off in Canvas, and download again.")
    if found := _CANVAS.match(file.name):
        owner = Owner(f"{found['name']}_{found['user']}", found["name"], canvas=found["user"])
        order = (int(found["file"]), number)  # a later upload has a larger number
        return Upload(file, owner, found["own"], found["user"], late=bool(found["late"]), order=order)
    if _CANVAS_TEXT.match(file.name):
        return Refusal(file.path, "the student handed in a text or a link, not a file.")
    return Refusal(file.path, "its name is not one that Canvas gives.")


def _moodle(number: int, file: File) -> Upload | Refusal:
    found = _MOODLE.search(file.path)
    if not found:
        return Refusal(file.path, "its name is not one that Moodle gives.")
    if found["kind"] != "file":
        return Refusal(file.path, "the student wrote it into Moodle's editor: it is not a file.")
    owner = Owner(f"{found['name']}_{found['number']}", found["name"], participant=found["number"])
    own = (found["path"] or found["flat"]).rsplit("/", 1)[-1]
    return Upload(file, owner, own, found["number"], order=(file.changed, number))


def _gradescope(files: Sequence[File], read: Read) -> Iterator[Upload | Refusal]:
    """An upload for each submitter: of a group, each gets the submission."""
    place = _metadata_of(files)
    if place is None:
        raise UsageError(f"There is no {METADATA}: this is not a download of Gradescope's.")
    metadata = _metadata(read(place))
    before = place.path.removesuffix(METADATA)
    for number, file in enumerate(files):
        if file is place:
            continue
        name = file.path.removeprefix(before).split("/")[0]
        entry = metadata.get(name)
        if entry is None:
            yield Refusal(file.path, f"{METADATA} does not say whose it is.")
            continue
        for owner in _submitters(entry):
            sent = moment(str(entry.get(":created_at", "")))
            yield Upload(file, owner, file.name, name, sent, order=(name, number))


def _metadata_of(files: Sequence[File]) -> File | None:
    """Gradescope's own file: on top, with everything else beside it."""
    for file in files:
        before = file.path.removesuffix(METADATA)
        if file.name == METADATA and before.count("/") <= 1 and all(f.path.startswith(before) for f in files):
            return file
    return None


def _metadata(content: bytes) -> Mapping[str, Mapping[str, Any]]:
    try:
        data = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{METADATA} cannot be read: {str(error).splitlines()[0]}.") from error
    if not isinstance(data, dict):
        raise UsageError(f"{METADATA} has no submissions in it.")
    return {str(name): entry for name, entry in data.items() if isinstance(entry, dict)}


def _submitters(entry: Mapping[str, Any]) -> Iterator[Owner]:
    people = entry.get(":submitters")
    for person in people if isinstance(people, list) else []:
        if isinstance(person, dict):
            name, sid, email = (str(person.get(key) or "") for key in (":name", ":sid", ":email"))
            yield Owner(name or email or sid, name, sis=sid, email=email)


def _folder(
    files: Sequence[File], roster: Roster | None, read: Read, lessons: Collection[str]
) -> Iterator[Upload | Refusal]:
    """By folders and names of one's own."""
    top = {file.path.split("/")[0] for file in files if "/" in file.path}
    known = {*lessons, *(squashed(name) for name in top if len(top) == 1)}
    times = {f.path.removesuffix(TIMESTAMP): moment(_words(read(f)), UTC) for f in files if f.name == TIMESTAMP}
    for number, file in enumerate(files):
        if file.name == TIMESTAMP:
            continue
        owner, depth = _named(file.path, roster, known)
        if owner is None:
            why = (
                "it names no student that is known." if depth == 0 else "it names more than one student of the roster."
            )
            yield Refusal(file.path, why)
            continue
        folder = file.path.removesuffix(file.name)
        sent = _time_in(file.path) or times.get(folder)
        attempt = folder if depth else file.path
        yield Upload(file, owner, file.name, attempt, sent, order=(file.changed, number))


def _words(content: bytes) -> str:
    """The beginning of a file as text."""
    return content[:100].decode("utf-8", "replace")


def _named(path: str, roster: Roster | None, known: Collection[str]) -> tuple[Owner | None, int]:
    """The student whom a path names, and 1 where a folder does; without one, how many names there are.

    Below a folder that could be a student's, the names of files say nothing: students choose them.
    """
    *folders, name = path.split("/")
    if roster is None:
        fit = folders and not UNFIT.search(folders[0]) and not folders[0].startswith(".")
        return (Owner(folders[0], id=folders[0]), 1) if fit else (None, 0)
    for folder in folders:
        match = roster.find(Owner(folder, folder, id=folder, email=folder))
        if not isinstance(match, str):
            return Owner(match.student.id, id=match.student.id), 1
    own = [folder for folder in folders if squashed(folder) not in known]
    found = _mentioned(own[0] if own else name, roster)
    if len(found) != 1:
        return None, len(found)
    return Owner(next(iter(found)), id=next(iter(found))), len(own[:1])


def _mentioned(text: str, roster: Roster) -> set[str]:
    """The students whose id, login, address or name stands in a text between marks: ``ada_01_convolution.ipynb``."""
    words = [squashed(word) for word in re.split(r"[\W_]+", text)]
    runs = {"".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, min(len(words), i + 6) + 1)} - {""}
    return {student for student, known in roster.words if known & runs}


def _time_in(path: str) -> datetime | None:
    found = _TIME.search(path)
    if not found:
        return None
    try:
        return datetime(*map(int, found.groups())).astimezone(UTC)  # type: ignore[arg-type]
    except ValueError:
        return None
