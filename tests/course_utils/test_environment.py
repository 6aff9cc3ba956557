"""The environment's table: right on a sound installation, and still there on every broken one."""

import subprocess
import sys
import types
from importlib import metadata

import pytest

from course_utils import environment
from course_utils.environment import Row, Table


def row(looked, name):
    (found,) = [r for r in looked.rows if r.name == name]
    return found


@pytest.fixture
def stated(monkeypatch):
    """Let the course state other requirements than its own."""

    def state(*requirements, python=">=3.11"):
        monkeypatch.setattr(environment, "_stated", lambda: (python, list(requirements)))

    return state


def test_everything_is_here_where_the_tests_run():
    looked = environment.table()
    assert looked.ok
    assert row(looked, "Python").found.startswith("3.")
    assert row(looked, "numpy").found == metadata.version("numpy")
    assert row(looked, "numpy").verdict == "OK"


def test_rows_are_the_requirements_that_the_package_states():
    names = [r.name for r in environment.table().rows]
    assert {"numpy", "torch", "scipy", "matplotlib", "scikit-learn", "ipywidgets", "jupyterlab"} <= set(names)
    assert "nbgrader" in names
    assert not {"pytest", "ruff", "mypy"} & set(names), "what only the course's own tests need is no row"


def test_missing_package_gets_the_command_for_this_python(stated):
    stated("no-such-package>=2.0")
    missing = row(environment.table(), "no-such-package")
    assert missing.verdict == "missing"
    assert missing.todo == environment._pip('"no-such-package>=2.0"')
    assert sys.executable in missing.todo
    assert not environment.table().ok


def test_old_package_is_to_be_upgraded(stated):
    stated("numpy>=99.1")
    old = row(environment.table(), "numpy")
    assert old.verdict == "another version is needed"
    assert old.todo.endswith('-m pip install --upgrade "numpy>=99.1"')


@pytest.mark.parametrize("error", [ImportError("DLL load failed"), OSError("libx.so: bad ELF"), SystemExit(3)])
def test_package_that_breaks_on_import_is_reinstalled(stated, monkeypatch, error):
    def broken(name):
        raise error

    stated("numpy>=1.0")
    monkeypatch.setattr(environment.importlib, "import_module", broken)
    found = row(environment.table(), "numpy")
    assert found.verdict.startswith(f"installed, but does not import: {type(error).__name__}")
    assert "--force-reinstall" in found.todo
    assert not found.ok


def test_what_only_instructors_need_may_be_missing(stated):
    stated('no-such-grader<3,>=2; extra == "instructor"', 'no-such-linter; extra == "test"')
    looked = environment.table()
    grader = row(looked, "no-such-grader")
    assert looked.ok
    assert grader.verdict == "missing; only instructors need it"
    assert '"no-such-grader>=2,<3"' in grader.todo
    assert "no-such-linter" not in str(looked)


def test_old_python_is_told(stated):
    stated(python=">=99.0")
    python = row(environment.table(), "Python")
    assert python.verdict == "too old"
    assert "Python 99.0" in python.todo


def test_without_installation_the_checkout_states_the_requirements(monkeypatch):
    monkeypatch.setattr(environment, "COURSE", "no-such-course")
    looked = environment.table()
    assert row(looked, "numpy").verdict == "OK"
    assert row(looked, "nbgrader").needed is False


def test_without_installation_and_checkout_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "COURSE", "no-such-course")
    monkeypatch.setattr(environment, "_root", lambda: tmp_path)
    looked = environment.table()
    assert not looked.ok
    assert "not installed" in row(looked, "no-such-course").verdict


@pytest.mark.parametrize(
    ("version", "wanted", "suits"),
    [
        ("1.26.0", ">=1.26", True),
        ("1.9", ">=1.26", False),
        ("2.13.0+cpu", ">=2.4", True),
        ("0.10.0", ">=0.9.5,<0.10", False),
        ("0.9.6", ">=0.9.5,<0.10", True),
        ("3.0rc1", ">=3", True),
        ("2", "!=2.0", False),
        ("2.0.1", "==2.0.1", True),
        ("5", "", True),
    ],
)
def test_versions_are_compared_as_numbers(version, wanted, suits):
    assert environment._suits(version, wanted) is suits


def test_versions_agree_with_packaging():
    from packaging.requirements import Requirement

    for text in metadata.requires(environment.COURSE):
        requirement = Requirement(text)
        name, wanted = environment._split(text)
        assert name == requirement.name
        for version in ("0.9.4", "0.9.5", "0.10", "1.4", "1.26", "2.4", "8.0.9", "99"):
            assert environment._suits(version, wanted) == (version in requirement.specifier), (text, version)


@pytest.mark.parametrize(
    ("cuda", "mps", "best"), [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_device_prefers_cuda_then_mps_then_cpu(monkeypatch, cuda, mps, best):
    torch = types.SimpleNamespace(
        cuda=types.SimpleNamespace(is_available=lambda: cuda, get_device_name=lambda index: "Some GPU"),
        backends=types.SimpleNamespace(mps=types.SimpleNamespace(is_available=lambda: mps)),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert environment.device() == best
    shown = environment._device()
    assert shown.ok
    assert shown.found.startswith({"cuda": "CUDA: Some GPU", "mps": "MPS", "cpu": "CPU"}[best])


def test_device_is_the_cpu_where_torch_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert environment.device() == "cpu"


def test_gpu_driver_without_a_torch_that_can_use_it_is_told(monkeypatch):
    monkeypatch.setattr(environment, "device", lambda: "cpu")
    monkeypatch.setattr(environment.shutil, "which", lambda program: "/usr/bin/nvidia-smi")
    assert "CUDA build" in environment._device().verdict


def test_text_puts_each_command_under_its_row():
    looked = Table((Row("numpy", ">=1", "", "missing", "pip install numpy"), Row("scipy", ">=1", "1.2")))
    lines = str(looked).splitlines()
    assert lines[1].split() == ["numpy", ">=1", "missing"]
    assert lines[2] == "    → pip install numpy"
    assert "Needs attention: numpy." in str(looked)


def test_notebook_table_escapes_what_packages_say():
    shown = Table((Row("numpy", ">=1", "1", "ImportError: <b>bad</b>", 'pip install "numpy>=1"'),))._repr_html_()
    assert "&lt;b&gt;bad&lt;/b&gt;" in shown
    assert "<b>bad" not in shown
    assert "numpy&gt;=1" in shown


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_command_ends_with_1_and_the_table_where_numpy_and_torch_are_broken():
    """Started as students start it, in a fresh process where the check itself cannot be imported."""
    done = run(
        "import sys, runpy; sys.modules.update(numpy=None, torch=None); sys.argv = ['environment'];"
        "runpy.run_module('course_utils.environment', run_name='__main__')"
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "numpy" in done.stdout
    assert "--force-reinstall" in done.stdout
    assert "ipywidgets" in done.stdout


def test_check_points_to_the_environment_where_a_package_is_broken():
    done = run("import sys; sys.modules['numpy'] = None\nfrom course_utils import check")
    assert done.returncode == 1
    assert "python -m course_utils.environment" in done.stderr.splitlines()[-1]


def test_command_ends_with_0_where_all_is_well(capsys, monkeypatch):
    monkeypatch.setattr(environment, "table", lambda: Table((Row("numpy", ">=1", "2"),)))
    assert environment.main() == 0
    assert "Everything that the course needs is here." in capsys.readouterr().out
