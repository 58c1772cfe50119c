"""Windows of a time series."""

from __future__ import annotations

from typing import Any

import numpy as np

from highlevel.utils.indexed_dataset import IndexedDataset, as_format, check_format

__all__ = ["timeseries_dataset_from_array"]


class WindowDataset(IndexedDataset):
    """Batches of windows: `sequence_length` entries, every `sampling_rate`-th, from each start."""

    def __init__(
        self, data: np.ndarray, targets: np.ndarray | None, starts: np.ndarray, length: int,
        rate: int, batch_size: int | None, shuffle: bool, seed: int | None,
    ) -> None:
        super().__init__(len(starts), batch_size, shuffle, seed)
        self._data, self._targets, self._starts = data, targets, starts
        self._offsets = np.arange(length) * rate

    def rows(self, numbers: np.ndarray) -> Any:
        """The windows of some numbers, with their targets."""
        starts = self._starts[numbers]
        windows = self._data[starts[:, None] + self._offsets]
        return windows if self._targets is None else (windows, self._targets[starts])


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Any:
    """Batches of windows that slide over a time series.

    Args:
        data: array whose first axis is time.
        targets: array whose entry `i` belongs to the window that begins at `i`; or None.
        sequence_length: entries of a window.
        sequence_stride: distance of the beginnings of two windows.
        sampling_rate: distance of two entries of a window.
        batch_size: windows per batch; None for single windows.
        shuffle: a new order in each epoch.
        seed: what orders are drawn from.
        start_index, end_index: use the entries from `start_index` up to `end_index`, without
            the last, only.
        format: `"grain"` for a Grain dataset; `"tf"`, the contract's default, gives a
            `PyDataset` here.

    Returns:
        A dataset that gives `(windows, targets)`, or windows alone: arrays of shape
        `(batch, sequence_length, ...)`. It is indexed, iterated over, or handed to `fit`.

    Raises:
        ValueError: a number that is not positive or beyond the data.

    >>> dataset = timeseries_dataset_from_array(np.arange(5), np.arange(5) * 10, 2, batch_size=3)
    >>> [(windows.tolist(), targets.tolist()) for windows, targets in dataset]
    [([[0, 1], [1, 2], [2, 3]], [0, 10, 20]), ([[3, 4]], [30])]
    """
    check_format(format)
    data = np.asarray(data)
    length = len(data)
    for name, value, least in (
        ("sequence_length", sequence_length, 1), ("sequence_stride", sequence_stride, 1),
        ("sampling_rate", sampling_rate, 1), ("start_index", start_index, 0),
        ("end_index", end_index, 1),
    ):
        if value is None:
            continue
        if not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"`{name}` must be an integer of at least {least}; got {value!r}.")
        if value >= length and name != "sequence_length":
            raise ValueError(
                f"`{name}` must be lower than the length of the data, {length}; got {value}."
            )
    start = 0 if start_index is None else int(start_index)
    end = length if end_index is None else int(end_index)
    if end <= start:
        raise ValueError(f"`end_index` must be above `start_index`; got {end} and {start}.")
    count = max(0, end - start - (sequence_length - 1) * sampling_rate)
    if targets is not None:
        targets = np.asarray(targets)
        count = min(count, max(0, len(targets) - start))
    starts = np.arange(start, start + count, sequence_stride)
    if shuffle and seed is None:
        seed = int(np.random.randint(1_000_000))
    dataset = WindowDataset(
        data, targets, starts, sequence_length, sampling_rate, batch_size, shuffle, seed,
    )
    return as_format(dataset, format)
