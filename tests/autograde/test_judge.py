"""The judge: ordinary cells of tests have the verdict that they have in a notebook, on answers that are honest.

``tests/submissions/ordinary_tests`` holds such cells: ``# %% given``, ``# %% test``, and ``# %% answer`` with the names
that it defines; what is written in no cell of the course has no title.
"""

import contextlib
import io
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from autograde import execute, judge
from autograde.execute import End, Job
from autograde.judge import hidden_seed
from autograde.judged import Role, Step
from autograde.sandbox import session
from tests.autograde import attacks

pytestmark = pytest.mark.xdist_group("judge")  # one process, so that there is one warm process

ORDINARY = [pytest.param(path, id=path.stem) for path in sorted((attacks.FOLDER / "ordinary_tests").glob("*.py"))]
SQUARE = ("answer square", "def square(x):\n    return x * x")


def steps(cells):
    """Steps from titles and sources."""
    made = []
    for place, (title, source) in enumerate(cells):
        role = {"given": Role.GIVEN, "test": Role.TEST}.get(title, Role.STUDENT)
        names = frozenset(title.split()[1:])
        made.append(Step(place, role, source, f"cell {place}", "" if names else source, names, points=2.0))
    return tuple(made)


def run(*cells, limits=attacks.LIMITS):
    return execute.run(Job("ada", "20_attacks", steps(cells), limits, attacks.SECRET))


def passed(execution, place):
    return all(output["output_type"] != "error" for output in execution.outputs[place])


def said(execution, place):
    return "\n".join(o.get("text") or "\n".join(o.get("traceback", ())) for o in execution.outputs[place])


def verdicts(*cells, **options):
    """Whether each cell of tests passes."""
    execution = run(*cells, **options)
    return [passed(execution, n) for n, (title, _) in enumerate(cells) if title == "test"]


def in_a_notebook(cells):
    """The same in one IPython, where tests and answers share everything."""
    shell = InteractiveShell()
    shell.showtraceback = lambda *_, **__: None
    found = []
    for title, source in cells:
        with contextlib.redirect_stdout(io.StringIO()):
            result = shell.run_cell(source, store_history=False)
        if title == "test":
            found.append(result.success)
    return found


@pytest.mark.parametrize("path", ORDINARY)
def test_a_test_has_the_verdict_that_it_has_in_a_notebook(path):
    _, cells = attacks.sections(path.read_text())
    execution = run(*cells)
    tests = [n for n, (title, _) in enumerate(cells) if title == "test"]
    found = {n: passed(execution, n) for n in tests}
    expected = dict(zip(tests, in_a_notebook(cells), strict=True))
    assert found == expected, [said(execution, n) for n in tests if found[n] != expected[n]]
    assert execution.end is End.FINISHED


@pytest.mark.parametrize("attack", attacks.every("unusual"))
def test_an_unusual_right_answer_gets_all_points(attack):
    graded = attacks.grade(attack.notebook())
    assert not attack.worthless
    assert attack.is_fair(graded.points), {name: graded.said(name) for name in graded.points}


def credit(last, answer="def square(x):\n    return x * x", given="import numpy as np"):
    execution = run(("given", given), ("answer square", answer), ("test", last))
    (output,) = execution.outputs[2] or [{"output_type": "nothing"}]
    return output["data"]["text/plain"] if output["output_type"] == "execute_result" else output["output_type"]


@pytest.mark.parametrize(
    ("last", "found"),
    [
        ("score = 0\nscore += square(2) == 4\nscore / 2", "0.5"),
        ("np.float64(0.5)", "0.5"),
        ("np.mean([square(2) == 4, square(3) == 8])", "0.5"),
        ("round(1.26, 1)", "1.3"),
        ("0", "0.0"),
        ("99", "2.0"),  # no more than there are points
        ("-1", "0.0"),  # nbgrader would give all points
        ("float('nan')", "0.0"),  # the same
        ("True", "nothing"),
        ("'text'", "nothing"),
        ("square(1)", "nothing"),  # what an answer returns is no score
        ("square", "nothing"),
        ("assert False\n2", "error"),
    ],
)
def test_a_number_at_the_end_is_partial_credit(last, found):
    assert credit(last) == found


