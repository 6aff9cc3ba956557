"""Answers of the lessons in PyTorch put to the test: directly, with a mistake written behind them, across the wall."""

import ast
import functools
import inspect

from autograde import execute
from autograde.answers import mistaken
from autograde.course import Limits
from autograde.execute import Job
from autograde.judged import Role, Step
from course_utils.check import check
from course_utils.contract import Exercise
from course_utils.examination import examine

DRAWS = ({}, {"hidden": True, "seed": 3})
LIMITS = Limits(cell_seconds=60, submission_seconds=300, memory_mb=2048)


def declared(module):
    """The exercises of a module."""
    return [value for value in vars(module).values() if isinstance(value, Exercise)]


def passes(exercise, answer, **companions):
    """Whether an answer passes the visible and a hidden check; the diagnosis is raised where it does not."""
    for draw in DRAWS:
        check(exercise.name, answer, **draw, **companions)
    return True


def named(exercise, answer):
    """What the visible and a hidden check say of a wrong answer: names of known mistakes, once where both agree."""
    results = [examine(exercise, answer, **draw) for draw in DRAWS]
    assert not any(result.passed for result in results)
    first, second = (tuple(m.name for m in result.mistakes) for result in results)
    return first if first == second else (first, second)


@functools.cache
def _sources(module):
    tree = ast.parse(inspect.getsource(module))
    return [(getattr(node, "name", ""), ast.unparse(node)) for node in tree.body]


def written(module, exercise, mistake):
    """The answer of a module's with a known mistake behind it, as autograde writes it into a notebook."""
    namespace = {"__name__": "__main__"}
    exec("import numpy as np", namespace)
    for name, source in _sources(module):
        text = mistaken(source, exercise, mistake) if name == exercise.name else source
        exec(compile(text, f"<{name}>", "exec"), namespace)
    return namespace[exercise.name]


def across(module, exercises, mistake=None):
    """Grade a module's answers in the sandbox: exercise → its visible and hidden cell's errors, and mistakes named."""
    steps = [Step(0, Role.GIVEN, "from course_utils import check", "imports", own="from course_utils import check")]
    for name, source in _sources(module):
        text = source
        if mistake is not None and name == exercises[0].name:
            text = mistaken(source, exercises[0], mistake)
        role = Role.STUDENT
        steps.append(Step(len(steps), role, text, f"cell {name}", names=frozenset([name] if name else [])))
    tests = {}
    for exercise in exercises:
        for more in ("", ", hidden=True, seed=1"):
            tests[len(steps)] = exercise.name
            steps.append(Step(len(steps), Role.TEST, f"check({exercise.name}{more})", f"cell {exercise.name}_check"))
    done = execute.run(Job("ada", exercises[0].lesson, tuple(steps), LIMITS, secret="of a test"))
    errors = {name: [] for name in tests.values()}
    for place, name in tests.items():
        errors[name] += [o["evalue"] for o in done.outputs[place] if o["output_type"] == "error"]
    return errors, [tuple(record["mistakes"]) for record in done.records]
