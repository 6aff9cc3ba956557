"""Calls one after the other: what is looked at of each, what an earlier one hands to a later one, several in step."""

from functools import partial

import numpy as np
import pytest

from course_utils import calls
from course_utils.calls import Ready, Second, Tried, Uncached, Unseen, called, in_step, stepwise
from course_utils.remote import Remote


def forward(x):
    return x + 1, [x]


def backward(dout, cache):
    return dout * cache[0]


def fails(*_):
    raise ZeroDivisionError("no")


def test_of_each_kind_of_call_what_is_to_be_looked_at_comes_back():
    first = Unseen(forward, 3)
    assert called(first, Uncached(forward, 4), partial(backward, 2, Second(first))) == [None, (5, None), 6]


@pytest.mark.parametrize("result", [7, "ab", (1, 2, 3), [1]])
def test_a_result_that_is_no_pair_has_no_second_and_is_looked_at_as_it_is(result):
    made = partial(lambda: result)
    assert called(Uncached(made)) == [result]
    with pytest.raises(TypeError, match=r"returns the pair \(out, cache\), and an? (int|str|tuple|list)"):
        called(made, partial(backward, 1, Second(made)))


def test_a_second_is_what_it_has_become_by_then():
    kept = [1]

    def grows():
        kept[0] += 1
        return 0, kept

    first = Unseen(grows)
    assert called(first, Unseen(grows), partial(backward, 10, Second(first)))[-1] == 30


def test_a_result_is_what_it_was_then():
    numbers = np.zeros(2)

    def counted():
        numbers[:] += 1
        return numbers, (numbers,)

    (one, _), (other, _) = called(partial(counted), partial(counted))
    assert (one.tolist(), other.tolist()) == ([1, 1], [2, 2])


def test_only_a_call_that_is_tried_may_fail():
    assert called(Tried(fails), partial(forward, 1)) == [None, (2, [1])]
    with pytest.raises(ZeroDivisionError):
        called(Unseen(fails))


class Elsewhere(Remote):
    """An answer as if in another process: what it is asked at once is counted."""

    def __init__(self, function, messages):
        self.function, self.messages = function, messages

    def __call__(self, *args):
        return self.function(*args)

    def together(self, asked):
        self.messages.append(len(asked))
        results, made = {}, []
        for call in asked:
            try:
                value = calls._made(partial(call.func.function, *call.args), results)
                results[call] = value
                made.append(Ready(partial(lambda value, *_: value, value)))
            except Exception as error:
                made.append(Ready(partial(calls._raised, error)))
        return made


@stepwise
def doubled(function, x, times):
    """Doubles in steps, each with what came of the last."""
    for _ in range(times):
        x, ten = yield [partial(function, x), Tried(function, 10)]
        assert ten == 20
    return x


def double(x):
    if x == 5:
        raise ValueError("five")
    return 2 * x


def test_generators_in_step_end_as_each_does_alone():
    cases = [(1, 3), (5, 2), (2, 0), (3, 1), ("ab", 2)]
    messages = []
    remote = Elsewhere(double, messages)
    together = in_step([doubled.steps(remote, *case) for case in cases], remote)
    assert messages == [8, 4, 2]  # two calls for each that goes on
    for case, ended in zip(cases, together, strict=True):
        assert outcome(lambda case=case: doubled(double, *case)) == outcome(ended)


def outcome(function):
    try:
        return function()
    except ValueError as error:
        return str(error)


def test_a_generator_whose_own_code_fails_spoils_no_other():
    @stepwise
    def picky(function, x):
        (result,) = yield [partial(function, x)]
        if result == 4:
            raise ValueError("four")
        return result

    remote = Elsewhere(double, [])
    ended = in_step([picky.steps(remote, x) for x in (1, 2, 3)], remote)
    assert [outcome(each) for each in ended] == [2, "four", 6]


def test_nothing_is_asked_of_nobody():
    messages = []
    assert in_step([], Elsewhere(double, messages)) == []
    assert messages == []


def test_an_answer_that_raises_stop_iteration_does_not_end_the_generator():
    with pytest.raises(StopIteration):
        doubled(lambda x: next(iter(())), 1, 1)