def test_a_name_that_a_failed_test_did_not_make_is_not_looked_for_at_the_students():
    mine = ("answer square", "expected = 5\n\n\ndef square(x):\n    return 5")
    made, used = ("test", "assert square(2) == 4\nexpected = 4"), ("test", "assert square(2) == expected")
    assert verdicts(mine, made, used) == [False, False]


def test_an_end_of_the_process_is_no_exception_that_a_test_may_expect():
    dies = ("answer refuse", "import os\n\n\ndef refuse(x):\n    os._exit(0) if x < 0 else None")
    test = ("test", "try:\n    refuse(-1)\nexcept:\n    pass\nelse:\n    raise AssertionError('it must refuse')")
    execution = run(dies, test)
    assert not passed(execution, 1)
    assert execution.end is End.DIED


def test_a_time_limit_is_no_exception_that_a_test_may_expect():
    slow = ("answer refuse", "import time\n\n\ndef refuse(x):\n    time.sleep(60)")
    test = ("test", "try:\n    refuse(-1)\nexcept BaseException:\n    pass")
    execution = run(slow, test, SQUARE, ("test", "assert square(2) == 4"))
    assert (passed(execution, 1), passed(execution, 3)) == (False, True)
    assert execution.end is End.TIME


def test_calls_back_without_end_are_stopped(monkeypatch):
    monkeypatch.setattr(session, "GRACE", 0.5)
    endless = """def endless(f):
    while True:
        try:
            f(1)
        except BaseException:
            pass"""
    execution = run(("answer endless", endless), ("test", "endless(lambda x: x)"), SQUARE, ("test", "square(2)"))
    assert (passed(execution, 1), passed(execution, 3)) == (False, True)
    assert execution.end is End.TIME


def test_a_number_that_keeps_a_test_busy_is_stopped(monkeypatch):
    monkeypatch.setattr(judge, "JUDGING", 0.5)
    many = ("answer many", "def many():\n    return 10**12")
    execution = run(many, ("test", "for _ in range(many()):\n    pass"), SQUARE, ("test", "assert square(2) == 4"))
    assert (passed(execution, 1), passed(execution, 3)) == (False, True)
    assert "busy for too long" in said(execution, 1)


def test_a_number_that_fills_the_judges_memory_is_stopped():
    many = ("answer many", "def many():\n    return 10**10")
    execution = run(("given", "import numpy as np"), many, ("test", "x = np.ones(many())"), ("test", "assert many()"))
    assert (passed(execution, 2), passed(execution, 3)) == (False, True)
    assert "MemoryError" in said(execution, 2)


def test_an_object_of_the_students_is_nothing_that_decides():
    given = ("given", "import numpy as np\nimport torch")
    yes = """class Yes:
    def __eq__(self, other):
        return True

    def __bool__(self):
        return True

    def __sub__(self, other):
        return 0

    __rsub__ = __float__ = __int__ = __abs__ = __index__ = __lt__ = __gt__ = __le__ = __ge__ = __mul__ = __sub__

    @property
    def __class__(self):
        return float


def yes():
    return Yes()"""
    tests = (
        "assert yes() == 5",
        "assert 5 == yes()",
        "assert yes()",
        "assert yes() < 5",
        "assert abs(yes() - 5) < 1e-9",
        "assert abs(5 - yes()) < 1e-9",
        "assert float(yes()) == 0",
        "assert [yes()] == [5]",
        "assert yes() in (5, 6)",
        "assert isinstance(yes(), (float, np.ndarray, torch.Tensor))",
        "assert np.allclose(yes(), 5)",
        "assert np.array_equal(yes(), 5)",
        "np.testing.assert_allclose(yes(), 5)",
        "assert (np.ones(2) * yes() == 0).all()",
        "assert torch.allclose(yes(), torch.ones(1))",
        "assert (torch.ones(1) - yes() == 0).all()",
        "assert max(yes(), 5) == 5",
        "assert sum([yes()]) == 0",
    )
    assert not any(verdicts(given, ("answer yes", yes), *(("test", test) for test in tests)))


