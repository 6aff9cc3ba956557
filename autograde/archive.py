"""A folder or a zip file of strangers' making, read file by file: nothing is unpacked, no name in it is a path here.

What a zip file says of itself is not believed: each file is read up to a limit, and one that is damaged, encrypted, a
link, too large, or named to lead elsewhere is refused by itself.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from autograde.errors import AutogradeError, UsageError

LARGEST = 50_000_000  # bytes of a file, after unpacking
TOGETHER = 200_000_000  # bytes of the files in one student's zip file, after unpacking
MOST = 2_000  # files in one student's zip file
MOST_OF_ALL = 200_000  # files in a download
JUNK = ("__MACOSX", ".ipynb_checkpoints", ".git", "__pycache__")
LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)
UTF8 = 0x800  # the flag of an entry whose name is in UTF-8
ENCRYPTED = 0x1


class ArchiveError(AutogradeError):
    """A file that is refused; the text is a sentence about it."""

    exit_code = 1


@dataclass(frozen=True)
class File:
    """A file of a source.

    path : its name there, with slashes.
    place : how to find it again: numbers of entries, the outer zip file's first; or its path in a folder.
    changed : when it was changed last, for what that is worth; only to tell earlier from later (ISO 8601).
    """

    path: str
    size: int
    place: tuple[int | str, ...]
    changed: str = ""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Refusal:
    """What was not taken, and a sentence that says why."""

    what: str
    why: str


Found = tuple[tuple[File, ...], tuple[Refusal, ...]]


class Source:
    """A folder or a zip file."""

    def __init__(self, path: Path):
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        self._inner: tuple[int | str, zipfile.ZipFile] | None = None  # the one that was opened last
        if path.is_dir():
            return
        if not path.exists():
            raise UsageError(f"There is no file or folder {path}.")
        try:
            self._zip = zipfile.ZipFile(path)
        except DAMAGE as error:
            raise UsageError(f"{path} is neither a folder nor a sound zip file ({error}).") from error

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._zip is not None:
            self._zip.close()

    def files(self) -> Found:
        """What there is, and what of it is refused by its looks."""
        if self._zip is None:
            return _sorted(_of_folder(self.path))
        if len(self._zip.infolist()) > MOST_OF_ALL:
            raise UsageError(f"{self.path} holds more than {MOST_OF_ALL} files: that is no class.")
        return _sorted(_of_zip(self._zip, ()))

    def inside(self, file: File) -> Found:
        """The files in a zip file that a student handed in; one in another is not opened."""
        opened = self._nested(file)
        entries = opened.infolist()
        total = sum(entry.file_size for entry in entries)
        if len(entries) > MOST or total > TOGETHER:
            raise ArchiveError(f"it would unpack to {len(entries)} files of {total / 1e6:.0f} MB together.")
        return _sorted(_of_zip(opened, file.place, f"{file.path}/"))

    def read(self, file: File) -> bytes:
        """The content of a file; :class:`ArchiveError` where it is not what it seemed."""
        if self._zip is None and len(file.place) == 1:
            return _content(self.path / str(file.place[0]))
        if len(file.place) == 1:
            assert self._zip is not None
            return _entry(self._zip, int(file.place[0]))
        return _entry(self._nested(File(file.path, 0, file.place[:1])), int(file.place[1]))

    def _nested(self, file: File) -> zipfile.ZipFile:
        if self._inner is not None and self._inner[0] == file.place[0]:
            return self._inner[1]
        try:
            self._inner = file.place[0], zipfile.ZipFile(io.BytesIO(self.read(file)))
            return self._inner[1]
        except ArchiveError:
            raise
        except DAMAGE as error:
            raise ArchiveError(f"it is not a sound zip file ({error}).") from error


def _sorted(found: Iterable[File | Refusal]) -> Found:
    files: list[File] = []
    refused: list[Refusal] = []
    for each in found:
        if isinstance(each, File):
            files.append(each)
        else:
            refused.append(each)
    return tuple(files), tuple(refused)


def _of_folder(root: Path) -> Iterator[File | Refusal]:
    """The regular files below a folder; no link is followed."""
    closed: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=closed.append):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if name not in JUNK)
        for name in [n for n in folders if (here / n).is_symlink()]:
            yield Refusal(str((here / name).relative_to(root)), "it is a link to another folder.")
        for name in sorted(names):
            path = (here / name).relative_to(root).as_posix()
            if not is_junk(path):
                yield _of_path(here / name, path)
    for error in closed:
        yield Refusal(os.path.relpath(str(error.filename), root), f"it cannot be read ({error.strerror}).")


def _of_path(path: Path, name: str) -> File | Refusal:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return Refusal(name, "it is a link." if stat.S_ISLNK(status.st_mode) else "it is no ordinary file.")
    if status.st_size > LARGEST:
        return Refusal(name, _large(status.st_size))
    shown = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    return File(shown, status.st_size, (name,), f"{status.st_mtime:020.6f}")


def _of_zip(opened: zipfile.ZipFile, place: tuple[int | str, ...], before: str = "") -> Iterator[File | Refusal]:
    for number, entry in enumerate(opened.infolist()):
        name = named(entry)
        if entry.is_dir() or is_junk(name):
            continue
        problem = _problem(entry, name)
        if problem:
            yield Refusal(before + name, problem)
        else:
            changed = "".join(f"{part:04d}" for part in entry.date_time)
            yield File(before + name, entry.file_size, (*place, number), changed)


def named(entry: zipfile.ZipInfo) -> str:
    """An entry's name: in UTF-8 where it is that, whether or not the file says so; else in the format's DOS letters."""
    name = entry.orig_filename if "\0" in entry.orig_filename else entry.filename
    if not entry.flag_bits & UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def is_junk(path: str) -> bool:
    """Whether a program left it there, not a person."""
    *folders, name = path.split("/")
    return name in LITTER or name.startswith("._") or any(part in JUNK for part in folders)


def _problem(entry: zipfile.ZipInfo, name: str) -> str:
    """Why an entry is refused without a look into it; empty where it is not."""
    parts = name.split("/")
    if ".." in parts or name.startswith("/") or ":" in parts[0] or "\0" in name:
        return "its name leads out of the archive."
    if any(not c.isprintable() for c in name):
        return "its name has characters that no name has."
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "it is a link."
    if entry.flag_bits & ENCRYPTED:
        return "it is encrypted."
    return _large(entry.file_size) if entry.file_size > LARGEST else ""


def _large(size: int) -> str:
    return f"it is too large: {size / 1e6:.0f} MB of {LARGEST / 1e6:.0f}."


def _entry(opened: zipfile.ZipFile, number: int) -> bytes:
    """An entry's content, no more of it than the limit."""
    try:
        with opened.open(opened.infolist()[number]) as file:
            return _limited(file)
    except DAMAGE as error:
        raise ArchiveError(f"it is damaged ({error}).") from error


def _content(path: Path) -> bytes:
    """A regular file's content, not through a link even if it became one meanwhile."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ArchiveError("it is no ordinary file.")
            return _limited(file)
    except OSError as error:
        raise ArchiveError(f"it cannot be read ({error.strerror}).") from error


def _limited(file: IO[bytes]) -> bytes:
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ArchiveError(_large(len(content)))
    return content
