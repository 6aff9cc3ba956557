"""The command line: the only place that prints and that decides the exit status."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from autograde.course import Course
from autograde.errors import AutogradeError, UsageError

if TYPE_CHECKING:
    from autograde.grade import Graded
    from autograde.outcomes import Outcome
    from autograde.verify import Variant

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 (some submissions did not end as graded) or 2 (wrong usage)."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        return status
    except AutogradeError as error:
        print(f"autograde: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("autograde: stopped; what was finished is kept.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="autograde", description="Grade the course's notebooks.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _command(commands, "release", _release, "sources to students' notebooks; refuses what would leak")
    collect = _command(
        commands, "collect", _collect, "a download of an LMS into submitted/", of_class=True, source=True
    )
    _of_collect(collect)
    grade = _command(commands, "grade", _grade, "run and score the submissions of a class", of_class=True)
    grade.add_argument("--student", metavar="NAME", help="only this student's")
    grade.add_argument("--workers", type=_positive, metavar="N", help="notebooks at a time (default: one a core)")
    grade.add_argument("--force", action="store_true", help="also what was graded and has not changed")
    grade.add_argument("--dry-run", action="store_true", help="say whose score would change, write nothing")
    grade.add_argument("--scheduler", metavar="URL", help="run on the Dask cluster there, such as tcp://10.0.0.1:8786")
    grade.add_argument("--yes", action="store_true", help="write changed scores without asking")
    grade.add_argument("--all-cells", action="store_true", help="also cells that are tagged show")
    _isolation(grade)
    _command(commands, "feedback", _feedback, "a page for each submission, for its student", of_class=True)
    watch = _command(
        commands,
        "watch",
        _watch,
        "grade what arrives in submitted/ until Control-C, with feedback and report",
        of_class=True,
    )
    watch.add_argument("--workers", type=_positive, metavar="N", help="notebooks at a time (default: one a core)")
    _isolation(watch)
    _command(commands, "report", _report, "one page for the instructor: scores, mistakes, to look at", of_class=True)
    export = _command(commands, "export", _export, "the grades as a table", of_class=True)
    _of_export(export)
    verify = _command(commands, "verify", _verify, "the course against itself: solutions, blanks and known mistakes")
    verify.add_argument("--workers", type=_positive, metavar="N", help="processes at a time (default: one a core)")
    _isolation(verify)
    _command(commands, "doctor", _doctor, "what this machine can isolate, and how fast")
    demo = _command(commands, "demo", _demo, "a made-up class through all of the above", of_class=True)
    demo.add_argument("--workers", type=_positive, metavar="N", help="notebooks at a time (default: one a core)")
    demo.add_argument("--students", type=_positive, default=30, metavar="N", help="how many, 30 at most")
    demo.add_argument("--seed", type=int, default=0, help="another seed makes another class")
    return parser


def _of_collect(collect: argparse.ArgumentParser) -> None:
    collect.add_argument(
        "--roster", type=Path, metavar="FILE", help="who is in the class, as CSV (default: class/roster.csv)"
    )
    collect.add_argument("--due", metavar="DATE", help='when the lesson was due, such as "2026-11-20 23:59"')
    collect.add_argument(
        "--from", dest="kind", choices=["canvas", "moodle", "gradescope", "folder"], help="default: seen"
    )
    collect.add_argument("--dry-run", action="store_true", help="say what would be taken, write nothing")


def _of_export(export: argparse.ArgumentParser) -> None:
    export.add_argument("--format", choices=["csv", "canvas", "moodle"], default="csv")
    export.add_argument("--roster", type=Path, metavar="FILE", help="for an LMS: the class (default: class/roster.csv)")
    export.add_argument("--template", type=Path, metavar="FILE", help="for an LMS: its own exported sheet, to fill in")
    export.add_argument(
        "--column", type=_pair, action="append", default=[], metavar="LESSON=TITLE", help="a lesson's column in it"
    )
    export.add_argument("--output", type=Path, metavar="FILE", help="for an LMS: default class/FORMAT.csv")


def _command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    says: str,
    *,
    of_class: bool = False,
    source: bool = False,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=says, description=says[0].upper() + says[1:] + ".")
    command.set_defaults(run=run, class_folder=None)
    if source:
        command.add_argument("source", type=Path, metavar="SOURCE", help="a folder, or the zip file of a bulk download")
    command.add_argument("lessons", nargs="*", metavar="LESSON", help="such as 01_convolution; all when none is named")
    command.add_argument("--course", type=Path, default=Path(), metavar="DIR", help="the course's folder")
    if of_class:
        command.add_argument("--class", dest="class_folder", type=Path, metavar="DIR", help="default: class/")
    return command


def _isolation(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--isolation",
        choices=["full", "process"],
        default="full",
        help="process: limits only, no walls, for machines that cannot do more (written into the report)",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _pair(text: str) -> tuple[str, str]:
    lesson, equals, title = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("LESSON=TITLE")
    return lesson, title


def _course(options: argparse.Namespace) -> tuple[Course, tuple[str, ...]]:
    course = Course.find(options.course, options.class_folder)
    return course, course.select(options.lessons)


def _release(options: argparse.Namespace) -> int:
    from autograde.release import release

    for released in release(*_course(options)):
        done = "written to" if released.changed else "already the same in"
        print(f"{released.lesson}: {done} {_shown(released.path)}")
    return 0


def _collect(options: argparse.Namespace) -> int:
    from autograde.collect import collect, table
    from autograde.lms import Kind

    course, lessons = _course(options)
    if len(options.lessons) > 1:
        raise UsageError("A download is of one lesson, or of all that its notebooks are of: name one lesson, or none.")
    made = collect(
        course,
        options.source,
        lessons[0] if options.lessons else None,
        roster=options.roster,
        due=options.due,
        kind=Kind(options.kind) if options.kind else None,
        dry_run=options.dry_run,
    )
    print(table(made))
    print("Nothing was written." if options.dry_run else f"Submissions: {_shown(course.submitted)}.")
    return 1 if made.refused else 0


def _grade(options: argparse.Namespace) -> int:
    from autograde import regrade
    from autograde.grade import grade, table
    from autograde.submission import strays

    course, lessons = _course(options)
    for stray in strays(course):
        print(f"autograde: {stray} is passed over: the course has no lesson of that name.", file=sys.stderr)
    settings = {
        "workers": options.workers,
        "force": options.force,
        "all_cells": options.all_cells,
        "isolated": options.isolation == "full",
        **(_on_cluster(options) if options.scheduler else {}),
    }
    if options.dry_run or (options.force and regrade.is_possible(course)):
        result = _regrade(course, lessons, options, settings)
    else:
        with _Progress("submission") as progress:
            result = grade(course, lessons, options.student, progress=progress.graded, **settings)
    bad = [o for o in result.outcomes if not o.is_graded]
    skipped = f"; {len(result.kept)} unchanged since the last time (--force grades them again)" if result.kept else ""
    print(table(result))
    print(f"{len(result.outcomes) - len(bad)} of {len(result.outcomes)} submissions graded{skipped}.")
    if options.dry_run:
        print("Nothing was written.")
    else:
        print(f"Scores: {_shown(course.folder / 'grades.csv')}. Notebooks: {_shown(course.autograded)}.")
    return 1 if bad else 0


def _on_cluster(options: argparse.Namespace) -> dict[str, Any]:
    """How submissions are run on the workers of a cluster: so many at a time, by its executor."""
    from autograde import cluster

    with cluster.Cluster(options.scheduler) as connected:
        workers = options.workers or cluster.AHEAD * connected.threads
    return {"workers": workers, "make_executor": cluster.executors(options.scheduler)}


def _regrade(course: Course, lessons: tuple[str, ...], options: argparse.Namespace, settings: dict[str, Any]) -> Graded:
    """Show what changes; write it unless somebody says no."""
    from autograde import regrade

    with TemporaryDirectory(prefix="autograde-") as scratch:
        with _Progress("submission") as progress:
            seen = regrade.preview(
                course, lessons, Path(scratch), options.student, progress=progress.graded, **settings
            )
        print(regrade.table(seen))
        if options.dry_run:
            return seen.graded
        if seen.moved and not (options.yes or _agreed(f"Write these {len(seen.moved)} changes?")):
            raise UsageError("Nothing was written. To write the changed scores without being asked: --yes")
        return regrade.write(course, seen)


def _agreed(question: str) -> bool:
    """Whether somebody at a terminal says yes; without a terminal nobody does."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _feedback(options: argparse.Namespace) -> int:
    from autograde.feedback import feedback

    course, lessons = _course(options)
    pages = feedback(course, lessons)
    print(f"{len(pages)} pages in {_shown(course.feedback)}.")
    return 0


