"""What a submission brought along, made harmless for whoever looks at it in a browser."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

PICTURES = ("image/png", "image/jpeg")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")  # what begins a tag, a comment or an end tag in HTML
_SCHEME = re.compile(r"(?i)(j\s*a\s*v\s*a\s*s\s*c\s*r\s*i\s*p\s*t|v\s*b\s*s\s*c\s*r\s*i\s*p\s*t|data)(\s*):")
_ENTITY = re.compile(r"&(?=#|colon|tab|newline|lt)", re.IGNORECASE)
_MACRO = re.compile(r"\\(href|url|html|class|cssId|style|unicode|require|def|newcommand|includegraphics)\b")
_REMOTE = re.compile(r"!(?=\[)")


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


def markdown(text: str) -> str:
    """A student's text without anything that a browser would run or fetch: no tags, no links that are programs.

    A space behind the sign keeps a tag from being one and the text readable; Formgrader renders without asking.
    """
    text = _ENTITY.sub("&amp;", text)
    text = _TAG.sub("< ", text)
    text = _SCHEME.sub(r"\1 \2:", text)
    text = _MACRO.sub(r"\\ \1", text)
    return _REMOTE.sub("! ", text)
