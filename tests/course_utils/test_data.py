"""The data that ship with a dependency: shapes, ranges, and errors that say what to do."""

import numpy as np
import pytest

from course_utils import data


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
