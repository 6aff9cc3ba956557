"""What a submission brings along does nothing in feedback, in Formgrader's view of the record, or in the report."""

import base64
import re
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest

from autograde import cells, outcomes
from autograde import feedback as pages_for_students
from autograde.course import Course
from autograde.feedback import feedback
from autograde.grade import grade
from autograde.outcomes import Ending
from autograde.report import report
from tests.autograde import attacks
from tests.autograde.conftest import ROOT, needs_isolation, save
from tests.autograde.pages import formgraded, harms

pytestmark = [needs_isolation, pytest.mark.xdist_group("injecting")]

LESSON = "20_attacks"
ATTACKS = {param.values[0].name: param.values[0] for param in attacks.every("injecting")}
MARKUP = "<img src=x onerror=window.hit=20>"
HONEST = ("honest", "o'brien", "a&b")
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def pasted(made):
    """A picture in a written answer, as Jupyter keeps it."""
    (cell,) = (c for c in made.cells if cells.grade_id(c) == attacks.WRITTEN)
    cell.source = "Because $a<b$, see ![image.png](attachment:image.png)"
    cell.attachments = {"image.png": {"image/png": base64.b64encode(PNG).decode()}}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class, graded, with its feedback and its report."""
    root = tmp_path_factory.mktemp("injecting")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    save(root / "solutions" / LESSON / f"{LESSON}.ipynb", attacks.lesson().source)
    course = Course.find(root)
    notebooks = {name: attack.notebook() for name, attack in ATTACKS.items()}
    notebooks |= {name: attacks.parse("").notebook() for name in (*HONEST, MARKUP.replace("/", ""))}
    pasted(notebooks["honest"])
    for student, made in notebooks.items():
        folder = course.submitted / student / LESSON
        folder.mkdir(parents=True)
        (folder / f"{LESSON}.ipynb").write_text(nbformat.writes(made, version=4))
    (course.submitted / "names_with_markup" / LESSON / f"{MARKUP}.txt").write_text(MARKUP)
    (course.submitted / "names_with_markup" / MARKUP).mkdir()
    grade(course, [LESSON], workers=1, make_executor=ThreadPoolExecutor)
    feedback(course, [LESSON])
    report(course, [LESSON])
    return course


def recorded(course, student):
    return cells.read(course.graded(student, LESSON))


def page(course, student):
    return course.page(student, LESSON).read_text()


def ids():
    """What Formgrader's page calls its parts."""
    own = [f"{attacks.WRITTEN}{ending}" for ending in ("", "-comment", "_extra_credit")]
    return [*own, "statusmessage", "notebook", "notebook-container"]


@pytest.mark.parametrize("student", ATTACKS)
def test_the_attack_got_through_to_the_pages(graded, student):
    outcome = outcomes.load(graded.folder)[LESSON, student]
    assert outcome.ending is Ending.GRADED
    assert ATTACKS[student].is_fair({**outcome.cells, attacks.WRITTEN: 0})


@pytest.fixture(scope="module")
def honest(graded):
    """What the pages' own templates bring, for Formgrader and for feedback."""
    return harms(formgraded(recorded(graded, "honest")), ids()), harms(page(graded, "honest"))


@pytest.mark.parametrize("student", ATTACKS)
def test_nothing_of_it_is_in_formgraders_view(graded, honest, student):
    assert added(harms(formgraded(recorded(graded, student)), ids()), honest[0]) <= {"b"}


@pytest.mark.parametrize("student", ATTACKS)
def test_nothing_of_it_is_in_its_feedback(graded, honest, student):
    new = added(harms(page(graded, student)), honest[1]) - {"b"}  # what a terminal shows in bold
    assert {name for name in new if not is_formula(name)} == set()


def is_formula(name):
    """Whether a tag, or a tag and its attribute, is one that a formula is drawn with."""
    tag, _, attribute = name.partition(" ")
    known = tag.removeprefix("{http://www.w3.org/1998/Math/MathML}") in pages_for_students.MATHML
    return tag.startswith("{") and known and (not attribute or attribute.split(" ")[0] in pages_for_students.OF_MATHML)


