"""JupyterLab and Chromium as people use them. Screenshots are kept where SCREENSHOTS names a folder."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync", "--no-sandbox"]


@pytest.fixture(scope="session")
def browser():
    """Chromium, through Playwright; skipped where one of them is missing."""
    try:
        from playwright import sync_api as playwright
    except ImportError:
        _missing("Playwright is not installed: pip install playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        _missing("Chromium is not installed")
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=found, args=QUIET)
        yield made
        made.close()


def _missing(what):
    if os.environ.get("BROWSER") == "required":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture
def page(browser):
    """A page of its own; what it complains of in the console is in ``page.complaints``."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, locale="en-US")
    made = context.new_page()
    made.set_default_timeout(60_000)
    made.complaints = []
    made.on("console", lambda said: made.complaints.append(_told(said)) if said.type == "error" else None)
    made.on("pageerror", lambda error: made.complaints.append(str(error)))
    yield made
    context.close()


def _told(message):
    return f"{message.text} {message.location.get('url', '')}".strip()


@pytest.fixture
def snap():
    """Keep a picture of a page, or of a part of one, for README."""
    folder = os.environ.get("SCREENSHOTS")

    def take(what, name):
        if folder:
            what.screenshot(path=Path(folder) / f"{name}.png")

    return take


@contextmanager
def lab(folder, tmp_path):
    """JupyterLab on a folder; its address."""
    settings = {
        "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are on the page
        "docmanager-extension/plugin": {"autosave": False},  # the tests save, not a clock in the middle of that
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    }
    for name, content in settings.items():
        path = tmp_path / f"settings/@jupyterlab/{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    own |= {"JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"), "OMP_NUM_THREADS": "1"}
    options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.token=", "--ServerApp.password="]
    options += [f"--ServerApp.root_dir={folder}", "--LabApp.news_url=", "--LabApp.check_for_updates_class="]
    options[-1] += "jupyterlab.NeverCheckForUpdate"
    with (tmp_path / "lab.log").open("w") as log:
        command = [sys.executable, "-m", "jupyter", "lab", *options]
        server = subprocess.Popen(command, cwd=folder, env={**os.environ, **own}, stdout=log, stderr=log)
    try:
        _wait_for(port, server, tmp_path / "lab.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(port, server, log):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
