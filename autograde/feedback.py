"""``autograde feedback``: a page for each submission. Nothing that a submission brought along can run in it."""

from __future__ import annotations

import functools
import importlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bleach
from jinja2 import Environment, PackageLoader, pass_context
from latex2mathml import converter as latex2mathml
from markupsafe import escape
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import GetGrades

from autograde import cells, cleaning, outcomes, schedule
from autograde.course import Course
from autograde.errors import CourseError, NotebookError, UsageError
from autograde.export import Row, rows
from autograde.gradebook import explained
from autograde.lesson import Lesson
from course_utils import exercises

PAGES = Environment(loader=PackageLoader("autograde"), autoescape=True, trim_blocks=True, lstrip_blocks=True)

HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
TABLES = frozenset(("dd", "dl", "dt", "table", "tbody", "td", "th", "thead", "tr"))
TEXT = frozenset(("br", "del", "details", "div", "hr", "img", "p", "pre", "s", "span", "sub", "summary", "sup"))
LAYOUT = frozenset(("math", "mrow", "mstyle", "mpadded", "mphantom", "menclose", "mspace", "mtable", "mtr", "mtd"))
SCRIPTS = frozenset(("msub", "msup", "msubsup", "munder", "mover", "munderover", "mfrac", "msqrt", "mroot"))
MATHML = LAYOUT | SCRIPTS | frozenset(("mi", "mn", "mo", "mtext"))
TAGS = bleach.ALLOWED_TAGS | HEADINGS | TABLES | TEXT | MATHML
OF_MATHML = frozenset(
    ("display", "mathvariant", "stretchy", "fence", "form", "separator", "displaystyle", "scriptlevel", "columnalign")
) | frozenset(("linethickness", "minsize", "maxsize", "width", "height", "depth", "lspace", "rspace", "movablelimits"))
NO_TEXT = re.compile(r"<img (?![^>]*\balt=)")
MANY = 6  # pages
SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE)
FONT = re.compile(r"@font-face\s*\{[^}]*\burl\((?!['\"]?data:)[^}]*\}")  # that would have to be loaded

# nbgrader's page is made for a wide window, and counts cells; this makes it fit a phone, below a summary of our own.
NARROW = """<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
#toc, div.prompt { display: none; }
div#notebook-container, div.container { max-width: 100%; padding: 0 .5em; box-shadow: none; }
div.inner_cell, div.output_subarea { min-width: 0; max-width: 100%; }
div.rendered_html { overflow-x: auto; overflow-wrap: anywhere; }
div.rendered_html td, div.rendered_html th { padding: .15em 1em .15em 0; text-align: left; vertical-align: top; }
div.rendered_html img, div.output_png img { max-width: 100%; height: auto; }
div.input_area { overflow-x: auto; }
div.output_area pre { white-space: pre-wrap; overflow-wrap: anywhere; }
div.nbgrader_cell .panel-heading { height: auto; overflow: hidden; }
</style>
"""


@dataclass(frozen=True)
class Page:
    """A feedback page that was written."""

    student: str
    lesson: str
    path: Path


def feedback(
    course: Course, lessons: Sequence[str], only: Collection[tuple[str, str]] | None = None
) -> tuple[Page, ...]:
    """Write a page for every submission to lessons that has an outcome, or ``only`` for some (lesson, student)."""
    found = rows(course, lessons, only)
    if not found:
        raise UsageError(f"Nothing is graded yet in {course.folder}: run autograde grade.")
    loaded = {name: Lesson.gradable(course, name) for name in dict.fromkeys(row.outcome.lesson for row in found)}
    drafts = [_Draft(course, loaded[row.outcome.lesson], row) for row in found]
    return tuple(sorted((_written(draft, html) for draft, html in _made(drafts)), key=lambda p: (p.lesson, p.student)))


def warm(course: Course, lessons: Sequence[str]) -> None:
    """Make what the pages of lessons have in common, so that the first one does not wait for it."""
    _kept_exporter(course).warm_up()
    for module in exercises.modules(lessons):  # the hints are there
        importlib.import_module(module)
    for lesson in (Lesson.gradable(course, name) for name in lessons):
        for cell in lesson.released.cells:
            (_given if cell.cell_type == "markdown" else _highlighted)(cell.source)