def _watch(options: argparse.Namespace) -> int:
    from autograde import schedule
    from autograde.watch import Watch

    course, lessons = _course(options)
    watch = Watch(
        course,
        lessons,
        options.workers or schedule.cores(),
        isolated=options.isolation == "full",
        progress=lambda outcome, done, total: print(_graded(outcome), flush=True),
    )
    print(f"Watching {_shown(course.submitted)}: {', '.join(lessons)}. Control-C ends this.", flush=True)
    for _ in watch.run(lambda: print("Ready.", flush=True)):
        print(f"The page for you: {_shown(course.folder / 'report.html')}.", flush=True)
    return 0


def _graded(outcome: Outcome) -> str:
    score = "" if outcome.score is None else f", {outcome.score:g} of {outcome.max_score:g} points"
    return f"{time.strftime('%H:%M:%S')} {outcome.lesson} {outcome.student}: {outcome.ending}{score}"


def _report(options: argparse.Namespace) -> int:
    from autograde.report import report

    print(f"The report is {_shown(report(*_course(options)))}.")
    return 0


def _export(options: argparse.Namespace) -> int:
    from autograde.export import for_lms, write

    course, lessons = _course(options)
    if options.format != "csv":
        chosen = lessons if options.lessons else ()
        files = {"roster": options.roster, "template": options.template, "output": options.output}
        path, notes = for_lms(course, chosen, options.format, named=dict(options.column), **files)
        print("\n".join([*notes, f"Import {_shown(path)}."]))
        return 0
    print(f"The grades are in {_shown(write(course, lessons if options.lessons else ()))}.")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from autograde.verify import table, verify

    course, lessons = _course(options)
    with _Progress("variant") as progress:
        isolated = options.isolation == "full"
        verdicts = verify(course, lessons, workers=options.workers, isolated=isolated, progress=progress.verified)
    print(table(verdicts))
    return 0 if all(v.is_sound for v in verdicts) else 2


