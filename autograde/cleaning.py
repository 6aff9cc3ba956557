"""What a submission brought along, made harmless for whoever looks at it in a browser.

Formgrader turns the Markdown of a recorded notebook to HTML and lets everything through. So a student's text must be
harmless before that: no sign of it is left out, but a space stands where a tag, a program or a fetch would begin.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

PICTURES = ("image/png", "image/jpeg")
NOTHING = "\u2060"  # a character without width, so that a heading's anchor is no id that a page uses for itself

_TAG = re.compile(r"<(?=[A-Za-z/!?])")  # what begins a tag, a comment or an end tag in HTML
_PROGRAMS = "|".join(r"\s*".join(word) for word in ("javascript", "vbscript", "data"))
_SCHEME = re.compile(rf"({_PROGRAMS})([\s\\]*)(?<! ):(?=\S)", re.IGNORECASE)
_AUTOLINK = re.compile(r"<(https?://[^\s<>\"'`]+)>")
_ENTITY = re.compile(r"&(?=#|[A-Za-z]\w*;)")  # some are read twice, so that &amp;#106; is a letter
_MACRO = re.compile(
    r"\\(?=(href|url|html\w*|class|cssId|style|unicode|require|bbox|mmlToken|includegraphics|csname"
    r"|[gex]?def|let|(re)?new(command|environment))(?![A-Za-z]))"
)  # of MathJax: links, styles, and other names for them
_IMAGE = re.compile(r"!(?=\[)(?:(?=\[[^\[\]\\\n]*\]\(attachment:([^\s()<>\\]+)\)))?")
_DIAGRAM = re.compile(r"([`~]{3,}[ \t]*)(?=mermaid)", re.IGNORECASE)  # is passed on as it is
_HEADING = re.compile(rf"^([ \t>*+\-\d.)]*#{{1,6}}[ \t]+)(?=[^\s{NOTHING}])", re.MULTILINE)
_UNDERLINED = re.compile(rf"(?<=[^\s{NOTHING}])(?=[ \t]*\n[ \t>*+\-\d.)]*(?:=+|-+)[ \t]*$)", re.MULTILINE)
_NAME = re.compile(r"[\w.%+-]{1,200}")


def outputs(found: Iterable[Mapping[str, Any]]) -> list[NotebookNode]:
    """Outputs as text or as pictures; errors as their text."""
    return [kept for output in found for kept in _output(output)]


def _output(output: Mapping[str, Any]) -> Iterator[NotebookNode]:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        yield new_output("stream", name=name, text=_joined(output.get("text", "")))
    elif kind == "error":
        lines = [str(line) for line in output.get("traceback", ())]
        yield new_output("error", ename=str(output.get("ename")), evalue=str(output.get("evalue")), traceback=lines)
    elif kind in ("display_data", "execute_result"):
        data = output.get("data") or {}
        kept = _picture(data) or {"text/plain": _joined(data.get("text/plain", ""))}
        yield new_output(str(kind), data=kept)


def _joined(text: object) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _picture(data: Mapping[str, Any]) -> dict[str, str]:
    for kind in PICTURES:
        try:
            picture = base64.b64decode(_joined(data[kind]).replace("\n", ""), validate=True)
        except (KeyError, binascii.Error, ValueError):
            continue
        return {kind: base64.b64encode(picture).decode()}
    return {}


def written(cell: NotebookNode) -> NotebookNode:
    """A cell of a student's text, harmless: the text, and the pictures that were pasted into it."""
    cell.source = markdown(cell.source)
    return with_pictures(cell, cell.pop("attachments", None))


def with_pictures(cell: NotebookNode, given: object) -> NotebookNode:
    """A cell of text with those pictures that are attached to it; any other becomes a link."""
    found = given.items() if isinstance(given, dict) else ()
    pictures = {str(name): _picture(data) for name, data in found if isinstance(data, dict)}
    kept = {name: picture for name, picture in pictures.items() if picture and _NAME.fullmatch(name)}
    cell.source = _IMAGE.sub(lambda found: "!" if found[1] in kept else "! ", cell.source)
    if kept:
        cell.attachments = kept
    return cell


def markdown(text: str) -> str:
    """A text without anything that a browser would run, and without what would pass for a part of the page."""
    text = _ENTITY.sub("& ", text)
    text = _TAG.sub("< ", _AUTOLINK.sub(r"\1", text))
    text = _SCHEME.sub(r"\1\2 :", text)
    text = _MACRO.sub(r"\\ ", text)
    text = _DIAGRAM.sub(r"\1text ", text)
    return _UNDERLINED.sub(NOTHING, _HEADING.sub(rf"\1{NOTHING}", text))
