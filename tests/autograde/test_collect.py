"""Downloads of every kind, made small in each LMS's own naming, and everything that can be wrong with one."""

import io
import json
import os
import stat
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograde import archive, lms, roster
from autograde.archive import Source
from autograde.cli import main
from autograde.collect import collect
from autograde.errors import UsageError
from autograde.gradebook import Book
from autograde.lesson import Lesson
from autograde.lms import Kind
from autograde.roster import Owner
from tests.autograde.conftest import first_lesson, second_lesson

LESSON = "10_first"
CLASS = """Student,ID,SIS User ID,SIS Login ID,Section
    Points Possible,,,,
"Lovelace, Ada",101,s1,ada,A
"Hopper, Grace",102,s2,grace,A
"Noether, Emmy",103,s3,emmy,B
"Student, Test",999,,,A
"""


def notebook(mark="", made=first_lesson):
    """A lesson's notebook as bytes, with a mark that tells it from others."""
    lesson = made()
    lesson.cells[0].source += mark
    return nbformat.writes(lesson, version=4).encode()


NOTEBOOK = notebook()


def zipped(path, files):
    """A zip file of (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files:
            made.writestr(name, content)
    return path


@pytest.fixture
def download(course, tmp_path, ledger):
    """Collect a download; more of what ``collect`` takes by name."""
    (tmp_path / "roster.csv").write_text(CLASS)

    def run(files, lesson=LESSON, **more):
        if "due" in more and not (course.folder / "gradebook.db").exists():
            course.folder.mkdir(exist_ok=True)
            (course.folder / "gradebook.db").write_bytes(ledger)
        source = files if isinstance(files, Path) else zipped(tmp_path / "download.zip", files)
        return collect(course, source, lesson, **{"roster": tmp_path / "roster.csv", **more})

    return run


def there(course, student, lesson=LESSON):
    return (course.submitted / student / lesson / f"{lesson}.ipynb").read_bytes()


def taken(made):
    return {pick.student: str(fate) for pick, fate in made.done}


def said(made):
    return "\n".join([*made.notes, *(f"{r.what}: {r.why}" for r in made.refused)])


# Each LMS's naming


def test_a_download_of_canvas(course, download):
    made = download(
        [
            ("lovelaceada_101_5551_10_first-1.ipynb", NOTEBOOK),
            ("lovelaceada_101_5551_data.txt", b"1 2"),
            ("hoppergrace_LATE_102_5560_10_first.ipynb", notebook("late")),
        ],
        due="2026-11-20T23:59+01:00",
    )
    assert made.kind is Kind.CANVAS
    assert taken(made) == {"ada": "new", "grace": "new"}
    assert made.missing == ((LESSON, "emmy"),)
    assert there(course, "ada") == NOTEBOOK
    assert (course.submitted / "ada" / LESSON / "data.txt").read_bytes() == b"1 2"
    assert not (course.submitted / "ada" / LESSON / "timestamp.txt").exists()
    assert (course.submitted / "grace" / LESSON / "timestamp.txt").read_text() == "2026-11-20 22:59:01 UTC\n"
    assert [pick.student for pick, _ in made.done if pick.late] == ["grace"]


MOODLE = """Identifier,Full name,Email address,Status,Grade,Maximum grade,Last modified (submission)
Participant 7001,Ada Lovelace,ada@x.edu,Submitted,,20.00,"Friday, 20 November 2026, 10:15 PM UTC"
Participant 7002,Grace Hopper,grace@x.edu,Submitted,,20.00,"Saturday, 21 November 2026, 2:00 AM UTC"
Participant 7003,Emmy Noether,emmy@x.edu,No submission,,20.00,-
"""


@pytest.mark.parametrize(
    "form", ["{}_assignsubmission_file/{}", "{}_assignsubmission_file_/{}", "{}_assignsubmission_file_{}"]
)
def test_a_download_of_moodle_takes_its_times_from_the_grading_worksheet(course, download, tmp_path, form):
    (tmp_path / "worksheet.csv").write_text(MOODLE)
    files = [
        (form.format("Ada Lovelace_7001", "10_first.ipynb"), NOTEBOOK),
        (form.format("Grace Hopper_7002", "my work.ipynb"), notebook("g")),
        ("Emmy Noether_7003_assignsubmission_onlinetext/onlinetext.html", b"<p>I have none"),
    ]
    made = download(files, roster=tmp_path / "worksheet.csv", due="2026-11-20 23:00 UTC")
    assert made.kind is Kind.MOODLE
    assert taken(made) == {"ada": "new", "grace": "new"}
    assert {p.student: p.late for p, _ in made.done} == {"ada": False, "grace": True}
    assert (course.submitted / "grace" / LESSON / "timestamp.txt").read_text() == "2026-11-21 02:00:00 UTC\n"
    assert made.missing == ((LESSON, "emmy"),)
    assert "grace: my work.ipynb is taken for 10_first, by its cells." in said(made)
    assert "wrote it into Moodle's editor" in said(made)


GRADESCOPE = """---
submission_31:
  :submitters:
  - :name: Ada Lovelace
    :sid: s1
    :email: ada@x.edu
  - :name: Grace Hopper
    :sid: s2
    :email: grace@x.edu
  :created_at: 2026-11-20 22:10:05.365935000 Z
  :score: 0.0
