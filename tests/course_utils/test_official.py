"""Official files: where they are looked for, when they are downloaded, and what is said where one is wrong."""

import gzip
import warnings

import numpy as np
import pytest

from course_utils import official
from course_utils.downloads import DownloadError
from course_utils.formats import DataError
from course_utils.official import read
from course_utils.sources import CIFAR10, FASHION_MNIST, IDX_FILES, MNIST
from tests.course_utils.tiny_sets import (
    ARCHIVE,
    archive,
    cifar_contents,
    idx,
    idx_contents,
    md5,
    official_files,
    tiny_cifar,
    tiny_idx,
    write,
)

TRAIN_IMAGES = "train-images-idx3-ubyte"
CONTENTS = idx_contents()
TINY, PACKED = tiny_idx(CONTENTS)
RECORDS = cifar_contents()
TINY_CIFAR, PACKED_CIFAR = tiny_cifar(RECORDS)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that COURSE_DATA_DIR names, and a cache folder of its own."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    return folder


@pytest.fixture
def fetched(monkeypatch):
    """What is downloaded: nothing is, but the names and folders are noted, and the files are there."""
    noted = []

    def fetch(remote, store):
        noted.append((remote.name, store))
        write(store, {remote.name: {**PACKED, **PACKED_CIFAR}[remote.name]})
        return store / remote.name

    monkeypatch.setattr(official, "fetch", fetch)
    return noted


def check_idx(parts):
    (images, labels), (test_images, test_labels) = parts
    assert images.shape == (24, 1, 28, 28)
    assert images[3, 0, 5].tobytes() == CONTENTS[TRAIN_IMAGES][16 + 3 * 784 + 5 * 28 :][:28]
    assert labels.tolist() == [i % 10 for i in range(24)]
    assert labels.dtype == np.int64
    assert test_images.shape == (6, 1, 28, 28)
    assert test_labels.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("below", ["tiny", "Tiny/raw", "."])
@pytest.mark.parametrize("files", [PACKED, CONTENTS], ids=["packed", "unpacked"])
def test_idx_files_are_found(folder, below, files):
    write(folder / below, files)
    check_idx(read(TINY))


def test_a_copy_that_was_packed_again_will_do(folder):
    write(folder / "tiny", {f"{name}.gz": gzip.compress(c, compresslevel=1) for name, c in CONTENTS.items()})
    check_idx(read(TINY))


@pytest.mark.parametrize("missing", PACKED)
def test_what_is_not_there_is_downloaded_into_the_data_folder(folder, fetched, missing):
    write(folder / "tiny", {name: content for name, content in PACKED.items() if name != missing})
    check_idx(read(TINY))
    assert fetched == [(missing, folder / "tiny")]


@pytest.mark.parametrize("named", [None, ""])
def test_without_a_data_folder_the_cache_is_used(folder, fetched, monkeypatch, tmp_path, named):
    write(folder / "tiny", PACKED)
    if named is None:
        monkeypatch.delenv("COURSE_DATA_DIR")
    else:
        monkeypatch.setenv("COURSE_DATA_DIR", named)
    check_idx(read(TINY))
    assert fetched == [(f"{name}.gz", tmp_path / "cache" / "convnets-by-hand" / "tiny") for name in IDX_FILES]


def test_a_data_folder_that_cannot_be_written_to_is_left_alone(folder, fetched, monkeypatch, tmp_path):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    check_idx(read(TINY))
    assert {store for _, store in fetched} == {tmp_path / "cache" / "convnets-by-hand" / "tiny"}


def test_a_data_folder_that_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "tpyo"))
    with pytest.raises(DataError, match=r"expected COURSE_DATA_DIR to name a folder, got .*tpyo': make it, correct"):
        read(TINY)


