"""One file from the internet, by pooch: several mirrors, resumed where the line drops, kept when its hash is right."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from course_utils.formats import DataError

PIECE = 1 << 16  # bytes
TIMEOUT = (10.0, 30.0)  # seconds: to connect, and between two pieces


class DownloadError(DataError):
    """No mirror gave the file. The message lists what each of them gave."""


@dataclass(frozen=True)
class Remote:
    """A file on the internet.

    name : the file's name, on the mirrors and here.
    md5 : its MD5, as hexadecimal digits.
    size : in bytes.
    mirrors : addresses that the name is appended to, best first.
    """

    name: str
    md5: str
    size: int
    mirrors: tuple[str, ...]


def fetch(remote: Remote, folder: Path, rounds: int = 2, pause: float = 1.0, progress: bool = True) -> Path:
    """The file's path in ``folder``; downloaded where it is not there, or not what its hash says.

    The mirrors are tried in turn, all of them ``rounds`` times, with ``pause`` seconds between the rounds. The bytes go
    into a temporary file, which gets the file's name only when the hash is right and is removed in any other case: a
    partial file is never taken for a whole one. A connection that drops is taken up again where it broke.

    Raises
    ------
    DownloadError
        where no mirror gives the right file.
    """
    import pooch
    import requests

    failures = []
    for number in range(rounds):
        time.sleep(pause * number)
        for mirror in remote.mirrors:
            stream = _Stream(remote, pause, progress)
            try:
                return Path(
                    pooch.retrieve(mirror + remote.name, f"md5:{remote.md5}", remote.name, folder, None, stream)
                )
            except (requests.RequestException, ValueError) as error:
                failures.append(f"{mirror + remote.name}: {_reason(error)}")
    raise DownloadError(
        f"{remote.name}: expected {remote.size:,} bytes with MD5 {remote.md5}, and no mirror gave them. Nothing was "
        f"kept. What came:\n" + "\n".join(f"  {failure}" for failure in dict.fromkeys(failures))
    )


def _reason(error: Exception) -> str:
    """In one line; of a connection that could not be made, the innermost cause."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    text = str(cause).partition("): ")[2] if cause else ""
    return " ".join((text or str(error) or type(error).__name__).split())


@dataclass
class _Stream:
    """A downloader as pooch calls it, which takes a broken connection up again."""

    remote: Remote
    pause: float
    progress: bool
    patience: int = 3  # broken connections in a row that brought nothing

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        from tqdm.auto import tqdm

        size, name = self.remote.size, self.remote.name
        with (
            Path(output_file).open("wb") as file,
            tqdm(total=size, desc=name, unit="B", unit_scale=True, disable=not self.progress) as bar,
        ):
            self._fill(url, file, bar)
            got = file.tell()
        if got != size:
            raise DataError(f"expected {size:,} bytes, got {got:,}. Deleted them")

    def _fill(self, url: str, file: IO[bytes], bar: Any) -> None:
        import requests

        in_vain, whole = 0, False
        while not whole:
            before = file.tell()
            try:
                self._append(url, file, bar)
                whole = True
            except requests.RequestException as error:
                got = file.tell()
                if not got:
                    raise
                in_vain = 0 if got > before else in_vain + 1
                if in_vain == self.patience:
                    raise DataError(
                        f"expected {self.remote.size:,} bytes, the connection broke after {got:,} and each time that "
                        "it was taken up again. Deleted them"
                    ) from error
                time.sleep(self.pause * in_vain)

    def _append(self, url: str, file: IO[bytes], bar: Any) -> None:
        """The rest of the file, or all of it again where the server cannot give a part."""
        import requests

        start = file.tell()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            answer.raise_for_status()
            if answer.status_code != requests.codes.partial_content:
                start = file.seek(0)
                bar.reset()
            self._expect(start + int(answer.headers.get("Content-Length", self.remote.size - start)))
            for piece in answer.iter_content(PIECE):
                file.write(piece)
                bar.update(len(piece))

    def _expect(self, announced: int) -> None:
        if announced != self.remote.size:
            raise DataError(
                f"expected {self.remote.size:,} bytes, the server announces {announced:,}. Took none of them"
            )