@dataclass(frozen=True)
class _Draft:
    """What a page is made of."""

    course: Course
    lesson: Lesson
    row: Row


def _made(drafts: Sequence[_Draft]) -> Iterator[tuple[_Draft, str]]:
    """The pages' text: many are made by several processes, which are not worth their start for a few."""
    if len(drafts) < MANY:
        yield from ((draft, _html(draft)) for draft in drafts)
        return
    make = schedule.processes("autograde.feedback", *exercises.modules({draft.lesson.name for draft in drafts}))
    for draft, html in schedule.run(_html, drafts, make, schedule.cores()):
        if html is None:
            raise CourseError(f"The page of {draft.row.outcome.student} could not be made: its process died, twice.")
        yield draft, html


def _written(draft: _Draft, html: str) -> Page:
    student, lesson = draft.row.outcome.student, draft.lesson.name
    path = draft.course.page(student, lesson)
    outcomes.write(path, html)
    return Page(student, lesson, path)


def _html(draft: _Draft) -> str:
    course, outcome = draft.course, draft.row.outcome
    if outcome.score is None or not course.graded(outcome.student, outcome.lesson).is_file():
        return PAGES.get_template("notice.html.j2").render(outcome=outcome)
    return page(course, draft.lesson, draft.row, _kept_exporter(course))


def _kept_exporter(course: Course) -> _SafeExporter:
    if course.root not in _exporters:
        _exporters[course.root] = _exporter(course)
    return _exporters[course.root]


_exporters: dict[Path, _SafeExporter] = {}  # of this process: one takes a second to make


def page(course: Course, lesson: Lesson, row: Row, exporter: HTMLExporter) -> str:
    """nbgrader's feedback on a graded notebook, a summary above it, and nothing executable of the student's in it."""
    graded = course.graded(row.outcome.student, lesson.name)
    try:
        notebook = harmless(cells.read(graded), lesson)
    except NotebookError as error:
        raise CourseError(f"{graded}: {error}. Grade it again with --force.") from error
    notebook.cells.insert(0, new_markdown_cell("\n".join(_summary(lesson, row)), id="summary"))
    names = {"student": row.outcome.student, "assignment": lesson.name, "notebook": lesson.name}
    resources = {"nbgrader": {**names, "db_url": course.database}, "metadata": {"name": lesson.name}}
    with explained(course):
        html, _ = exporter.from_notebook_node(notebook, resources)
    return FONT.sub("", SCRIPT.sub("", str(html))).replace("</head>", f"{NARROW}</head>", 1)


def _exporter(course: Course) -> _SafeExporter:
    """nbgrader's exporter, as its own command configures it."""
    config = GenerateFeedback(config=course.config).config
    exporter = _SafeExporter(config=config)
    for step in (GetGrades, CSSHTMLHeaderPreprocessor):
        exporter.register_preprocessor(step, enabled=True)
    return exporter


class _SafeExporter(HTMLExporter):
    """Markdown becomes HTML as ever, formulas MathML; then only harmless tags are let through."""

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        """nbconvert's, without parsing the finished page again for the sake of the pictures' texts."""
        resources = self._prepared(resources)
        html, resources = TemplateExporter.from_notebook_node(self, nb, resources, **kw)
        return NO_TEXT.sub('<img alt="a picture that the code made" ', html), resources

    def _prepared(self, resources: Any) -> Any:
        self.register_filter("highlight_code", lambda source, **_: _highlighted(source))
        resources = self._init_resources(resources)
        self.register_filter("filter_data_type", WidgetsDataTypeFilter({}, parent=self, resources=resources))
        return resources

    def warm_up(self) -> None:
        """Have the templates compiled, by a page of nobody's with no points."""
        resources = self._prepared({"nbgrader": defaultdict(int)})
        notebook = new_notebook(cells=[new_code_cell(), new_markdown_cell()])
        notebook, resources = CSSHTMLHeaderPreprocessor()(notebook, resources)
        self.template.render(nb=notebook, resources=resources)

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        attachments = context.get("cell", {}).get("attachments", {})
        return _markdown(source, attachments) if attachments else _given(source)


