"""The public face of the data: one interface for all sets, fixed parts, and errors that say what to do."""

import subprocess
import sys

import numpy as np
import pytest
from torch.utils.data import DataLoader

from course_utils import data
from course_utils.dataset import Dataset
from tests.course_utils.tiny_sets import cifar_contents, idx_contents, official_files, tiny_cifar, tiny_idx, write

SIZES = {"digits": (1200, 297, 300), "glyphs": (10_000, 2_000, 2_000), "glyphs-rgb": (10_000, 2_000, 2_000)}
OFFICIAL = {"mnist": (55_000, 5_000, 10_000), "fashion-mnist": (55_000, 5_000, 10_000)}
SHAPES = {"digits": (1, 8, 8), "glyphs-rgb": (3, 32, 32), "cifar10": (3, 32, 32)}


@pytest.fixture(scope="module")
def loaded():
    """Each set is loaded once in this module."""
    memory = {}

    def load(name):
        if name not in memory:
            if name not in SIZES:
                folder = official_files(name)
            with pytest.MonkeyPatch.context() as patch:
                if name not in SIZES:
                    patch.setenv("COURSE_DATA_DIR", str(folder))
                memory[name] = data.load(name)
        return memory[name]

    return load


@pytest.mark.parametrize("name", [*SIZES, *OFFICIAL])
def test_one_interface(loaded, name):
    dataset = loaded(name)
    assert dataset.name == name
    assert dataset.shape == SHAPES.get(name, (1, 28, 28))
    assert dataset.images.shape == (len(dataset), *dataset.shape)
    assert dataset.images.dtype == (np.float64 if name == "digits" else np.float32)
    assert (dataset.images.min(), dataset.images.max()) == (0, 1)
    assert dataset.labels.dtype == np.int64
    assert len(dataset.classes) == 10
    assert set(dataset.labels) == set(range(10))


@pytest.mark.parametrize("name", [*SIZES, *OFFICIAL])
def test_parts_are_disjoint_and_have_their_sizes(loaded, name):
    dataset = loaded(name)
    parts = [dataset.train, dataset.validation, dataset.test]
    assert tuple(map(len, parts)) == (SIZES | OFFICIAL)[name]
    places = [np.arange(len(dataset))[index] for index in dataset.split.values()]
    assert sorted(np.concatenate(places)) == list(range(len(dataset)))
    for part, place in zip(parts, places, strict=True):
        assert np.array_equal(part.images[7], dataset.images[place[7]])
        assert np.array_equal(part.labels, dataset.labels[place])
        assert part.classes == dataset.classes
        assert set(part.labels) == set(range(10))


def test_parts_are_the_same_each_time(loaded):
    assert np.array_equal(data.digits().test.images, loaded("digits").test.images)
    assert loaded("digits").split["train"][:5].tolist() == [360, 1773, 1482, 600, 850]


def test_parts_of_large_sets_share_their_memory(loaded):
    glyphs = loaded("glyphs")
    assert all(np.shares_memory(part.images, glyphs.images) for part in (glyphs.train, glyphs.validation, glyphs.test))


def test_fashion_mnist_is_what_its_authors_say(loaded):
    """The moments of the training images are those that are commonly used to standardize them."""
    fashion = loaded("fashion-mnist")
    assert [fashion.classes[label] for label in fashion.train.labels[:4]] == [
        "Ankle boot",
        "T-shirt/top",
        "T-shirt/top",
        "Dress",
    ]
    assert [fashion.classes[label] for label in fashion.test.labels[:4]] == [
        "Ankle boot",
        "Pullover",
        "Trouser",
        "Trouser",
    ]
    learned = fashion.images[:60_000]
    assert (round(float(learned.mean()), 4), round(float(learned.std()), 4)) == (0.2860, 0.3530)
    assert np.bincount(fashion.labels).tolist() == [7000] * 10


def test_mnist_is_what_its_authors_say(loaded):
    mnist = loaded("mnist")
    assert mnist.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    learned = mnist.images[:60_000]
    assert (round(float(learned.mean()), 4), round(float(learned.std()), 4)) == (0.1307, 0.3081)


