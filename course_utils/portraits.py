"""Pictures of networks: how they learned, what they confuse, their worst mistakes, where their costs are.

Every public function draws one pyplot figure and returns None. Tensors do as well as arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.plots import as_array, as_picture, captioned_figure, plain_logarithm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from course_utils.history import History

__all__ = ["back_to_back", "confusion", "learning_curves", "mistakes"]

COLORS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#8c8c8c")


def learning_curves(histories: History | Mapping[str, Any], caption: str = "") -> None:
    """Draw the loss and the accuracy of training runs: dashed on training images, solid on validation images.

    Parameters
    ----------
    histories : of one run; or label → history; or label → list of histories of runs that differ in their seed only.
        Of those each is a thin line, and their mean a thick one.
    caption : a sentence below the figure.

    Raises
    ------
    ValueError
        where there is no run, or one without a whole epoch.
    """
    groups = dict(histories) if isinstance(histories, Mapping) else {"": histories}
    runs = {label: list(group) if isinstance(group, list | tuple) else [group] for label, group in groups.items()}
    if not runs or not all(group and all(run.losses for run in group) for group in runs.values()):
        raise ValueError("expected runs with at least one whole epoch, got none or an empty one: train before drawing")
    figure, _ = captioned_figure(caption, 9.2, 3.3, axes=False)
    loss, accuracy = figure.subplots(1, 2)
    for color, group in zip(_colors(len(runs)), runs.values(), strict=True):
        for axes, trained, validated in (
            (loss, "losses", "validation_losses"),
            (accuracy, "accuracies", "validation_accuracies"),
        ):
            _curves(axes, [getattr(run, trained) for run in group], color, "--")
            _curves(axes, [getattr(run, validated) for run in group], color, "-")
    loss.set(xlabel="epoch", ylabel="loss (cross entropy)", yscale="log")
    plain_logarithm(loss.yaxis)
    accuracy.set(xlabel="epoch", ylabel="accuracy")
    for axes in (loss, accuracy):
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    _explain(accuracy, {label: len(group) for label, group in runs.items()})


def _colors(count: int) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(count)]


def _curves(axes: Axes, lines: Sequence[Sequence[float]], color: str, style: str) -> None:
    """Runs as thin lines and their mean, as far as all of them go, as a thick one."""
    lines = [line for line in lines if line]
    if not lines:
        return
    for line in lines if len(lines) > 1 else ():
        axes.plot(np.arange(1, len(line) + 1), line, style, color=color, linewidth=0.7, alpha=0.45)
    common = min(map(len, lines))
    mean = np.mean([line[:common] for line in lines], axis=0)
    dot = "o" if common <= 20 else None
    axes.plot(np.arange(1, common + 1), mean, style, color=color, marker=dot, markersize=3.5)


def _explain(axes: Axes, runs: Mapping[str, int]) -> None:
    """A legend of the colours, one for each label with its number of runs, and of the two styles."""
    from matplotlib.lines import Line2D

    entries = [
        Line2D([], [], color=color, linewidth=3, label=f"{label} (mean of {count} runs)" if count > 1 else label)
        for color, (label, count) in zip(_colors(len(runs)), runs.items(), strict=True)
        if label
    ]
    entries.append(Line2D([], [], color="black", linestyle="--", label="training, during the epoch"))
    if any(line.get_linestyle() == "-" for line in axes.lines):
        entries.append(Line2D([], [], color="black", label="validation, after the epoch"))
    axes.legend(handles=entries, fontsize=8, loc="best")


def confusion(matrix: Any, classes: Sequence[str] | None = None, caption: str = "") -> None:
    """Draw a confusion matrix; the mistakes are coloured, and each row ends with the accuracy on its class.

    Parameters
    ----------
    matrix : (classes, classes), how many images; rows are the true classes, columns the predicted ones.
    classes : their names; by default their numbers.
    caption : a sentence below the figure.

    Raises
    ------
    ValueError
        for another shape, or names that do not go with it.
    """
    counts = as_array(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"expected a square matrix, got shape {counts.shape}: rows and columns are the classes")
    names = list(classes) if classes is not None else [str(i) for i in range(len(counts))]
    if len(names) != len(counts):
        raise ValueError(f"expected {len(counts)} names of classes, got {len(names)}")
    side = min(8.0, 1.4 + 0.42 * len(counts))
    _, axes = captioned_figure(caption, side + 0.9, side)
    wrong = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    image = axes.imshow(wrong, cmap="Reds", vmin=0, vmax=max(1, wrong.max()))
    right, total = int(np.trace(counts)), int(counts.sum())
    axes.set_title(f"{right:,} of {total:,} right: {right / max(total, 1):.2%}", fontsize=10, pad=18)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    every = range(0, len(names), 1 if len(names) <= 30 else 10)
    long = max(map(len, names)) > 2
    ticks = [names[i] for i in every]
    axes.set_xticks(every, ticks, rotation=60 if long else 0, ha="right" if long else "center", fontsize=8)
    axes.set_yticks(every, ticks, fontsize=8)
    if len(counts) <= 20:
        _fill_confusion(axes, counts, wrong)
    else:
        axes.figure.colorbar(image, ax=axes, shrink=0.7, label="images called by another class").locator.set_params(
            integer=True
        )


def _fill_confusion(axes: Axes, counts: np.ndarray, wrong: np.ndarray) -> None:
    """The numbers in the cells, and the accuracy on each class at the end of its row."""
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "#777777" if row == column else "white" if count > 0.6 * wrong.max() else "black"
            axes.text(column, row, f"{count:,.0f}", ha="center", va="center", fontsize=7.5, color=color)
    axes.text(len(counts) - 0.3, -0.85, "right", ha="left", va="center", fontsize=7.5, style="italic")
    for row, total in enumerate(counts.sum(axis=1)):
        share = f"{counts[row, row] / total:.1%}" if total else "none"
        axes.text(len(counts) - 0.3, row, share, ha="left", va="center", fontsize=7.5)


def mistakes(
    images: Any,
    labels: Any,
    scores: Any,
    classes: Sequence[str] | None = None,
    caption: str = "",
    *,
    count: int = 12,
) -> None:
    """Draw the images with the largest loss: the worst mistake first.

    Parameters
    ----------
    images : (N, C, H, W), C 1 or 3.
    labels : (N,).
    scores : (N, classes), before softmax.
    classes : their names; by default their numbers.
    caption : a sentence below the figure.
    count : how many.

    Raises
    ------
    ValueError
        for sizes that do not go together.
    """
    pictures, truth, given = as_array(images), as_array(labels).astype(int), as_array(scores)
    if pictures.ndim != 4 or not len(pictures) == len(truth) == len(given) or not len(truth):
        raise ValueError(
            f"expected images (N, C, H, W), labels (N,) and scores (N, classes), got {pictures.shape}, {truth.shape} "
            f"and {given.shape}"
        )
    names = list(classes) if classes is not None else [str(i) for i in range(given.shape[1])]
    shares = _softmax(given)
    worst = np.argsort(shares[np.arange(len(truth)), truth], kind="stable")[:count]
    shown = [as_picture(pictures[i]) for i in worst]
    columns = min(6, len(worst))
    rows = -(-len(worst) // columns)
    figure, _ = captioned_figure(caption, max(3.2, 1.57 * columns), 1.95 * rows + 0.2, axes=False)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, picture, i in zip(panels, shown, worst, strict=False):
        said = int(given[i].argmax())
        panel.imshow(picture, cmap="gray", interpolation="nearest")
        title = f"is {names[truth[i]]}\ncalled {names[said]} ({shares[i, said]:.0%})"
        panel.set_title(title, fontsize=8, color="#b00020" if said != truth[i] else "black")


def back_to_back(
    names: Sequence[str], left: tuple[str, Sequence[float]], right: tuple[str, Sequence[float]], caption: str = ""
) -> None:
    """Draw two bars a name, one to each side, with their shares of the totals.

    Parameters
    ----------
    names : from top to bottom.
    left, right : what the bars are, with the unit; and the numbers, one for each name.
    caption : a sentence below the figure.

    Raises
    ------
    ValueError
        for no names, or numbers that do not go with them.
    """
    if not names or len(names) != len(left[1]) or len(names) != len(right[1]):
        raise ValueError(f"expected two numbers for each name, got {len(left[1])} and {len(right[1])} for {len(names)}")
    figure, _ = captioned_figure(caption, 9.2, 0.95 + 0.19 * len(names), axes=False)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (title, values), color in zip(panels, (left, right), ("#dd8452", "#4c72b0"), strict=True):
        total = sum(values)
        drawn = panel.barh(range(len(names)), values, color=color)
        if panel is panels[0]:
            panel.invert_xaxis()
        shares = [f"{v / total:.0%}" if total and v / total >= 0.005 else "" for v in values]
        panel.bar_label(drawn, shares, fontsize=7, padding=2)
        panel.set_title(f"total {total:,.0f}" if total >= 1000 else f"total {total:.3g}", fontsize=9)
        panel.set_xlabel(title, fontsize=8)
        panel.tick_params(labelsize=8)
        panel.margins(x=0.13, y=0.5 / len(names))
        panel.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    panels[0].yaxis.tick_right()
    panels[1].tick_params(axis="y", length=0)


def _softmax(scores: np.ndarray) -> np.ndarray:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
