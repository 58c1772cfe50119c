"""Small helpers for labels and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["normalize", "pad_sequences", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Integer labels as rows of zeros with a one.

    Args:
        x: integers of shape `(...)` or `(..., 1)`, from 0.
        num_classes: length of the rows; the largest label plus one by default.

    Returns:
        float64 array of shape `(..., num_classes)`.

    Raises:
        ValueError: a label is negative or too large.

    >>> to_categorical([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    labels = np.asarray(x).astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    if labels.size and not 0 <= labels.min() <= labels.max() < count:
        raise ValueError(
            f"Labels must lie in 0..{count - 1}; they go from {labels.min()} to {labels.max()}."
        )
    return np.eye(count)[labels]


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """`x` divided by its norm along an axis; zeros stay zeros.

    >>> normalize(np.array([3.0, 4.0])).tolist()
    [[0.6, 0.8]]
    """
    array = np.atleast_1d(np.asarray(x))
    norm = np.atleast_1d(np.linalg.norm(array, order, axis))
    norm[norm == 0] = 1
    return array / np.expand_dims(norm, axis)


def pad_sequences(
    sequences: Sequence[Sequence],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Rows of different lengths as one array.

    Args:
        sequences: list of lists (or arrays of equal trailing shape).
        maxlen: length of the rows; that of the longest by default.
        dtype: of the result.
        padding: fill shorter rows before (`"pre"`) or after (`"post"`) their entries.
        truncating: cut longer rows before or after.
        value: what to fill with.

    Returns:
        Array of shape `(len(sequences), maxlen, ...)`.

    Raises:
        ValueError: neither "pre" nor "post"; rows of different trailing shapes.

    >>> pad_sequences([[1], [2, 3, 4]], maxlen=2).tolist()
    [[0, 1], [3, 4]]
    """
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ValueError(f"`{name}` must be 'pre' or 'post'; got {given!r}.")
    rows = [np.asarray(row) for row in sequences]
    for i, row in enumerate(rows):
        if row.ndim == 0:
            raise ValueError(f"`sequences` must hold lists; entry {i} is {sequences[i]!r}.")
    length = max((len(row) for row in rows), default=0) if maxlen is None else maxlen
    trailing = next((row.shape[1:] for row in rows if len(row)), ())
    if isinstance(value, str) and np.dtype(dtype) != object and np.dtype(dtype).kind not in "US":
        raise ValueError(f"`value` is a string, but `dtype` is {dtype!r}; give `dtype=object`.")
    result = np.full((len(rows), length, *trailing), value, dtype=dtype)
    for i, row in enumerate(rows):
        if not len(row):
            continue
        if row.shape[1:] != trailing:
            raise ValueError(
                f"Entry {i} has rows of shape {row.shape[1:]}, others of {trailing}."
            )
        cut = row[len(row) - length:] if truncating == "pre" and len(row) > length else row[:length]
        if padding == "post":
            result[i, : len(cut)] = cut
        else:
            result[i, length - len(cut):] = cut
    return result
