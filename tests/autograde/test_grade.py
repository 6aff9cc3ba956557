"""One small class, graded once: every way in which a submission can end, and what the class's files then say."""

import csv
import json
import os
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook

from autograde import cells, export, feedback, grade, outcomes, report
from autograde.cli import main
from autograde.course import Course
from autograde.errors import CourseError
from autograde.outcomes import Diagnosis, Ending
from autograde.release import release
from tests.autograde.conftest import RIGHT, cell_of, first_lesson, make_course, save, submit

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("graded")]  # one process, so that the class is made once

WRONG = {
    **RIGHT,
    "mlp_parameters": "def mlp_parameters(sizes):\n    return sum(m * n for m, n in zip(sizes, sizes[1:]))",
}
DIES = {**RIGHT, "mlp_parameters": "def mlp_parameters(sizes):\n    import os\n    os._exit(1)"}
LOOPS = {**RIGHT, "mlp_parameters": "def mlp_parameters(sizes):\n    while True:\n        pass"}


def tamper(made):
    """Empty tests, many points, an error hidden behind a tag, outputs from elsewhere, a cell deleted, one twice."""
    hidden = cell_of(made, "backprop_add_mul_hidden")
    hidden.source = "pass"
    check = cell_of(made, "backprop_add_mul_check")
    check.metadata.update(tags=["show", "skip-execution", "raises-exception"], editable=True)
    check.metadata.nbgrader.update(points=1000, solution=True, locked=False)
    check.outputs = [new_output("stream", text="all cases are right")]
    made.cells.remove(cell_of(made, "mlp_parameters_hidden"))
    made.cells.append(new_code_cell("pass", id="copy", metadata=cell_of(made, "mlp_parameters_check").metadata))
    made.metadata["kernelspec"] = {"name": "bash", "language": "bash", "display_name": "Bash"}


def hostile(made):
    """What a page must not pass on."""
    made.metadata["title"] = "</title><script>alert(1)</script>"
    made.cells[0].source = "<script>alert(2)</script> <img src=x onerror=alert(4)>\n\n"
    made.cells[0].source += "[x](javascript:alert(3)) ![y](https://example.org/y.png) $a<b$ holds."
    cell_of(made, "written_why").source = "<iframe src='https://example.org'></iframe>\n\nMine is **bold**."
    code = "from IPython.display import HTML, Javascript, SVG, display\ndisplay(HTML('<script>alert(5)</script>'))\n"
    code += "display(Javascript('alert(6)'))\nprint('<script>alert(7)</script>')"
    made.cells.append(new_code_cell(code, id="hostile", metadata={"tags": ['"><script>alert(8)</script>']}))


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The class after ``autograde grade``: its course, and the command's exit status and words."""
    root = tmp_path_factory.mktemp("graded") / "course"
    course = make_course(root)
    with (root / "nbgrader_config.py").open("a") as config:
        config.write("c.Execute.timeout = 3\n")
    course = Course.find(root)
    release(course, course.lessons)
    submit(course, "ada", "10_first", RIGHT, hostile)
    submit(course, "blank", "10_first")
    submit(course, "wrong", "10_first", WRONG)
    submit(course, "tampered", "10_first", {**WRONG, "backprop_add_mul": "x = 1"}, tamper)
    submit(course, "dies", "10_first", DIES)
    submit(course, "loops", "10_first", LOOPS)
    submit(course, "renamed", "11_second", RIGHT)
    folder = course.submitted / "renamed" / "11_second"
    (folder / "11_second.ipynb").rename(folder / "11_second (1).ipynb")
    for student, content in (("broken", b"{"), ("empty", None), ("other", course.release("10_first").read_bytes())):
        folder = course.submitted / student / "11_second"
        folder.mkdir(parents=True)
        if content is not None:
            (folder / "11_second.ipynb").write_bytes(content)
    return course, main(["grade", "--course", str(root), "--workers", "2"])


@pytest.fixture
def ended(graded):
    """student → outcome."""
    return {o.student: o for o in outcomes.load(graded[0].folder).values()}


