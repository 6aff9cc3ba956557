"""An answer put through all cases of its exercise: the result as data, for a report to show."""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from random import Random
from typing import Any

from course_utils.comparison import Comparison, compare, same
from course_utils.contract import Case, Exercise, Mistake, Raises
from course_utils.diagnosis import explain, resemblance
from course_utils.references import forbidden
from course_utils.shrinker import shrink, weight
from course_utils.trial import Outcome, copied, expected, observe

REPEATED = 8  # cases that an answer gets a second time
AT_ONCE = 16  # smaller inputs that are tried together, at most


@dataclass(frozen=True)
class Trial:
    """One case: what was expected, what the answer did, and how the two compare."""

    case: Case
    expected: Any
    outcome: Outcome
    comparison: Comparison

    @property
    def right(self) -> bool:
        return self.comparison.equal


@dataclass(frozen=True)
class Examination:
    """All that was found about one answer.

    problem : a sentence when the answer could not be examined at all (not a function, a stub, wrong parameters).
    trials : every case, in order.
    smallest : the smallest failing input found, or None.
    mistakes : the known mistake (or two together) that explains every outcome seen.
    accepts_anything : whether inputs that must be refused are accepted; ``mistakes`` then explains all the others.
    still_holds : sentences on what is right all the same, where no known mistake explains the outcomes.
    changed : names of the arguments that the answer modified.
    keeps_state : whether the same call answered differently the second time.
    wrong_companions : other answers that this one builds on and that are not right themselves.
    forbidden : library names that the exercise does not allow.
    notes : things that are not wrong but worth telling.
    """

    exercise: Exercise
    hidden: bool = False
    problem: str = ""
    trials: tuple[Trial, ...] = ()
    smallest: Trial | None = None
    mistakes: tuple[Mistake, ...] = ()
    accepts_anything: bool = False
    still_holds: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    keeps_state: bool = False
    wrong_companions: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[Trial, ...]:
        return tuple(t for t in self.trials if not t.right)

    @property
    def passed(self) -> bool:
        return not (self.problem or self.failures or self.changed or self.keeps_state or self.forbidden)

    @property
    def categories(self) -> Mapping[str, tuple[int, int]]:
        """Category → (right, all)."""
        counts: dict[str, tuple[int, int]] = {}
        for t in self.trials:
            right, total = counts.get(t.case.category, (0, 0))
            counts[t.case.category] = (right + t.right, total + 1)
        return counts


@dataclass
class _Examiner:
    exercise: Exercise
    answer: Callable[..., Any]
    companions: Sequence[Callable[..., Any]]
    seed: int

    def trial(self, case: Case, want: Any = None, function: Callable[..., Any] | None = None) -> Trial:
        """The answer in a case; ``function`` is the answer made ready for that case."""
        want = expected(self.exercise, case) if want is None else want
        function = function or self.exercise.bind(self.answer, self.companions, beside=True)
        outcome = observe(function, case, self.exercise)
        tolerance = self.exercise.tolerance_for(case)
        return Trial(case, want, outcome, compare(want, outcome.value, tolerance, self.exercise.parts))

    def functions(self, cases: Sequence[Case], *, beside: bool) -> Sequence[Callable[..., Any]]:
        """The answer made ready for each case; not ``beside``: with each call of it made from here."""
        return self.exercise.bind_each(cases, self.answer, self.companions, beside=beside)

    def first_failing(self, kind: str, candidates: Iterator[Case]) -> tuple[int, Case | None]:
        """The first of some cases in which the answer fails in such a way, and how many were tried.

        More and more of them go to the answer at once: most often the first ones fail, or none does.
        """
        tried, at_once = 0, 2
        while some := list(itertools.islice(candidates, at_once)):
            wanted = [self._wanted(case, kind) for case in some]
            sent = [case for case, want in zip(some, wanted, strict=True) if want is not None]
            functions = iter(self.functions(sent, beside=True))
            for place, (case, want) in enumerate(zip(some, wanted, strict=True), tried + 1):
                trial = None if want is None else self.trial(case, want[0], next(functions))
                if trial and not trial.right and trial.comparison.differences[0].kind == kind:
                    return place, case
            tried, at_once = tried + len(some), min(2 * at_once, AT_ONCE)
        return tried, None

    def _wanted(self, case: Case, kind: str) -> tuple[Any] | None:
        """What is expected in a case; None where the exercise, or the oracle, says nothing about it."""
        if not self.exercise.in_domain(case):
            return None
        want = expected(self.exercise, case)
        return None if isinstance(want, Raises) != (kind == "no error") else (want,)