def _doctor(options: argparse.Namespace) -> int:
    from autograde.doctor import examine

    findings = examine()
    print("\n".join(finding.line() for finding in findings))
    return 0 if all(finding.well for finding in findings) else 1


def _demo(options: argparse.Namespace) -> int:
    from autograde.demo import demo, table

    course, lessons = _course(options)
    with _Progress("submission") as progress:
        made = demo(
            course,
            lessons,
            students=options.students,
            seed=options.seed,
            workers=options.workers,
            progress=progress.graded,
        )
    print(table(made))
    print(f"The instructor's report: {_shown(made.report)}")
    print(f"The students' pages:     {_shown(course.feedback)}")
    print(f"The grades:              {_shown(made.grades)}")
    print(f"The downloads, and sheets for Canvas and Moodle: {_shown(course.folder / 'demo')}")
    return 1 if made.surprises else 0


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


class _Progress:
    """A bar on a terminal, plain lines elsewhere."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.started = time.monotonic()
        self.bar: Any = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def graded(self, outcome: Outcome, done: int, total: int) -> None:
        score = "" if outcome.score is None else f", {outcome.score:g}/{outcome.max_score:g}"
        line = f"{outcome.lesson} {outcome.student}: {outcome.ending}{score} ({outcome.seconds:.1f} s)"
        self._show(line, done, total)

    def verified(self, variant: Variant, done: int, total: int) -> None:
        if sys.stderr.isatty() or done == total or done % 25 == 0:
            self._show(f"{variant.lesson} {variant.name}", done, total)

    def _show(self, line: str, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            rate = done / max(1e-9, time.monotonic() - self.started)
            left = f"{rate:.1f}/s, {(total - done) / rate:.0f} s left"
            print(f"[{done}/{total}, {left}] {line}", file=sys.stderr, flush=True)
            return
        from tqdm import tqdm

        self.bar = self.bar or tqdm(total=total, unit=self.unit)
        self.bar.set_postfix_str(line)
        self.bar.update()