def test_a_class_of_pytorch_is_claimed_only_by_what_is_no_data():
    given = ("given", "import torch\nfrom torch import nn")
    claims = """import gc

name = ""
student = next(thing for thing in gc.get_objects() if type(thing).__name__ == "Student")
export = student._export


def claim(value):
    return {**export(value), "class": name, "parameters": []}


student._export = claim


def f(kind):
    global name
    name = kind
    return object()"""
    kinds = ("torch.nn.parameter:Parameter", "torch:Tensor", "builtins:int", "numpy:ndarray", "os:environ", "x", 3)
    tests = [("test", f"found = f({kind!r})\nassert isinstance(found, (torch.Tensor, int, str))") for kind in kinds]
    linear = ("test", "assert isinstance(f('torch.nn.modules.linear:Linear'), nn.Linear)")
    assert verdicts(given, ("answer f", claims), *tests, linear) == [False] * len(kinds) + [True]


def test_lines_of_hidden_tests_are_not_shown():
    hidden = Step(1, Role.TEST, "assert square(7) == 50", "cell hidden", own="# More tests.", points=2.0)
    seen = Step(2, Role.TEST, "assert square(7) == 50", "cell seen", own="assert square(7) == 50", points=2.0)
    answer = steps([SQUARE])
    execution = execute.run(Job("ada", "20_attacks", (*answer, hidden, seen), attacks.LIMITS, attacks.SECRET))
    assert said(execution, 1) == "A hidden test failed."
    assert "assert square(7) == 50" in said(execution, 2)


def test_a_students_error_is_shown_with_the_students_lines():
    wrong = ("answer square", "def helper(x):\n    return x['no']\n\n\ndef square(x):\n    return helper(x)")
    execution = run(wrong, ("test", "assert square(2) == 4"))
    assert "line 2 in helper:  return x['no']" in said(execution, 1)
    assert "site-packages" not in said(execution, 1)


def test_hidden_seeds_differ_by_course_lesson_and_exercise_and_are_told():
    seeds = {hidden_seed(s, lesson, name) for s in "ab" for lesson in "cd" for name in "ef"}
    assert len(seeds) == 8
    name = "mlp_parameters"
    cells = (
        ("given", "from course_utils import check"),
        (f"answer {name}", attacks.RIGHT[name]),
        ("test", f"check({name}, hidden=True, seed=1)"),
    )
    assert run(*cells).seeds == {name: hidden_seed(attacks.SECRET, "20_attacks", name)}


def test_each_test_has_its_own_time():
    slow = (
        "answer slow",
        "import time\n\n\nclass Slow:\n    def wait(self):\n        time.sleep(1.5)\n\n\nslow = Slow()",
    )
    keeps = ("test", "kept = slow\nkept.wait()")
    assert verdicts(slow, keeps, ("test", "kept.wait()"), ("test", "kept.wait()")) == [True] * 3


def each(calls, expected, answer):
    """Cells whose test makes several calls of ``answer`` in one go and compares what came of each."""
    test = f"""import functools
found = []
calls = {calls}
for call, made in zip(calls, answer.together([functools.partial(answer, *call) for call in calls])):
    try:
        found.append(made(*call))
    except Exception as error:
        found.append(type(error))
assert found == {expected}, found
"""
    return ("given", "import numpy as np"), ("answer answer", f"import numpy as np\n\n\n{answer}"), ("test", test)


def test_of_several_calls_each_gives_its_value_its_exception_and_its_output():
    answer = "def answer(x):\n    print('with', x)\n    return 1 / x"
    execution = run(*each("[(1,), (0,), (4,)]", "[1.0, ZeroDivisionError, 0.25]", answer))
    assert passed(execution, 2), said(execution, 2)
    assert said(execution, 2).split() == ["with", "1", "with", "0", "with", "4"]


