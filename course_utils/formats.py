"""The binary formats of the official files, from bytes to arrays: IDX (MNIST, Fashion-MNIST) and CIFAR-10's records."""

from __future__ import annotations

import gzip
import io
import math
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np

UNSIGNED_BYTES = 0x08  # IDX: the only type of number in these files
RECORD = 1 + 3 * 32 * 32  # CIFAR-10: a label, then red, green and blue, each row by row
BROKEN = (EOFError, OSError, zlib.error, tarfile.TarError)  # what reading a broken gzip or tar file raises


class DataError(ValueError):
    """A data file is not what it should be: the message says what was expected, what came, and what was done."""


def unpack(path: Path) -> dict[str, bytes]:
    """The files that a file holds, by name: one, plain or packed by gzip, or those of a ``.tar.gz`` archive.

    Whether a file is packed is seen from its first bytes, because some browsers unpack and keep the name.

    Raises
    ------
    DataError
        where the file is truncated or corrupted.
    """
    packed = path.read_bytes()
    try:
        content = gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed
        return _members(content) if ".tar" in path.suffixes else {path.name.removesuffix(".gz"): content}
    except BROKEN as error:
        kind = "a whole archive" if ".tar" in path.suffixes else "a whole gzip file"
        raise DataError(
            f"{path}: expected {kind}, got {len(packed):,} bytes that are truncated or corrupted ({error})"
        ) from error


def _members(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {m.name: archive.extractfile(m) for m in archive.getmembers() if m.isfile()}
        return {PurePosixPath(name).name: file.read() for name, file in files.items() if file}


def parse_idx(content: bytes, dimensions: int, source: str = "IDX file") -> np.ndarray:
    """An array of bytes in the IDX format.

    The header is two zero bytes, the type of the numbers (8: unsigned bytes), the number of dimensions, and each
    dimension as 4 bytes, highest first. The numbers follow, the last index fastest.

    Parameters
    ----------
    content : the file's bytes, unpacked.
    dimensions : 3 for images (N, H, W), 1 for labels (N,).
    source : the file's name, for the message of an error.

    Returns
    -------
    uint8, read-only.

    Raises
    ------
    DataError
        for another magic number and for fewer or more bytes than the header announces.

    Source: Y. LeCun, C. Cortes and C. Burges, The MNIST Database of Handwritten Digits, "File formats".
    """
    magic = bytes([0, 0, UNSIGNED_BYTES, dimensions])
    if content[:4] != magic:
        raise DataError(f"{source}: expected the magic number {_shown(magic)}, got {_shown(content[:4])}")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise DataError(f"{source}: expected a header of {start} bytes, got {len(content)} bytes: it is truncated")
    shape = tuple(map(int, np.frombuffer(content, ">u4", dimensions, 4)))
    expected = start + math.prod(shape)
    if len(content) != expected:
        wrong = "it is truncated" if len(content) < expected else "there is something behind the data"
        raise DataError(f"{source}: expected {expected:,} bytes for shape {shape}, got {len(content):,}: {wrong}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def parse_cifar10(content: bytes, source: str = "CIFAR-10 file") -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of CIFAR-10's binary version: records of 1 label byte and 3,072 bytes of pixels.

    Parameters
    ----------
    content : the file's bytes.
    source : the file's name, for the message of an error.

    Returns
    -------
    images : (N, 3, 32, 32) uint8, read-only; red, green, blue.
    labels : (N,) uint8, 0 … 9, read-only.

    Raises
    ------
    DataError
        where the bytes are no whole number of records, and for a label above 9.

    Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
    """
    if not content or len(content) % RECORD:
        raise DataError(
            f"{source}: expected whole records of {RECORD:,} bytes, got {len(content):,} bytes, "
            f"{len(content) // RECORD:,} records and {len(content) % RECORD:,} bytes: it is truncated or another file"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0]
    if labels.max() > 9:
        first = int(np.argmax(labels > 9))
        raise DataError(
            f"{source}: expected labels from 0 to 9, got {labels[first]} in record {first}: it is corrupted"
        )
    return records[:, 1:].reshape(-1, 3, 32, 32), labels


def _shown(first: bytes) -> str:
    """``0x00000803``, and what it reads as if it is text: the start of a web page, say."""
    text = f" ({first.decode('ascii')!r})" if first and all(32 <= b < 127 for b in first) else ""
    return f"0x{first.hex()}{text}" if first else "no bytes at all"