def added(found, own):
    """What a page has more of than an honest one."""
    return set((Counter(found) - Counter(own)).elements())


def test_nothing_of_it_is_in_the_report(graded):
    html = (graded.folder / "report.html").read_text()
    assert not [found for found in harms(html) if found.startswith(("script", "img", "href", "src", "iframe"))]
    assert MARKUP not in html
    assert "&lt;img src=x onerror" in html


def test_a_students_id_that_would_be_markup_is_refused(graded):
    outcome = outcomes.load(graded.folder)[LESSON, MARKUP]
    assert outcome.ending is Ending.UNREADABLE
    assert "cannot be a student's id" in outcome.for_instructor
    assert MARKUP not in page(graded, MARKUP)


@pytest.mark.parametrize("student", HONEST)
def test_ordinary_ids_and_texts_are_left_alone(graded, student):
    outcome = outcomes.load(graded.folder)[LESSON, student]
    assert outcome.score == 24
    assert outcome.ending is Ending.GRADED


def test_a_picture_that_was_pasted_can_be_seen(graded):
    picture = f'src="data:image/png;base64,{base64.b64encode(PNG).decode()}"'
    assert picture in formgraded(recorded(graded, "honest"))
    assert picture in page(graded, "honest")


def test_what_a_program_cannot_read_as_text_does_not_spoil_the_record(graded):
    for path in (graded.folder / "outcomes.jsonl", graded.folder / "grades.csv", graded.folder / "report.html"):
        path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def visited(browser, path):
    """What happened in a page: dialogs, what its scripts set, and the addresses that it asked for."""
    context = browser.new_context()
    asked, dialogs = [], []

    def answer(route):
        asked.append(route.request.url)
        route.continue_() if route.request.url.startswith("file:") else route.abort()

    context.route("**/*", answer)
    opened = context.new_page()
    opened.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    opened.goto(f"file://{path}", wait_until="domcontentloaded")
    opened.evaluate(
        """() => document.querySelectorAll('body *').forEach(element => {
            ['mouseover', 'focus', 'error', 'load', 'toggle', 'click'].forEach(kind => {
                if (kind != 'click' || (element.href || '').startsWith('javascript:')) {
                    element.dispatchEvent(new Event(kind));
                    if (kind == 'click') element.click();
                }
            });
        })"""
    )
    opened.wait_for_timeout(200)
    found = opened.evaluate(
        "() => [window.hit, ...[...document.querySelectorAll('iframe, object, embed')].map(e => e.outerHTML)]"
    )
    context.close()
    return found[0], found[1:], dialogs, [url for url in asked if not re.match(r"(file|data):", url)]


OWN = re.compile(r"https://cdnjs\.cloudflare\.com/|file:///formgrader/")  # what the templates themselves ask for


@pytest.mark.browser
def test_a_browser_would_show_it(chromium, tmp_path):
    """What is not cleaned fires: so the tests below can fail."""
    path = tmp_path / "page.html"
    path.write_text(f"<html><body>{ATTACKS['scripts_in_text'].answers[attacks.WRITTEN]}</body></html>")
    hit, frames, _, asked = visited(chromium, path)
    assert hit is not None
    assert frames
    assert any("example.org" in url for url in asked)


@pytest.mark.browser
@pytest.mark.parametrize("student", [*ATTACKS, MARKUP])
def test_nothing_happens_in_a_browser(chromium, graded, tmp_path, student):
    paths = [graded.page(student, LESSON), graded.folder / "report.html"]
    if student in ATTACKS:
        paths.append(tmp_path / "formgrader.html")
        paths[-1].write_text(formgraded(recorded(graded, student)))
    for path in paths:
        hit, frames, dialogs, asked = visited(chromium, path)
        assert (hit, frames, dialogs) == (None, [], []), path
        assert [url for url in asked if not OWN.match(url)] == []
