"""Functions from an array to a number, whose gradients a check asks for, wherever the answer runs."""

from __future__ import annotations

import numpy as np


def sum_of_squares(x: np.ndarray) -> float:
    return float(np.sum(x**2))


def sum_of_cubes(x: np.ndarray) -> float:
    return float(np.sum(x**3))


def product(x: np.ndarray) -> float:
    return float(np.prod(x))


def weighted_sum(x: np.ndarray) -> float:
    return float(np.sum(x * np.arange(1, x.size + 1).reshape(x.shape)))


def row_products(x: np.ndarray) -> float:
    return float(np.sum(np.prod(x, axis=-1)))


def first_times_last(x: np.ndarray) -> float:
    return float(x.flat[0] * x.flat[-1] ** 2)


def exponential(x: np.ndarray) -> float:
    return float(np.exp(x).sum())
