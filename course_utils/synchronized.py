"""Batch norm over several processes: each holds a part of the batch, all normalize by the statistics of the whole.

The processes talk through torch.distributed with the gloo backend, over this machine's loopback interface only.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["Share", "synchronized_batchnorm"]

PATIENCE = timedelta(seconds=60)  # for the other processes to start, and to answer


@dataclass(frozen=True)
class Share:
    """What one process worked out.

    process : its number in the operating system.
    counts, means, variances : (P,), (P, C), (P, C): the local (biased) statistics of all P processes, as they arrived.
    out, dx : its own part of the output and of the gradient, shaped like its part of the batch.
    dgamma, dbeta : (C,), summed over all processes.
    """

    process: int
    counts: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    out: np.ndarray
    dx: np.ndarray
    dgamma: np.ndarray
    dbeta: np.ndarray


def synchronized_batchnorm(
    parts: Sequence[np.ndarray],
    gamma: np.ndarray,
    beta: np.ndarray,
    douts: Sequence[np.ndarray],
    eps: float = 1e-5,
) -> list[Share]:
    """Batch norm in training mode, forward and backward, in one process for each part of the batch.

    Parameters
    ----------
    parts : each (n, C, H, W); n may differ from part to part.
    gamma, beta : (C,).
    douts : the gradient of the loss with respect to each part's output, shaped like the parts.
    eps : added to the variance.

    Returns
    -------
    One :class:`Share` a part, in the same order.

    Raises
    ------
    ValueError
        where parts and gradients do not go together.
    """
    shapes, gradients = [np.shape(p) for p in parts], [np.shape(d) for d in douts]
    if not shapes or shapes != gradients:
        raise ValueError(f"expected a gradient for each part, of its shape; got parts {shapes}, gradients {gradients}")
    processes = len(parts)
    with tempfile.TemporaryDirectory() as folder:
        meeting_point = (Path(folder) / "store").as_uri()
        context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks and not the threads
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            started = [
                pool.submit(_work, rank, processes, meeting_point, part, gamma, beta, dout, eps)
                for rank, (part, dout) in enumerate(zip(parts, douts, strict=True))
            ]
            return [share.result() for share in started]


def _work(
    rank: int,
    processes: int,
    meeting_point: str,
    part: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    dout: np.ndarray,
    eps: float,
) -> Share:
    """What each process does: meet the others, then forward and backward on its own part."""
    import torch
    from torch import distributed

    torch.set_num_threads(1)
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), None)
    if loopback:
        os.environ["GLOO_SOCKET_IFNAME"] = loopback
    distributed.init_process_group("gloo", meeting_point, PATIENCE, world_size=processes, rank=rank)
    try:
        x, scale, shift, gradient = (torch.tensor(a, dtype=torch.float64) for a in (part, gamma, beta, dout))
        return _normalize(x, scale, shift, gradient, eps)
    finally:
        distributed.destroy_process_group()


def _normalize(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, dout: torch.Tensor, eps: float) -> Share:
    import torch
    from torch import distributed

    axes, shape = (0, 2, 3), (1, -1, 1, 1)
    counts, means, variances = _gathered(x)
    shares = (counts / counts.sum())[:, None]  # (P, 1)
    mean = (shares * means).sum(0)
    std = ((shares * (variances + (means - mean) ** 2)).sum(0) + eps).sqrt()
    normalized = (x - mean.view(shape)) / std.view(shape)
    sums = torch.stack([(dout * normalized).sum(axes), dout.sum(axes)])  # (2, C): dgamma, dbeta
    distributed.all_reduce(sums)
    through = (normalized * sums[0].view(shape) + sums[1].view(shape)) / counts.sum()
    arrays = (
        *(counts, means, variances, gamma.view(shape) * normalized + beta.view(shape)),
        *((gamma / std).view(shape) * (dout - through), *sums),
    )
    return Share(os.getpid(), *(a.numpy() for a in arrays))


def _gathered(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Count, mean and biased variance of every process's part: 2C + 1 numbers are all that travels."""
    import torch
    from torch import distributed

    channels = x.shape[1]
    count = torch.tensor([x.numel() / channels], dtype=x.dtype)
    mine = torch.cat([count, x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)])
    everyone = [torch.empty_like(mine) for _ in range(distributed.get_world_size())]
    distributed.all_gather(everyone, mine)
    table = torch.stack(everyone)  # (P, 2C + 1)
    return table[:, 0], table[:, 1 : channels + 1], table[:, channels + 1 :]
