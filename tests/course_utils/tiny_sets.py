"""Small sets in the official formats: 24 training and 6 test images, with the hashes that belong to them."""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from course_utils.downloads import Remote
from course_utils.sources import CIFAR10_FILES, IDX_FILES, cifar10_set, idx_set

CLASSES = tuple("0123456789")
NOWHERE = ("http://127.0.0.1:9/",)  # the discard port: nobody answers
ARCHIVE = "cifar-10-binary.tar.gz"


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return header + array.astype(np.uint8).tobytes()


def idx_contents(seed=0):
    """The four files of an IDX set, unpacked."""
    rng = np.random.default_rng(seed)
    arrays = (rng.integers(0, 256, (24, 28, 28)), np.arange(24) % 10, rng.integers(0, 256, (6, 28, 28)), np.arange(6))
    return {name: idx(array) for name, array in zip(IDX_FILES, arrays, strict=True)}


def tiny_idx(contents, mirrors=NOWHERE):
    """The set that consists of these files, and the files as they are downloaded."""
    packed = {f"{name}.gz": gzip.compress(content) for name, content in contents.items()}
    files = tuple((md5(contents[n]), md5(packed[f"{n}.gz"]), len(packed[f"{n}.gz"])) for n in IDX_FILES)
    return idx_set("Tiny", CLASSES, ("tiny", "Tiny/raw", "."), mirrors, files), packed


def cifar_contents(seed=0, records=4):
    """The six files of CIFAR-10's binary version, with fewer records each."""
    rng = np.random.default_rng(seed)
    drawn = {name: rng.integers(0, 256, (records, 3073), np.uint8) for name in CIFAR10_FILES}
    for content in drawn.values():
        content[:, 0] %= 10
    return {name: content.tobytes() for name, content in drawn.items()}


def archive(contents):
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as file:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return memory.getvalue()


def tiny_cifar(contents, mirrors=NOWHERE):
    """The set that consists of these files, and its archive."""
    packed = archive(contents)
    remote = Remote(ARCHIVE, md5(packed), len(packed), mirrors)
    folders = ("cifar10", "cifar10/cifar-10-batches-bin", "cifar-10-batches-bin", ".")
    return cifar10_set(remote, tuple(md5(contents[name]) for name in CIFAR10_FILES), folders), {ARCHIVE: packed}


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def official_files(*needed):
    """The folder of real files, or skip: COURSE_DATA_DIR, else ``shared/data`` beside the checkout."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("COURSE_DATA_DIR") or beside)
    if not all((folder / name).exists() for name in needed):
        pytest.skip(f"no {' and '.join(needed)} in {folder}")
    return folder
