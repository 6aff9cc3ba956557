"""Every error that autograde raises on purpose: a sentence for a person, and the exit status of the command."""

from __future__ import annotations


class AutogradeError(Exception):
    """The family. Only the command line prints these and exits; a traceback means a bug."""

    exit_code = 2


class UsageError(AutogradeError):
    """The command was asked for something that is not there: a lesson, a student, a folder."""


class CourseError(AutogradeError):
    """The course itself is not sound; ``findings`` says where, a sentence each."""

    def __init__(self, summary: str, findings: tuple[str, ...] = ()):
        super().__init__("\n".join([summary, *(f"  {finding}" for finding in findings)]))
        self.findings = findings


class NotebookError(AutogradeError):
    """A file that is not a notebook; the text says why."""

    exit_code = 1
