import ast

import numpy as np
import pytest

from autograde import answers
from autograde.errors import CourseError
from course_utils.contract import exercise

SOLUTION = "def total(x):\n    ### BEGIN SOLUTION\n    return np.sum(x)\n    ### END SOLUTION"


@pytest.fixture
def total():
    @exercise("99_fixture")
    def total(x):
        return float(np.sum(x))

    @total.mistake("The mean.")
    def mean_for_sum(right, x):
        return right(x) / math.prod(np.shape(x))  # noqa: F821 (a notebook imports it)

    return total


def test_a_mistake_follows_the_solution_and_takes_its_name(total):
    text = answers.mistaken(SOLUTION, total, total.mistakes[0])
    namespace = {"np": np}
    exec(text, namespace)
    assert namespace["total"]([1, 2, 3]) == 2
    assert namespace["right_total"]([1, 2, 3]) == 6
    assert "right" not in namespace
    assert "BEGIN SOLUTION" not in text


def test_two_mistakes_in_one_notebook_keep_their_own_right_function(total):
    @exercise("99_fixture")
    def largest(x):
        return float(np.max(x))

    @largest.mistake("The smallest.")
    def smallest(right, x):
        return -right(-np.asarray(x))

    namespace = {"np": np}
    exec(answers.mistaken(SOLUTION, total, total.mistakes[0]), namespace)
    exec(answers.mistaken("def largest(x):\n    return np.max(x)", largest, largest.mistakes[0]), namespace)
    assert (namespace["total"]([1, 5]), namespace["largest"]([1, 5])) == (3, 1)


def test_a_mistake_can_be_wrapped_as_the_exercise_says():
    wrapping = "right_pass = twice\n\ndef right(x):\n    return right_pass((x,))\n\n{mistake}\n\n"
    wrapping += "def twice(cache):\n    return mistaken(*cache)\n"

    @exercise("99_fixture", answer_signature="(cache)", wrapping=wrapping)
    def twice(x):
        return 2 * x

    @twice.protocol
    def _(answer, x):
        return answer((x,))

    @twice.mistake("One more.")
    def one_more(right, x):
        return right(x) + 1

    namespace = {}
    exec(answers.mistaken("def twice(cache):\n    return 2 * cache[0]", twice, twice.mistakes[0]), namespace)
    assert namespace["twice"]((4,)) == 9
    assert {"right_twice", "right_pass_twice", "mistaken_twice"} <= set(namespace)


def test_a_protocol_without_wrapping_is_told():
    @exercise("99_fixture")
    def twice(x):
        return 2 * x

    twice.protocol(lambda answer, x: answer((x,)))
    twice.mistake("One more.")(lambda right, x: right(x) + 1)
    with pytest.raises(CourseError, match="does not say how a mistake is written"):
        answers.mistaken("", twice, twice.mistakes[0])


def test_every_known_mistake_of_the_course_can_be_written_down():
    from course_utils import exercises

    for name in exercises.names():
        found = exercises.find(name)
        for mistake in found.mistakes if found.is_called_directly or found.wrapping else ():
            ast.parse(answers.mistaken(f"def {name}(): ...", found, mistake))