def examine(
    exercise: Exercise, answer: Any, companions: Sequence[Any] = (), *, hidden: bool = False, seed: int = 0
) -> Examination:
    """Put an answer through all cases that a seed draws, and say what is wrong with it."""
    drawn = _drawn(exercise, seed, hidden)
    problem = _unusable(exercise, answer, [case for case, _ in drawn])
    if problem:
        return Examination(exercise, hidden, problem)
    examiner = _Examiner(exercise, answer, companions, seed)
    functions = examiner.functions([case for case, _ in drawn], beside=True)
    trials = tuple(examiner.trial(*each, function) for each, function in zip(drawn, functions, strict=True))
    problem = _stub(trials)
    if problem:
        return Examination(exercise, hidden, problem, trials)
    return _judge(examiner, trials, hidden)


def passes(exercise: Exercise, answer: Any, companions: Sequence[Any] = ()) -> bool:
    """Whether an answer is right in the visible cases; nobody asks why not, so the first one that is wrong decides."""
    drawn = _drawn(exercise, 0, False)
    if _unusable(exercise, answer, [case for case, _ in drawn]):
        return False
    examiner = _Examiner(exercise, answer, companions, 0)
    trials: list[Trial] = []
    functions = examiner.functions([case for case, _ in drawn], beside=True)
    for each, function in zip(drawn, functions, strict=True):
        trials.append(examiner.trial(*each, function))
        if not trials[-1].right or trials[-1].outcome.changed:
            return False
    return not (_keeps_state(examiner, tuple(trials)) or forbidden(answer, exercise.forbidden))


@lru_cache(maxsize=256)
def _drawn(exercise: Exercise, seed: int, hidden: bool) -> tuple[tuple[Case, Any], ...]:
    """The cases of a seed with what is expected; answers get copies of both, so they can be kept for the next one."""
    return tuple((case, expected(exercise, case)) for case in exercise.draw(seed, hidden))


def _judge(examiner: _Examiner, trials: tuple[Trial, ...], hidden: bool) -> Examination:
    exercise = examiner.exercise
    failures = [t for t in trials if not t.right]
    smallest: Trial | None = None
    mistakes: tuple[Mistake, ...] = ()
    accepts_anything = False
    if failures:
        smallest = _smallest(examiner, failures)
        seen = (*sorted(trials, key=lambda t: t.right), smallest)  # what refutes a mistake comes first
        mistakes = _explained(exercise, seen)
        if not mistakes and any(_not_refused(t) for t in failures):
            accepts_anything = True
            (kind, *_) = [t.expected.kind for t in failures if _not_refused(t)]
            mistakes = _explained(exercise, [t for t in seen if not _not_refused(t)], kind)
    holds = () if mistakes else _holds([t for t in failures if not _not_refused(t)])
    return Examination(
        exercise,
        hidden,
        trials=trials,
        smallest=smallest,
        mistakes=mistakes,
        accepts_anything=accepts_anything,
        still_holds=holds,
        changed=tuple(dict.fromkeys(name for t in trials for name in t.outcome.changed)),
        keeps_state=_keeps_state(examiner, trials),
        forbidden=forbidden(examiner.answer, exercise.forbidden),
        notes=tuple(dict.fromkeys(note for t in trials for note in t.comparison.notes)),
    )


