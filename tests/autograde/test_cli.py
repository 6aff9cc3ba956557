import subprocess
import sys

import pytest

import autograde
from autograde.cli import main

COMMANDS = ("release", "grade", "feedback", "report", "export", "verify", "demo")


def test_the_package_exports_what_it_says():
    assert sorted(autograde.__all__) == autograde.__all__
    assert all(hasattr(autograde, name) for name in autograde.__all__)


def test_it_runs_as_a_module_and_lists_the_commands():
    done = subprocess.run([sys.executable, "-m", "autograde", "--help"], capture_output=True, text=True, check=True)
    assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_lesson_is_told_in_a_sentence(course, command, capsys):
    assert main([command, "99_nothing", "--course", str(course.root)]) == 2
    assert "autograde: There is no lesson '99_nothing': " in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_without_a_course_is_told_in_a_sentence(tmp_path, command, capsys):
    assert main([command, "--course", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == f"autograde: There is no folder {tmp_path / 'nowhere'}.\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_source_that_is_not_a_notebook_is_told_in_a_sentence(course, command, capsys):
    (course.submitted / "ada" / "10_first").mkdir(parents=True)
    course.source("10_first").write_text("{")
    status = main([command, "10_first", "--course", str(course.root)])
    error = capsys.readouterr().err
    assert status == 2
    assert "Traceback" not in error
    if command in ("release", "grade", "verify", "demo"):
        assert "10_first.ipynb: the file is not a notebook" in error
    else:
        assert "Nothing is graded yet" in error


def test_a_class_without_submissions_or_students_is_told(course, capsys):
    assert main(["grade", "--course", str(course.root)]) == 2
    assert f"There is no folder {course.submitted}" in capsys.readouterr().err
    (course.submitted / "ada").mkdir(parents=True)
    assert main(["grade", "--course", str(course.root)]) == 2
    assert "There is no submission to 10_first, 11_second" in capsys.readouterr().err
    assert main(["grade", "--student", "adda", "--course", str(course.root)]) == 2
    said = capsys.readouterr().err
    assert said == f"autograde: There is no student 'adda' in {course.submitted}: did you mean ada?\n"


WRONG = [["grade", "--workers", "0"], ["grade", "--workers", "x"], ["export", "--format", "x"], []]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_options_end_with_status_two(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
