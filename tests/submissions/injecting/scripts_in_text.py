# Tags, handlers and programs in a written answer, and in cells of text that were added.
# %% written_why
Mine <script>window.hit = 1</script> <img src=x onerror="window.hit = 2"> <svg onload="window.hit = 3"></svg>

[link](javascript:window.hit=4) [link](&#106;avascript:window.hit=5) [link](&amp;#106;avascript&amp;colon;window.hit=6)

<iframe srcdoc="<script>parent.hit = 7</script>"></iframe> <a href="javascript:window.hit=8" autofocus onfocus="window.hit = 9">x</a>

![pixel](https://example.org/pixel.png) <img src="https://example.org/pixel.png"> $a<b$
# %% notebook
from nbformat.v4 import new_markdown_cell


def change(notebook):
    for text in (
        "</div></div></div><script>window.hit = 10</script><style>@import url(https://example.org/x.css)</style>",
        "```mermaid\n</pre><script>window.hit = 11</script>\n```",
        "$\\href{javascript:window.hit=12}{x}$ $\\require{html}\\style{background:url(https://example.org/y)}{x}$",
        "\\begin{equation}<script>window.hit = 13</script>\\end{equation}",
        "<details open ontoggle='window.hit = 14'><summary>x</summary></details><video src=x onerror='window.hit=15'>",
        "<meta http-equiv=refresh content='0;url=https://example.org'><base href='https://example.org/'><a href=x>x</a>",
    ):
        notebook.cells.insert(2, new_markdown_cell(text))
