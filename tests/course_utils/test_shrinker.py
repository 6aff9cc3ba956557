import numpy as np

from course_utils.contract import case
from course_utils.shrinker import shrink, weight


def first(fails):
    """What finds the first of some candidates that fails, and how many it tried."""

    def look(candidates):
        tried = 0
        for tried, candidate in enumerate(candidates, 1):
            if fails(candidate):
                return tried, candidate
        return tried, None

    return look


def test_finds_the_smallest_array():
    start = case("c", np.arange(1.0, 31.0).reshape(5, 6), stride=4)
    smallest = shrink(start, first(lambda c: c.args[0].shape[1] >= 3 and c.kwargs["stride"] >= 2))
    assert smallest.args[0].shape == (1, 3)
    assert smallest.kwargs["stride"] == 2
    assert smallest.category == "c"


def test_never_leaves_what_fails():
    tried = []
    start = case("c", np.full((4, 4), 2.5))
    smallest = shrink(start, first(lambda c: tried.append(c) or c.args[0].sum() > 20))
    assert smallest.args[0].sum() > 20
    assert weight(smallest) <= weight(start)


def test_budget_is_a_count():
    calls = []
    shrink(case("c", np.ones((50, 50))), first(lambda c: bool(calls.append(c)) or True), budget=7)
    assert len(calls) == 7


def test_lists_lose_items_and_tuples_keep_their_length():
    smallest = shrink(case("c", [(5, 3), (4, 2)]), first(lambda c: len(c.args[0]) >= 1))
    assert smallest.args[0] == [(0, 0)]


def test_labels_keep_their_values():
    labels = np.array([7, 7, 7])
    assert shrink(case("c", labels), first(lambda c: True)).args[0].tolist() == [7]


def test_original_is_untouched():
    array = np.full((3, 3), 4.0)
    shrink(case("c", array), first(lambda c: True))
    assert (array == 4).all()
