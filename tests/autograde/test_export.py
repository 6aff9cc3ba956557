"""Grades as Canvas and Moodle import them, checked by what their importers look for."""

import csv

import pytest
from nbgrader.api import Gradebook

from autograde import outcomes, roster, sheet
from autograde.cli import main
from autograde.errors import UsageError
from autograde.gradebook import Book
from autograde.lesson import Lesson
from autograde.outcomes import Ending, Outcome
from autograde.sheet import Grades
from tests.autograde.conftest import first_lesson

CLASS = "student id,first name,last name,email,sid,login,canvas id\n"
CLASS += "ada,Ada,Lovelace,ada@x.edu,s1,al7,101\n"
CLASS += "grace,Grace,Hopper,grace@x.edu,s2,gh9,102\n"
CLASS += "emmy,Emmy,Noether,,s3,en3,103\n"
POINTS = {("10_first", "ada"): 15.5, ("11_second", "ada"): 20, ("10_first", "grace"): 40 / 3}
GRADES = Grades(POINTS, {"10_first": 20, "11_second": 20})


@pytest.fixture
def people(tmp_path):
    (tmp_path / "roster.csv").write_text(CLASS)
    return roster.read(tmp_path / "roster.csv")


def rows(text):
    return list(csv.reader(text.splitlines()))


def canvas_reads(table):
    """(student's id, title) → entry, by the rules of Canvas's importer: the order of the first columns decides."""
    first = table[0]
    assert "Student" in first[0] and "ID" in first[1]
    assert first[2:4] == ["SIS User ID", "SIS Login ID"] and "Section" in first[4]
    assert "Points Possible" in table[1][0]
    assert all(len(row) == len(first) for row in table)
    return {(row[1], title): row[i] for row in table[2:] for i, title in enumerate(first) if i > 4}


def test_a_sheet_for_canvas_is_made_from_the_roster(people):
    made = rows(sheet.canvas(people, GRADES).text)
    assert canvas_reads(made) == {
        ("101", "10_first"): "15.5",
        ("101", "11_second"): "20",
        ("102", "10_first"): "13.33",
        ("102", "11_second"): "",
        ("103", "10_first"): "",
        ("103", "11_second"): "",
    }
    assert made[1] == ["    Points Possible", "", "", "", "", "20", "20"]
    assert made[2][:5] == ["Lovelace, Ada", "101", "s1", "al7", ""]


def test_a_sheet_for_moodle_is_made_from_the_roster(people):
    made = rows(sheet.moodle(people, GRADES).text)
    assert made[0] == [
        *["First name", "Last name", "ID number", "Email address"],
        *["Assignment: 10_first (Real)", "Assignment: 11_second (Real)"],
    ]
    assert made[1] == ["Ada", "Lovelace", "s1", "ada@x.edu", "15.5", "20"]


CANVAS = "Student,ID,SIS User ID,SIS Login ID,Section,Warm-up (4711),10_first (4712),Lecture quiz (4713),"
CANVAS += """11 Second (4714),10_first Final Score
    Points Possible,,,,,5,20,3,10,(read only)
"Lovelace, Ada",101,s1,al7,"A, 1",,11,2,,71
"Hopper, G.",102,,,A,,,,9,
"Noether, Emmy",103,s3,en3,A,,18,,EX,
"Zuse, Konrad",104,s4,kz,A,,1,,,
"Student, Test",999,,abc,A,,,,,
"""


def test_canvas_own_sheet_is_filled_and_nothing_else_of_it_is_changed(people):
    given = rows(CANVAS)
    made = sheet.filled(given, people, GRADES, {})
    filled = [list(row) for row in made.rows]
    changed = {
        (before[0], given[0][i]): (before[i], after[i])
        for before, after in zip(given, filled, strict=True)
        for i in range(len(before))
        if before[i] != after[i]
    }
    assert changed == {
        ("Lovelace, Ada", "10_first (4712)"): ("11", "15.5"),
        ("Lovelace, Ada", "11 Second (4714)"): ("", "20"),
        ("Hopper, G.", "10_first (4712)"): ("", "13.33"),
    }
    assert made.notes == ("Canvas has 11_second out of 10, here out of 20: points are not converted.",)
    assert rows(made.text) == filled


def test_a_column_that_could_be_two_is_named(people):
    given = rows(CANVAS.replace("Warm-up", "Lesson 10 first").replace("Lecture quiz", "Quiz"))
    with pytest.raises(UsageError, match=r"'Lesson 10 first \(4711\)' and '10_first \(4712\)' could both be 10_first"):
        sheet.filled(given, people, GRADES, {})
    made = sheet.filled(given, people, GRADES, {"10_first": "Quiz", "11_second": "11 Second (4714)"})
    assert [row[7] for row in made.rows[2:]] == ["15.5", "13.33", "", "", ""]
    with pytest.raises(UsageError, match="no column 'Homework'"):
        sheet.filled(given, people, GRADES, {"10_first": "Homework"})


WORKSHEET = "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,"
WORKSHEET += '''Last modified (submission),Last modified (grade),Feedback comments
Participant 7001,Ada Lovelace,ada@x.edu,Submitted for grading,,20.00,Yes,"Friday, 20 November 2026, 10:15 PM",-,
Participant 7002,Grace Hopper,grace@x.edu,Submitted for grading,3.00,20.00,Yes,-,-,"well, ""done"""
Participant 7003,Emmy Noether,,No submission,1.00,20.00,Yes,-,-,
'''


