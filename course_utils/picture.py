"""A failing case as a picture: its arguments, yours, what is expected, and the difference."""

from __future__ import annotations

import io
import numbers
from typing import TYPE_CHECKING

import numpy as np

from course_utils.comparison import Difference, brief
from course_utils.contract import Case
from course_utils.examination import Examination, Trial
from course_utils.plots import draw_matrix
from course_utils.report import drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Panel = tuple[str, np.ndarray, str]  # title, values, colour map


def picture(result: Examination) -> Figure | None:
    """The clearest failing case side by side, numbers in the cells where they fit; None where there is no array."""
    chosen = pictured(result)
    if chosen is None:
        return None
    from matplotlib.figure import Figure

    trial, difference = chosen
    panels = [*_arguments(result, trial.case), *_results(difference)]
    widths = [max(values.shape[1], 3) for _, values, _ in panels]
    cell = min(0.6, 11 / sum(widths))  # inches
    height = 0.9 + cell * max(values.shape[0] for _, values, _ in panels)
    figure = Figure(figsize=(cell * sum(widths) + 0.4 * len(panels), height), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False, width_ratios=widths)
    for axes, (title, values, colors) in zip(grid[0], panels, strict=True):
        heading = f"{title}\n{' × '.join(map(str, values.shape))}"
        draw_matrix(axes, values, heading, colors=colors, limits=_limits(title, values, panels))
    part = f"{difference.part}, " if difference.part else ""
    figure.suptitle(
        f"{result.exercise.name}: {part}{trial.case.category or 'a small case'}{_settings(result, trial.case)}",
        fontsize=10,
    )
    return figure


def pictured(result: Examination) -> tuple[Trial, Difference] | None:
    """The failing case that makes the clearest picture: few numbers, but more than two."""
    candidates = [
        (trial, d)
        for trial in ([result.smallest] if result.smallest else []) + list(result.failures)
        for d in trial.comparison.differences
        if drawable(d) and np.size(d.expected) >= 3 and _has_values(d.got)
    ]
    return min(candidates, key=lambda c: np.size(c[1].expected), default=None)


def _has_values(array: np.ndarray) -> bool:
    return bool(array.size) and bool(np.isfinite(array).any())


def _named(result: Examination, case: Case) -> dict[str, object]:
    return dict(zip(result.exercise.signature.parameters, case.args, strict=False)) | dict(case.kwargs)


def _arguments(result: Examination, case: Case) -> list[Panel]:
    """The first two arguments that are vectors or matrices."""
    named = _named(result, case).items()
    arrays = [(n, np.atleast_2d(v)) for n, v in named if isinstance(v, np.ndarray) and v.ndim in (1, 2) and v.size]
    return [(name, values, "gray") for name, values in arrays[:2] if max(values.shape) <= 12]


def _settings(result: Examination, case: Case) -> str:
    """The other arguments in words: ", stride=2"."""
    plain = (int, float, tuple, numbers.Number)
    return "".join(f", {n}={brief(v)}" for n, v in _named(result, case).items() if isinstance(v, plain))


def _results(difference: Difference) -> list[Panel]:
    pair = drawable(difference)
    assert pair is not None
    got, expected = pair
    panels = [("yours", got, "viridis"), ("expected", expected, "viridis")]
    if got.shape == expected.shape:
        panels.append(("difference", got.astype(float) - expected, "RdBu_r"))
    return panels


def _limits(title: str, values: np.ndarray, panels: list[Panel]) -> tuple[float, float]:
    """The colours' range: yours and expected share one, a difference is centred on zero."""
    if title.startswith("difference"):
        finite = np.abs(values[np.isfinite(values)])
        extent = float(finite.max(initial=0)) or 1.0
        return -extent, extent
    sharing = [v for t, v, _ in panels if t in ("yours", "expected")] if title in ("yours", "expected") else [values]
    finite = np.concatenate([v[np.isfinite(v)].ravel().astype(float) for v in sharing])
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