@functools.lru_cache(maxsize=2000)
def _given(source: str) -> str:
    """The HTML of what most students have alike: the lesson's own text."""
    return _markdown(source, {})


@functools.lru_cache(maxsize=2000)
def _highlighted(source: str) -> str:
    """The HTML of code; most of it is the lesson's, too."""
    return str(Highlight2HTML(pygments_lexer="ipython3")(source))


def _markdown(source: str, attachments: dict[str, dict[str, str]]) -> str:
    made = MarkdownWithMath(renderer=_Renderer(escape=False, attachments=attachments)).render(source)
    return str(bleach.clean(made, TAGS, _allowed, protocols={"http", "https", "mailto", "data"}, strip=True))


class _Renderer(IPythonRenderer):
    """Formulas as MathML, which browsers draw by themselves: no script has to come from the network."""

    def inline_math(self, body: str) -> str:
        return _formula(body, "inline")

    def block_math(self, body: str) -> str:
        return _formula(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return _formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


def _formula(latex: str, display: str) -> str:
    """MathML of a formula; what is none is shown as it was written."""
    try:
        return str(latex2mathml.convert(latex, display=display))
    except Exception:  # whatever a student wrote between two dollar signs
        return f"<code>{escape(latex)}</code>"


def _allowed(tag: str, name: str, value: str) -> bool:
    """Which attributes stay: pictures only from the page itself, links only outwards."""
    if name == "src":
        return tag == "img" and value.startswith(tuple(f"data:{kind};base64," for kind in cleaning.PICTURES))
    if name == "href":
        return value.startswith(("http://", "https://", "mailto:", "#"))
    if tag in MATHML:
        return name in OF_MATHML
    return name in ("class", "alt", "title", "id", "align")


def harmless(notebook: NotebookNode, lesson: Lesson) -> NotebookNode:
    """The same notebook built anew from what can do no harm: sources as text, plain outputs, pictures.

    Metadata are the instructor's; hidden tests are left out, so that they stay hidden the next term.
    """
    own = {cells.grade_id(c): c for c in lesson.released.cells if cells.grade_id(c)}
    made = []
    for number, cell in enumerate(notebook.cells):
        known = own.get(cells.grade_id(cell))
        identity = {"id": f"cell-{number}", "metadata": {"nbgrader": dict(known.metadata.nbgrader)} if known else {}}
        if cell.cell_type == "code":
            hidden = known is not None and not cells.is_answer(known)
            source = known.source if known and hidden else cell.source
            made.append(new_code_cell(source, outputs=cleaning.outputs(cell.outputs), **identity))
        elif cell.cell_type == "markdown":
            made.append(cleaning.with_pictures(new_markdown_cell(cell.source, **identity), cell.get("attachments")))
    return new_notebook(cells=made, metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}})


def _summary(lesson: Lesson, row: Row) -> Iterator[str]:
    """The result in Markdown: points by exercise, and the known mistakes that the checks found."""
    outcome = row.outcome
    yield f"# {lesson.name}: {outcome.score or 0:g} of {outcome.max_score:g} points\n"
    if not outcome.is_graded:
        yield f"> {outcome.for_student}\n"
    if row.by_hand:
        yield f"{row.by_hand:g} points more are for written answers, which a person has yet to read.\n"
    parts = cells.parts(lesson.source)
    for exercise in dict.fromkeys(part.exercise for part in parts.values()):
        own = [part for part in parts.values() if part.exercise == exercise]
        given = [outcome.cells.get(part.grade_id) for part in own]
        points = "not yet read, 0" if None in given else f"{sum(filter(None, given)):g}"
        name = f"[`{exercise}`](#{own[0].grade_id})"
        yield f"- {name}: {points} of {sum(part.points for part in own):g}{_why(outcome, exercise)}"
    yield "\nCells that only show something were not run again here."


def _why(outcome: outcomes.Outcome, exercise: str) -> str:
    found = [d for d in outcome.diagnoses if d.exercise == exercise]
    named = dict.fromkeys(name for d in found for name in d.mistakes)
    hints = {m.name: m.hint for m in exercises.find(exercise).mistakes} if named else {}
    if any(d.blank for d in found):
        return ". There is no answer yet."
    return "".join(f". **{name.capitalize()}.** {hints[name]}" for name in named)
