"""What students import: ``check`` and the modules beside it (data, plots, widgets, environment, seed)."""

from course_utils.check import CheckFailed, check

__all__ = ["CheckFailed", "check"]
__version__ = "0.1.0"