def test_without_files_and_network_it_says_what_to_do(folder, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(
        DownloadError, match=r"(?s)no mirror gave them.*put them into a folder 'tiny'.*load\('glyphs'\)"
    ):
        read(TINY)


def changed(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


WRONG = {
    "truncated": (TRAIN_IMAGES, CONTENTS[TRAIN_IMAGES][:-5], "expected 18,832 bytes .* got 18,827: it is truncated"),
    "truncated, packed": (f"{TRAIN_IMAGES}.gz", PACKED[f"{TRAIN_IMAGES}.gz"][:-50], "bytes that are truncated"),
    "corrupted, packed": (f"{TRAIN_IMAGES}.gz", changed(PACKED[f"{TRAIN_IMAGES}.gz"], 9000), "truncated or corrupted"),
    "labels for images": (TRAIN_IMAGES, CONTENTS["train-labels-idx1-ubyte"], "magic number 0x00000803, got 0x00000801"),
    "another pixel": (
        TRAIN_IMAGES,
        changed(CONTENTS[TRAIN_IMAGES], 5000),
        f"with MD5 {md5(CONTENTS[TRAIN_IMAGES])}, got",
    ),
    "another set": (TRAIN_IMAGES, idx_contents(seed=1)[TRAIN_IMAGES], "it is another file or corrupted"),
    "a web page": (f"{TRAIN_IMAGES}.gz", b"<!DOCTYPE html>", r"got 0x3c21444f \('<!DO'\)"),
}


@pytest.mark.parametrize(("name", "content", "came"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_named_explained_and_left_alone(folder, name, content, came):
    write(folder / "tiny", {f"{n}.gz": gzip.compress(c) for n, c in CONTENTS.items() if n != TRAIN_IMAGES})
    write(folder / "tiny", {name: content})
    with pytest.raises(DataError) as raised:
        read(TINY)
    assert raised.match(came)
    assert raised.match(f"{folder}/tiny/{name}: expected ")
    assert raised.match(
        f"the file was left as it is. Put {TRAIN_IMAGES}.gz from http.* in its place .*MD5 .*, or remove"
    )
    assert (folder / "tiny" / name).read_bytes() == content


def check_cifar(parts, batches=5):
    (images, labels), (test_images, _) = parts
    assert images.shape == (4 * batches, 3, 32, 32)
    assert labels.tolist() == [RECORDS[f"data_batch_{b + 1}.bin"][3073 * r] for b in range(batches) for r in range(4)]
    assert images[1].tobytes() == RECORDS["data_batch_1.bin"][3074 : 2 * 3073]
    assert test_images[3].tobytes() == RECORDS["test_batch.bin"][-3072:]


@pytest.mark.parametrize("below", TINY_CIFAR.folders)
@pytest.mark.parametrize("files", [RECORDS, PACKED_CIFAR], ids=["unpacked", "archive"])
def test_cifar10_files_are_found(folder, below, files):
    write(folder / below, files)
    with warnings.catch_warnings(action="error"):
        check_cifar(read(TINY_CIFAR))


def test_cifar10_is_downloaded_once_for_six_files(folder, fetched):
    check_cifar(read(TINY_CIFAR))
    assert fetched == [(ARCHIVE, folder / "cifar10")]


def test_some_training_files_of_cifar10_will_do_with_a_warning(folder):
    write(
        folder / "cifar10", {name: RECORDS[name] for name in ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin")}
    )
    with pytest.warns(
        UserWarning, match=r"2 of the 5 training files are in .* Missing: data_batch_3.bin, .*_5.bin. Put"
    ):
        check_cifar(read(TINY_CIFAR), batches=2)


def test_without_the_test_file_cifar10_is_downloaded(folder, fetched):
    write(folder / "cifar10", {"data_batch_1.bin": RECORDS["data_batch_1.bin"]})
    check_cifar(read(TINY_CIFAR))
    assert fetched == [(ARCHIVE, folder / "cifar10")]


def test_an_archive_without_one_of_the_files(folder):
    write(folder / "cifar10", {ARCHIVE: archive({n: c for n, c in RECORDS.items() if n != "data_batch_4.bin"})})
    with pytest.raises(
        DataError, match=r"expected a file data_batch_4\.bin in it, got data_batch_1\.bin, .*test_batch.bin"
    ):
        read(TINY_CIFAR)


def test_a_truncated_batch_of_cifar10(folder):
    write(folder / "cifar10", RECORDS | {"data_batch_3.bin": RECORDS["data_batch_3.bin"][:-1]})
    with pytest.raises(DataError, match=r"data_batch_3\.bin: expected whole records of 3,073 bytes, got 12,291"):
        read(TINY_CIFAR)


@pytest.mark.parametrize("known", [MNIST, FASHION_MNIST, CIFAR10], ids=lambda known: known.title)
def test_each_set_has_several_mirrors_and_hashes(known):
    for file in (*known.train, *known.test):
        assert len(set(file.remote.mirrors)) >= 3
        assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in file.remote.mirrors)
        assert len(file.md5) == len(file.remote.md5) == 32
    assert len({file.md5 for file in (*known.train, *known.test)}) == len(known.train) + len(known.test)


@pytest.mark.parametrize(("known", "name"), [(MNIST, "mnist"), (FASHION_MNIST, "fashion-mnist")])
def test_packed_hashes_and_sizes_are_those_of_the_official_files(known, name):
    folder = official_files(name) / name
    for file in (*known.train, *known.test):
        packed = (folder / file.remote.name).read_bytes()
        assert (md5(packed), len(packed)) == (file.remote.md5, file.remote.size)
        assert md5(gzip.decompress(packed)) == file.md5


def test_labels_are_read_independently_of_images(folder):
    """The two kinds of file differ in their magic number only by the number of dimensions."""
    write(folder / "tiny", CONTENTS | {"train-labels-idx1-ubyte": idx(np.zeros((24, 1, 1)))})
    with pytest.raises(DataError, match="magic number 0x00000801, got 0x00000803"):
        read(TINY)
