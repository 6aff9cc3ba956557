"""How fast is a convolution by hand? The solutions of lesson 03 against PyTorch, on one core, in float64.

    python benchmarks/layers.py [--rounds 15]

Takes conv2d_forward_fast and conv2d_backward_fast from the lesson's source by running its cells. Each round times
ours and PyTorch's in turn, so that both meet the same weather; what is printed are medians over the rounds, and the
median of the rounds' ratios. Beside them stands what the matrix products alone take: the rest goes into copying the
windows (forward) and adding their gradients up (backward), where the memory is the limit and not the arithmetic.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import nbformat
import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch.nn import functional

SOLUTION = Path(__file__).parents[1] / "solutions" / "03_layers" / "03_layers.ipynb"
SETTINGS = {  # x, w, stride, padding
    "(100, 3, 31, 31) with (25, 3, 3, 3), stride 2, padding 1": ((100, 3, 31, 31), (25, 3, 3, 3), 2, 1),
    "(32, 16, 32, 32) with (32, 16, 3, 3), stride 1, padding 1": ((32, 16, 32, 32), (32, 16, 3, 3), 1, 1),
}
Timed = Mapping[str, Callable[[], Any]]


def solution(path: Path = SOLUTION) -> dict[str, Any]:
    """The names that a lesson's notebook defines, without its tests and the cells that only show something."""
    namespace: dict[str, Any] = {"__name__": path.stem}
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "code" and not (_is_test(cell) or "show" in cell.metadata.get("tags", [])):
            exec(compile(cell.source, f"<{cell.id}>", "exec"), namespace)
    return namespace


def _is_test(cell: nbformat.NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def milliseconds(functions: Timed, rounds: int) -> dict[str, list[float]]:
    """Times of functions, called in turn, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: measured[1:] for name, measured in times.items()}


def passes(names: Mapping[str, Any], x_shape: Any, w_shape: Any, stride: int, padding: int) -> dict[str, Timed]:
    """What is compared, forward and backward, after a look at whether both give the same numbers."""
    forward, backward = names["conv2d_forward_fast"], names["conv2d_backward_fast"]
    draw = np.random.default_rng(0).standard_normal
    x, w, b = draw(x_shape), draw(w_shape), draw(w_shape[0])
    out, cache = forward(x, w, b, stride, padding)
    dout = draw(out.shape)
    leaves = [torch.from_numpy(a).requires_grad_() for a in (x, w, b)]
    theirs, upstream = functional.conv2d(*leaves, stride, padding), torch.from_numpy(dout)
    expected = [theirs.detach(), *torch.autograd.grad(theirs, leaves, upstream, retain_graph=True)]
    for mine, right in zip([out, *backward(dout, cache)], expected, strict=True):
        np.testing.assert_allclose(mine, right.numpy(), rtol=1e-10, atol=1e-10)
    filters = w.reshape(len(w), -1)
    cols = (
        names["im2col"](x, w_shape[2:], stride, padding).reshape(len(x), -1, filters.shape[1]).transpose(0, 2, 1).copy()
    )
    flat = dout.reshape(len(x), len(w), -1)
    plain = [leaf.detach() for leaf in leaves]
    return {
        "forward": {
            "ours": lambda: forward(x, w, b, stride, padding),
            "torch": lambda: functional.conv2d(*plain, stride, padding),
            "products": lambda: filters @ cols,
        },
        "backward": {
            "ours": lambda: backward(dout, cache),
            "torch": lambda: torch.autograd.grad(theirs, leaves, upstream, retain_graph=True),
            "products": lambda: (flat @ cols.transpose(0, 2, 1), filters.T @ flat),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    with threadpool_limits(1):  # NumPy's matrix products
        compare(solution(), rounds)


def compare(names: Mapping[str, Any], rounds: int) -> None:
    """Print the table."""
    print(f"numpy {np.__version__}, torch {torch.__version__}, one thread, float64, medians of {rounds} rounds")
    for setting, arguments in SETTINGS.items():
        print(f"\nx and w {setting}")
        print(f"{'':9} {'ours':>9} {'PyTorch':>9} {'ratio':>6} {'products alone':>15}")
        for name, functions in passes(names, *arguments).items():
            times = milliseconds(functions, rounds)
            ratio = median(a / b for a, b in zip(times["ours"], times["torch"], strict=True))
            ours, theirs, products = (median(times[column]) for column in ("ours", "torch", "products"))
            print(f"{name:9} {ours:6.1f} ms {theirs:6.1f} ms {ratio:6.2f} {products:12.1f} ms")


if __name__ == "__main__":
    main()
