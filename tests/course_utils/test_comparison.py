import numpy as np
import pytest

from course_utils.comparison import brief, compare, same, worst_index
from course_utils.contract import Raises

ONES = np.ones((2, 3))


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (np.array([1.0, 2.0]), np.array([1, 2])),
        (np.array([1.0, 2.0]), np.array([1, 2], np.float32)),
        (np.array([1e6, 0.0]), np.array([1e6, 0.5])),  # 1e-6 of the largest magnitude
        (np.array([0.0]), np.array([5e-10])),
        (np.array([np.nan, np.inf]), np.array([np.nan, np.inf])),
        (ONES, np.asfortranarray(ONES)),
        (ONES, np.broadcast_to(np.ones(3), (2, 3))),
        (ONES > 0, ONES > 0),
        (ONES, [[1, 1, 1], [1, 1, 1]]),
        (np.zeros((0, 3)), np.ones((0, 3))),
        (3, np.int64(3)),
        (3.0, 3),
        (3.0, np.array(3.0)),
        ((1.0, ONES), [1, ONES]),
        ([("input", (1, 2), 2)], [["input", [1, 2], np.int32(2)]]),
        ({"a": 1}, {"a": 1, "b": 2}),
        (True, np.bool_(True)),
        (Raises(ValueError), Raises(UnicodeDecodeError)),  # a kind of ValueError
    ],
)
def test_equal(expected, got):
    assert compare(expected, got).equal


@pytest.mark.parametrize(
    ("expected", "got", "kind", "words"),
    [
        (
            np.array([1.0, 2.0]),
            np.array([1.0, 2.1]),
            "value",
            "1 of 2 values differ; it is at [1]: expected 2, got 2.1",
        ),
        (np.array([1e-3]), np.array([1.1e-3]), "value", "expected 0.001, got 0.0011"),
        (np.array([1.0]), np.array([np.nan]), "value", "got nan"),
        (ONES, np.ones((3, 2)), "shape", "expected shape (2, 3), got shape (3, 2)"),
        (ONES, None, "kind", "None came"),
        (ONES, "text", "kind", "a str ('text') came"),
        (ONES, [[1], [1, 2]], "kind", "a list came"),
        (ONES, ONES > 0, "kind", "an array of bool came"),
        (ONES, ONES + 0j, "kind", "complex numbers came"),
        (3, 3.0, "kind", "an int is expected, a float (3.0) came"),
        (3, True, "kind", "a bool"),
        (3, 4, "value", "expected 3, got 4"),
        (1_000_000, 4, "value", "expected 1,000,000"),
        (3.0, np.ones(2), "shape", "one number is expected"),
        (3.0, "3", "kind", "a str"),
        ((1.0, 2.0), 1.0, "kind", "a tuple of 2 is expected"),
        ((1.0, 2.0), (1.0,), "length", "a tuple of 2 is expected, one of 1 came"),
        ((ONES, None), np.ones((1, 3)), "length", "a tuple of 2 is expected, an array of shape (1, 3) came"),
        ({"a": 1}, {}, "keys", "missing keys: 'a'"),
        ({"a": 1}, [1], "kind", "a dict is expected"),
        ("conv", "pool", "value", "expected 'conv', got 'pool'"),
        (Raises(ValueError), 3, "no error", "a ValueError is expected"),
        (3, Raises(IndexError), "error", "it raises IndexError"),
        (
            Raises(ValueError),
            Raises(IndexError),
            "error",
            "a ValueError is expected for this input, an IndexError came",
        ),
    ],
)
def test_difference(expected, got, kind, words):
    (difference,) = compare(expected, got).differences
    assert difference.kind == kind
    assert words in difference.sentence


def test_torch_tensor_is_not_an_array():
    torch = pytest.importorskip("torch")
    (difference,) = compare(ONES, torch.ones(2, 3)).differences
    assert "a torch.Tensor came" in difference.sentence


def test_each_part_has_its_own_difference():
    expected = (np.zeros(2), np.ones(2), 5)
    found = compare(expected, (np.zeros(2), np.zeros(2), 6), parts=("dx", "dw", "db")).differences
    assert [d.part for d in found] == ["dw", "db"]


def test_what_is_only_told():
    assert "a NumPy array is better" in compare(ONES, ONES.tolist()).notes[0]
    assert "a list came where a tuple is expected" in compare((1, 2), [1, 2]).notes[0]
    assert "'b'" in compare({"a": 1}, {"a": 1, "b": 2}).notes[0]


def test_same_works_in_both_directions():
    assert same(np.array([1.0]), np.array([1.0 + 1e-9]))
    assert same(3.0, 3)  # a mistaken whole number may come as int or float
    assert not same(3.5, 3)
    assert not same({"a": 1}, {"a": 1, "b": 2})


def test_worst_index_prefers_nan():
    assert worst_index(np.array([1.0, 2.0, 3.0]), np.array([9.0, np.nan, 3.0])) == (1,)


def test_brief():
    assert brief(np.array([[1.0, 0.5]])) == "[[1, 0.5]]"
    assert brief("x" * 100, 10).endswith("…")
    assert brief(len) == "len"
