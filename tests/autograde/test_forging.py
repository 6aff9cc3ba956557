"""Submissions that want points for nothing get what an honest reading of their answers gives."""

import pytest

from autograde.execute import Job, run
from autograde.judged import Role, Step
from tests.autograde import attacks

pytestmark = pytest.mark.xdist_group("forging")  # one process, so that there is one warm process


@pytest.mark.parametrize("attack", attacks.every("forging"))
def test_it_gets_what_is_due(attack):
    graded = attacks.grade(attack.notebook())
    assert attack.is_fair(graded.points), {name: graded.said(name) for name in graded.points}


def test_an_honest_submission_gets_all():
    attack = attacks.parse("")
    graded = attacks.grade(attack.notebook())
    assert attack.is_fair(graded.points), {name: graded.said(name) for name in graded.points}
    assert sum(graded.points.values()) == 24


def test_a_blank_one_gets_nothing():
    graded = attacks.grade(attacks.lesson().released)
    assert not any(graded.points.values())


GIVEN = "from course_utils import check"
RELU = """import numpy as np
from course_utils import passes

def relu_forward(x):
    return np.maximum(x, 0), x

def relu_backward(dout, cache):
    return {}
"""
PATCH = "passes.relu_backward_pass = lambda backward, forward, x, dout: dout * (x > 0)"
CALLS = """from course_utils import calls
calls.called = lambda *made: [None] * 4 + [made[-1].args[0] * (made[0].args[0] > 0)]"""


@pytest.mark.parametrize(
    ("answer", "patch", "earned"),
    [
        ("dout * (cache > 0)", "", True),
        ("dout * (cache > 0)", PATCH, True),
        ("dout", "", False),
        ("dout", PATCH, False),
        ("dout * (cache > 0)", CALLS, True),
        ("dout", CALLS, False),
    ],
)
def test_a_pass_that_answers_in_the_place_of_the_answer_earns_nothing(answer, patch, earned):
    """It runs beside the answer, so a submission can replace it."""
    own = frozenset({"relu_forward", "relu_backward"})
    steps = (
        Step(0, Role.GIVEN, GIVEN, "given", own=GIVEN),
        Step(1, Role.STUDENT, RELU.format(answer), "the answers", names=own),
        Step(2, Role.STUDENT, patch, "added"),
        Step(3, Role.TEST, "check(relu_backward)", "the test", points=2),
    )
    execution = run(Job("eve", "03_layers", steps, attacks.LIMITS, attacks.SECRET))
    assert any(output["output_type"] == "error" for output in execution.outputs[3]) == (not earned)
