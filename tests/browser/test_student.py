"""A student at work in JupyterLab: runs a lesson, is told what is wrong, mends it, moves a slider, validates."""

import re
import shutil

import pytest

from tests.browser.conftest import ROOT, lab

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]

TURNED = """def correlate1d(signal, kernel):
    turned = kernel[::-1]
    places = range(len(signal) - len(kernel) + 1)
    return np.array([sum(signal[i + j] * turned[j] for j in range(len(kernel))) for i in places])"""
RIGHT = TURNED.replace("kernel[::-1]", "kernel")


def cell(page, text):
    """The code cell whose text has some words in it."""
    return page.locator(".jp-Notebook .jp-CodeCell").filter(has=page.locator(".cm-content", has_text=text)).first


def write(page, where, text):
    where.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def run(page, where):
    where.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def test_a_student_is_told_what_is_wrong_mends_it_and_validates(page, snap, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(ROOT / "notebooks/01_convolution", work / "01_convolution")
    with lab(work, tmp_path) as address:
        page.goto(f"{address}/lab/tree/01_convolution/01_convolution.ipynb")
        cell(page, "check(correlate1d)").wait_for()
        page.keyboard.press("Control+b")  # room for the notebook
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']")

        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        check = cell(page, "check(correlate1d)")
        said = check.locator(".jp-OutputArea-output")
        said.filter(has_text="There is no answer yet").first.wait_for()

        answer = cell(page, "def correlate1d")
        write(page, answer, TURNED)
        run(page, answer)
        run(page, check)
        said.filter(has_text="kernel").first.wait_for()
        check.locator(".jp-OutputArea-output img").first.wait_for()
        hint = check.inner_text()
        assert "Likely mistake (kernel flipped)" in hint
        assert "A correlation takes the kernel as it is written" in " ".join(hint.split())
        check.scroll_into_view_if_needed()
        snap(page, "student")

        write(page, answer, RIGHT)
        run(page, answer)
        run(page, check)
        said.filter(has_text=re.compile("✓ correlate1d: all .* cases are right")).first.wait_for()

        widget = cell(page, "widgets.sliding_kernel")
        run(page, widget)
        picture = widget.locator("img").first
        picture.wait_for()
        before = picture.get_attribute("src")
        slider = widget.locator(".noUi-target").first
        slider.scroll_into_view_if_needed()
        slider.click(position={"x": 10, "y": 2})
        playwright.expect(picture).not_to_have_attribute("src", before, timeout=60_000)

        page.keyboard.press("Escape")
        page.get_by_role("button", name="Validate").first.click()  # saves; two savings at a time ask which is right
        dialog = page.locator(".jp-Dialog")
        playwright.expect(dialog).to_contain_text("The following cell failed", timeout=300_000)
    assert page.complaints == []