submission_32:
  :submitters:
  - :name: Emmy Noether
    :sid:
    :email: emmy@x.edu
  :created_at: 2026-11-19 09:00:00 -08:00
submission_33:
  :submitters:
  - :name: Grace Hopper
    :sid: s2
    :email: grace@x.edu
  :created_at: 2026-11-21 08:00:00 Z
"""


def test_a_download_of_gradescope_with_a_group_and_a_later_attempt(course, download):
    folder = "assignment_9_export/"
    made = download(
        [
            (f"{folder}submission_metadata.yml", GRADESCOPE),
            (f"{folder}submission_31/10_first.ipynb", NOTEBOOK),
            (f"{folder}submission_32/10_first.ipynb", notebook("emmy")),
            (f"{folder}submission_33/10_first.ipynb", notebook("later")),
            (f"{folder}submission_34/10_first.ipynb", notebook("whose")),
        ],
        due="2026-11-20 23:00 UTC",
    )
    assert made.kind is Kind.GRADESCOPE
    assert taken(made) == {"ada": "new", "emmy": "new", "grace": "new"}
    assert there(course, "ada") == NOTEBOOK
    assert there(course, "grace") == notebook("later")
    assert (course.submitted / "emmy" / LESSON / "timestamp.txt").read_text() == "2026-11-19 17:00:00 UTC\n"
    assert {p.student for p, _ in made.done if p.late} == {"grace"}
    assert "submission_34/10_first.ipynb: submission_metadata.yml does not say whose it is" in said(made)


def test_a_folder_of_ones_own(course, download, tmp_path):
    own = tmp_path / "own"
    for name, content in {
        "ada/10_first/10_first.ipynb": NOTEBOOK,
        "ada/11_second/11_second.ipynb": notebook("", second_lesson),
        "gradebook_xyz_grace_attempt_2026-11-20-22-10-05_10_first.ipynb": notebook("1"),
        "gradebook_xyz_grace_attempt_2026-11-21-09-00-00_10_first.ipynb": notebook("2"),
        "Emmy Noether - 10_first.ipynb": notebook("e"),
        "somebody_10_first.ipynb": notebook("?"),
        "ada and grace.ipynb": notebook("both"),
    }.items():
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_bytes(content)
    (own / "ada/10_first/timestamp.txt").write_text("2026-11-20 22:10:05 Europe/Berlin")
    made = download(own, lesson=None)
    assert made.kind is Kind.FOLDER
    assert sorted((p.student, p.lesson) for p, _ in made.done) == [
        ("ada", LESSON),
        ("ada", "11_second"),
        ("emmy", LESSON),
        ("grace", LESSON),
    ]
    assert there(course, "grace") == notebook("2")
    assert (course.submitted / "ada" / LESSON / "timestamp.txt").read_text() == "2026-11-20 21:10:05 UTC\n"
    assert "somebody_10_first.ipynb: it names no student" in said(made)
    assert "ada and grace.ipynb: it names more than one student" in said(made)
    assert made.missing == (("11_second", "grace"), ("11_second", "emmy"))


def test_a_folder_in_nbgraders_layout_needs_no_roster(course, tmp_path):
    (tmp_path / "own/zoe/11_second").mkdir(parents=True)
    (tmp_path / "own/zoe/11_second/11_second.ipynb").write_bytes(notebook("", second_lesson))
    (tmp_path / "own/zoe/10_first.ipynb").write_bytes(NOTEBOOK)
    made = collect(course, tmp_path / "own", "11_second")
    assert [(p.student, p.lesson) for p, _ in made.done] == [("zoe", "11_second")]  # the other lesson is not asked for
    with pytest.raises(UsageError, match="give a roster"):
        collect(course, zipped(tmp_path / "c.zip", [("zoe_1_2_a.ipynb", NOTEBOOK)]))


# Attempts, times and what was there before


def test_collecting_twice_changes_nothing(course, download):
    files = [("lovelaceada_101_5551_10_first.ipynb", NOTEBOOK), ("hoppergrace_LATE_102_5_a.ipynb", notebook("g"))]
    download(files, due="2026-11-20")
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in course.submitted.rglob("*") if p.is_file()}
    assert set(taken(download(files)).values()) == {"as it was"}
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in course.submitted.rglob("*") if p.is_file()} == before
    assert not (course.folder / "earlier").exists()


def test_a_later_download_replaces_and_keeps_the_earlier_one_aside(course, download):
    download([("lovelaceada_101_5551_10_first.ipynb", NOTEBOOK), ("lovelaceada_101_5552_data.txt", b"1")])
    second = [("lovelaceada_101_5601_10_first-1.ipynb", notebook("2"))]
    assert taken(download(second)) == {"ada": "replaced an earlier one"}
    assert taken(download(second)) == {"ada": "as it was"}
    assert there(course, "ada") == notebook("2")
    assert not (course.submitted / "ada" / LESSON / "data.txt").exists()
    (aside,) = (course.folder / "earlier/ada" / LESSON).iterdir()
    assert {p.name: p.read_bytes() for p in aside.iterdir()} == {"10_first.ipynb": NOTEBOOK, "data.txt": b"1"}


def test_an_old_download_does_not_replace_a_later_attempt(course, download):
    name = "grace_{}_10_first.ipynb"
    late, early = name.format("2026-11-21-09-00-00"), name.format("2026-11-20-09-00-00")
    download([(late, notebook("late"))])
    assert taken(download([(early, notebook("early"))])) == {"grace": "older than what is there"}
    assert there(course, "grace") == notebook("late")


def test_a_due_date_that_changes_corrects_the_times_of_those_whom_canvas_calls_late(course, download):
    files = [("hoppergrace_LATE_102_5_10_first.ipynb", NOTEBOOK)]
    assert "give --due" in _table(download(files))
    assert taken(download(files, due="2026-11-20 12:00 UTC")) == {"grace": "as it was, its time corrected"}
    assert (course.submitted / "grace" / LESSON / "timestamp.txt").read_text() == "2026-11-20 12:00:01 UTC\n"


def _table(made):
    from autograde.collect import table

    return table(made)


def test_nbgrader_decides_with_its_own_plugin_what_is_late(course, download, ledger):
    """The due date and the times reach nbgrader; its plugin takes the points off, also when the date comes after."""
    course.config.LateSubmissionPlugin.penalty_method = "zero"
    course.folder.mkdir(exist_ok=True)
    (course.folder / "gradebook.db").write_bytes(ledger)
    download(
        [("ada_2026-11-20-09-00-00_10_first.ipynb", NOTEBOOK), ("grace_2026-11-22-09-00-00_10_first.ipynb", NOTEBOOK)]
    )
    lesson = Lesson.load(course, LESSON)
    with Book(course) as book:
        book.register(LESSON, lesson.source)
        judged = first_lesson()
        for student in ("ada", "grace"):
            points = book.record(LESSON, student, judged, course.submitted / student / LESSON).points
            assert points == 16
    download([("ada_2026-11-20-09-00-00_10_first.ipynb", NOTEBOOK)], due="2026-11-21 12:00 UTC")
    assert {s: score.points for s, score in Book(course).scores(LESSON, ["ada", "grace"]).items()} == {
        "ada": 16,
        "grace": 0,
    }
    assert Book(course).due(LESSON) == datetime(2026, 11, 21, 12, tzinfo=UTC)
    with Gradebook(course.database, course.name) as book:
        assert book.find_submission(LESSON, "grace").total_seconds_late > 0
        assert (book.find_student("emmy").first_name, book.find_student("emmy").last_name) == ("Emmy", "Noether")


def test_of_several_notebooks_the_one_of_the_lesson_is_taken(course, download):
    made = download(
        [
            ("lovelaceada_101_1_Untitled.ipynb", b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'),
            ("lovelaceada_101_2_hw.ipynb", NOTEBOOK),
            ("lovelaceada_101_3_11_second.ipynb", notebook("", second_lesson)),
            ("hoppergrace_102_4_11_second.ipynb", notebook("", second_lesson)),
            ("noetheremmy_103_5_10_first.ipynb", b"{ cut off"),
        ]
    )
    assert taken(made) == {"ada": "new", "grace": "new", "emmy": "new"}
    assert there(course, "ada") == NOTEBOOK
    assert "grace: 11_second.ipynb looks like 11_second; it is taken for 10_first, as you said." in said(made)
    assert "emmy: 10_first.ipynb cannot be read as a notebook; it is taken as it is" in said(made)
    assert there(course, "emmy") == b"{ cut off"


def test_a_lesson_is_recognized_without_ids_and_without_its_name(course, download):
    stripped = json.loads(NOTEBOOK)
    for cell in stripped["cells"]:
        cell.pop("id", None)
        cell["metadata"] = {}
    made = download([("lovelaceada_101_1_Copy of hw.ipynb", json.dumps(stripped))], lesson=None)
    assert [(p.student, p.lesson) for p, _ in made.done] == [("ada", LESSON)]


# Who is who


def test_two_people_of_one_name_are_told_apart_by_number_only(course, download, tmp_path):
    two = "id,first_name,last_name,canvas_id\njs1,John,Smith,11\njs2,John,Smith,{}\n"
    files = [("smithjohn_11_1_10_first.ipynb", notebook("1")), ("smithjohn_12_2_10_first.ipynb", notebook("2"))]
    (tmp_path / "two.csv").write_text(two.format("12"))
    assert taken(download(files, roster=tmp_path / "two.csv")) == {"js1": "new", "js2": "new"}
    assert there(course, "js2") == notebook("2")
    (tmp_path / "two.csv").write_text(two.replace("js1,John,Smith,11", "js1,John,Smith,").format(""))
    made = download(files, roster=tmp_path / "two.csv")
    assert made.done == ()
    assert "smithjohn_11: js1 and js2 have this name in the roster: give them there the numbers" in said(made)


def test_two_submitters_who_would_be_one_student_are_both_refused(course, download, tmp_path):
    (tmp_path / "one.csv").write_text("id,name\njs,John Smith\nada,Ada Lovelace\n")
    files = [("smithjohn_11_1_10_first.ipynb", notebook("1")), ("smithjohn_12_2_10_first.ipynb", notebook("2"))]
    made = download([*files, ("lovelaceada_101_3_10_first.ipynb", NOTEBOOK)], roster=tmp_path / "one.csv")
    assert taken(made) == {"ada": "new"}
    assert said(made).count("smithjohn_11 and smithjohn_12 would both be js") == 2
    assert made.missing == ((LESSON, "js"),)


def test_names_of_any_letters_find_their_student(download, tmp_path):
    (tmp_path / "r.csv").write_bytes("id;Vorname;first name;last name\n1;x;Çelik Öz;Gürsoy\n2;x;王;小明\n".encode())
    files = [("gürsoyçeliköz_5_1_10_first.ipynb", NOTEBOOK), ("小明王_6_2_10_first.ipynb", NOTEBOOK)]
    assert taken(download(files, roster=tmp_path / "r.csv")) == {"1": "new", "2": "new"}


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_names_in_the_letters_of_dos_and_in_utf_8_without_saying_so(course, download, tmp_path, encoding):
    """What Windows' and some Python programs write: no flag for UTF-8, and bytes in one or the other."""
    (tmp_path / "r.csv").write_bytes("id,name\n1,José Müller\n".encode("cp1252"))
    name = "müllerjosé".encode(encoding)
    path = zipped(tmp_path / "dos.zip", [("@" * len(name) + "_5_1_10_first.ipynb", NOTEBOOK)])
    path.write_bytes(path.read_bytes().replace(b"@" * len(name), name))
    assert taken(download(path, roster=tmp_path / "r.csv")) == {"1": "new"}


