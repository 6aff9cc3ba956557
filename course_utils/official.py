"""Official files: found in the folder of COURSE_DATA_DIR or downloaded, checked, and read as arrays."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.downloads import DownloadError, Remote, fetch
from course_utils.formats import DataError, unpack

VARIABLE = "COURSE_DATA_DIR"
Labelled = tuple[np.ndarray, np.ndarray]  # images (N, C, H, W) uint8, labels (N,) int64


@dataclass(frozen=True)
class File:
    """An official file.

    name : its name, unpacked.
    md5 : of the unpacked bytes, so that a copy that was packed again will do.
    parse : from these bytes (and ``source``, a name for messages) to what they hold.
    remote : what to download: the file packed, or the archive that it is in.
    """

    name: str
    md5: str
    parse: Callable[..., Any]
    remote: Remote


@dataclass(frozen=True)
class Official:
    """A set of labelled images as its authors give it.

    folders : where its files may lie below the data folder, the usual place first.
    train, test : the files of each part, in order.
    joined : from what these files hold to images and labels.
    validation : every how many-th training image is kept for validation.
    divisible : whether some of the training files will do.
    """

    title: str
    classes: tuple[str, ...]
    folders: tuple[str, ...]
    train: tuple[File, ...]
    test: tuple[File, ...]
    joined: Callable[[list[Any]], Labelled]
    validation: int
    divisible: bool = False


def read(official: Official) -> tuple[Labelled, Labelled]:
    """Training and test images with their labels.

    The files are looked for in the folder that the environment variable COURSE_DATA_DIR names, unpacked or packed, and
    what is not there is downloaded: into that folder where it may be written to, else into the system's cache folder.

    Raises
    ------
    DataError
        where a file is truncated, corrupted or another one. It is left as it is.
    DownloadError
        where a file is not there and cannot be downloaded.
    """
    local = {file: path for file in (*official.train, *official.test) if (path := _found(official, file))}
    train = _sufficient(official, local)
    files = (*train, *official.test)
    absent = dict.fromkeys(file.remote for file in files if file not in local)  # an archive once
    fetched = {remote: _fetched(official, remote) for remote in absent}
    paths = {file: local.get(file) or fetched[file.remote] for file in files}
    unpacked: dict[Path, dict[str, bytes]] = {}
    held = {file: _parsed(file, path, unpacked) for file, path in paths.items()}
    return official.joined([held[file] for file in train]), official.joined([held[file] for file in official.test])


def data_folder() -> Path | None:
    """The folder that COURSE_DATA_DIR names, or None where it is not set."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataError(f"expected {VARIABLE} to name a folder, got {named!r}: make it, correct the name or unset it")
    return folder


def _found(official: Official, file: File) -> Path | None:
    """Where the file lies in the data folder, unpacked or packed."""
    folder = data_folder()
    names = (file.name, f"{file.name}.gz", file.remote.name)
    candidates = (folder / below / name for below in official.folders for name in names) if folder else ()
    return next((path for path in candidates if path.is_file()), None)


def _sufficient(official: Official, local: dict[File, Path]) -> tuple[File, ...]:
    """All the training files; of a divisible set those that lie here, if the test files lie beside them."""
    here = tuple(file for file in official.train if file in local)
    if not (official.divisible and here and all(file in local for file in official.test)):
        return official.train
    if missing := [file.name for file in official.train if file not in local]:
        warnings.warn(
            f"{official.title}: {len(here)} of the {len(official.train)} training files are in {data_folder()}, and "
            f"only these are used. Missing: {', '.join(missing)}. Put them there, or unset {VARIABLE} to download all.",
            stacklevel=5,
        )
    return here


def _fetched(official: Official, remote: Remote) -> Path:
    import pooch

    folder = data_folder()
    store = folder if folder and os.access(folder, os.W_OK) else Path(pooch.os_cache("convnets-by-hand"))
    try:
        return fetch(remote, store / official.folders[0])
    except DownloadError as error:
        raise DownloadError(
            f"{error}\nWithout a network: get the official files of {official.title} elsewhere, put them into a folder "
            f"{official.folders[0]!r}, and set the environment variable {VARIABLE} to the folder that it is in; "
            "or use load('digits') or load('glyphs'), which need no file."
        ) from error


def _parsed(file: File, path: Path, unpacked: dict[Path, dict[str, bytes]]) -> Any:
    """What the file holds, when it is right in every respect."""
    try:
        if path not in unpacked:
            unpacked[path] = unpack(path)
        if file.name not in unpacked[path]:
            raise DataError(f"{path}: expected a file {file.name} in it, got {', '.join(unpacked[path]) or 'none'}")
        content, source = unpacked[path][file.name], str(path)
        held = file.parse(content, source=source)
        if (md5 := hashlib.md5(content, usedforsecurity=False).hexdigest()) != file.md5:
            raise DataError(
                f"{source}: expected the official {file.name} with MD5 {file.md5}, got {md5}: it is another file or "
                "corrupted"
            )
        return held
    except DataError as error:
        raise DataError(
            f"{error}. Nothing was loaded, and the file was left as it is. Put {file.remote.name} from "
            f"{file.remote.mirrors[0]} in its place ({file.remote.size:,} bytes, MD5 {file.remote.md5}), or remove it "
            "and it will be downloaded."
        ) from error
