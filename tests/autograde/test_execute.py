"""Cells of a student's, through the sandbox: outputs as in Jupyter, and what becomes of a process that ends."""

import time

import pytest

from autograde.course import Limits
from autograde.execute import NOT_RUN, End, Job, Runner, run
from autograde.judged import Role, Step
from autograde.sandbox.session import Warm
from tests.autograde.conftest import needs_isolation

pytestmark = [needs_isolation, pytest.mark.xdist_group("execute")]

LIMITS = Limits(cell_seconds=20, submission_seconds=60)


def execute(*sources, limits=LIMITS, files=()):
    """The execution, and the outputs of each cell."""
    steps = tuple(Step(place, Role.STUDENT, source, f"cell c{place}") for place, source in enumerate(sources))
    execution = run(Job("ada", "lesson", steps, limits, files=files))
    return execution, [execution.outputs[step.place] for step in steps]


def text(outputs):
    return "".join(output.get("text", "") or "".join(output.get("traceback", ())) for output in outputs)


def names(outputs):
    return [output["ename"] for output in outputs]


def test_a_notebook_is_run_as_in_jupyter_and_goes_on_after_an_error():
    execution, (first, failing, last) = execute(
        "x = 1\nprint(open('data.txt').read())",
        "raise ValueError('no')",
        "import os\n%time x += 1\nprint(x, os.environ['MPLBACKEND'], os.environ['NBGRADER_EXECUTION'])",
        files=(("data.txt", b"here"),),
    )
    assert (execution.end, execution.cell) == (End.FINISHED, "")
    assert text(first) == "here\n"
    assert names(failing) == ["ValueError"]
    assert text(last).splitlines()[-1] == "2 module://matplotlib_inline.backend_inline autograde"


def test_a_process_that_ends_is_replaced_and_costs_only_the_cell_that_ended_it():
    execution, (_, died, last) = execute("x = 1", "import os\nos._exit(3)", "print(x)")
    assert (execution.end, execution.cell) == (End.DIED, "cell c1")
    assert names(died) == [NOT_RUN]
    assert text(last) == "1\n"


@pytest.mark.slow
def test_a_cell_that_runs_too_long_is_interrupted_and_the_rest_is_run():
    execution, (_, after) = execute("while True: pass", "print('after')", limits=Limits(2, 60))
    assert (execution.end, execution.cell) == (End.TIME, "cell c0")
    assert text(after) == "after\n"


@pytest.mark.slow
def test_no_cell_is_run_when_the_time_of_the_submission_is_over():
    stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    started = time.monotonic()
    execution, (_, stopped, after) = execute("x = 1", stubborn, "print('never')", limits=Limits(8, 3))
    assert (execution.end, execution.cell) == (End.TIME, "cell c1")
    assert names(stopped) == names(after) == [NOT_RUN]
    assert time.monotonic() - started < 40


def test_a_library_that_a_submission_says_it_imports_is_there_before_it_runs():
    sources = "import sys\nprint('sklearn.datasets' in sys.modules)", "from sklearn.datasets import load_digits"
    steps = tuple(Step(place, Role.STUDENT, source, f"cell c{place}") for place, source in enumerate(sources))
    warm = Warm()
    try:
        runner = Runner(Job("ada", "lesson", steps, LIMITS), warm)
        runner.run()
        assert text(runner.outputs[0]) == "True\n"
    finally:
        warm.stop()


def test_what_one_submission_has_to_import_the_next_one_finds_imported():
    library = "sklearn.datasets"
    source = f"import sys\nprint({library!r} in sys.modules)\nimport {library}"
    warm = Warm()
    try:
        for known in (False, True):
            session = warm.fork(LIMITS)
            reply = session.ask({"do": "cell", "source": source}, deadline=time.monotonic() + 60)
            assert reply.tree["outputs"][0]["text"] == f"{known}\n"
            session.close()
        assert warm.wanted == [library]
    finally:
        warm.stop()
