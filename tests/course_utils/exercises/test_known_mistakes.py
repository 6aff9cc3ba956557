"""Every known mistake of every exercise is caught and named, with its own sentence, and none is taken for another."""

import ast
import builtins
import copy
import functools
import inspect
import symtable
import textwrap

import pytest

from course_utils import exercises
from course_utils.comparison import compare
from course_utils.contract import Mistake
from course_utils.diagnosis import explain
from course_utils.trial import expected, observe


def remembering(exercise):
    """An exercise whose mistakes take long (a network): what they do is worked out once for all tests here."""
    quick = copy.copy(exercise)
    quick.mistakes = tuple(Mistake(m.name, m.hint, _remembering(m.function)) for m in exercise.mistakes)
    return quick


def _remembering(function):
    seen = {}

    @functools.wraps(function)
    def mistaken(right, *args, **kwargs):
        key = args, tuple(kwargs.items())
        if key not in seen:
            seen[key] = function(right, *args, **kwargs)
        return seen[key]

    return mistaken


def _together(exercise):
    """In one process, where what was worked out is remembered."""
    return [pytest.mark.xdist_group(exercise.name)] if exercise.alone else []


ALL = [remembering(e) if e.alone else e for e in map(exercises.find, exercises.names())]
EACH = [pytest.param(e, id=e.name, marks=_together(e)) for e in ALL]
MISTAKES = [pytest.param(e, m, id=f"{e.name}-{m.name}", marks=_together(e)) for e in ALL for m in e.mistakes]


def draws(exercise):
    """Pairs (seed, hidden); where that takes long, hidden ones are left to the lesson's own tests and to verify."""
    return [(0, False)] if exercise.alone else [(0, False), (2, True)]


@pytest.fixture(scope="module")
def drawn():
    """The cases of a draw with what the oracle expects, worked out once."""
    cache = {}

    def cases(exercise, seed, hidden):
        key = exercise.name, seed, hidden
        if key not in cache:
            cache[key] = [(c, expected(exercise, c)) for c in exercise.draw(seed, hidden)]
        return cache[key]

    return cases


@pytest.mark.parametrize("exercise", EACH)
def test_oracle_agrees_with_examples_worked_by_hand(exercise):
    assert exercise.examples, f"{exercise.name} has no worked example"
    for made in exercise.examples:
        got = observe(exercise.oracle, made.case, exercise).value
        assert compare(made.expected, got, exercise.tolerance).equal


@pytest.mark.parametrize("exercise", EACH)
def test_cases_lie_in_the_domain_and_never_make_the_oracle_fail_by_accident(exercise):
    for seed, hidden in draws(exercise):
        for case in exercise.draw(seed, hidden):
            outcome = observe(exercise.oracle, case, exercise)
            assert exercise.in_domain(case), (case.category, case)
            assert not outcome.changed or set(outcome.changed) <= set(exercise.in_place)
            assert "must be refused" in case.category or not outcome.trace or "ValueError" in outcome.trace


@pytest.mark.parametrize("exercise", EACH)
def test_has_known_mistakes_each_with_its_own_sentence(exercise):
    hints = [m.hint for m in exercise.mistakes]
    assert hints, f"{exercise.name} declares no known mistake"
    assert len(set(hints)) == len(hints)
    assert all(len(h) > 30 and h.rstrip().endswith((".", ":", "?", ")")) for h in hints)


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_mistake_is_caught_and_named_as_itself(exercise, mistake, drawn):
    """The diagonal: the first explanation of what a mistake does is that mistake, alone; and it never passes."""
    for seed, hidden in draws(exercise):
        cases = drawn(exercise, seed, hidden)
        seen = [(c, observe(mistake.applied_to(exercise.oracle), c, exercise).value) for c, _ in cases]
        pairs = zip(cases, seen, strict=True)
        caught = [not compare(want, got, exercise.tolerance_for(c)).equal for (c, want), (_, got) in pairs]
        assert any(caught), f"no case of seed {seed} catches it"
        assert [m.name for m in explain(exercise, seen)] == [mistake.name]


@pytest.mark.parametrize("exercise", EACH)
def test_no_mistake_is_taken_for_another(exercise, drawn):
    """Off the diagonal: no two mistakes do the same on all cases, in whichever order they are declared."""
    cases = drawn(exercise, 0, False)
    outcomes = {
        m.name: [observe(m.applied_to(exercise.oracle), c, exercise).value for c, _ in cases] for m in exercise.mistakes
    }
    for first in outcomes:
        for second in outcomes:
            if first != second:
                pairs = zip(cases, outcomes[first], outcomes[second], strict=True)
                differ = any(not compare(a, b, exercise.tolerance).equal for _, a, b in pairs)
                assert differ, f"{first} does what {second} does"


def free_names(table):
    """The global names that functions use, those inside others too."""
    inner = table.get_type() == "function"
    found = {s.get_name() for s in table.get_symbols() if inner and s.is_global() and s.is_referenced()}
    return found.union(*map(free_names, table.get_children()))


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_mistake_is_written_with_its_arguments_numpy_and_builtins_only(exercise, mistake):
    """It is also written into notebooks, where no helper of the declaring module exists."""
    function = inspect.unwrap(mistake.function)
    first, *parameters = inspect.signature(function).parameters.values()
    assert first.name == "right"
    assert [p.name for p in parameters] == list(exercise.signature.parameters)
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    definition.decorator_list = []
    free = free_names(symtable.symtable(ast.unparse(definition), "mistake", "exec")) - {"np", "math"}
    assert not free - set(vars(builtins)), f"uses {free}, which a notebook does not have"