ROSTERS = {
    "id,first_name,last_name,email,lms_user_id\nada,Ada,Lovelace,a@x.edu,101\n": ("ada", "Ada Lovelace", "101"),
    '\ufeffStudent,ID,SIS User ID,SIS Login ID,Section\n"Lovelace, Ada",101,s1,al7,A\n': ("al7", "Ada Lovelace", "101"),
    "Identifier,Full name,Email address\nParticipant 77,Ada Lovelace,ada@x.edu\n": ("ada", "Ada Lovelace", ""),
    "First name,Surname,ID number,Email address\nAda,Lovelace,s1,ada@x.edu\n": ("ada", "Ada Lovelace", ""),
    "Name;SID;Email;Role\nAda Lovelace;s1;ada@x.edu;Student\nProf;s0;p@x.edu;Instructor\n": ("ada", "Ada Lovelace", ""),
    "name\tsid\temail\nAda\ts1\ta@x.edu\nAlan\ts2\ta@y.edu\n": (
        "s1",
        "Ada",
        "",
    ),  # the first part of the address is no id
}


@pytest.mark.parametrize("text", ROSTERS)
def test_rosters_as_programs_write_them(tmp_path, text):
    (tmp_path / "r.csv").write_text(text)
    read = roster.read(tmp_path / "r.csv")
    first = read.students[0]
    assert (first.id, first.full, first.canvas) == ROSTERS[text]
    assert len(read.students) == text.strip().count("\n") - text.count("Instructor")
    assert read.find(Owner("?", "lovelaceada" if first.last or " " in first.full else "ada")).student == first


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no rows"),
        ("first,second\n1,2\n", "no column that tells students apart"),
        ("id,name\nada,A\nADA,B\n", "the id ADA is there twice"),
        ("id,name\n../ada,A\n", "cannot be an id"),
        ("id,name\n.ada,A\n", "cannot be an id"),
        ("id,name\n,Ada Lovelace\nb,B\n", "Ada Lovelace\\) has no id"),
        (None, "cannot be read"),
    ],
)
def test_a_roster_that_could_mean_two_things_is_refused(tmp_path, text, why):
    if text is not None:
        (tmp_path / "r.csv").write_text(text)
    with pytest.raises(UsageError, match=why):
        roster.read(tmp_path / "r.csv")


