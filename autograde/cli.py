"""The command line: the only place that prints and that decides the exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autograde.course import Course
from autograde.errors import AutogradeError

if TYPE_CHECKING:
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
    return parser


def _command(commands: Commands, name: str, run: object, says: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=says, description=says[0].upper() + says[1:] + ".")
    command.set_defaults(run=run)
    command.add_argument("lessons", nargs="*", metavar="LESSON", help="such as 01_convolution; all when none is named")
    command.add_argument("--course", type=Path, default=Path(), metavar="DIR", help="the course's folder")
    return command


def _course(options: argparse.Namespace) -> Course:
    return Course.find(options.course, getattr(options, "class_folder", None))


def _release(options: argparse.Namespace) -> int:
    from autograde.release import release

    course = _course(options)
    for released in release(course, course.select(options.lessons)):
        done = "written to" if released.changed else "already the same in"
        print(f"{released.lesson}: {done} {_shown(released.path)}")
    return 0


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
