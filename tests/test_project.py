"""The project's files agree with one another."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")


def conda():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [d["pip"] for d in dependencies if isinstance(d, dict)]
    return [d for d in dependencies if isinstance(d, str)], pip


def test_environment_has_the_python_that_the_package_needs():
    (python,) = [d for d in conda()[0] if d.startswith("python")]
    assert python.removeprefix("python") == PROJECT["requires-python"]


def test_environment_installs_this_package_with_extras_that_exist():
    (editable,) = [line for line in conda()[1] if line.startswith("--editable")]
    extras = re.search(r"\[(.*)\]", editable).group(1).split(",")
    assert set(extras) <= set(PROJECT["optional-dependencies"])
    assert "instructor" in extras


def test_environment_uses_the_tested_versions():
    assert "--constraint constraints.txt" in conda()[1]


def test_every_dependency_has_a_tested_version():
    pinned = {name(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    needed = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    assert {name(d) for d in needed} <= pinned


def test_the_bare_package_needs_no_grading_stack():
    assert not {name(d) for d in PROJECT["dependencies"]} & {"nbgrader", "nbval", "pytest"}


def name(requirement):
    return re.split(r"[<>=\[ ]", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize("package", ["course_utils", "autograde"])
def test_public_surface(package):
    module = __import__(package)
    assert all(hasattr(module, member) for member in module.__all__)
    assert package in packages_distributions()


def test_public_surface_of_course_utils():
    import course_utils

    assert sorted(course_utils.__all__) == ["CheckFailed", "check"]


def test_students_package_imports_without_the_grading_stack():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['nbgrader', 'nbconvert', 'nbclient', 'nbformat'])); "
        "import course_utils, course_utils.data, course_utils.plots, course_utils.widgets, course_utils.environment"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_readme_names_only_targets_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md", "docs/instructor.md"):
        assert set(re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / page).read_text(), re.MULTILINE)) <= targets


def test_readme_names_every_folder_and_lesson():
    readme = (ROOT / "README.md").read_text()
    folders = {p.split("/")[0] for p in TRACKED if "/" in p}
    assert {f for f in folders if f"`{f}/`" not in readme} == set()
    lessons = {p.split("/")[1] for p in TRACKED if p.startswith("solutions/")}
    assert {lesson for lesson in lessons if f"`{lesson}`" not in readme} == set()


def test_links_between_pages_lead_somewhere():
    for page in [p for p in TRACKED if p.endswith(".md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", (ROOT / page).read_text()):
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_no_data_and_no_outputs_are_committed():
    assert not [p for p in TRACKED if p.endswith((".gz", ".bin", ".npz", ".pt"))]
    assert not [p for p in TRACKED if p.startswith("solutions/") and '"output_type"' in (ROOT / p).read_text()]


@pytest.mark.xdist_group("together")
def test_groups_of_tests_stay_together(request):
    """Else what a group shares is made anew for each test: pytest 9.2 with pytest-xdist 3.8 does that in silence."""
    if request.config.getoption("loadgroup", False):
        assert request.node.nodeid.endswith("@together")
