"""An instructor in Formgrader and with the pages that autograde writes; a hostile submission is among them."""

import re
import subprocess
import sys

import pytest

from autograde import grade, outcomes
from autograde.feedback import feedback
from autograde.release import release
from autograde.report import report
from tests.autograde.conftest import RIGHT, make_course, needs_isolation, submit
from tests.browser.conftest import lab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("browser"),
    needs_isolation,
]

WRONG = {"mlp_parameters": "def mlp_parameters(sizes):\n    return sum(m * n for m, n in zip(sizes, sizes[1:]))"}
HIT = "window.hit = true"


def hostile(made):
    """Scripts wherever a page could take them from."""
    made.cells[0].source = f"<script>{HIT}</script><img src=x onerror='{HIT}'> $\\text{{<img src=x onerror={HIT}>}}$"
    made.cells[1].source += (
        "\nfrom IPython.display import HTML, Javascript, SVG, display"
        f"\ndisplay(HTML('<script>{HIT}</script><img src=x onerror=\"{HIT}\">'), Javascript('{HIT}'))"
        f'\ndisplay(SVG(\'<svg xmlns="http://www.w3.org/2000/svg" onload="{HIT}"></svg>\'))'
        f"\nprint('<script>{HIT}</script>')"
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A small class, graded, with feedback and a report."""
    made = make_course(tmp_path_factory.mktemp("instructor") / "course")
    release(made, made.lessons)
    for student, answers in {"ada": {}, "bob": WRONG, "cyd": WRONG}.items():
        submit(made, student, "10_first", {**RIGHT, **answers})
    submit(made, "mallory", "10_first", RIGHT, hostile)
    grade.grade(made, ["10_first"], workers=2)
    feedback(made, made.lessons)
    report(made, made.lessons)
    return made


def formgraded(page, address, student):
    """Open a student's submission the way an instructor does."""
    page.goto(f"{address}/formgrader/manage_submissions/10_first")
    page.get_by_text(student).first.wait_for()
    page.goto(f"{address}/formgrader/manage_students/{student}/10_first")
    page.get_by_role("link", name="10_first").last.click()
    page.locator("input.score").first.wait_for()
    page.wait_for_load_state("networkidle")


def test_formgrader_lists_and_opens_and_points_by_hand_stay(course, page, snap, tmp_path):
    with lab(course.root, tmp_path) as address:
        page.goto(f"{address}/formgrader")
        page.get_by_role("link", name="10_first").first.wait_for()
        assert "11_second" in page.inner_text("body")

        formgraded(page, address, "ada")
        points, comment = page.locator("input#written_why"), page.locator("textarea#written_why-comment")
        with page.expect_response(re.compile("/formgrader/api/grade/")):
            points.fill("3")
            points.press("Tab")
        with page.expect_response(re.compile("/formgrader/api/comment/")):
            comment.fill("Say why.")
            comment.press("Tab")
        snap(page, "formgrader")

        command = [sys.executable, "-m", "autograde", "grade", "--force", "--yes", "10_first"]
        done = subprocess.run(command, cwd=course.root, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        formgraded(page, address, "ada")
        assert page.locator("input#written_why").input_value() == "3"
        assert page.locator("textarea#written_why-comment").input_value() == "Say why."
    assert outcomes.load(course.folder)["10_first", "ada"].score == 19


def test_a_submission_with_scripts_runs_none_in_formgrader(course, page, tmp_path):
    page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
    with lab(course.root, tmp_path) as address:
        formgraded(page, address, "mallory")
        assert page.evaluate("window.hit") is None


@pytest.mark.parametrize("student", ["ada", "bob", "mallory"])
def test_a_feedback_page_loads_nothing_and_complains_of_nothing(course, page, snap, student):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(course.page(student, "10_first").as_uri())
    assert page.evaluate("window.hit") is None
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert page.complaints == []
    if student == "bob":
        assert "biases forgotten" in page.inner_text("body").lower()
        snap(page, "feedback")


@pytest.mark.parametrize("width", [1200, 390])
def test_the_report_is_complete_in_itself_and_fits_a_phone(course, page, snap, width):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_viewport_size({"width": width, "height": 800})
    page.goto((course.folder / "report.html").as_uri())
    assert "2 of 4" in page.inner_text("body")
    assert "biases forgotten" in page.inner_text("body")
    assert page.evaluate("window.hit") is None
    assert [url for url in requests if not url.startswith("file:")] == []
    assert page.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing is cut off at the side
    if width == 1200:
        snap(page, "report")