def test_of_several_calls_each_changes_its_own_arguments():
    answer = "def answer(a):\n    a.append(len(a))\n    return len(a)"
    execution = run(*each("[([],), ([7],)]", "[1, 2] and calls == [([0],), ([7, 1],)]", answer))
    assert passed(execution, 2), said(execution, 2)


@pytest.fixture
def asked(monkeypatch):
    """What students' processes are asked to do."""
    asked, ask = [], session.Session.ask

    def noted(self, tree, *args, **kwargs):
        asked.append(tree["do"])
        return ask(self, tree, *args, **kwargs)

    monkeypatch.setattr(session.Session, "ask", noted)
    return asked


def test_of_several_calls_one_with_too_large_a_result_spoils_no_other(asked):
    answer = "def answer(n):\n    return [np.ones((n, 500_000))] * 2 if n == 9 else n"
    assert passed(run(*each("[(1,), (9,), (2,)]", "[1, ValueError, 2]", answer)), 2)
    assert asked.count("calls") == 1


def test_a_result_that_fits_but_for_the_words_around_it_is_said_to_be_too_large():
    answer = "def answer(n):\n    return np.ones(n)"
    execution = run(*each("[(7_999_990,)]", "[]", answer), SQUARE, ("test", "assert square(2) == 4"))
    assert (passed(execution, 2), passed(execution, 4)) == (False, True)
    assert "too large to look at" in said(execution, 2)
    assert execution.end is not End.DIED


def test_several_large_arguments_and_results_go_one_by_one(asked):
    calls = "[('a', 10_000_000), ('b', 10_000_000), ('c', 8), ('d' * 10_000_000, 1), ('e', 1)]"
    answer = "def answer(x, n):\n    return x * n"
    assert passed(run(*each(calls, "[x * n for x, n in calls]", answer)), 2)
    assert asked.count("calls") == 4


def test_many_parts_of_many_results_are_too_many_for_one_message_only():
    answer = "def answer(n):\n    return [b'x'] * n"
    assert passed(run(*each("[(600,)] * 30", "[[b'x'] * 600] * 30", answer)), 2)


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("while len(sizes) > 3:\n        pass", "it took too long during mlp_parameters(["),
        ("if len(sizes) > 3:\n        os._exit(0)", "during calls of mlp_parameters"),
    ],
)
def test_what_a_call_of_several_did_to_its_process_is_told(does, told):
    right = "return sum((m + 1) * n for m, n in zip(sizes, sizes[1:]))"
    answer = f"import os\n\n\ndef mlp_parameters(sizes):\n    {does}\n    {right}"
    given, test = ("given", "from course_utils import check"), ("test", "check(mlp_parameters)")
    execution = run(given, ("answer mlp_parameters", answer), test, SQUARE, ("test", "assert square(2) == 4"))
    assert (passed(execution, 2), passed(execution, 4)) == (False, True)
    assert told in said(execution, 2)


def test_calls_after_one_that_had_to_be_stopped_are_not_made():
    """It catches the interrupt and goes on as if nothing were; the next call would take as long."""
    slow = """import time


def answer(x):
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        return x"""
    execution = run(*each("[(1,), (2,), (3,)]", "[1, 2, 3]", slow), SQUARE, ("test", "assert square(2) == 4"))
    assert (passed(execution, 2), passed(execution, 4)) == (False, True)
    assert "it took too long during answer(1)" in said(execution, 2)


LAYER = """import numpy as np


def answer(x):
    return {out}, {cache}


def back(dout, cache):
    return dout * cache[0]"""
IN_TURN = """from functools import partial
from course_utils.calls import Second, Uncached, Unseen, called
first = Unseen(answer, 3)
"""


def in_turn(test, out="x + 1", cache="[x]"):
    layer = ("answer answer back", LAYER.format(out=out, cache=cache))
    return layer, ("test", f"{IN_TURN}{test}"), SQUARE, ("test", "assert square(2) == 4")


