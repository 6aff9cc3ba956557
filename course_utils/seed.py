"""One line that makes a lesson repeatable."""

from __future__ import annotations

import numbers
import random

import numpy as np


def seed_everything(seed: int = 0) -> np.random.Generator:
    """Start every random number generator of the course at the same place.

    Seeds Python's ``random``, NumPy's global generator and PyTorch's (CPU and every GPU), so that a cell that draws
    numbers draws the same ones after each restart.

    Parameters
    ----------
    seed : a whole number from 0 to 2³² − 1.

    Returns
    -------
    A new NumPy generator with the same seed. Prefer it to the global one: what draws from a generator of its own
    is not changed by a cell that somebody adds above.

    Raises
    ------
    ValueError
        for any other seed.

    Notes
    -----
    Not covered:

    - generators that were made before, such as ``np.random.default_rng(1)`` or ``torch.Generator()``;
    - other processes: the workers of a ``DataLoader``, the processes of ``torchrun``;
    - the order of a ``set`` of strings, which Python draws anew in every process (``PYTHONHASHSEED`` fixes it);
    - the last bits of sums on a GPU, where the order of additions is free
      (``torch.use_deterministic_algorithms(True)`` fixes it, at a price), and on a CPU with another number of threads;
    - another machine, or another version of a library: PyTorch promises equal numbers for neither.

    Examples
    --------
    >>> first = seed_everything(7).random()
    >>> first == seed_everything(7).random()
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**32:
        raise ValueError(f"expected a whole number from 0 to 2**32 - 1, got {seed!r}: choose such a seed")
    import torch

    random.seed(int(seed))
    np.random.seed(int(seed))
    torch.manual_seed(int(seed))
    return np.random.default_rng(int(seed))