def test_every_twelfth_training_image_is_for_validation(loaded):
    """Against the bytes of the official file, which are read here by themselves."""
    import gzip

    mnist = loaded("mnist")
    raw = gzip.decompress((official_files("mnist") / "mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    pixels = np.frombuffer(raw, np.uint8, offset=16).reshape(60_000, 28, 28)
    assert np.array_equal(mnist.validation.images[:, 0], pixels[11::12] / np.float32(255))
    assert np.array_equal(mnist.train.images[:11, 0], pixels[:11] / np.float32(255))
    assert np.array_equal(mnist.train.images[11:22, 0], pixels[12:23] / np.float32(255))


@pytest.mark.filterwarnings("ignore:CIFAR-10")
def test_cifar10_is_what_its_author_says(loaded):
    cifar = loaded("cifar10")
    assert len(cifar.test) == 10_000
    assert np.bincount(cifar.test.labels).tolist() == [1000] * 10
    assert [cifar.classes[label] for label in cifar.train.labels[:4]] == ["frog", "truck", "truck", "deer"]
    assert [cifar.classes[label] for label in cifar.test.labels[:4]] == ["cat", "ship", "ship", "airplane"]
    assert len(cifar.train) == 9 * len(cifar.validation)
    red, _, blue = cifar.test.images[cifar.test.labels == cifar.classes.index("ship")].mean((0, 2, 3))
    assert blue > red  # the sea


def test_small_files_in_the_official_format_are_split_alike(tmp_path, monkeypatch):
    """Of 24 training images the 12th and the 24th: the split is tested where there are no real files, too."""
    contents = idx_contents()
    monkeypatch.setattr(data.sources, "FASHION_MNIST", tiny_idx(contents)[0])
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    write(tmp_path / "tiny", contents)
    pixels = np.frombuffer(contents["train-images-idx3-ubyte"], np.uint8, offset=16).reshape(24, 1, 28, 28)
    small = data.load("fashion-mnist")
    assert np.array_equal(small.validation.images, pixels[[11, 23]] / np.float32(255))
    assert small.validation.labels.tolist() == [1, 3]
    assert np.array_equal(small.train.images, np.delete(pixels, [11, 23], axis=0) / np.float32(255))
    assert small.test.labels.tolist() == [0, 1, 2, 3, 4, 5]


def test_small_files_of_cifar10_keep_every_tenth_image_for_validation(tmp_path, monkeypatch):
    contents = cifar_contents()
    monkeypatch.setattr(data.sources, "CIFAR10", tiny_cifar(contents)[0])
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    write(tmp_path / "cifar10", contents)
    small = data.load("cifar10")
    tenth = np.frombuffer(contents["data_batch_3.bin"], np.uint8)[3073 + 1 : 2 * 3073].reshape(3, 32, 32)
    assert (len(small.train), len(small.validation), len(small.test)) == (18, 2, 4)
    assert np.array_equal(small.validation.images[0], tenth / np.float32(255))


def test_a_part_has_no_parts(loaded):
    with pytest.raises(
        ValueError, match=r"expected a whole data set, got digits, test: 300 images.*take \.train of what"
    ):
        _ = loaded("digits").test.train


def test_what_a_data_set_shows(loaded):
    shown = "digits: 1,797 images (1, 8, 8), 10 classes (1,200 train, 297 validation, 300 test)"
    assert repr(loaded("digits")) == shown
    assert repr(loaded("digits").test) == "digits, test: 300 images (1, 8, 8), 10 classes"


def test_an_index_gives_an_image_and_a_slice_a_data_set(loaded):
    test = loaded("digits").test
    image, label = test[-1]
    assert np.array_equal(image, test.images[-1])
    assert label == test.labels[-1]
    assert type(label) is int
    some = test[10:20]
    assert (len(some), some.classes) == (10, test.classes)
    assert np.array_equal(some.images, test.images[10:20])
    assert np.array_equal(test[test.labels == 3].labels, np.full((test.labels == 3).sum(), 3))


def test_pytorchs_loader_takes_a_part(loaded):
    images, labels = next(iter(DataLoader(loaded("digits").test, batch_size=50)))
    assert images.shape == (50, 1, 8, 8)
    assert labels.tolist() == loaded("digits").test.labels[:50].tolist()


@pytest.mark.parametrize(("name", "size"), [("digits", 28), ("digits", 32), ("digits", 8), ("digits", 15)])
def test_resized_images_are_enlarged_and_framed(loaded, name, size):
    small = loaded(name).test
    factor, large = size // 8, data.load(name, size).test
    assert large.shape == (1, size, size)
    edge = (size - 8 * factor) // 2
    inside = large.images[:, :, edge : edge + 8 * factor, edge : edge + 8 * factor]
    assert large.images.sum() == pytest.approx(inside.sum())
    blocks = inside.reshape(300, 1, 8, factor, 8, factor).mean((3, 5))
    assert abs(blocks - small.images).max() < 0.5
    assert np.corrcoef(blocks.ravel(), small.images.ravel())[0, 1] > 0.95
    assert np.array_equal(large.labels, small.labels)


def test_resized_by_less_than_a_factor_is_a_frame():
    images = np.random.default_rng(0).random((3, 1, 28, 28), np.float32)
    framed = Dataset("random", images, np.arange(3), ("a", "b", "c")).resized(32).images
    assert np.array_equal(framed, np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2))))