def test_every_submission_has_one_outcome(graded, ended):
    lines = (graded[0].folder / "outcomes.jsonl").read_text().splitlines()
    assert len(lines) == len(ended) == 10
    assert {student: o.ending for student, o in ended.items()} == {
        "ada": Ending.GRADED,
        "blank": Ending.GRADED,
        "wrong": Ending.GRADED,
        "tampered": Ending.GRADED,
        "renamed": Ending.GRADED,
        "dies": Ending.PROCESS_DIED,
        "loops": Ending.TIME_LIMIT,
        "broken": Ending.UNREADABLE,
        "empty": Ending.MISSING,
        "other": Ending.WRONG_LESSON,
    }
    assert graded[1] == 1
    assert all(o.for_student and o.for_instructor for o in ended.values())


def test_a_line_has_what_the_documentation_promises(graded):
    line = json.loads((graded[0].folder / "outcomes.jsonl").read_text().splitlines()[0])
    assert {"student", "lesson", "outcome", "score", "max_score", "seconds", "messages"} <= set(line)
    assert set(line["messages"]) == {"student", "instructor"}


def test_scores(ended):
    assert {s: o.score for s, o in ended.items()} == {
        "ada": 16,
        "blank": 0,
        "wrong": 8,
        "tampered": 0,
        "renamed": 20,
        "dies": 8,
        "loops": 8,
        "broken": None,
        "empty": None,
        "other": None,
    }
    assert ended["ada"].cells["written_why"] is None
    assert ended["blank"].cells["written_why"] == 0


def test_a_submission_cannot_change_its_tests(ended):
    tampered = ended["tampered"]
    assert tampered.max_score == 20
    assert not any(tampered.cells[name] for name in tampered.cells)
    for change in (
        "_add_mul_hidden was edited",
        "mlp_parameters_hidden was deleted",
        "mlp_parameters_check is there 2",
    ):
        assert change in tampered.for_instructor


def test_sentences_say_where_it_stopped_and_what_it_is(ended):
    assert "ended Python itself and was stopped in cell mlp_parameters_check" in ended["dies"].for_student
    assert "Everything else was graded" in ended["dies"].for_student
    assert "3 s a cell" in ended["loops"].for_student
    assert "mlp_parameters_check" in ended["loops"].for_instructor
    assert "It looks like 00_start_here" in ended["other"].for_instructor
    assert "not JSON" in ended["broken"].for_instructor
    assert "No notebook was found" in ended["empty"].for_student


def test_the_mistakes_that_checks_name_are_kept(ended):
    assert {d.mistakes for d in ended["wrong"].diagnoses} == {("biases forgotten",)}
    assert {d.hidden for d in ended["wrong"].diagnoses} == {False, True}
    assert ended["ada"].diagnoses == ()
    assert Diagnosis("mlp_parameters", blank=True) in ended["blank"].diagnoses


def test_the_autograded_notebooks_are_nbgraders(graded):
    course, _ = graded
    path = course.graded("ada", "10_first")
    made = nbformat.read(path, as_version=4)
    assert "cases are right" in cell_of(made, "mlp_parameters_check").outputs[0].text
    assert "hidden=True" in cell_of(made, "mlp_parameters_hidden").source
    assert not os.access(path, os.W_OK) or os.geteuid() == 0
    with Gradebook(course.database, course.name) as book:
        assert book.find_submission("10_first", "ada").score == 16
        assert book.find_submission("10_first", "ada").needs_manual_grade


def test_the_table_of_grades(graded):
    rows = {row["student"]: row for row in csv.DictReader((graded[0].folder / "grades.csv").open())}
    assert rows["ada"] == {
        "student": "ada",
        "lesson": "10_first",
        "outcome": "graded",
        "score": "16",
        "max_score": "20",
        "to_grade_by_hand": "4",
    }
    assert rows["broken"]["score"] == ""
    assert rows["renamed"]["to_grade_by_hand"] == "0"


def test_a_second_run_grades_only_what_did_not_end_well(graded, ended, capsys):
    course, _ = graded
    assert main(["grade", "11_second", "--course", str(course.root)]) == 1
    said = capsys.readouterr()
    assert "1 of 4 submissions graded; 1 unchanged since the last time" in said.out
    assert "renamed" not in said.err
    assert "[3/3, " in said.err
    assert {o.student: o for o in outcomes.load(course.folder).values()}.keys() == ended.keys()


