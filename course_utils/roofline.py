"""What a device can do at most: operations a second, bytes a second, and the roof that both make.

Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore architectures", 2009.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course_utils.plots import captioned_figure, plain_logarithm

if TYPE_CHECKING:
    import torch

__all__ = ["Ceilings", "chart", "measure", "traffic"]


@dataclass(frozen=True)
class Ceilings:
    """What was measured on a device.

    operations : a second; a multiply-add is two.
    bytes : a second, read and written together.
    what : the device and the type of the numbers, in words.
    """

    operations: float
    bytes: float
    what: str

    @property
    def ridge(self) -> float:
        """Operations a byte from which on arithmetic is the limit, and no longer the memory."""
        return self.operations / self.bytes


def measure(device: str = "cpu", dtype: torch.dtype | None = None, rounds: int = 5) -> Ceilings:
    """Measure a device by one large matrix product and one large copy, the best of some rounds each.

    Parameters
    ----------
    device : as PyTorch names it.
    dtype : of the matrices; float32 by default. What PyTorch may do with float32 (TF32) is left as it is set.
    rounds : after one that does not count.
    """
    import torch

    kind, large = dtype or torch.float32, torch.device(device).type == "cuda"
    side, count = (8192, 2**30) if large else (1024, 2**25)
    a, b = (torch.randn(side, side, device=device).to(kind) for _ in "ab")
    source = torch.zeros(count, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    product, copy = _best(lambda: a @ b, rounds), _best(lambda: target.copy_(source), rounds)
    name = torch.cuda.get_device_name(device) if large else device
    return Ceilings(2 * side**3 / product, 2 * count / copy, f"{name}, {str(kind).removeprefix('torch.')}")


def _best(work: Callable[[], Any], rounds: int) -> float:
    """The least of some times in seconds."""
    import time

    from course_utils.timing import synchronize

    def once() -> float:
        synchronize()
        start = time.perf_counter()
        work()
        synchronize()
        return time.perf_counter() - start

    return min([once() for _ in range(rounds + 1)][1:])


def traffic(activations: int, parameters: int, batch: int = 1, bytes_a_number: int = 4) -> int:
    """Bytes that a forward pass of a batch moves at least.

    Each layer writes its output and the next one reads it; weights are read once for the whole batch. Functions of one
    number at a time are taken as done on the way, as a compiler does it.
    """
    return bytes_a_number * (2 * batch * activations + parameters)


def chart(
    ceilings: Ceilings | Sequence[Ceilings],
    intensities: Mapping[str, float],
    measured: Mapping[str, tuple[float, float]] | None = None,
    caption: str = "",
) -> None:
    """Draw roofs, the nets on the first of them, and what was measured below it.

    Parameters
    ----------
    ceilings : one or several.
    intensities : net → operations a byte. Nets whose names agree before the first "-" have one colour.
    measured : label → (operations a byte, operations a second).
    caption : a sentence below the figure.

    Raises
    ------
    ValueError
        for no nets.
    """
    import numpy as np

    if not intensities:
        raise ValueError("expected nets, got none: pass name → operations a byte")
    roofs = [ceilings] if isinstance(ceilings, Ceilings) else list(ceilings)
    _, axes = captioned_figure(caption, 8.2, 4.2)
    everything = [*intensities.values(), *(x for x, _ in (measured or {}).values()), *(r.ridge for r in roofs)]
    x = np.geomspace(min(everything) / 2, 2 * max(everything), 300)
    for i, roof in enumerate(roofs):
        height = np.minimum(roof.operations, roof.bytes * x)
        axes.plot(x, height / 1e9, color="black", linewidth=1.2, linestyle="-:"[i % 2], label=roof.what)
    _families(axes, intensities, roofs[0])
    for label, (intensity, rate) in (measured or {}).items():
        axes.plot(intensity, rate / 1e9, "k*", markersize=9)
        axes.annotate(label, (intensity, rate / 1e9), xytext=(6, 4), textcoords="offset points", fontsize=8)
    axes.axvline(roofs[0].ridge, color="gray", linewidth=0.7, linestyle="--")
    axes.set(xscale="log", yscale="log", xlabel="operations a byte", ylabel="billion operations a second")
    axes.set_ylim(top=3 * max(r.operations for r in roofs) / 1e9)
    plain_logarithm(axes.xaxis)
    plain_logarithm(axes.yaxis)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5))


def _families(axes: Any, intensities: Mapping[str, float], roof: Ceilings) -> None:
    import matplotlib.pyplot as plt

    families: dict[str, list[float]] = {}
    for name, intensity in intensities.items():
        families.setdefault(name.split("-")[0], []).append(intensity)
    colors = plt.get_cmap("tab20")
    for i, (family, places) in enumerate(families.items()):
        heights = [min(roof.operations, roof.bytes * place) / 1e9 for place in places]
        axes.plot(places, heights, "o", color=colors(i % 20), markersize=6, alpha=0.85, label=family)
