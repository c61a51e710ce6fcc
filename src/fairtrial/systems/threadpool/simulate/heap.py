"""A binary heap in two arrays, compiled: keys, and what they belong to; equal keys come out by number."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def before(key: float, number: int, other: float, than: int) -> bool:
    """Say whether (key, number) comes before (other, than)."""
    return key < other or (key == other and number < than)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def push(keys: np.ndarray, numbers: np.ndarray, size: int, key: float, number: int) -> None:
    """Add an entry to a heap of `size` entries; the arrays must have room."""
    hole = size
    while hole > 0:
        parent = (hole - 1) >> 1
        if not before(key, number, keys[parent], numbers[parent]):
            break
        keys[hole] = keys[parent]
        numbers[hole] = numbers[parent]
        hole = parent
    keys[hole] = key
    numbers[hole] = number


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def replace(keys: np.ndarray, numbers: np.ndarray, size: int, key: float, number: int) -> None:
    """Put an entry in the place of the first one of a heap of `size` entries."""
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        right = child + 1
        if right < size and before(keys[right], numbers[right], keys[child], numbers[child]):
            child = right
        if not before(keys[child], numbers[child], key, number):
            break
        keys[hole] = keys[child]
        numbers[hole] = numbers[child]
        hole = child
    keys[hole] = key
    numbers[hole] = number


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def pop(keys: np.ndarray, numbers: np.ndarray, size: int) -> None:
    """Take the first entry off a heap of `size` entries."""
    last = size - 1
    if last > 0:
        replace(keys, numbers, last, keys[last], numbers[last])
