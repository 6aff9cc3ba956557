"""IDX and CIFAR-10: right bytes become arrays, wrong bytes a message with what was expected and what came."""

import gzip

import numpy as np
import pytest

from course_utils.formats import DataError, parse_cifar10, parse_idx, unpack
from tests.course_utils.tiny_sets import archive, idx

IMAGES = np.arange(2 * 3 * 4).reshape(2, 3, 4)


def test_idx_images_and_labels_come_back():
    assert np.array_equal(parse_idx(idx(IMAGES), 3), IMAGES)
    assert np.array_equal(parse_idx(idx(np.array([7, 0, 9])), 1), [7, 0, 9])
    assert parse_idx(idx(IMAGES), 3).dtype == np.uint8


def test_idx_sizes_are_read_highest_byte_first():
    long = np.zeros(70_000)
    assert parse_idx(bytes.fromhex("00000801 00011170") + bytes(70_000), 1).shape == long.shape


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (idx(np.arange(5)), "0x00000801"),
        (b"<!DOCTYPE html>", r"0x3c21444f \('<!DO'\)"),
        (b"\x00\x00\x0d\x03" + bytes(12), "0x00000d03"),
        (b"", "no bytes at all"),
    ],
    ids=["labels for images", "a web page", "floats", "empty"],
)
def test_idx_wrong_magic_number(content, got):
    with pytest.raises(DataError, match=f"train-images: expected the magic number 0x00000803, got {got}"):
        parse_idx(content, 3, "train-images")


def test_idx_truncated_in_the_header():
    with pytest.raises(DataError, match="expected a header of 16 bytes, got 9 bytes: it is truncated"):
        parse_idx(idx(IMAGES)[:9], 3)


@pytest.mark.parametrize(
    ("content", "got", "wrong"),
    [(idx(IMAGES)[:-1], 39, "truncated"), (idx(IMAGES) + b"more", 44, "behind the data")],
)
def test_idx_of_another_length_than_announced(content, got, wrong):
    with pytest.raises(DataError, match=rf"expected 40 bytes for shape \(2, 3, 4\), got {got}: .*{wrong}"):
        parse_idx(content, 3)


def record(label, red, green, blue):
    return bytes([label]) + bytes([red]) * 1024 + bytes([green]) * 1024 + bytes([blue]) * 1024


def test_cifar10_channels_are_red_green_blue():
    images, labels = parse_cifar10(record(3, 10, 20, 30) + record(9, 1, 2, 3))
    assert images.shape == (2, 3, 32, 32)
    assert [images[0, c].min() for c in range(3)] == [images[0, c].max() for c in range(3)] == [10, 20, 30]
    assert labels.tolist() == [3, 9]


def test_cifar10_pixels_are_row_by_row():
    pixels = bytes([5]) + bytes(range(256)) * 12
    images, _ = parse_cifar10(pixels)
    assert images[0, 0, 0, :3].tolist() == [0, 1, 2]
    assert images[0, 0, 1, 0] == 32


@pytest.mark.parametrize(("size", "shown"), [(0, "0 bytes, 0 records and 0"), (3100, "3,100 bytes, 1 records and 27")])
def test_cifar10_truncated(size, shown):
    with pytest.raises(DataError, match=f"batch: expected whole records of 3,073 bytes, got {shown}"):
        parse_cifar10(bytes(size), "batch")


def test_cifar10_label_that_no_class_has():
    with pytest.raises(DataError, match="expected labels from 0 to 9, got 200 in record 1"):
        parse_cifar10(record(0, 0, 0, 0) + record(200, 0, 0, 0))


def test_packed_and_unpacked_files_hold_the_same(tmp_path):
    (tmp_path / "labels.gz").write_bytes(gzip.compress(b"content"))
    (tmp_path / "labels").write_bytes(b"content")
    assert unpack(tmp_path / "labels.gz") == unpack(tmp_path / "labels") == {"labels": b"content"}


def test_a_file_that_a_browser_unpacked_but_did_not_rename(tmp_path):
    (tmp_path / "labels.gz").write_bytes(b"content")
    assert unpack(tmp_path / "labels.gz") == {"labels": b"content"}


def test_an_archive_holds_its_files_by_name(tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(archive({"a.bin": b"one", "b.bin": b"two"}))
    assert unpack(tmp_path / "set.tar.gz") == {"a.bin": b"one", "b.bin": b"two"}


def broken():
    noise = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes()
    packed, tar = gzip.compress(noise), archive({"a.bin": noise})
    flipped = packed[:2500] + bytes([packed[2500] ^ 255]) + packed[2501:]
    return [
        pytest.param("labels.gz", packed[:-1000], "a whole gzip file", id="truncated gzip"),
        pytest.param("labels.gz", flipped, "a whole gzip file", id="corrupted gzip"),
        pytest.param("set.tar.gz", tar[:-1000], "a whole archive", id="truncated archive"),
        pytest.param("set.tar.gz", b"<!DOCTYPE html>", "a whole archive", id="web page for an archive"),
    ]


@pytest.mark.parametrize(("name", "content", "expected"), broken())
def test_broken_packing(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: expected {expected}, got {len(content):,} bytes that are truncated"):
        unpack(tmp_path / name)
