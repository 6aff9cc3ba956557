"""What a diagnosis costs must not change what it says."""

from functools import partial

import numpy as np
import pytest

from course_utils import diagnosis, exercises
from course_utils.contract import Exercise, Mistake, Raises, case
from course_utils.examination import _Examiner, examine
from course_utils.shrinker import shrink
from course_utils.trial import expected

SOME = ("correlate2d", "correlate2d_strided", "conv_output_size", "im2col", "softmax_cross_entropy")
FOUND = [exercises.find(name) for name in SOME]


def one_by_one(examiner, kind):
    """The first candidate that fails, found the plain way."""

    def look(candidates):
        tried = 0
        for tried, candidate in enumerate(candidates, 1):
            if not examiner.exercise.in_domain(candidate):
                continue
            want = expected(examiner.exercise, candidate)
            if isinstance(want, Raises) == (kind == "no error"):
                trial = examiner.trial(candidate, want)
                if not trial.right and trial.comparison.differences[0].kind == kind:
                    return tried, candidate
        return tried, None

    return look


def shown(found):
    return [(np.shape(value), np.asarray(value, object).tolist()) for value in [*found.args, *found.kwargs.values()]]


@pytest.mark.parametrize("budget", [1, 5, 250])
@pytest.mark.parametrize("exercise", FOUND, ids=lambda e: e.name)
def test_candidates_that_go_several_at_a_time_lead_to_the_same_input(exercise, budget):
    compared = 0
    for mistake in exercise.mistakes[:6]:
        examiner = _Examiner(exercise, mistake.applied_to(exercise.oracle), (), 0)
        failed = next((t for t in map(examiner.trial, exercise.draw()) if not t.right), None)
        if failed is None:
            continue
        kind = failed.comparison.differences[0].kind
        plain, several = (
            shrink(failed.case, first, budget, exercise.align)
            for first in (one_by_one(examiner, kind), partial(examiner.first_failing, kind))
        )
        assert shown(plain) == shown(several)
        compared += 1
    assert compared


def test_what_a_mistake_makes_of_a_case_is_worked_out_once_for_a_class():
    made = []

    def doubled(right, x):
        made.append(x)
        return 2 * right(x)

    identity = Exercise(lambda x: x + 0.0, "00_start_here")
    identity.cases(lambda draw: (case("any", draw.array(3)) for _ in range(4)))
    identity.mistakes = (Mistake("doubled", "Once is enough.", doubled),)
    found = [examine(identity, lambda x: x * 2) for _ in range(3)]
    assert [f.mistakes[0].name for f in found] == ["doubled"] * 3
    cases = len(found[0].trials)
    assert len(made) == cases + 3  # and the smallest input of each
    assert diagnosis._prediction.cache_info().maxsize is not None  # a process that grades many classes ends up full
