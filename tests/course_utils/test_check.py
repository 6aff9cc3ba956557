"""check as a student meets it: what it accepts, what it says, and that it says it briefly."""

import sys
import types
from itertools import pairwise

import numpy as np
import pytest

from course_utils import CheckFailed, check, exercises
from course_utils.check import MIME
from course_utils.diagnosis import resemblance
from course_utils.examination import examine
from course_utils.picture import picture, png
from course_utils.report import failure, record, success


def wrong(exercise, answer, **options):
    result = examine(exercise, answer, **options)
    assert not result.passed
    return failure(result, arrays=True)


def test_a_right_answer_gets_one_line(moving_sum, solution):
    result = examine(moving_sum, solution)
    assert result.passed
    assert success(result).startswith("✓ moving_sum: all ")
    assert "\n" not in success(result)


def test_examples_by_hand_agree_with_the_oracle(moving_sum):
    for made in moving_sum.examples:
        assert examine(moving_sum, moving_sum.oracle).trials[0].case.category == "worked example"
        assert made.case.category == "worked example"


def test_a_known_mistake_is_named(moving_sum, solution):
    text = wrong(moving_sum, lambda signal, width=2: solution(signal, width)[:-1])
    assert "Likely mistake (last window missing): The last window is missing." in text
    assert "The smallest input found that fails" in text
    assert "expected shape" in text


def test_two_mistakes_are_both_named(moving_sum, solution):
    text = wrong(moving_sum, lambda signal, width=2: solution(signal, width)[:-1] / width)
    assert "Two mistakes together" in text
    assert "(last window missing)" in text
    assert "(mean for sum)" in text


def test_a_mistake_must_explain_the_right_cases_too(moving_sum, solution):
    def only_when_wide(signal, width=2):
        return solution(signal, width)[:-1] if width == 3 else solution(signal, width)

    assert "Likely mistake" not in wrong(moving_sum, only_when_wide)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: -r, "except for their sign"),
        (lambda r: r[::-1].copy(), "right up to a flip"),
        (lambda r: 3 * r, "3 times the expected one, every time"),
        (lambda r: r + 0.25, "plus 0.25, every time"),
        (lambda r: np.roll(r, 1), "moved to the side by one place"),
        (lambda r: r * (1 + 1e-4 * np.arange(1, len(r) + 1)), "digits only"),
        (lambda r: r[None], "only the shape is not"),
        (lambda r: np.append(r, 0), "The size differs by the same amount every time: +1"),
    ],
)
def test_what_still_holds(moving_sum, solution, change, words):
    text = wrong(moving_sum, lambda signal, width=2: change(solution(signal, width)))
    assert words in " ".join(text.split())


def test_the_smallest_input_is_small(moving_sum, solution):
    def wrong_from_three(signal, width=2):
        return solution(signal, width) + (len(signal) >= 3)

    result = examine(moving_sum, wrong_from_three)
    assert len(result.smallest.case.args[0]) == 3
    assert result.smallest.case.kwargs.get("width", 2) in (1, 2)


def test_an_error_shows_only_the_students_lines(moving_sum):
    def breaks(signal, width=2):
        return np.concatenate([signal, np.ones((2, 2))])

    text = wrong(moving_sum, breaks)
    assert "in breaks:  return np.concatenate" in text
    assert "ValueError" in text
    assert "site-packages" not in text
    assert "trial.py" not in text


def test_integer_output_is_explained(moving_sum, solution):
    def truncates(signal, width=2):
        sums = solution(signal, width) / 2
        return 2 * sums.astype(signal.dtype)

    result = examine(moving_sum, truncates)
    assert not result.passed


def test_an_argument_that_changes_is_told(moving_sum, solution):
    def changes(signal, width=2):
        result = solution(signal, width)
        signal[0] += 1
        return result

    assert "changes its argument signal" in wrong(moving_sum, changes)


def test_state_between_calls_is_told(moving_sum, solution):
    calls = []

    def counts(signal, width=2):
        calls.append(1)
        return solution(signal, width) + (len(calls) > 60)

    total = len(moving_sum.draw())
    calls.extend([1] * (60 - total))
    assert "Called a second time" in wrong(moving_sum, counts)


def test_a_library_call_is_told(moving_sum):
    def convolves(signal, width=2):
        if width > len(signal):
            raise ValueError
        return np.convolve(signal, np.ones(width), "valid")

    assert "It uses numpy.convolve: here that call is the exercise" in wrong(moving_sum, convolves)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (3, "What came is an int"),
        (None, "What came is a NoneType"),
        (lambda signal: signal, "must accept moving_sum(signal, width=2); yours is <lambda>(signal)"),
        (lambda signal, width=2: None, "it has no `return`"),
        (lambda signal, width=2: "text", "a str ('text') came"),
        (lambda signal, width=2: (x for x in signal), "a generator came"),
    ],
)
def test_bad_use_has_its_own_sentence(moving_sum, answer, words):
    assert words in wrong(moving_sum, answer)


def test_a_stub_has_its_own_sentence(moving_sum):
    def moving_sum_(signal, width=2):
        raise NotImplementedError()

    assert "There is no answer yet" in wrong(moving_sum, moving_sum_)


