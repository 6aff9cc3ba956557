"""A class's secret: hidden cases are drawn from it. Nobody can know them; whoever has it can draw them again."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex

from autograde.errors import CourseError

FILE = "secret.txt"


def of(folder: Path) -> str:
    """A class's secret; made when there is none yet, and readable by its owner alone."""
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise CourseError(
            f"{path} cannot be written ({error.strerror}): grading needs a folder to write to."
        ) from error
    with os.fdopen(handle, "w") as file:
        file.write(token_hex(16) + "\n")
    return _read(path)


def _read(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}).") from error
    if len(text) < 16:
        raise CourseError(f"{path} must hold a secret of at least 16 characters; delete it, and a new one is made.")
    return text
