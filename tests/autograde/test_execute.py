import json
import time

import pytest
from nbformat.v4 import new_code_cell

from autograde import cells
from autograde.course import Limits
from autograde.execute import NOT_RUN, End, Job, run
from tests.autograde.conftest import notebook

LIMITS = Limits(20, 60)


def execute(*sources, limits=LIMITS, files=()):
    made = notebook(*(new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)))
    execution = run(Job("ada", "lesson", cells.text(made), limits, files))
    return execution, cells.parse(execution.notebook).cells


def texts(cell):
    return "".join(o.get("text", "") or "".join(o.get("traceback", ())) for o in cell.outputs)


def test_a_notebook_is_run_as_in_jupyter_and_goes_on_after_an_error(tmp_path):
    (tmp_path / "beside.txt").write_text("here")
    execution, (first, failing, last) = execute(
        "x = 1\nprint(open('data.txt').read())",
        "raise ValueError('no')",
        "import os, sys\n%time x += 1\n"
        "print(x, 'torch' in sys.modules, os.environ['MPLBACKEND'], os.environ['NBGRADER_EXECUTION'])",
        files=(("data.txt", str(tmp_path / "beside.txt")),),
    )
    assert (execution.end, execution.cell) == (End.FINISHED, "")
    assert texts(first) == "here\n"
    assert failing.outputs[0].ename == "ValueError"
    assert texts(last).splitlines()[-1] == "2 False module://matplotlib_inline.backend_inline autograde"


def test_a_process_that_ends_leaves_errors_in_every_cell_that_did_not_finish():
    execution, made = execute("x = 1", "import os\nos._exit(3)", "print(x)")
    assert (execution.end, execution.cell) == (End.DIED, "cell c1")
    assert [[o.ename for o in cell.outputs] for cell in made] == [[], [NOT_RUN], [NOT_RUN]]


@pytest.mark.slow
def test_a_cell_that_runs_too_long_is_interrupted_and_the_rest_is_run():
    execution, made = execute("while True: pass", "print('after')", limits=Limits(2, 60))
    assert (execution.end, execution.cell) == (End.TIME, "cell c0")
    assert texts(made[1]) == "after\n"


@pytest.mark.slow
def test_a_cell_that_ignores_interrupts_is_killed_when_the_time_of_the_submission_is_over():
    stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    started = time.monotonic()
    execution, made = execute("x = 1", stubborn, "print('never')", limits=Limits(3, 8))
    assert (execution.end, execution.cell) == (End.TIME, "cell c1")
    assert made[2].outputs[0].ename == NOT_RUN
    assert time.monotonic() - started < 40


def test_cells_to_show_are_not_run_and_nothing_is_said_about_them():
    made = notebook(new_code_cell("raise SystemExit", id="a", metadata={"tags": ["show"]}), new_code_cell("1", id="b"))
    execution = run(Job("ada", "lesson", cells.text(made), LIMITS))
    done = json.loads(execution.notebook)["cells"]
    assert execution.end is End.FINISHED
    assert [cell["outputs"] == [] for cell in done] == [True, False]
