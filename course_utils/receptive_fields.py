"""How far each number of a tensor sees: receptive fields through any graph of PyTorch operations.

For every axis of the image, each position of a tensor has a first and a last pixel. An operation makes the new ones
from those of its inputs; branches that meet are united. Pixels are counted beyond the edge of the image too, as in
the formula of lesson 02. An operation without a rule here gives an unknown field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

__all__ = ["Axis", "Field", "UnknownFieldError", "of_image", "propagate", "sizes"]


class UnknownFieldError(Exception):
    """There is no rule for this operation, or for what it does to a tensor of this layout."""


@dataclass(frozen=True)
class Axis:
    """What the positions along one axis of the image see.

    dim : the tensor's dimension that runs over the positions; None where a single one is left.
    first, last : (positions,), the pixels between which each sees; the last comes first where it sees nothing.
    step : pixels from one position to the next, beyond the ends.
    mixed : the dimension runs over other things too (channels), as after flattening.
    """

    dim: int | None
    first: np.ndarray
    last: np.ndarray
    step: float = 1.0
    mixed: bool = False

    def __len__(self) -> int:
        return len(self.first)

    def window(self, starts: np.ndarray, ends: np.ndarray, step: float) -> Axis:
        """New positions, each over the old ones from a start to an end, which may lie beyond the ends."""
        if self.mixed:
            raise UnknownFieldError
        first = np.minimum(self._at(self.first, starts), self._at(self.first, ends))  # the start's, unless flipped
        last = np.maximum(self._at(self.last, starts), self._at(self.last, ends))
        return replace(self, first=first, last=last, step=step)

    def _at(self, pixels: np.ndarray, positions: np.ndarray) -> np.ndarray:
        inside = np.clip(positions, 0, len(pixels) - 1)
        return pixels[inside] + (positions - inside) * self.step

    def whole(self, *, keep: bool = False) -> Axis:
        """One position that sees what all of them see; it keeps its dimension where that is kept."""
        first, last = self.first.min(keepdims=True), self.last.max(keepdims=True)
        step = self.step * len(self)
        return Axis(self.dim if keep and not self.mixed else None, first, last, step)


Field = tuple[Axis, ...]  # one axis of the image each
Arguments = Mapping[str, Any]
Rule = Callable[[Arguments, Mapping[str, Any], torch.Tensor], Field]  # arguments, their fields, output


def of_image(sizes: Sequence[int]) -> Field:
    """The field of the input itself: each pixel sees itself. The axes follow the channels in (N, C, …)."""
    pixels = [np.arange(size, dtype=float) for size in sizes]
    return tuple(Axis(dim, p, p) for dim, p in enumerate(pixels, start=2))


def sizes(field: Field | None) -> tuple[int, ...] | None:
    """How many pixels the position that sees most sees along each axis, without clipping; None where unknown."""
    return None if field is None else tuple(int((axis.last - axis.first).max()) + 1 for axis in field)


def propagate(name: str, arguments: Arguments, fields: Mapping[str, Any], out: torch.Tensor, *, local: bool) -> Field:
    """The field of an operation's output.

    Parameters
    ----------
    name : of the ATen operation, such as ``"convolution"``.
    arguments : its arguments by name, those with default values too.
    fields : argument → its field, or a list of fields for a list of tensors; arguments that do not depend on the
        image are missing.
    out : the output.
    local : whether it works on each position by itself.

    Raises
    ------
    UnknownFieldError
        where no rule applies.
    """
    rule = _union if local else RULES.get(name)
    if rule is None:
        raise UnknownFieldError
    return rule(arguments, fields, out)


def _taps(values: Any, axis: int) -> int:
    """An argument that may be one number, or one for each axis."""
    return int(values if isinstance(values, int) else values[axis if len(values) > 1 else 0])


def _slid(axis: Axis, count: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> Axis:
    starts = np.arange(count) * stride - padding
    return axis.window(starts, starts + dilation * (kernel - 1), axis.step * stride)


def _slid_back(axis: Axis, count: int, kernel: int, stride: int, padding: int, dilation: int) -> Axis:
    """A transposed convolution: output i gets input u by tap t where u · stride + t · dilation − padding = i.

    An output that gets nothing (a kernel shorter than the stride) takes the first pixel of the next one and the last of
    the one before, so that a window over it still goes from its first position's first to its last position's last.
    """
    reached = np.arange(count)[:, None] + padding - dilation * np.arange(kernel)  # (positions, taps)
    hit, inputs = reached % stride == 0, reached // stride
    moved = axis.window(inputs.ravel(), inputs.ravel(), axis.step / stride)
    first = np.where(hit, moved.first.reshape(hit.shape), np.inf).min(axis=1)
    last = np.where(hit, moved.last.reshape(hit.shape), -np.inf).max(axis=1)
    following, before = np.minimum.accumulate(first[::-1])[::-1], np.maximum.accumulate(last)
    some = hit.any(axis=1)
    return replace(moved, first=np.where(some, first, following), last=np.where(some, last, before))


def _convolution(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    if "weight" in fields:
        raise UnknownFieldError
    slide = _slid_back if a["transposed"] else _slid

    def moved(axis: Axis) -> Axis:
        if axis.dim is None or axis.dim < 2:
            return axis.whole() if axis.dim == 1 else axis
        i = axis.dim - 2
        stride, padding, dilation = (_taps(a[name], i) for name in ("stride", "padding", "dilation"))
        return slide(axis, out.shape[axis.dim], a["weight"].shape[axis.dim], stride, padding, dilation)

    return tuple(map(moved, fields["input"]))


def _pool(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    leading = out.ndim - len(a["kernel_size"])

    def moved(axis: Axis) -> Axis:
        if axis.dim is None or axis.dim < leading:
            return axis
        i = axis.dim - leading
        stride = _taps(a["stride"] or a["kernel_size"], i)
        kernel, padding, dilation = _taps(a["kernel_size"], i), _taps(a["padding"], i), _taps(a.get("dilation", 1), i)
        return _slid(axis, out.shape[axis.dim], kernel, stride, padding, dilation)

    return tuple(map(moved, fields["self"]))


def _adaptive_pool(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    def moved(axis: Axis) -> Axis:
        if axis.dim is None:
            return axis
        before, after = len(axis), out.shape[axis.dim]
        i = np.arange(after)
        return axis.window(i * before // after, -(-(i + 1) * before // after) - 1, axis.step * before / after)

    return tuple(map(moved, fields["self"]))


def _interpolated(reach: int) -> Rule:
    """Upsampling from so many neighbours to each side; 0 is the nearest."""

    def rule(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
        def moved(axis: Axis) -> Axis:
            if axis.dim is None or axis.dim < 2:
                return axis
            scale = len(axis) / out.shape[axis.dim]
            centers = (np.arange(out.shape[axis.dim]) + 0.5) * scale - (0.5 if reach else 0)
            below = np.floor(centers).astype(int)
            starts, ends = below - max(reach - 1, 0), below + reach
            last = len(axis) - 1
            return axis.window(starts.clip(0, last), ends.clip(0, last), axis.step * scale)

        return tuple(map(moved, fields["self"]))

    return rule


def _reduction(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    ndim, keep = a["self"].ndim, bool(a.get("keepdim", False))
    dims = a.get("dim")
    dims = range(ndim) if dims is None or dims == [] else [dims] if isinstance(dims, int) else dims
    gone = {d % ndim for d in dims}

    def moved(axis: Axis) -> Axis:
        axis = axis.whole(keep=keep) if axis.dim in gone else axis
        return axis if keep or axis.dim is None else replace(axis, dim=axis.dim - sum(d < axis.dim for d in gone))

    return tuple(map(moved, fields["self"]))


def _matmul(left: str, right: str) -> Rule:
    def rule(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
        found = []
        for name, summed in ((left, out.ndim - 1), (right, out.ndim - 2)):
            if name in fields:
                found.append(tuple(axis.whole() if axis.dim == summed else axis for axis in fields[name]))
        return _united([*found, *([fields["self"]] if "self" in fields and left != "self" else [])])

    return rule


def _softmax(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    dim = a["dim"] % out.ndim

    def moved(axis: Axis) -> Axis:
        if axis.dim != dim:
            return axis
        one = axis.whole()
        return replace(axis, first=one.first.repeat(len(axis)), last=one.last.repeat(len(axis)))

    return tuple(map(moved, fields["self"]))


def _union(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    """Tensors that are broadcast against one another, position by position."""
    found = [(a[name], field) for name, field in fields.items()]
    return _united([_shifted(field, out.ndim - tensor.ndim) for tensor, field in found])


def _shifted(field: Field, by: int) -> Field:
    return tuple(axis if axis.dim is None else replace(axis, dim=axis.dim + by) for axis in field)


def _united(fields: Sequence[Field]) -> Field:
    return tuple(map(_united_axes, *fields)) if len(fields) > 1 else fields[0]


def _united_axes(*axes: Axis) -> Axis:
    longest = max(axes, key=lambda axis: (len(axis), axis.dim is not None))
    if any(len(axis) > 1 and (axis.dim, len(axis), axis.mixed) != _layout(longest) for axis in axes):
        raise UnknownFieldError
    first = np.min(np.broadcast_arrays(*(axis.first for axis in axes)), axis=0)
    last = np.max(np.broadcast_arrays(*(axis.last for axis in axes)), axis=0)
    return replace(longest, first=first, last=last)


def _layout(axis: Axis) -> tuple[int | None, int, bool]:
    return axis.dim, len(axis), axis.mixed


def _cat(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    dim = a["dim"] % out.ndim
    if any(axis.dim == dim for field in fields["tensors"] for axis in field):
        raise UnknownFieldError
    return _united(fields["tensors"])


def _stack(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    return _united([_inserted(field, a["dim"] % out.ndim) for field in fields["tensors"]])


def _inserted(field: Field, dim: int) -> Field:
    return tuple(replace(x, dim=x.dim + 1) if x.dim is not None and x.dim >= dim else x for x in field)


def _pad(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    sides = a.get("pad", a.get("padding"))  # of the last dimension first

    def moved(axis: Axis) -> Axis:
        if axis.dim is None or 2 * (out.ndim - axis.dim) > len(sides):
            return axis
        positions = np.arange(out.shape[axis.dim]) - sides[2 * (out.ndim - 1 - axis.dim)]
        return axis.window(positions, positions, axis.step)

    return tuple(map(moved, fields["self"]))


def _slice(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    dim = a["dim"] % out.ndim

    def moved(axis: Axis) -> Axis:
        if axis.dim != dim:
            return axis
        positions = np.arange(len(axis))[slice(a["start"], a["end"], a["step"])]
        return axis.window(positions, positions, axis.step * a["step"])

    return tuple(map(moved, fields["self"]))


def _select(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    dim = a["dim"] % a["self"].ndim

    def moved(axis: Axis) -> Axis:
        if axis.dim == dim:
            position = np.arange(len(axis))[[a["index"]]]
            return replace(axis.window(position, position, axis.step), dim=None)
        return axis if axis.dim is None or axis.dim < dim else replace(axis, dim=axis.dim - 1)

    return tuple(map(moved, fields["self"]))


def _split(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    if any(axis.dim == a["dim"] % out.ndim for axis in fields["self"]):
        raise UnknownFieldError  # each part has its own
    return fields["self"]


def _flip(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    turned = {d % out.ndim for d in a["dims"]}

    def moved(axis: Axis) -> Axis:
        positions = np.arange(len(axis))[::-1]
        return axis.window(positions, positions, -axis.step) if axis.dim in turned else axis

    return tuple(map(moved, fields["self"]))


def _order(a: Arguments, ndim: int) -> list[int]:
    """The old dimension at each new place, for permute, transpose and t."""
    order = list(range(ndim))
    if "dims" in a:
        return [d % ndim for d in a["dims"]]
    one, other = (a["dim0"] % ndim, a["dim1"] % ndim) if "dim0" in a else (0, ndim - 1)
    order[one], order[other] = order[other], order[one]
    return order


def _permute(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    order = _order(a, out.ndim)
    return tuple(x if x.dim is None else replace(x, dim=order.index(x.dim)) for x in fields["self"])


def _unsqueeze(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    return _inserted(fields["self"], a["dim"] % out.ndim)


def _reshape(a: Arguments, fields: Mapping[str, Any], out: torch.Tensor) -> Field:
    """view, flatten, squeeze: dimensions that stay, and those that are merged."""
    groups = _groups(tuple(a["self"].shape), tuple(out.shape))
    return tuple(_regrouped(axis, a["self"].shape, out.shape, groups) for axis in fields["self"])


def _regrouped(axis: Axis, old: Sequence[int], new: Sequence[int], groups: Sequence[tuple[range, range]]) -> Axis:
    if axis.dim is None:
        return axis
    before, after = next(((b, n) for b, n in groups if axis.dim in b), (range(0), range(0)))
    if len(axis) == 1 and not axis.mixed:
        return replace(axis, dim=after[0] if len(before) == len(after) == 1 else None)
    merged = [d for d in before if old[d] > 1]
    places = [d for d in after if new[d] > 1]
    if len(places) != 1:
        raise UnknownFieldError  # split into several dimensions
    return replace(axis, dim=places[0], mixed=axis.mixed or len(merged) > 1)


def _groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[range, range]]:
    """The smallest runs of old and new dimensions with the same number of elements."""
    groups, i, j = [], 0, 0
    while i < len(old) and j < len(new):
        start, end = i + 1, j + 1
        while math.prod(old[i:start]) != math.prod(new[j:end]):
            if math.prod(old[i:start]) < math.prod(new[j:end]):
                start += 1
            else:
                end += 1
        groups.append((range(i, start), range(j, end)))
        i, j = start, end
    return groups


RULES: dict[str, Rule] = {
    "convolution": _convolution,
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool2d", "avg_pool3d"), _pool),
    **dict.fromkeys(("_adaptive_avg_pool2d", "_adaptive_avg_pool3d"), _adaptive_pool),
    **dict.fromkeys(("adaptive_max_pool2d", "adaptive_max_pool3d"), _adaptive_pool),
    **dict.fromkeys(("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"), _interpolated(0)),
    **dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"), _interpolated(1)),
    "upsample_bicubic2d": _interpolated(2),
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min", "std", "var", "logsumexp", "prod"), _reduction),
    "linalg_vector_norm": _reduction,
    **dict.fromkeys(("mm", "bmm"), _matmul("self", "mat2")),
    "addmm": _matmul("mat1", "mat2"),
    "baddbmm": _matmul("batch1", "batch2"),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), _softmax),
    "cat": _cat,
    "stack": _stack,
    **dict.fromkeys(("constant_pad_nd", "reflection_pad2d", "replication_pad2d"), _pad),
    "slice": _slice,
    "select": _select,
    **dict.fromkeys(("split", "split_with_sizes", "unsafe_split"), _split),
    "flip": _flip,
    **dict.fromkeys(("permute", "transpose", "t"), _permute),
    "unsqueeze": _unsqueeze,
    "expand": _union,
    **dict.fromkeys(("view", "_unsafe_view", "squeeze", "reshape", "_reshape_alias"), _reshape),
}
