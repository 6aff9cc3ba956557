"""Grading for instructors, on an ordinary nbgrader course: release, grade, feedback, report, export, verify, demo."""

from autograde.course import Course, Limits
from autograde.errors import AutogradeError, CourseError, NotebookError, UsageError

__all__ = ["AutogradeError", "Course", "CourseError", "Limits", "NotebookError", "UsageError"]
