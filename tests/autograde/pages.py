"""Pages as a browser reads them: what in one could run, fetch something, or pass for a part of the page."""

from __future__ import annotations

import functools
from collections.abc import Collection

from bleach._vendor import html5lib
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

TAGS = frozenset(
    {"html", "head", "body", "p", "a", "em", "strong", "code", "pre", "span", "div", "ul", "ol", "li", "blockquote"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "hr", "br", "img", "del", "table", "thead", "tbody", "tr", "td", "th"}
    | {"input", "dl", "dt", "dd"}
)
ATTRIBUTES = frozenset({"href", "src", "alt", "title", "id", "class", "style", "start", "type", "disabled", "checked"})
STYLES = frozenset(f"text-align:{side}" for side in ("left", "right", "center"))
PICTURES = ("data:image/png;base64,", "data:image/jpeg;base64,")
PROGRAMS = ("javascript:", "vbscript:", "data:")


def rendered(cell: NotebookNode) -> str:
    """A cell of text, as Formgrader turns it to HTML."""
    renderer = IPythonRenderer(escape=False, attachments=cell.get("attachments", {}), anchor_link_text="¶")
    return str(MarkdownWithMath(renderer=renderer).render(cell.source))


@functools.cache
def _formgrader() -> HTMLExporter:
    settings = {"template_name": "formgrade", "extra_template_basedirs": [handlers.template_path]}
    return HTMLExporter(config=Config(HTMLExporter=settings))


def formgraded(notebook: NotebookNode, student: str = "ada") -> str:
    """A recorded notebook, as Formgrader shows it to the instructor."""
    about = {"assignment_id": "a", "notebook_id": "n", "submission_id": "s", "index": 0, "total": 1, "base_url": ""}
    names = {"student": student, "last_name": None, "first_name": None, "notebook_path": f"/{student}/n.ipynb"}
    html, _ = _formgrader().from_notebook_node(notebook, resources={**about, **names})
    return str(html)


def harms(html: str, own_ids: Collection[str] = ()) -> list[str]:
    """What a browser would find in a page that may do something, one by one."""
    found = []
    for element in html5lib.parse(html, namespaceHTMLElements=False).iter():
        tag = element.tag if isinstance(element.tag, str) else "comment"
        found += [tag] if tag not in TAGS else []
        for name, value in element.attrib.items():
            found += [f"{tag} {name}"] if str(name) not in ATTRIBUTES else []
            if name == "src" and not value.startswith(PICTURES):
                found.append(f"src {value}")
            if name == "href" and "".join(value.split()).lower().startswith(PROGRAMS):
                found.append(f"href {value}")
            if name == "style" and value.replace(" ", "") not in STYLES:
                found.append(f"style {value}")
            if name == "id" and value in own_ids:
                found.append(f"id {value}")
            if name == "class" and "mermaid" in value.split():
                found.append("mermaid")
    return found
