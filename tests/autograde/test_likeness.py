"""Answers that are alike: what was copied is found, what everybody writes is not."""

import re

import pytest

from autograde.lesson import Lesson
from autograde.likeness import alike

TRAIN = '''def correlate1d(signal, kernel):
    """The valid part of a correlation."""
    taps = list(kernel)
    answers = []
    position = 0
    while position + len(taps) <= len(signal):
        products = [taps[k] * signal[position + k] for k in range(len(taps))]
        answers.append(float(sum(products)))
        position = position + 1
    return np.array(answers)'''
LOOPS = """def correlate1d(signal, kernel):
    n = len(signal) - len(kernel) + 1
    out = np.zeros(n)
    for i in range(n):
        for j in range(len(kernel)):
            out[i] += signal[i + j] * kernel[j]
    return out"""
MATRIX = """def correlate1d(signal, kernel):
    rows = len(signal) - len(kernel) + 1
    weights = np.zeros((rows, len(signal)))
    for row in range(rows):
        weights[row, row : row + len(kernel)] = kernel
    return weights.dot(signal)"""
SLICES = """def correlate1d(signal, kernel):
    signal, kernel = np.asarray(signal, float), np.asarray(kernel, float)
    stop = signal.size - kernel.size + 1
    return sum(w * signal[k : k + stop] for k, w in enumerate(kernel))"""
LIBRARY = """def correlate1d(signal, kernel):
    from scipy.signal import correlate
    return correlate(np.asarray(signal), np.asarray(kernel), mode='valid', method='direct')"""
COMPREHENSION = """def correlate1d(signal, kernel):
    return np.array([np.dot(signal[i:i + len(kernel)], kernel) for i in range(len(signal) - len(kernel) + 1)])"""
OWN = {"loops": LOOPS, "matrix": MATRIX, "slices": SLICES, "library": LIBRARY, "comprehension": COMPREHENSION}


def disguised(text):
    """Other names, other spaces, and a comment."""
    for old, new in {"taps": "weights_", "answers": "res", "position": "p", "products": "tmp"}.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text.replace(" = ", "=").replace("    while", "    # slide along\n    while")


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    from tests.autograde.conftest import make_course

    return Lesson.gradable(make_course(tmp_path_factory.mktemp("likeness") / "course"), "11_second")


def found(lesson, texts):
    return alike(lesson, {student: {"correlate1d": text} for student, text in texts.items()})


def test_a_copy_in_disguise_is_found(lesson):
    (pair,) = found(lesson, {**OWN, "ada": TRAIN, "bob": disguised(TRAIN)})
    assert pair.students == ("ada", "bob")
    assert pair.share > 0.8
    assert pair.exercises == ("correlate1d",)
    assert pair.lesson == "11_second"


def test_right_answers_of_their_own_are_no_pair(lesson):
    assert found(lesson, {**OWN, "train": TRAIN}) == ()


def test_what_many_wrote_is_nobodys_own(lesson):
    assert found(lesson, {f"s{i}": TRAIN for i in range(4)}) == ()
    assert len(found(lesson, {f"s{i}": TRAIN for i in range(3)})) == 3


def test_the_solution_and_the_blank_answer_are_nobodys_own(lesson):
    solution = next(c.source for c in lesson.source.cells if c.metadata.get("nbgrader", {}).get("solution"))
    blank = next(c.source for c in lesson.released.cells if c.metadata.get("nbgrader", {}).get("solution"))
    assert found(lesson, {"ada": solution, "bob": solution, "cyd": blank, "dan": blank}) == ()


def test_half_of_a_text_that_was_copied_into_much_of_ones_own_is_no_lead(lesson):
    assert found(lesson, {**OWN, "ada": TRAIN, "bob": f"{TRAIN}\n\n{LOOPS}\n\n{MATRIX}\n\n{SLICES}"}) == ()


@pytest.mark.parametrize("text", ["", "def correlate1d(", "\x00", "?" * 10_000, "é 畳 \ud800", "# only words"])
def test_any_text_can_be_compared(lesson, text):
    assert found(lesson, {"ada": text, "bob": "pass", "cyd": TRAIN}) == ()
