import pytest
from nbformat.v4 import new_code_cell

from autograde import verify as verification
from autograde.cli import main
from autograde.lesson import Lesson
from autograde.verify import Run, Variant, judge, mistaken, perform, plain, table, untouched
from course_utils import exercises
from tests.autograde.conftest import BACKPROP, PARAMETERS, exercise, notebook, save

SETUP = "import numpy as np\nfrom course_utils import check"


def lesson_of(course, *made):
    """A lesson of these cells, in the place of the first."""
    save(course.source("10_first"), notebook(new_code_cell(SETUP, id="setup"), *made))
    return Lesson.load(course, "10_first")


def runs(lesson, findings):
    solved, blank = map(perform, plain(lesson))
    return [solved, blank, *map(perform, mistaken(lesson, solved, findings))]


def judged(lesson):
    findings = []
    return judge(lesson, runs(lesson, findings), findings)


def test_a_sound_lesson_earns_all_and_nothing_and_names_every_mistake(course):
    lesson = Lesson.load(course, "10_first")
    verdict = judged(lesson)
    known = [exercises.find(name) for name in ("backprop_add_mul", "mlp_parameters")]
    count = sum(len(e.mistakes) for e in known)
    assert (verdict.solved, verdict.blank, verdict.points, verdict.by_hand) == (20, 0, 20, 4)
    assert (verdict.mistakes, verdict.caught, verdict.named) == (count, count, count)
    assert verdict.findings == ()
    assert verdict.is_sound


def test_a_wrong_solution_is_found(course):
    wrong = PARAMETERS.replace("(m + 1)", "m")
    verdict = judged(lesson_of(course, *exercise("mlp_parameters", wrong, 10)))
    assert verdict.solved == 0
    assert "solved: mlp_parameters_check fails: ✗ mlp_parameters: " in verdict.findings[0]


def test_a_check_that_passes_without_an_answer_is_found(course):
    cells = exercise("mlp_parameters", PARAMETERS, 10)
    cells[3].source = "### BEGIN HIDDEN TESTS\nhidden = True  # check(mlp_parameters)\n### END HIDDEN TESTS"
    verdict = judged(lesson_of(course, *cells))
    assert verdict.blank == 10
    assert "blank: mlp_parameters_hidden passes without an answer." in verdict.findings
    assert f"mlp_parameters: {exercises.find('mlp_parameters').mistakes[0].name}: goes unnoticed" in str(
        verdict.findings
    )
    assert verdict.caught == 0


def test_a_mistake_that_costs_the_points_of_another_exercise_is_found(course):
    """The second answer calls the first: whoever gets that wrong would pay twice."""
    calls = BACKPROP.replace("total = x + y", "assert mlp_parameters([1, 1]) == 2\n    total = x + y")
    cells = [*exercise("mlp_parameters", PARAMETERS, 5), *exercise("backprop_add_mul", calls, 5)]
    verdict = judged(lesson_of(course, *cells))
    assert verdict.solved == 20
    assert any(": backprop_add_mul_check fails too: " in finding for finding in verdict.findings)


def test_a_verdict_that_depends_on_a_cell_to_show_is_found(course):
    shown = new_code_cell("bias = 1", id="shown", metadata={"tags": ["show"]})
    needs = PARAMETERS.replace("(m + 1)", "(m + bias)")
    verdict = judged(lesson_of(course, shown, *exercise("mlp_parameters", needs, 10)))
    assert verdict.solved == 0


def test_a_cell_that_fails_without_the_cells_to_show_is_found(course):
    plain = new_code_cell("print(only_shown)", id="plain")
    verdict = judged(lesson_of(course, plain, *exercise("mlp_parameters", PARAMETERS, 10)))
    assert verdict.solved == 20
    assert verdict.findings == ("solved: cell plain fails: NameError: name 'only_shown' is not defined",)


def test_a_mistake_that_is_named_wrongly_is_found(course):
    lesson = Lesson.load(course, "10_first")
    first, second = exercises.find("mlp_parameters").mistakes[:2]
    chosen = ("mlp_parameters", first.name)
    done = next(run for run in runs(lesson, []) if (run.variant.exercise, run.variant.mistake) == chosen)
    taken = Variant(done.variant.lesson, done.variant.code, done.variant.folder, "mlp_parameters", second.name)
    verdict = judge(lesson, [Run(taken, done.graded, done.others, 0.0)], [])
    assert (verdict.mistakes, verdict.caught, verdict.named) == (1, 1, 0)
    assert f"mlp_parameters: {second.name}: mlp_parameters_check says '{first.name}'." in verdict.findings


def test_only_tests_that_never_ran_an_answer_are_left_out(course):
    calls = BACKPROP.replace("total = x + y", "assert mlp_parameters([1, 1]) == 2\n    total = x + y")
    pair = [*exercise("mlp_parameters", PARAMETERS, 5), *exercise("backprop_add_mul", calls, 5)]
    solved = perform(plain(lesson_of(course, *pair))[0])
    assert untouched(solved, "mlp_parameters") == frozenset()
    assert untouched(solved, "backprop_add_mul") == {"mlp_parameters_check", "mlp_parameters_hidden"}
    kept = new_code_cell("kept = mlp_parameters([1, 2])", id="kept")
    uses = BACKPROP.replace("total = x + y", "assert kept == 4\n    total = x + y")
    lesson = lesson_of(course, *pair[:4], kept, *exercise("backprop_add_mul", uses, 5))
    assert untouched(perform(plain(lesson)[0]), "mlp_parameters") == frozenset()
    assert any("backprop_add_mul_check fails too" in finding for finding in judged(lesson).findings)


def test_magics_and_messages_on_the_error_stream():
    code = (("a", "", "%matplotlib inline\nx = 1"), ("b", "b", "import sys\nprint('no', file=sys.stderr)"))
    run = perform(Variant("lesson", (*code, ("c", "c", "assert x == 1; display(x)")), "."))
    assert run.others == {}
    assert set(run.graded) == {"b"}


def test_a_variant_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(verification, "SECONDS", 1)
    run = perform(Variant("lesson", (("a", "a", "while True: pass"), ("b", "b", "while True: pass")), "."))
    assert {name: failure.error for name, failure in run.graded.items()} == {
        "a": "TimeoutError: more than 1 s",
        "b": "TimeoutError: more than 1 s",
    }


@pytest.mark.slow
def test_the_command_prints_a_table_and_its_status_says_whether_the_course_is_sound(course, capsys):
    assert main(["verify", "11_second", "--course", str(course.root)]) == 0
    out = capsys.readouterr().out
    count = len(exercises.find("correlate1d").mistakes)
    assert out.splitlines()[1].split()[:8] == ["11_second", "20", "0", "20/20", "0/20", *[str(count)] * 3]
    assert out.endswith("Sound.\n")
    path = course.source("11_second")
    path.write_text(path.read_text().replace("check(correlate1d)", "print(correlate1d)"))
    assert main(["verify", "--course", str(course.root)]) == 2
    assert "lacks its visible check" in capsys.readouterr().out


def test_the_table_counts_findings(course):
    lesson = Lesson.load(course, "10_first")
    assert table([judge(lesson, [], ["one", "two"])]).endswith("Not sound (2):\n  10_first: one\n  10_first: two")