def test_glyphs_are_drawn_at_the_size_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(data, "glyphs", lambda **options: options)
    assert data.load("glyphs", 32) == {"size": 32, "channels": 1}
    assert data.load("glyphs-rgb", 16) == {"size": 16, "channels": 3}


def test_images_are_not_made_smaller(loaded):
    with pytest.raises(ValueError, match="size of at least 8, got 7: images are not made smaller"):
        loaded("digits").resized(7)


@pytest.mark.parametrize("name", ["cifar", "MNIST", ""])
def test_unknown_set_names_those_that_exist(name):
    with pytest.raises(ValueError, match=f"digits, glyphs, glyphs-rgb, mnist, fashion-mnist, cifar10, got '{name}'"):
        data.load(name)


def test_lessons_without_a_network_need_no_torch_to_import_the_data():
    heavy = "torch", "matplotlib", "sklearn", "pooch", "requests"
    code = f"import sys, course_utils.data; sys.exit(' '.join({{*{heavy}}} & {{*sys.modules}}) or 0)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


def test_digits_are_nchw_in_zero_to_one():
    digits = data.digits()
    assert digits.name == "digits"
    assert digits.images.shape == (1797, 1, 8, 8)
    assert digits.images.dtype == np.float64
    assert (digits.images.min(), digits.images.max()) == (0.0, 1.0)


def test_digits_have_a_label_each_and_a_name_for_each_label():
    digits = data.digits()
    assert len(digits) == 1797
    assert digits.labels.shape == (1797,)
    assert digits.labels.dtype == np.int64
    assert digits.classes == tuple("0123456789")
    assert set(digits.labels) == set(range(10))


def test_digits_look_like_their_labels():
    """A zero is empty in the middle, a one is full there."""
    digits = data.digits()
    middle = digits.images[:, 0, 3:5, 3:5].mean((1, 2))
    assert middle[digits.labels == 0].mean() < 0.2 < 0.6 < middle[digits.labels == 1].mean()


@pytest.mark.parametrize("name", data.PHOTOS)
def test_photos_are_colour_images_in_zero_to_one(name):
    photo = data.photo(name)
    assert photo.shape == (427, 640, 3)
    assert photo.dtype == np.float64
    assert 0.0 <= photo.min() < 0.1 < 0.9 < photo.max() <= 1.0


def test_photo_is_china_unless_told_otherwise():
    assert np.array_equal(data.photo(), data.photo("china"))
    assert not np.array_equal(data.photo(), data.photo("flower"))


def test_photos_come_as_new_arrays():
    changed = data.photo()
    changed[:] = 0
    assert data.photo().max() > 0


def test_unknown_photo_names_the_two_that_exist():
    with pytest.raises(ValueError, match=r"china.*flower.*got 'cat'"):
        data.photo("cat")


def test_gray_weighs_green_most():
    red, green, blue = data.gray(np.eye(3)[None])[0]
    assert (red, green, blue) == (0.299, 0.587, 0.114)


def test_gray_keeps_white_white_and_the_range():
    assert np.allclose(data.gray(np.ones((2, 5, 3))), 1.0)
    brightness = data.gray(data.photo())
    assert brightness.shape == (427, 640)
    assert 0.0 <= brightness.min() < brightness.max() <= 1.0 + 1e-12


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 4), (1, 3, 4, 5)])
def test_gray_refuses_what_is_no_colour_photo(shape):
    with pytest.raises(ValueError, match=r"expected an image of shape \(H, W, 3\)"):
        data.gray(np.zeros(shape))
