"""Make docs/check.png, the picture of README: python docs/picture.py (needs Chromium and a lesson's solution).

Runs a wrong answer to an exercise of lesson 01 in a notebook, exports it as HTML, and photographs the page.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

ANSWER = """\
def correlate2d(image, kernel):
    rows, columns = kernel.shape
    out = np.zeros((image.shape[0] - rows + 1, image.shape[1] - columns + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (image[i : i + rows, j : j + columns] * kernel[::-1, ::-1]).sum()
    return out"""


def executed() -> nbformat.NotebookNode:
    """A notebook of two cells, the answer and its check, with outputs."""
    notebook = nbformat.v4.new_notebook()
    hidden = nbformat.v4.new_code_cell("import numpy as np\nfrom course_utils import check")
    notebook.cells = [hidden, nbformat.v4.new_code_cell(ANSWER), nbformat.v4.new_code_cell("check(correlate2d)")]
    NotebookClient(notebook, allow_errors=True).execute()
    notebook.cells = notebook.cells[1:]
    return notebook


def photograph(html: str, target: Path, width: int = 1000, height: int = 630) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is needed to photograph the page: install it and run this again.")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "check.html"
        page.write_text(html)
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
        options += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]
        options += [f"--user-data-dir={folder}/profile", f"--window-size={width},{height}", f"--screenshot={target}"]
        subprocess.run([chromium, *options, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    html, _ = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True).from_notebook_node(executed())
    photograph(html, Path(__file__).with_name("check.png"))
