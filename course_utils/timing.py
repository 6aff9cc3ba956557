"""The clock and the device: a GPU works while Python goes on, so whoever reads the clock has to wait first."""

from __future__ import annotations

__all__ = ["synchronize"]


def synchronize() -> None:
    """Wait until the device has done what it was given: CUDA, or Apple's MPS. A CPU has nothing to wait for."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()