def _not_refused(trial: Trial) -> bool:
    """Whether the answer returns something where it must raise."""
    return any(d.kind == "no error" for d in trial.comparison.differences)


def _explained(
    exercise: Exercise, trials: Sequence[Trial], unrefused: type[BaseException] | None = None
) -> tuple[Mistake, ...]:
    if all(t.right for t in trials):
        return ()
    return explain(exercise, [(t.case, t.outcome.value) for t in trials], unrefused)


def _smallest(examiner: _Examiner, failures: list[Trial]) -> Trial:
    first = min(failures, key=lambda t: (_not_refused(t), weight(t.case)))
    if examiner.exercise.once:
        return first
    kind = first.comparison.differences[0].kind
    case = shrink(first.case, partial(examiner.first_failing, kind), align=examiner.exercise.align)
    if case is not first.case:  # what is left need no longer be of its category
        case = replace(case, category="")
    return examiner.trial(case)


def _holds(failures: list[Trial]) -> tuple[str, ...]:
    """What still holds, looked at in each part of the result that differs."""
    by_part: dict[str, list[tuple[Any, Any]]] = {}
    if any(isinstance(t.outcome.value, Raises) for t in failures):
        return ()
    for trial in failures:
        for d in trial.comparison.differences:
            by_part.setdefault(d.part, []).append((d.expected, d.got))
    sentences = []
    for part, pairs in list(by_part.items())[:3]:
        sentences += [f"{part}: {s}" if part else s for s in resemblance(pairs)]
    return tuple(sentences)


def _keeps_state(examiner: _Examiner, trials: tuple[Trial, ...]) -> bool:
    """Whether it answers differently the second time, when nothing beside it could answer in its place."""
    if examiner.exercise.once:
        return False
    chosen = Random(examiner.seed).sample(trials, min(REPEATED, len(trials)))
    with contextlib.redirect_stdout(io.StringIO()):
        functions = examiner.functions([copied(t.case) for t in chosen], beside=False)
    again = [observe(function, t.case, examiner.exercise).value for t, function in zip(chosen, functions, strict=True)]
    return any(not same(t.outcome.value, value) for t, value in zip(chosen, again, strict=True))


def _unusable(exercise: Exercise, function: Any, cases: Sequence[Case]) -> str:
    """A sentence when what came cannot be called as the exercise says."""
    if not callable(function):
        kind = type(function).__name__
        return f"check needs the function itself: check({exercise.name}). What came is {_article(kind)} {kind}."
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have none
        return ""
    if all(_accepts(signature, *call) for call in _calls(exercise, cases)):
        return ""
    name = getattr(function, "__name__", exercise.name)
    return f"{exercise.name} must accept {exercise.name}{exercise.answer_signature}; yours is {name}{signature}."


def _calls(exercise: Exercise, cases: Sequence[Case]) -> set[tuple[int, tuple[str, ...]]]:
    """How many arguments the answer must accept, and which by name, in one call or another."""
    if exercise.is_called_directly:
        return {(len(case.args), tuple(case.kwargs)) for case in cases}
    return {(len([name for name in exercise.answer_signature.strip("()").split(",") if name]), ())}


def _accepts(signature: inspect.Signature, count: int, names: Sequence[str]) -> bool:
    try:
        signature.bind(*[None] * count, **dict.fromkeys(names))
    except TypeError:
        return False
    return True


def _stub(trials: tuple[Trial, ...]) -> str:
    values = [t.outcome.value for t in trials if not isinstance(t.expected, Raises)]
    if values and all(isinstance(v, Raises) and issubclass(v.kind, NotImplementedError) for v in values):
        return "There is no answer yet: replace `raise NotImplementedError()` by your code."
    if values and all(v is None for v in values) and any(t.expected is not None for t in trials):
        return "Your function returns None: it has no `return`, or one without a value."
    return ""


def _article(word: str) -> str:
    return "an" if word[0].lower() in "aeiou" else "a"
