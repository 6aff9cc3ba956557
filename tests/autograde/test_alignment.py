"""Lessons of the course as Colab and VS Code give them back: the same functions are judged by the same tests.

What is run decides the score, so nothing need be run here: the student's definitions and the cells of tests that are
put together from a changed notebook are those of the unchanged one, in an order in which each test finds its function.
``tests/submissions/broken`` has the same changes on a made-up lesson, run and scored.
"""

import ast
import copy
import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output

from autograde import alignment, answers, cells, judged
from autograde.course import Course
from autograde.judged import Role
from autograde.lesson import Lesson
from tests.autograde.conftest import ROOT

LESSONS = ("01_convolution", "03_layers")


def wrong(source):
    """A model answer with a mistake of somebody's: it must get through all changes as it is."""
    return source.replace("return ", "return 0 * ", 1) if source.count("return ") == 1 else source


@pytest.fixture(scope="module", params=LESSONS)
def lesson(request):
    return Lesson.gradable(Course.find(ROOT), request.param)


@pytest.fixture(scope="module")
def solved(lesson):
    """The released notebook with answers, every other one of them wrong, one left as it was."""
    texts = {cells.grade_id(c): answers.solved(c.source) for c in lesson.source.cells if cells.is_answer(c)}
    names = list(texts)
    texts |= {name: wrong(texts[name]) for name in names[::2]}
    del texts[names[1]]
    return cells.replaced(lesson.released, texts)


def judged_as(notebook, lesson):
    """What decides: the student's definitions, the tests with their place among them, the written answers."""
    ready = judged.build(cells.parse(nbformat.writes(notebook, version=nbformat.NO_CONVERT)), lesson)
    answered = [c.source for c in lesson.released.cells if cells.is_answer(c) and c.cell_type == "code"]
    names = {name for source in answered for name in alignment.definitions(source)}
    definitions, tests = {}, []
    for step in ready.steps:
        if step.role is Role.TEST:
            called = {node.id for node in ast.walk(ast.parse(step.source)) if isinstance(node, ast.Name)}
            tests.append((step.source, sorted(called & set(definitions))))
        else:
            for node in ast.parse(cells.python(step.source)).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names:
                    definitions[node.name] = ast.dump(node)
    written = [c for c in ready.notebook.cells if cells.is_answer(c) and c.cell_type == "markdown"]
    return definitions, tests, {cells.grade_id(c): c.source.strip() for c in written}


def colab(made):
    """Its own metadata, no ids, outputs with fields of its own, a cell that mounts a drive."""
    made.metadata = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3"},
        "accelerator": "GPU",
    }
    made.nbformat_minor = 0
    made.cells.insert(0, new_code_cell("from google.colab import drive\ndrive.mount('/content/drive')"))
    for number, cell in enumerate(made.cells):
        cell.pop("id")
        cell.metadata = {"id": f"aB{number}xYz"}
        if cell.cell_type == "code":
            cell.metadata |= {"outputId": f"{number}", "colab": {"base_uri": "https://localhost:8080/", "height": 35}}
            cell.execution_count = number + 1


def vs_code(made):
    """Another id for each cell, only its own metadata, no kernel."""
    made.metadata = {"language_info": {"name": "python"}}
    for number, cell in enumerate(made.cells):
        cell.id = f"{number:08x}"
        cell.metadata = {"vscode": {"languageId": "python"}} if cell.cell_type == "code" else {}


def more_output(made):
    """Output of every kind below every cell, also below tests, where it claims that all is well."""
    for number, cell in enumerate(c for c in made.cells if c.cell_type == "code"):
        cell.execution_count = number
        cell.outputs = [
            new_output("stream", name="stdout", text="all cases are right\n" * 200),
            new_output("display_data", data={"image/png": "iVBORw0KGgo=" * 1000, "text/html": "<b>10 points</b>"}),
            new_output("error", ename="KeyboardInterrupt", evalue="", traceback=["\x1b[31m"]),
        ]


def _code_answers(made):
    return [(n, c) for n, c in enumerate(made.cells) if cells.is_answer(c) and c.cell_type == "code"]


def split_in_the_middle(made):
    """Every answer in two cells, cut after its first line; the second has no metadata."""
    for place, cell in reversed(_code_answers(made)):
        first, *rest = cell.source.split("\n")
        made.cells.insert(place + 1, new_code_cell("\n".join(rest)))
        cell.source = first


def split_between_statements(made):
    """An import and a helper of the student's in a cell before each answer."""
    for place, _ in reversed(_code_answers(made)):
        made.cells.insert(place, new_code_cell(f"import math\n\n\ndef helper_{place}(x):\n    return math.sqrt(x)"))


def merged_with_its_test(made):
    """Every answer and the cell below it in one cell, under the answer's id."""
    for place, cell in reversed(_code_answers(made)):
        if made.cells[place + 1].cell_type == "code":
            cell.source += "\n\n" + made.cells.pop(place + 1).source


def merged_into_one(made):
    """All answers in the first one's cell."""
    (first, cell), *others = _code_answers(made)
    cell.source = "\n\n".join([cell.source, *(c.source for _, c in others)])
    for place, _ in reversed(others):
        made.cells.pop(place)
    assert first < others[0][0]


def moved_to_the_end(made):
    """The answers below everything else."""
    places = [n for n, _ in _code_answers(made)]
    made.cells = [c for n, c in enumerate(made.cells) if n not in places] + [made.cells[n] for n in places]


SIMPLE = (
    colab,
    vs_code,
    more_output,
    split_in_the_middle,
    split_between_statements,
    merged_with_its_test,
    merged_into_one,
)
SIMPLE += (moved_to_the_end,)
TOGETHER = (
    (more_output, colab),
    (split_in_the_middle, more_output, vs_code),
    (split_in_the_middle, colab),
    (merged_with_its_test, colab),
    (merged_into_one, vs_code),
    (split_between_statements, more_output, colab, vs_code),
)


@pytest.mark.parametrize(
    "changes", [*((c,) for c in SIMPLE), *TOGETHER], ids=lambda changes: "+".join(c.__name__ for c in changes)
)
def test_what_is_judged_is_the_same(lesson, solved, changes):
    made = copy.deepcopy(solved)
    for change in changes:
        change(made)
    definitions, tests, written = judged_as(solved, lesson)
    theirs, their_tests, their_written = judged_as(made, lesson)
    assert len(definitions) > 5 and len(tests) > 10 and any("return 0 * " in c.source for c in solved.cells)
    assert {name: theirs.get(name) for name in definitions} == definitions
    assert [
        (source, set(names) <= set(found)) for (source, names), (_, found) in zip(tests, their_tests, strict=True)
    ] == [(source, True) for source, _ in their_tests]
    assert their_written == written


def test_the_changes_are_changes(solved):
    """None of them leaves the notebook as it was."""
    before = json.dumps(solved)
    for change in SIMPLE:
        made = copy.deepcopy(solved)
        change(made)
        assert json.dumps(made) != before, change.__name__
