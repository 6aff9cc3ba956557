"""What students import: ``check`` and the modules beside it (data, plots, widgets, environment, seed)."""

from typing import Any

__all__ = ["CheckFailed", "check"]
__version__ = "0.1.0"

try:
    from course_utils.check import CheckFailed, check
except Exception as error:  # a package is missing or broken, and course_utils.environment must be able to say which
    _error = error

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'course_utils' has no attribute {name!r}")
        raise ImportError(
            f"{name} does not work here ({type(_error).__name__}: {_error}). "
            "Run this in a terminal; it says what to do: python -m course_utils.environment"
        ) from _error