# Files that mean harm, or came to harm


def entry(name, mode=stat.S_IFREG | 0o644):
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    return made


GOOD = ("lovelaceada_101_1_10_first.ipynb", NOTEBOOK)
NAMES = {
    "../../hoppergrace_102_2_10_first.ipynb": "its name leads out of the archive",
    "/tmp/hoppergrace_102_2_10_first.ipynb": "its name leads out of the archive",
    "..\\hoppergrace_102_2_10_first.ipynb": "its name leads out of the archive",
    "C:/hoppergrace_102_2_10_first.ipynb": "its name leads out of the archive",
    "hoppergrace_102_2_10_\x1b[2Jfirst.ipynb": "characters that no name has",
    "notes.txt": "its name is not one that Canvas gives",
    "hoppergrace_102_text.html": "a text or a link, not a file",
    "anon_x7Qab_2_10_first.ipynb": "it is anonymous",
    "hoppergrace_102_2_work.rar": "only zip files are opened",
    "hoppergrace_102_2_photo.png": "it is no notebook",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_name_costs_only_itself(course, download, tmp_path, name):
    made = download([GOOD, (name, NOTEBOOK)], kind=Kind.CANVAS)
    assert taken(made) == {"ada": "new"}
    assert NAMES[name] in said(made)
    outside = [p for p in tmp_path.rglob("*first*") if not p.is_relative_to(course.root)]
    assert outside == []


def test_a_link_a_fifo_and_an_encrypted_file_in_a_zip_are_refused(course, download, tmp_path):
    made = download([GOOD, (entry("hoppergrace_102_2_10_first.ipynb", stat.S_IFLNK | 0o777), "/etc/passwd")])
    assert "it is a link" in said(made)
    assert not (course.submitted / "grace").exists()
    path = zipped(tmp_path / "locked.zip", [GOOD, ("hoppergrace_102_2_10_first.ipynb", NOTEBOOK)])
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1  # the directory says that the second is encrypted
    path.write_bytes(content)
    assert "it is encrypted" in said(download(path))


def test_links_and_pipes_in_a_folder_are_refused(course, download, tmp_path):
    own = tmp_path / "own"
    (own / "ada").mkdir(parents=True)
    (own / "ada/10_first.ipynb").write_bytes(NOTEBOOK)
    (own / "grace_10_first.ipynb").symlink_to(own / "ada/10_first.ipynb")
    (own / "emmy").symlink_to(own / "ada")
    os.mkfifo(own / "emmy_10_first.ipynb")
    made = download(own)
    assert taken(made) == {"ada": "new"}
    assert {r.what: r.why for r in made.refused} == {
        "emmy": "it is a link to another folder.",
        "grace_10_first.ipynb": "it is a link.",
        "emmy_10_first.ipynb": "it is no ordinary file.",
    }


def test_a_zip_bomb_is_not_unpacked(download, monkeypatch):
    monkeypatch.setattr(archive, "LARGEST", 1_000_000)
    bomb = b" " * 5_000_000
    inner = io.BytesIO()
    zipped(inner, [(f"{i}.ipynb", b" " * 900_000) for i in range(3)])
    monkeypatch.setattr(archive, "TOGETHER", 2_000_000)
    made = download(
        [GOOD, ("hoppergrace_102_2_10_first.ipynb", bomb), ("noetheremmy_103_3_work.zip", inner.getvalue())]
    )
    assert taken(made) == {"ada": "new"}
    assert "hoppergrace_102_2_10_first.ipynb: it is too large: 5 MB of 1" in said(made)
    assert "noetheremmy_103_3_work.zip: it would unpack to 3 files of 3 MB together" in said(made)


def test_a_zip_that_lies_about_its_size_is_refused(course, download, tmp_path):
    path = zipped(tmp_path / "lies.zip", [GOOD, ("hoppergrace_102_2_10_first.ipynb", NOTEBOOK * 3)])
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02") + 24
    content[place : place + 4] = (10).to_bytes(4, "little")  # the size after unpacking
    path.write_bytes(content)
    made = download(path)
    assert taken(made) == {"ada": "new"}
    assert "hoppergrace_102_2_10_first.ipynb: it is damaged" in said(made)


def test_a_damaged_entry_and_a_damaged_inner_zip_cost_only_themselves(course, download, tmp_path):
    path = zipped(
        tmp_path / "damaged.zip",
        [GOOD, ("hoppergrace_102_2_10_first.ipynb", NOTEBOOK), ("noetheremmy_103_3_a.zip", b"PK\x03\x04 not really")],
    )
    content = bytearray(path.read_bytes())
    place = content.index(b"hoppergrace") + 60
    content[place : place + 40] = bytes(40)
    path.write_bytes(content)
    made = download(path)
    assert taken(made) == {"ada": "new"}
    assert "hoppergrace_102_2_10_first.ipynb: it is damaged" in said(made)
    assert "noetheremmy_103_3_a.zip: it is not a sound zip file" in said(made)


def test_a_zip_that_a_student_handed_in_is_opened_one_in_another_is_not(course, download):
    inner = io.BytesIO()
    zipped(
        inner,
        [
            ("lesson/10_first.ipynb", NOTEBOOK),
            ("lesson/.ipynb_checkpoints/10_first-checkpoint.ipynb", notebook("old")),
            ("__MACOSX/lesson/._10_first.ipynb", b"\0"),
            ("lesson/signal.txt", b"1"),
            ("lesson/timestamp.txt", b"2020-01-01 00:00:00 UTC"),
            ("../../../hoppergrace_102_2_10_first.ipynb", NOTEBOOK),
            ("deeper.zip", b"PK"),
        ],
    )
    made = download([("lovelaceada_101_1_work.zip", inner.getvalue())])
    assert taken(made) == {"ada": "new"}
    assert there(course, "ada") == NOTEBOOK
    assert sorted(p.name for p in (course.submitted / "ada" / LESSON).iterdir()) == ["10_first.ipynb", "signal.txt"]
    assert "its name leads out of the archive" in said(made)
    assert "it is an archive in an archive" in said(made)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_files_of_one_name_the_later_is_taken(course, download):
    name = "lovelaceada_101_1_10_first.ipynb"
    made = download([(name, notebook("first")), (name, notebook("second"))])
    assert taken(made) == {"ada": "new"}
    assert there(course, "ada") == notebook("second")
    assert "ada: of several notebooks handed in together 10_first.ipynb is taken" in said(made)


def test_one_student_cannot_replace_anothers_submission(course, download):
    """A name that a student chooses is never read as another's: only what the LMS put before it counts."""
    made = download(
        [
            ("lovelaceada_101_1_10_first.ipynb", NOTEBOOK),
            ("hoppergrace_102_2_lovelaceada_101_9_10_first.ipynb", notebook("forged")),
        ]
    )
    assert taken(made) == {"ada": "new", "grace": "new"}
    assert there(course, "ada") == NOTEBOOK
    assert there(course, "grace") == notebook("forged")


def test_no_students_file_decides_what_a_download_is(course, download, tmp_path):
    """Names that another LMS gives, and Gradescope's own file, handed in by one of several students."""
    others = [("hoppergrace_102_2_10_first.ipynb", NOTEBOOK), ("noetheremmy_103_3_10_first.ipynb", NOTEBOOK)]
    forged = "lovelaceada_101_1_Emmy Noether_7003_assignsubmission_file_10_first.ipynb"
    made = download([(forged, notebook("a")), *others])
    assert made.kind is Kind.CANVAS and taken(made) == {"ada": "new", "grace": "new", "emmy": "new"}
    own = tmp_path / "own"
    for name, content in {
        "ada/submission_metadata.yml": GRADESCOPE,
        "ada/submission_33/10_first.ipynb": "{}",
        "emmy/10_first.ipynb": NOTEBOOK.decode(),
    }.items():
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_text(content)
    made = download(own)
    assert made.kind is Kind.FOLDER and taken(made) == {"ada": "replaced an earlier one", "emmy": "as it was"}


def test_below_an_unknown_students_folder_no_file_is_anybody_elses(course, download, tmp_path):
    own = tmp_path / "own"
    for name in ("zuse/grace_10_first.ipynb", "10_first/emmy.ipynb", "Ada Lovelace late/x.ipynb"):
        (own / name).parent.mkdir(parents=True)
        (own / name).write_bytes(notebook(name))
    made = download(own)
    assert taken(made) == {"emmy": "new", "ada": "new"}
    assert "zuse/grace_10_first.ipynb: it names no student that is known" in said(made)


def test_names_that_are_no_text_and_names_for_a_terminal_are_told_harmlessly(course, download, tmp_path, capsys):
    own = tmp_path / "own"
    own.mkdir()
    (own / os.fsdecode(b"ada_10_first_\xff.ipynb")).write_bytes(NOTEBOOK)
    (own / "\x1b[2Jx.ipynb").write_bytes(NOTEBOOK)
    made = download(own)
    assert taken(made) == {"ada": "new"}
    assert "\x1b" in said(made) and "\x1b" not in _table(made)
    _table(made).encode("utf-8")


def test_data_in_json_is_put_beside_the_notebook(course, download):
    data = b'{"learning_rate": 0.1}'
    download([GOOD, ("lovelaceada_101_2_settings.json", data), ("hoppergrace_102_3_hw.json", NOTEBOOK)])
    assert (course.submitted / "ada" / LESSON / "settings.json").read_bytes() == data
    assert there(course, "ada") == there(course, "grace") == NOTEBOOK


def test_a_folder_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    (tmp_path / "own/ada").mkdir(parents=True)
    walk = os.walk

    def closed(root, onerror):
        onerror(PermissionError(13, "Permission denied", str(root / "ada")))
        yield from walk(root)

    monkeypatch.setattr(os, "walk", closed)
    with Source(tmp_path / "own") as source:
        assert source.files() == ((), (archive.Refusal("ada", "it cannot be read (Permission denied)."),))


@pytest.mark.parametrize("name", ["nothing.zip", "text.zip"])
def test_a_source_that_is_none_is_told_in_a_sentence(course, tmp_path, name, capsys):
    (tmp_path / "text.zip").write_text("not a zip")
    (tmp_path / "r.csv").write_text(CLASS)
    arguments = [
        "collect",
        str(tmp_path / name),
        LESSON,
        "--roster",
        str(tmp_path / "r.csv"),
        "--course",
        str(course.root),
    ]
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("autograde: ")


# The command


def test_the_command_says_what_it_did_and_a_dry_run_does_nothing(course, tmp_path, ledger, capsys):
    path = zipped(
        tmp_path / "d.zip", [GOOD, ("hoppergrace_LATE_102_2_hw.ipynb", notebook("g")), ("zuse_9_3_a.ipynb", b"")]
    )
    course.folder.mkdir(exist_ok=True)
    (course.folder / "roster.csv").write_text(CLASS)
    arguments = ["collect", str(path), LESSON, "--course", str(course.root), "--from", "canvas"]
    assert main([*arguments, "--due", "2026-11-20 12:00 UTC", "--dry-run"]) == 1
    assert "Nothing was written." in capsys.readouterr().out
    assert not course.submitted.exists() and not (course.folder / "gradebook.db").exists()
    (course.folder / "gradebook.db").write_bytes(ledger)
    assert main([*arguments, "--due", "2026-11-20 12:00 UTC"]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[:3] == [
        "10_first: 2 (2 new).",
        "  Late: grace (Canvas does not say by how much; counted as a second).",
        "  No submission to 10_first by emmy.",
    ]
    assert "Not taken: zuse_9: nobody in the roster has this number, address or name." in out
    assert main(["collect", str(path), "--due", "2026-11-20", "--course", str(course.root)]) == 2
    assert main([*arguments, "--due", "soon"]) == 2
    assert "is no date" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-20T23:59+01:00", datetime(2026, 11, 20, 22, 59, tzinfo=UTC)),
        ("2026-11-20 23:59:00 America/Los_Angeles", datetime(2026, 11, 21, 7, 59, tzinfo=UTC)),
        ("Friday, 20 November 2026, 10:15 PM UTC", datetime(2026, 11, 20, 22, 15, tzinfo=UTC)),
        ("2026-11-20 23:59:00 No/Where", None),
        ("-", None),
        ("", None),
    ],
)
def test_times(text, found):
    assert lms.moment(text) == found


def test_a_class_of_a_thousand_is_sorted_in_a_moment(course, tmp_path):
    """No pair of students is compared with every file by reading it again."""
    many = "id,name\n" + "".join(f"s{i:04d},First{i:04d} Last\n" for i in range(1000))
    (tmp_path / "r.csv").write_text(many)
    people = roster.read(tmp_path / "r.csv")
    files = [archive.File(f"s{i:04d}_10_first.ipynb", 1, (i,)) for i in range(1000)]
    started = datetime.now(UTC)
    uploads, refused = lms.label(files, Kind.FOLDER, people, lambda file: b"")
    assert [u.owner.id for u in uploads] == list(people.ids) and not refused
    assert datetime.now(UTC) - started < timedelta(seconds=20)


def test_reading_stops_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "LARGEST", 10)
    (tmp_path / "own").mkdir()
    (tmp_path / "own/a.txt").write_bytes(b"0123456789")
    with Source(tmp_path / "own") as source:
        ((file,), _) = source.files()
        assert source.read(file) == b"0123456789"
        (tmp_path / "own/a.txt").write_bytes(b"0123456789+")
        with pytest.raises(archive.ArchiveError, match="too large"):
            source.read(file)
