"""Grading for instructors, on an ordinary nbgrader course: release, grade, feedback, report, export, verify, demo."""

import sys

# nbformat's schema checker compiles a grammar of internationalized web addresses when it is imported, for one to four
# seconds; no notebook has such an address. Where the module cannot be imported, the checker leaves that format out.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

from autograde.course import Course, Limits  # noqa: E402
from autograde.errors import AutogradeError, CourseError, NotebookError, UsageError  # noqa: E402

__all__ = ["AutogradeError", "Course", "CourseError", "Limits", "NotebookError", "UsageError"]
