"""Submissions that want points for nothing get what an honest reading of their answers gives."""

import pytest

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
