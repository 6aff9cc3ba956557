"""Letters drawn from fonts: seeded, balanced, whole, and a task that a line cannot solve."""

import hashlib

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from course_utils import data
from course_utils.glyphs import FONTS, REACH, STENCIL, _stencils, draw


@pytest.fixture(scope="module")
def letters():
    return data.glyphs(2800)


def test_the_same_seed_gives_the_same_images():
    first, again, other = data.glyphs(50), data.glyphs(50), data.glyphs(50, seed=1)
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.labels, other.labels)
    assert abs(first.images - other.images).mean() > 0.05


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (17, 1), (64, 3)])
def test_any_size_with_one_or_three_channels(size, channels):
    drawn = data.glyphs(20, size=size, channels=channels)
    assert drawn.images.shape == (20, channels, size, size)
    assert drawn.images.dtype == np.float32
    assert drawn.images.min() >= 0
    assert drawn.images.max() <= 1


def test_classes_are_balanced_in_every_part(letters):
    assert letters.classes == tuple("ABCDEFGHIJ")
    assert np.bincount(letters.labels).tolist() == [280] * 10
    for part in (letters.train, letters.validation, letters.test):
        assert np.bincount(part.labels, minlength=10).min() > len(part) / 20


def test_no_image_is_drawn_twice(letters):
    assert len({hashlib.md5(image.tobytes()).digest() for image in letters.images}) == len(letters)


def test_other_characters():
    drawn = data.glyphs(40, characters="xo7")
    assert drawn.classes == ("X", "O", "7")
    assert set(drawn.labels) == {0, 1, 2}


def test_every_character_fits_its_stencil_in_every_font():
    """No ink touches an edge, so nothing is cut off; small letters are small, and capitals of one height."""
    characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    stencils = _stencils(characters)  # (fonts, 2, characters, S, S)
    assert stencils.shape[:3] == (len(FONTS), 2, 36)
    edges = np.concatenate([stencils[..., 0, :], stencils[..., -1, :], stencils[..., 0], stencils[..., -1]], axis=-1)
    assert edges.max() == 0
    assert stencils.reshape(-1, STENCIL**2).sum(axis=1).min() > 20
    heights = (stencils.max(axis=-1) > 0.5).sum(axis=-1)  # (fonts, 2, characters)
    assert abs(heights[:, 0, characters.index("H")] - STENCIL / (2 * REACH)).max() <= 1
    assert (heights[:, 1, characters.index("X")] < heights[:, 0, characters.index("X")]).all()


def test_fonts_differ():
    stencils = _stencils("ABCDEFGHIJ")[:, 0, 0]
    differences = abs(stencils[:, None] - stencils[None]).mean(axis=(2, 3)) + np.eye(len(FONTS))
    assert differences.min() > 0


def test_the_character_is_the_one_of_the_label():
    """Of many images of one class, the mean looks like that character's stencils and no other's."""
    characters, rng = "ILOX", np.random.default_rng(0)
    means = [draw(np.full(400, c), characters, STENCIL, 1, rng).mean(axis=(0, 1)) for c in range(4)]
    shapes = _stencils(characters).mean(axis=(0, 1))  # (4, S, S)
    inner = slice(12, -12)
    matches = [[np.corrcoef(m[inner, inner].ravel(), s[inner, inner].ravel())[0, 1] for s in shapes] for m in means]
    assert np.argmax(matches, axis=1).tolist() == [0, 1, 2, 3]


def test_gray_is_bright_on_dark_and_colour_both_ways():
    middle = slice(10, 22)
    gray, colour = data.glyphs(700, size=32), data.glyphs(700, size=32, channels=3)
    differences = gray.images[:, 0, middle, middle].mean((1, 2)) - gray.images[:, 0].mean((1, 2))
    assert (differences > 0).mean() > 0.9
    brightness = np.median(colour.images, axis=(1, 2, 3))
    assert 0.4 < (brightness < 0.5).mean() < 0.6


def test_a_linear_classifier_reads_digits_but_not_letters(letters):
    digits = data.digits()
    right = {}
    for dataset in (digits, letters):
        flat = [part.images.reshape(len(part), -1) for part in (dataset.train, dataset.test)]
        model = RidgeClassifier(alpha=10).fit(flat[0], dataset.train.labels)
        right[dataset.name] = model.score(flat[1], dataset.test.labels)
    assert right["digits"] > 0.9
    assert 0.2 < right["glyphs"] < 0.6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"count": 6}, "at least 7 images.*got 6"),
        ({"size": 7}, "at least 8 pixels, got 7"),
        ({"channels": 2}, "1 or 3 channels, got 2"),
        ({"characters": "Aa"}, "each once.*got 'Aa'"),
        ({"characters": "é"}, "letters from A to Z"),
        ({"characters": ""}, "letters from A to Z"),
    ],
)
def test_what_cannot_be_drawn(options, said):
    with pytest.raises(ValueError, match=said):
        data.glyphs(**{"count": 20} | options)