def test_points_given_by_hand_survive_and_reach_the_table(graded):
    course, _ = graded
    with Gradebook(course.database, course.name) as book:
        given = book.find_grade("written_why", "10_first", "10_first", "wrong")
        given.manual_score, given.needs_manual_grade = 3, False
        book.db.commit()
    assert main(["export", "--course", str(course.root)]) == 0
    assert "wrong,10_first,graded,11,20,0\n" in (course.folder / "grades.csv").read_text()
    assert main(["grade", "10_first", "--student", "wrong", "--force", "--course", str(course.root)]) == 0
    assert "wrong,10_first,graded,11,20," in (course.folder / "grades.csv").read_text()


def test_a_lesson_whose_graded_cells_changed_is_refused_by_the_gradebook(graded, tmp_path):
    course, _ = graded
    before = course.source("11_second").read_text()
    made = first_lesson()
    made.cells = [c for c in made.cells if c.id != "written"]
    try:
        save(course.source("11_second"), made)
        with pytest.raises(CourseError, match=r"11_second does not fit the gradebook: .*Undo the change"):
            grade.grade(course, ["11_second"], force=True)
    finally:
        course.source("11_second").write_text(before)


def test_feedback_pages(graded):
    course, _ = graded
    pages = feedback.feedback(course, course.lessons)
    assert len(pages) == 10
    wrong = course.page("wrong", "10_first").read_text()
    assert "Biases forgotten." in wrong
    assert "hidden=True" not in wrong
    assert "data:image/png;base64," not in course.page("ada", "10_first").read_text()
    assert "not graded (unreadable notebook)" in course.page("broken", "11_second").read_text()
    assert "ran too long" in course.page("loops", "10_first").read_text()


def executable(page):
    """What of a page could run or load something: its scripts, frames, handlers and addresses."""
    soup = BeautifulSoup(page, "html.parser")
    tags = [str(tag) for tag in soup.find_all(["script", "iframe", "object", "embed", "form", "style", "link", "svg"])]
    attributes = [(name, value) for tag in soup.find_all() for name, value in tag.attrs.items()]
    risky = [
        (n, v)
        for n, v in attributes
        if n.startswith("on") or n == "src" or (n == "href" and not str(v).startswith(("#", "https://")))
    ]
    return tags, risky


def test_nothing_of_a_submission_is_executable_in_its_page(graded):
    course, _ = graded
    feedback.feedback(course, ["10_first"])
    page = course.page("ada", "10_first").read_text()
    assert executable(page) == executable(course.page("blank", "10_first").read_text())
    assert "&lt;script&gt;alert(7)" in page  # what was printed is there, as text
    assert "<strong>bold</strong>" in page
    assert re.search(r"<math[^>]*><mrow><mi>a</mi><mo>&#x0003C;</mo><mi>b</mi></mrow></math> holds", page)
    assert "<script" not in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"$\frac{1}{2}$", "<mfrac>"),
        (r"$$\begin{cases} 1 \\ 2 \end{cases}$$", "<mtable>"),
        (r"\begin{equation} x \end{equation}", "<math"),
        (r"$\frac{$ and $}$", "<code>"),
    ],
)
def test_formulas_are_drawn_without_a_script_and_what_is_none_stays(text, shown):
    assert shown in feedback._given(text)


@pytest.mark.parametrize(
    "text",
    [
        r"$\text{<img src=x onerror=alert(1)>}$",
        r"$\href{javascript:alert(1)}{x}$",
        r"$<script>alert(1)</script>$",
        r"$\class{a\" onload=\"b}{x}$ $x\" onmouseover=\"y$",
    ],
)
def test_a_formula_smuggles_nothing_in(text):
    page = BeautifulSoup(feedback._given(text), "html.parser")
    assert not page.find_all(["script", "img", "a", "maction", "annotation-xml"])
    assert all(name in feedback.OF_MATHML for tag in page.find_all(True) for name in tag.attrs)


def test_the_report(graded):
    course, _ = graded
    path = report.report(course, course.lessons)
    page = path.read_text()
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page)
    assert "biases forgotten" in page
    assert re.search(r"dies</b>, 10_first: It ended Python itself in cell mlp_parameters_check", page)
    assert "of 6 submissions have written answers" in page


def test_a_course_in_use_still_works_with_the_gradebook_of_nbgrader(graded):
    course, _ = graded
    assert [row.outcome.student for row in export.rows(course, ["11_second"])] == [
        "broken",
        "empty",
        "other",
        "renamed",
    ]
    assert cells.parts(cells.read(course.graded("renamed", "11_second"))).keys() == {
        "correlate1d_check",
        "correlate1d_hidden",
    }
