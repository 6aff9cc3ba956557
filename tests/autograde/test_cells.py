import json
import os

import pytest

from autograde import cells
from autograde.errors import NotebookError


def notebook_text(*made):
    return json.dumps({"cells": list(made), "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def code(source="", **more):
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source, **more}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"[1, 2]", "it has no cells"),
        (b'{"metadata": {}}', "it has no cells"),
        (b'{"cells": 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "not a sound notebook"),
        (notebook_text({"cell_type": "cod", "metadata": {}, "source": ""}).encode(), "neither code nor text"),
        (notebook_text({"cell_type": "markdown", "metadata": [], "source": ""}).encode(), "not a sound notebook"),
    ],
)
def test_what_is_not_a_notebook_is_told_in_a_sentence(tmp_path, content, said):
    (tmp_path / "a.ipynb").write_bytes(content)
    with pytest.raises(NotebookError, match=said):
        cells.read(tmp_path / "a.ipynb")


def test_a_byte_order_mark_does_not_matter(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(b"\xef\xbb\xbf" + notebook_text(code("x = 1")).encode())
    assert cells.read(tmp_path / "a.ipynb").cells[0].source == "x = 1"


def test_links_and_pipes_are_not_opened(tmp_path):
    (tmp_path / "secret").write_text(notebook_text())
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe.ipynb")
    with pytest.raises(NotebookError, match="cannot be opened"):
        cells.read(tmp_path / "link.ipynb")
    with pytest.raises(NotebookError, match="not a regular file"):
        cells.read(tmp_path / "pipe.ipynb")


def test_missing_and_equal_ids_are_filled_in():
    made = cells.parse(notebook_text(code(), code(id="a"), code(id="a"), code(id="not an id")))
    names = [cell.id for cell in made.cells]
    assert len(set(names)) == 4
    assert names[1] == "a"


def test_a_damaged_output_becomes_an_error_and_not_a_pass():
    damaged = [
        None,
        {"output_type": "display_data", "data": []},
        {"output_type": "stream", "text": 3, "name": "stdout"},
    ]
    made = cells.parse(notebook_text(code(outputs=damaged)))
    assert [output.output_type for output in made.cells[0].outputs] == ["error"] * 3


def test_regions_and_markers():
    source = "a\n### BEGIN SOLUTION\nb\n### END SOLUTION\nc\n### BEGIN SOLUTION\nd\n### END SOLUTION"
    assert list(cells.regions(source, "SOLUTION")) == ["b", "d"]
    assert list(cells.regions(source, "HIDDEN TESTS")) == []
    assert cells.unmarked(source) == "a\nb\nc\nd"


def test_parts_know_their_exercise(course):
    parts = cells.parts(cells.read(course.source("10_first")))
    assert {name: (part.exercise, part.kind, part.points) for name, part in parts.items()} == {
        "backprop_add_mul_check": ("backprop_add_mul", "check", 4),
        "backprop_add_mul_hidden": ("backprop_add_mul", "hidden", 4),
        "mlp_parameters_check": ("mlp_parameters", "check", 4),
        "mlp_parameters_hidden": ("mlp_parameters", "hidden", 4),
        "written_why": ("written_why", "written", 4),
    }


def test_answers_are_put_in_a_copy(course):
    source = cells.read(course.source("10_first"))
    made = cells.replaced(source, {"mlp_parameters": "x = 1"})
    assert {"x = 1"} == {c.source for c in made.cells if cells.grade_id(c) == "mlp_parameters"}
    assert "x = 1" not in {c.source for c in source.cells}


def test_text_is_the_same_every_time(course):
    first = cells.text(cells.read(course.source("10_first")))
    assert cells.text(cells.parse(first)) == first
    assert first.endswith("}\n")