def test_what_an_earlier_call_returned_is_handed_to_a_later_one_and_stays_over_there(asked):
    """It is more than a message may hold."""
    test = "assert called(first, Uncached(answer, 4), partial(back, 2, Second(first))) == [None, (5, None), 6]"
    execution = run(*in_turn(test, cache="[x, np.ones(9_000_000)]"))
    assert passed(execution, 1), said(execution, 1)
    assert asked.count("calls") == 1


def test_what_an_earlier_call_returned_is_still_there_in_a_later_message(asked):
    test = """others = [partial(answer, n) for n in range(3)]
found = called(first, *others, partial(back, 2, Second(first)), partial(back, 2, Second(others[2])))
assert found[-2:] == [6, 4]"""
    assert passed(run(*in_turn(test, out="np.ones(1_000_000)")), 1)
    assert asked.count("calls") == 4


@pytest.mark.parametrize(
    ("out", "cache", "told"),
    [("x", "x, x", "a tuple of 3 came"), ("1 / (x - 3)", "x", "ZeroDivisionError"), ("x", "x", "not subscriptable")],
)
def test_an_earlier_call_that_failed_or_gave_no_pair_is_told(out, cache, told):
    execution = run(*in_turn("called(first, partial(back, 2, Second(first)))", out, cache))
    assert (passed(execution, 1), passed(execution, 3)) == (False, True)
    assert told in said(execution, 1)


@pytest.mark.parametrize("replies", ["7", "[]", "[7, 7]", "[{}, {}, {}]"])
def test_replies_to_several_calls_that_make_no_sense_end_the_process(replies):
    forged = f"""import sys

student = sys.modules["autograde.sandbox.student"].Student
send = student._send


def forge(self, frame):
    frame.tree = {{**frame.tree, "replies": {replies}}} if "replies" in frame.tree else frame.tree
    send(self, frame)


student._send = forge


def answer(x):
    return x"""
    execution = run(*each("[(1,), (2,)]", "[1, 2]", forged))
    assert not passed(execution, 2)
    assert execution.end is End.DIED


def test_whether_another_answer_is_right_is_found_out_once_until_a_cell_of_the_students_runs(monkeypatch):
    module, asked = sys.modules["course_utils.check"], []
    passes = module.passes
    monkeypatch.setattr(
        module, "passes", lambda exercise, *given: asked.append(exercise.name) or passes(exercise, *given)
    )
    answers = """def relu_forward(x):
    return {right}, x


def relu_backward(dout, x):
    return 0 * dout"""
    given, check = ("given", "import numpy as np\nfrom course_utils import check"), "check(relu_backward, hidden={})"
    tests = [("test", check.format(hidden)) for hidden in (False, True)]
    right, wrong = (
        ("answer relu_forward relu_backward", answers.format(right=text)) for text in ("np.maximum(x, 0)", "x + 1")
    )
    execution = run(given, right, *tests, wrong, *tests)
    assert asked == ["relu_forward", "relu_forward"]
    assert ["builds on your relu_forward" in said(execution, n) for n in (2, 3, 5, 6)] == [False, False, True, True]


def test_with_a_mistake_of_its_own_that_explains_all_no_other_answer_is_blamed():
    """The one that it needs is wrong, too, but what it hands over is right."""
    answers = """def relu_forward(x):
    return np.abs(x), x


def relu_backward(dout, x):
    return {}"""
    given, test = ("given", "import numpy as np\nfrom course_utils import check"), ("test", "check(relu_backward)")
    named, unnamed = (("answer relu_forward relu_backward", answers.format(text)) for text in ("dout * (x >= 0)", "3"))
    execution = run(given, named, test, unnamed, test)
    assert ["Likely mistake" in said(execution, n) for n in (2, 4)] == [True, False]
    assert ["builds on your relu_forward" in said(execution, n) for n in (2, 4)] == [False, True]
