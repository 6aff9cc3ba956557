"""A small course of its own, so that the grader's tests do not depend on the lessons."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograde.course import Course
from autograde.gradebook import Book

ROOT = Path(__file__).parents[2]
_NAMESPACES = "from autograde.sandbox import kernel as k; k.unshare(k.NEW_USERS | k.NEW_MOUNTS | k.NEW_PIDS)"
ISOLATES = subprocess.run([sys.executable, "-c", _NAMESPACES], cwd=ROOT, stderr=subprocess.DEVNULL).returncode == 0
needs_isolation = pytest.mark.skipif(not ISOLATES, reason="this machine does not allow new namespaces")

BACKPROP = '''def backprop_add_mul(x, y, z):
    """f = (x + y) z and its derivatives."""
    ### BEGIN SOLUTION
    total = x + y
    return total * z, z, z, total
    ### END SOLUTION'''

PARAMETERS = '''def mlp_parameters(sizes):
    """Weights and biases of a fully connected net."""
    ### BEGIN SOLUTION
    return sum((m + 1) * n for m, n in zip(sizes, sizes[1:]))
    ### END SOLUTION'''

CORRELATE = '''def correlate1d(signal, kernel):
    """The valid part of a correlation."""
    ### BEGIN SOLUTION
    width = len(kernel)
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(signal), width)
    return windows @ np.asarray(kernel)
    ### END SOLUTION'''


def nbgrader(grade_id, *, grade=False, solution=False, points=None):
    data = {"grade": grade, "grade_id": grade_id, "locked": grade and not solution, "schema_version": 3}
    data |= {"solution": solution, "task": False}
    return {"nbgrader": data | ({"points": points} if points is not None else {})}


def exercise(name, source, points):
    """The four cells of an exercise."""
    test = f"check({name}, hidden=True, seed=3)"
    hidden = f"# More checks of {name}.\n### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"
    graded = [nbgrader(f"{name}_{kind}", grade=True, points=points) for kind in ("check", "hidden")]
    return [
        new_markdown_cell(f"### Exercise: {name}", id=f"{name}-task"),
        new_code_cell(source, id=f"{name}-answer", metadata=nbgrader(name, solution=True)),
        new_code_cell(f"check({name})", id=f"{name}-check", metadata=graded[0]),
        new_code_cell(hidden, id=f"{name}-hidden", metadata=graded[1]),
    ]


def notebook(*cells):
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = new_notebook(cells=list(cells), metadata={"kernelspec": kernel})
    made.nbformat_minor = 5
    return made


def first_lesson():
    """backprop_add_mul (8 points), mlp_parameters (8) and a written question (4)."""
    written = "### BEGIN SOLUTION\nThe gradient of a sum goes to both inputs, unchanged.\n### END SOLUTION"
    return notebook(
        new_markdown_cell("# A first lesson", id="title"),
        new_code_cell("import numpy as np\nfrom course_utils import check", id="imports"),
        new_code_cell("raise RuntimeError('a cell to show is not run')", id="show", metadata={"tags": ["show"]}),
        *exercise("backprop_add_mul", BACKPROP, 4),
        *exercise("mlp_parameters", PARAMETERS, 4),
        new_markdown_cell("Why does a sum share its gradient?", id="why"),
        new_markdown_cell(written, id="written", metadata=nbgrader("written_why", grade=True, solution=True, points=4)),
    )


def second_lesson():
    """correlate1d (20 points)."""
    return notebook(
        new_code_cell("import numpy as np\nfrom course_utils import check", id="imports"),
        *exercise("correlate1d", CORRELATE, 10),
    )


def save(path, made):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(made, version=4) + "\n")


def make_course(root):
    """A course in a folder: the checkout's own configuration, two small lessons, and a file beside one."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    save(root / "solutions/10_first/10_first.ipynb", first_lesson())
    save(root / "solutions/11_second/11_second.ipynb", second_lesson())
    (root / "solutions/11_second/signal.txt").write_text("1 2 3\n")
    return Course.find(root)


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path / "course")


@pytest.fixture(scope="session")
def ledger(tmp_path_factory):
    """An empty gradebook, which takes nbgrader seconds to make."""
    made = make_course(tmp_path_factory.mktemp("ledger"))
    assert Book(made).students() == ()
    return (made.folder / "gradebook.db").read_bytes()


RIGHT = {
    "backprop_add_mul": "def backprop_add_mul(x, y, z):\n    return (x + y) * z, z, z, x + y",
    "mlp_parameters": "def mlp_parameters(sizes):\n    return sum((m + 1) * n for m, n in zip(sizes, sizes[1:]))",
    "correlate1d": "def correlate1d(signal, kernel):\n"
    "    places = range(len(signal) - len(kernel) + 1)\n"
    "    return np.array([sum(signal[i + j] * kernel[j] for j in range(len(kernel))) for i in places])",
    "written_why": "Both get it as it is.",
}


def submit(course, student, lesson, answers=(), change=lambda made: None):
    """Hand in a released notebook with answers; ``change`` may do anything to it before."""
    made = nbformat.read(course.release(lesson), as_version=4)
    for cell in made.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = dict(answers).get(name, cell.source)
    change(made)
    save(course.submitted / student / lesson / f"{lesson}.ipynb", made)


def cell_of(made, grade_id):
    return next(c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)