def test_a_list_of_right_numbers_is_told_not_failed(moving_sum, solution):
    result = examine(moving_sum, lambda signal, width=2: solution(signal, width).tolist())
    assert result.passed
    assert "Note: result: a list came" in success(result)


def test_prints_appear_only_when_wrong(moving_sum, solution, capsys):
    def prints(signal, width=2):
        print("looking at", width)
        return solution(signal, width) * 2

    assert "Your function printed:\n      looking at" in wrong(moving_sum, prints)
    assert capsys.readouterr().out == ""


def test_a_picture_of_a_failure(moving_sum, solution):
    result = examine(moving_sum, lambda signal, width=2: solution(signal, width) * 2)
    figure = picture(result)
    titles = [axes.get_title().split("\n")[0] for axes in figure.axes]
    assert titles == ["signal", "yours", "expected", "difference"]
    assert png(figure).startswith(b"\x89PNG")


def test_a_record_is_plain_data(moving_sum, solution):
    found = record(examine(moving_sum, lambda signal, width=2: solution(signal, width)[:-1], hidden=True))
    assert found["mistakes"] == ["last window missing"]
    assert found["hints"] == ["The last window is missing."]
    assert found["hidden"] and not found["passed"]


def test_deterministic(moving_sum, solution):
    def answer(signal, width=2):
        return solution(signal, width) * 2

    assert wrong(moving_sum, answer, seed=3) == wrong(moving_sum, answer, seed=3)


# The public function, on a real exercise.


def mlp_parameters(sizes):
    return sum((m + 1) * n for m, n in pairwise(sizes))


def test_check_finds_the_exercise_by_name(capsys):
    check(mlp_parameters)
    check("mlp_parameters", lambda sizes: mlp_parameters(sizes), hidden=True, seed=4)
    assert capsys.readouterr().out.count("✓ mlp_parameters") == 2


def test_check_raises_an_assertion_with_a_short_message():
    with pytest.raises(CheckFailed) as caught:
        check("mlp_parameters", lambda sizes: sum(sizes))
    assert isinstance(caught.value, AssertionError)
    assert str(caught.value).startswith("✗ mlp_parameters: ")
    assert len(str(caught.value).splitlines()) < 30
    assert len(caught.value._render_traceback_()) == len(str(caught.value).splitlines())
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mlp_paramters", mlp_parameters), "Did you mean mlp_parameters?"),
        ((3,), "check needs a function, and int came"),
        ((lambda x: x,), 'Write check("name of the exercise", <lambda>)'),
        (("mlp_parameters", None), "check needs the function itself"),
    ],
)
def test_bad_use_of_check(arguments, words):
    with pytest.raises(CheckFailed, match=r"✗") as caught:
        check(*arguments)
    assert words in str(caught.value)


def test_in_a_notebook_the_diagnosis_is_shown_as_a_picture_with_its_record(monkeypatch):
    shown = []
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    with pytest.raises(CheckFailed):
        check("correlate2d", lambda image, kernel: np.zeros((2, 2)))
    assert shown[0][MIME]["exercise"] == "correlate2d"
    assert "image/png" in shown[0]


def test_exercises_are_found_by_lesson():
    assert "00_start_here" in exercises.lessons()
    assert exercises.find("mlp_parameters") in exercises.lesson("00_start_here")
    assert exercises.lesson("99_none") == []


def test_check_does_not_import_torch_for_numpy_lessons():
    """Starting torch costs seconds, which every kernel of a class would pay."""
    import subprocess

    code = "import sys, course_utils.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_inputs_that_must_be_refused_do_not_hide_another_mistake(moving_sum):
    def never_refuses(signal, width=2):
        if width > len(signal):
            return np.ones(7)
        return np.array([sum(signal[i : i + width]) / width for i in range(len(signal) - width + 1)])

    text = wrong(moving_sum, never_refuses)
    assert "Some inputs must be refused with a ValueError" in text
    assert "Likely mistake (mean for sum)" in text


def test_only_the_refusal_is_missing(moving_sum, solution):
    text = wrong(moving_sum, lambda signal, width=2: np.ones(7) if width > len(signal) else solution(signal, width))
    assert "Everything else is right." in " ".join(text.split())


def test_three_faults_at_once():
    """No refusal, the padding's sign, and no dilation: a mistake that would refuse more is recognized all the same."""
    text = wrong(
        exercises.find("conv_output_size"),
        lambda size, kernel, stride=1, padding=0, dilation=1: (size - 2 * padding - kernel) // stride + 1,
    )
    assert "must be refused with a ValueError" in text
    assert "(padding subtracted)" in text
    assert "(dilation ignored)" in text


def test_nothing_of_the_answers_output_reaches_the_cell(moving_sum, solution, capfd):
    """nbgrader gives no points to a cell of tests that has anything on its error stream."""

    def noisy(signal, width=2):
        print("hello")
        print("careful", file=sys.stderr)
        return solution(signal, width)

    assert examine(moving_sum, noisy).passed
    assert capfd.readouterr() == ("", "")


def test_right_values_of_a_wrong_kind_are_not_called_one_times_the_expected():
    for expected, got in ((3, 3.0), (0, 0.0), (np.zeros(3), np.zeros(3, complex).real), (np.ones(2), np.ones(2))):
        assert resemblance([(expected, got)]) == ("The values are right; only their kind is not.",)
