"""A dataset in two parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import tree

from highlevel.utils.indexed_dataset import IndexedDataset, as_format
from highlevel.utils.py_dataset import PyDataset

__all__ = ["split_dataset"]


class _Samples(IndexedDataset):
    """Rows of arrays."""

    def __init__(self, data: Any, count: int, batch_size: int | None) -> None:
        super().__init__(count, batch_size)
        self._data = data

    def rows(self, numbers: np.ndarray) -> Any:
        """The rows of some numbers."""
        return tree.map_leaves(lambda leaf: leaf[numbers], self._data)


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Two datasets of the first and the last samples of one.

    Args:
        dataset: an array; a tuple, list (taken as a tuple) or dict of arrays with equally many
            rows; a
            `PyDataset` or another iterable of batches that ends; or a `torch.utils.data.Dataset`
            or other sequence of samples.
        left_size: number or fraction of the samples in the first part.
        right_size: the same for the second part. The rest of the other one by default.
        shuffle: draw the samples at random.
        seed: what the draw comes from.
        preferred_backend: `"grain"` for Grain datasets; otherwise the parts are `PyDataset`s.

    Returns:
        `(left, right)`. Parts of a `PyDataset` come in batches of its batches' size; others give
        single samples: `left.batch(32)` makes batches that `fit` takes.

    Raises:
        ValueError: no size, or sizes that do not fit the number of samples.
        TypeError: a size that is no number; something that is no dataset.

    >>> left, right = split_dataset((np.arange(10), np.arange(10) * 2), left_size=0.8)
    >>> len(left), [(int(x), int(y)) for x, y in right]
    (8, [(8, 16), (9, 18)])
    """
    if left_size is None and right_size is None:
        raise ValueError("`split_dataset` needs `left_size` or `right_size`.")
    if preferred_backend not in (None, "grain", "tensorflow"):
        raise ValueError(
            f"`preferred_backend` must be None, 'grain' or 'tensorflow'; got "
            f"{preferred_backend!r}."
        )
    data, count, batch_size = _collected(dataset)
    left, right = _sizes(left_size, right_size, count)
    order = np.random.default_rng(seed).permutation(count) if shuffle else np.arange(count)
    parts = []
    for rows in (order[:left], order[count - right:]):
        part = _Samples(tree.map_leaves(lambda leaf, rows=rows: leaf[rows], data), len(rows),
                        batch_size)
        parts.append(as_format(part, "grain" if preferred_backend == "grain" else "tf"))
    return parts[0], parts[1]


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "__getitem__")


def _arrays(dataset: Any) -> bool:
    if _is_array(dataset):
        return bool(dataset.shape)
    if isinstance(dataset, dict):
        return bool(dataset) and all(map(_arrays, dataset.values()))
    return isinstance(dataset, (list, tuple)) and bool(dataset) and all(map(_arrays, dataset))


def _collected(dataset: Any) -> tuple[Any, int, int | None]:
    """All samples as a tree of arrays, their number, and the size of the batches they came in."""
    batch_size = None
    if _arrays(dataset):
        whole = tuple(dataset) if isinstance(dataset, list) else dataset
        data = tree.map_leaves(np.asarray, whole)
    elif hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__") and not isinstance(
        dataset, (str, bytes, dict)
    ):
        items = [dataset[i] for i in range(len(dataset))]
        if not items:
            raise ValueError("The dataset to split has no samples.")
        if isinstance(dataset, PyDataset) and getattr(dataset, "batch_size", 0) is not None:
            batch_size, data = _joined(items)
        else:
            data = tree.map_leaves(lambda *leaves: np.stack(leaves), *items)
    elif hasattr(dataset, "__iter__") and not isinstance(dataset, (str, bytes, dict)):
        batch_size, data = _joined(list(dataset))
    else:
        raise TypeError(
            "`dataset` must be arrays, a `PyDataset`, a sequence of samples or an iterable of "
            f"batches; got {type(dataset).__name__}."
        )
    counts = {len(leaf) for leaf in tree.leaves(data)}
    if len(counts) != 1:
        raise ValueError(
            f"All arrays to split must have the same number of rows; got {sorted(counts)}."
        )
    return data, counts.pop(), batch_size


def _joined(batches: list[Any]) -> tuple[int, Any]:
    if not batches:
        raise ValueError("The dataset to split has no samples.")
    size = len(tree.leaves(batches[0])[0])
    return size, tree.map_leaves(lambda *leaves: np.concatenate(leaves), *batches)


def _sizes(left_size: Any, right_size: Any, count: int) -> tuple[int, int]:
    sizes: list[int | None] = []
    for name, size in (("left_size", left_size), ("right_size", right_size)):
        if size is None:
            sizes.append(None)
            continue
        if isinstance(size, bool) or not isinstance(size, (int, float, np.integer, np.floating)):
            raise TypeError(
                f"`{name}` must be an int, a float or None; got {type(size).__name__}."
            )
        whole = isinstance(size, (int, np.integer))
        if not 0 < size < (count if whole else 1):
            raise ValueError(
                f"`{name}` must be a number of samples from 1 to {count - 1}, or a fraction "
                f"between 0 and 1; got {size!r}."
            )
        sizes.append(int(size) if whole else round(size * count))
    left, right = sizes
    left = count - right if left is None and right is not None else left
    right = count - left if right is None and left is not None else right
    if left is None or right is None or left + right > count:
        raise ValueError(
            f"`left_size={left_size!r}` and `right_size={right_size!r}` together are more than "
            f"the {count} samples there are."
        )
    if not left or not right:
        raise ValueError(
            f"`left_size={left_size!r}` and `right_size={right_size!r}` of {count} samples leave "
            f"the {'right' if left else 'left'} part empty."
        )
    return left, right