def test_moodles_worksheet_is_filled_for_one_lesson(people):
    grades = Grades({k: v for k, v in GRADES.points.items() if k[0] == "10_first"}, {"10_first": 20})
    made = sheet.filled(rows(WORKSHEET), people, grades, {})
    assert [row[4] for row in made.rows] == ["Grade", "15.5", "13.33", "1.00"]
    assert [(*row[:4], *row[5:]) for row in made.rows] == [(*row[:4], *row[5:]) for row in rows(WORKSHEET)]
    assert made.notes == ()
    with pytest.raises(UsageError, match="is of one assignment"):
        sheet.filled(rows(WORKSHEET), people, GRADES, {})
    ten = sheet.filled(rows(WORKSHEET.replace("20.00", "10.00")), people, grades, {})
    assert ten.notes == ("Moodle has 10_first out of 10.00, here out of 20: points are not converted.",)


def test_moodles_gradebook_is_filled(people):
    titles = "Assignment: 10 First (Real),Assignment: 10 First (Percentage),Assignment: 11_second (Real)"
    given = f"First name,Last name,ID number,Email address,{titles},Last downloaded from this course\n"
    given += "Ada,Lovelace,s1,ada@x.edu,-,-,-,17\n"
    made = sheet.filled(rows(given), people, GRADES, {})
    assert made.rows[1] == ("Ada", "Lovelace", "s1", "ada@x.edu", "15.5", "-", "20", "17")
    assert made.notes == ("Not in the template, and so left out: grace.",)


def test_who_has_grades_and_no_row_is_told(people):
    more = Grades({**GRADES.points, ("10_first", "zuse"): 3}, GRADES.possible)
    assert sheet.canvas(people, more).notes == ("Not in the roster, and so left out: zuse.",)
    without = [[entry for i, entry in enumerate(row) if i != 8] for row in rows(CANVAS)]
    notes = sheet.filled(without, people, GRADES, {}).notes
    assert notes == ("The template has no column for 11_second: say which with --column LESSON=TITLE.",)


@pytest.mark.parametrize(("number", "text"), [(20.0, "20"), (0.0, "0"), (13.3333, "13.33"), (1234567.5, "1234567.5")])
def test_points_are_written_as_gradebooks_show_them(number, text):
    assert sheet.points(number) == text


def ended(student, score, lesson="10_first"):
    ending = Ending.GRADED if score is not None else Ending.UNREADABLE
    return Outcome(student, lesson, ending, score, 20.0, 1.0, "for the student", "Graded.")


@pytest.fixture
def graded(course, ledger):
    """Grades with a late penalty, a manual grade that is missing, and a submission that could not be read."""
    course.folder.mkdir(exist_ok=True)
    (course.folder / "gradebook.db").write_bytes(ledger)
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    course.config.LateSubmissionPlugin.penalty_method = "zero"
    late = course.submitted / "grace" / "10_first"
    late.mkdir(parents=True)
    (late / "timestamp.txt").write_text("2026-11-21 00:00:00 UTC")
    with Book(course) as book:
        book.register("10_first", Lesson.load(course, "10_first").source)
    with Gradebook(course.database, course.name) as book:
        book.update_or_create_assignment("10_first", duedate="2026-11-20 23:00:00 UTC")
    with Book(course) as book:
        for student in ("ada", "grace"):
            book.record("10_first", student, first_lesson(), course.submitted / student / "10_first")
    outcomes.save(course.folder, [ended("ada", 16.0), ended("grace", 16.0), ended("emmy", None)])
    return course


def test_the_command_exports_with_penalties_and_says_what_is_missing(graded, tmp_path, capsys):
    (graded.folder / "roster.csv").write_text(CLASS)
    arguments = ["export", "--course", str(graded.root)]
    assert main([*arguments, "--format", "canvas"]) == 0
    assert canvas_reads(rows((graded.folder / "canvas.csv").read_text())) == {
        ("101", "10_first"): "16",
        ("102", "10_first"): "0",
        ("103", "10_first"): "",
    }
    said = capsys.readouterr().out
    assert "2 with written answers that nobody has graded yet" in said
    assert "1 without a score" in said
    (tmp_path / "sheet.csv").write_text(CANVAS)
    more = ["--template", str(tmp_path / "sheet.csv"), "--output", str(tmp_path / "out.csv"), "10_first"]
    assert main([*arguments, "--format", "canvas", *more, "--column", "10_first=10_first"]) == 0
    assert [row[6] for row in rows((tmp_path / "out.csv").read_text())[2:4]] == ["16", "0"]
    assert main([*arguments, "--format", "moodle"]) == 0
    assert (graded.folder / "moodle.csv").read_text().splitlines()[2] == "Grace,Hopper,s2,grace@x.edu,0"


def test_the_command_says_what_it_lacks(course, capsys):
    arguments = ["export", "--course", str(course.root), "--format", "canvas"]
    assert main(arguments) == 2
    assert "Nothing is graded yet" in capsys.readouterr().err
    outcomes.save(course.folder, [ended("ada", 16.0)])
    assert main(arguments) == 2
    assert "give --template FILE, or a roster" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*arguments, "--column", "10_first"])
