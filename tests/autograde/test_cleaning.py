"""What is recorded of a submission: harmless in a browser, and still what the student wrote."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_markdown_cell

from autograde import cleaning
from tests.autograde.pages import harms, rendered

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n not much of a picture").decode()


def shown(text, attached=None):
    cell = new_markdown_cell(text)
    if attached:
        cell.attachments = attached
    return rendered(cleaning.written(cell))


HOSTILE = (
    "<script>alert(1)</script>",
    "<ScRiPt src=//example.org/x.js></ScRiPt>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><animate onbegin=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    "<details open ontoggle=alert(1)>",
    "<math><mtext><style><img src onerror=alert(1)></style>",
    "</div></div></body><script>alert(1)</script>",
    "<!-- --><script>alert(1)</script>",
    "<?php ?><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<\nscript>alert(1)</\nscript>",
    "\\<script>alert(1)</script>",
    "`<script>`<script>alert(1)</script>",
    "``` \n</code></pre><script>alert(1)</script>\n```",
    "```html\n<script>alert(1)</script>\n```",
    "```mermaid\n</pre><script>alert(1)</script>\n```",
    "~~~ MERMAID\nclick A href \"javascript:alert(1)\"\n~~~",
    "> ```mermaid\n> <img src=x onerror=alert(1)>\n> ```",
    "$<script>alert(1)</script>$",
    "$$\n</p><script>alert(1)</script>\n$$",
    "\\begin{equation}<script>alert(1)</script>\\end{equation}",
    "\\begin{<script>}alert(1)\\end{<script>}",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript\\:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](< javascript:alert(1)>)",
    "[x](<java\nscript:alert(1)>)",
    "[x](java\tscript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;avascript:alert(1))",
    "[x](&amp;#106;avascript:alert(1))",
    "[x](&amp;amp;#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](javascript&amp;colon;alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](java&NewLine;script&colon;alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](files/javascript:alert(1))",
    "[x]: javascript:alert(1)\n\n[x]",
    "[x]: <javascript:alert(1)> 'title'\n\n[y][x]",
    "<javascript:alert(1)>",
    "<https://example.org/\"onmouseover=\"alert(1)>",
    "[x](http://example.org/\"onmouseover=\"alert(1))",
    "[x](http://example.org 'a\" onmouseover=\"alert(1)')",
    "![x](https://example.org/pixel.png)",
    "![x\" onerror=\"alert(1)](https://example.org/pixel.png)",
    "![x][r]\n\n[r]: https://example.org/pixel.png",
    "[![x](https://example.org/pixel.png)](javascript:alert(1))",
    "![x](attachment:missing.png)",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "# written_why\n\nwritten_why\n===\n\n> - ## statusmessage\n\n1. # notebook #",
    "| <script>alert(1)</script> |\n|---|\n| [x](javascript:alert(1)) |",
    "- [x] <script>alert(1)</script>",
    "term\n: <script>alert(1)</script>",
    "~~<script>alert(1)</script>~~",
    "\x00<script>alert(1)</script>",
    "\ufeff<script>alert(1)</script>",
    "<style>@import url(https://example.org)</style>",
    "<form action=//example.org><button>",
    "<base href=//example.org><a href=x>",
    "<meta http-equiv=refresh content=0;url=//example.org>",
    "<link rel=stylesheet href=//example.org>",
    "\ud83d<script>alert(1)</script>",
)  # fmt: skip
OWN_IDS = ("written_why", "statusmessage", "notebook")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_runs_or_is_fetched(text):
    assert harms(shown(text), OWN_IDS) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_cleaning_twice_is_cleaning_once(text):
    once = cleaning.markdown(text)
    assert cleaning.markdown(once) == once


PIECES = (
    "<", ">", "</", "<!--", "-->", "<script>", "alert(1)", "</script>", "script", "img src=x onerror=", "`", "```",
    "~~~", "mermaid", "\n", "\n\n", " ", "\t", "    ", "[", "]", "](", ")", "![", "!", "[x]", "[r]: ", "(",
    "javascript", "java", "Script",
    ":", "\\:", "&colon;", "&#58;", "&", "amp;", "#106;", "&amp;", "data", ":", "//", "http://a", "'",
    '"', " onload=", "$", "$$", "\\begin{a}", "\\end{a}", "\\", "\\\\", "# ", "#", "===", "---", "> ", "- ", "1. ", "|",
    "a", "x y", "\r", "\x0c", "\x00", "attachment:", "a.png", "<a", "href=", "<https://", "files/", "=", "*", "_", "~~",
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join))
def test_nothing_runs_however_it_is_put_together(text):
    assert harms(shown(text, {"a.png": {"image/png": PNG}})) == []


@pytest.mark.parametrize(
    "text",
    [
        "Both get it as it is: $a \\le b$, $$\\sum_{i=1}^n x_i^2$$ and `x & y`.",
        "A list:\n\n- one\n- *two*\n- **three**\n\n1. first\n2. second\n\n> quoted",
        "| a | b |\n|---|--:|\n| 1 | 2 |",
        "```python\nfor i in range(3):\n    print(i)\n```",
        "AT&T, R&D, x & y, a <= b, a >= b, 3 < 5, 7 > 2, x<3, ->, <-, <3",
        "[a link](https://example.org/x?y=1&z=2#there) and https://example.org",
        "The data: 3 samples; in JavaScript: nothing. \\(a\\) costs 5$ or 6$!",
        "\\begin{align}a &= b \\\\ c &= d\\end{align}",
        "Umlauts ä, emoji 🙂, arrows →, a backslash \\ and *stars*.",
        "$\\alpha_{ij} \\cdot \\frac{1}{2} \\hat{x} \\text{ if } x \\neq 0$, \\classical, \\letter, \\default",
    ],
)
def test_ordinary_answers_look_as_they_did(text):
    assert shown(text) == rendered(new_markdown_cell(text))


def test_what_changes_is_still_readable():
    assert cleaning.markdown("$a<b$, `if a<b:`") == "$a< b$, `if a< b:`"
    assert cleaning.markdown("see <https://example.org>") == "see https://example.org"
    assert shown("# Why?").startswith("<h1 ")
    assert ">⁠Why?<" in shown("# Why?").replace("&#8288;", "\u2060")


@pytest.mark.parametrize(
    "macro",
    ["href{u}{x}", "class{c}{x}", "style{color:red}{x}", "def\\a{b}", "let\\a=\\href", "require{html}", "cssId{i}{x}"],
)
def test_macros_that_make_links_or_styles_are_none(macro):
    assert f"\\{macro}"[:5] not in cleaning.markdown(f"$\\{macro}$")


def test_pictures_that_were_pasted_stay():
    html = shown("![image.png](attachment:image.png)", {"image.png": {"image/png": PNG}})
    assert f'src="data:image/png;base64,{PNG}"' in html
    assert harms(html) == []


@pytest.mark.parametrize(
    "attached",
    [
        {"a.png": {"image/svg+xml": "PHN2Zz4="}},
        {"a.png": {"text/html": "<script>alert(1)</script>"}},
        {"a.png": {'image/png" onerror="alert(1)': PNG}},
        {"a.png": {"image/png": '" onerror="alert(1)'}},
        {"a.png": {"image/png": {"a": 1}}},
        {"a.png": "text"},
        {"a.png": {}},
        {"b.png": {"image/png": PNG}},
        {'a.png" x="': {"image/png": PNG}},
        [],
    ],
)
def test_anything_else_that_is_attached_goes(attached):
    html = shown("![x](attachment:a.png)", attached)
    assert harms(html) == []
    assert "<img" not in html


def test_of_svg_and_png_the_png_stays():
    attached = {"a.png": {"image/svg+xml": "PHN2Zz4=", "image/png": PNG}}
    assert "data:image/png" in shown("![x](attachment:a.png)", attached)


@pytest.mark.parametrize(
    "data",
    [
        {"text/html": "<script>alert(1)</script>", "text/plain": "<script>"},
        {"image/svg+xml": "<svg onload=alert(1)>", "text/plain": "<svg>"},
        {"application/javascript": "alert(1)", "text/plain": "js"},
        {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "w"},
        {"text/latex": "$\\href{javascript:alert(1)}{x}$", "text/plain": "l"},
        {"text/markdown": "[x](javascript:alert(1))", "text/plain": "m"},
        {"image/png": '"><script>alert(1)</script>', "text/plain": "p"},
        {"image/png": "no base64!", "image/gif": "R0lGOD", "text/plain": "g"},
    ],
)
def test_of_outputs_only_text_and_pictures_are_kept(data):
    (kept,) = cleaning.outputs([{"output_type": "display_data", "data": data, "metadata": {"x": "<script>"}}])
    assert kept.data == {"text/plain": data["text/plain"]}
    assert kept.metadata == {}


def test_pictures_streams_and_errors_are_kept():
    found = [
        {"output_type": "display_data", "data": {"image/png": [PNG[:8], PNG[8:]], "text/plain": "figure"}},
        {"output_type": "stream", "name": "elsewhere", "text": ["a", "b"]},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["line"]},
        {"output_type": "update_display_data", "data": {"text/html": "x"}},
        {"output_type": 3},
    ]
    picture, stream, error = cleaning.outputs(found)
    assert picture.data == {"image/png": PNG}
    assert (stream.name, stream.text) == ("stdout", "ab")
    assert error.traceback == ["line"]
