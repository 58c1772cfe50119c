"""Files below a folder, with the labels that their folders give them, and their splits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["FileIndex", "check_arguments"]

LABEL_MODES = ("int", "categorical", "binary", None)


def check_arguments(
    labels: Any, label_mode: Any, class_names: Any, validation_split: Any, subset: Any,
    shuffle: bool, seed: Any,
) -> None:
    """Raise where arguments of a `*_dataset_from_directory` do not go together.

    Raises:
        ValueError: names the argument.
    """
    if not (labels is None or labels == "inferred" or isinstance(labels, (list, tuple))):
        raise ValueError(
            "`labels` must be 'inferred', a list with an integer for each file, or None; got "
            f"{labels!r}."
        )
    if label_mode not in LABEL_MODES:
        raise ValueError(
            f"`label_mode` must be 'int', 'categorical', 'binary' or None; got {label_mode!r}."
        )
    if class_names and labels != "inferred":
        raise ValueError("`class_names` may be given only where `labels` is 'inferred'.")
    if (validation_split is None) != (subset is None):
        raise ValueError(
            "`validation_split` and `subset` are given together or not at all; got "
            f"validation_split={validation_split!r}, subset={subset!r}."
        )
    if validation_split is None:
        return
    if not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must lie between 0 and 1; got {validation_split!r}.")
    if subset not in ("training", "validation", "both"):
        raise ValueError(f"`subset` must be 'training', 'validation' or 'both'; got {subset!r}.")
    if shuffle and seed is None:
        raise ValueError(
            "With `validation_split` and `shuffle`, `seed` must be given: otherwise the files "
            "of 'training' and 'validation' would overlap."
        )


class FileIndex:
    """Paths with their labels.

    Args:
        directory: folder to look through, with the folders in it.
        endings: the files' endings, in lower case, such as `(".png",)`.
        labels: `"inferred"` from the folders' names, a list for the sorted paths, or None.
        class_names: the classes in another order than the alphabet's, or a part of them.
        follow_links: also look into linked folders.

    Attributes:
        paths: list of str.
        labels: int32 array, or None.
        class_names: list of str, or None.

    Raises:
        ValueError: labels or class names that do not fit the files.
        FileNotFoundError: there is no such folder.
    """

    def __init__(
        self, directory: str | os.PathLike, endings: tuple[str, ...], labels: Any,
        class_names: Sequence[str] | None, follow_links: bool,
    ) -> None:
        directory = os.fspath(directory)
        self.directory, self.endings = directory, endings
        self.class_names: list[str] | None = None
        self.labels: np.ndarray | None = None
        if labels == "inferred":
            folders = sorted(
                name for name in os.listdir(directory)
                if os.path.isdir(os.path.join(directory, name)) and not name.startswith(".")
            )
            if class_names is not None and not set(class_names) <= set(folders):
                raise ValueError(
                    f"`class_names` {list(class_names)} must be names of folders in {directory}, "
                    f"which has {folders}."
                )
            names = folders if class_names is None else list(class_names)
            found = [
                _files(os.path.join(directory, name), endings, follow_links) for name in names
            ]
            self.paths = [path for paths in found for path in paths]
            self.labels = np.repeat(np.arange(len(names), dtype="int32"), list(map(len, found)))
            self.class_names = names
        else:
            self.paths = _files(directory, endings, follow_links)
            if labels is not None:
                if len(labels) != len(self.paths):
                    raise ValueError(
                        f"`labels` has {len(labels)} entries; {directory} holds "
                        f"{len(self.paths)} files with the endings {', '.join(endings)}."
                    )
                self.labels = np.asarray(labels, "int32")
                self.class_names = [str(label) for label in sorted(set(self.labels.tolist()))]

    def __len__(self) -> int:
        return len(self.paths)

    def describe(self) -> str:
        """How many files there are, of how many classes."""
        if self.class_names is None:
            return f"Found {len(self)} files."
        return f"Found {len(self)} files belonging to {len(self.class_names)} classes."

    def shuffled(self, seed: int) -> FileIndex:
        """The same in another order, which is the one Keras draws from the seed."""
        order = np.arange(len(self))
        np.random.RandomState(seed).shuffle(order)
        return self._of(order)

    def split(self, fraction: float) -> tuple[FileIndex, FileIndex]:
        """The files for training, and the last `fraction` of all for validation.

        Raises:
            ValueError: one of them is empty.
        """
        held_out = int(fraction * len(self))
        if not 0 < held_out < len(self):
            raise ValueError(
                f"`validation_split={fraction}` of {len(self)} files in {self.directory} leaves "
                f"none for {'validation' if held_out == 0 else 'training'}."
            )
        order = np.arange(len(self))
        return self._of(order[: len(self) - held_out]), self._of(order[len(self) - held_out:])

    def _of(self, rows: np.ndarray) -> FileIndex:
        part = object.__new__(FileIndex)
        part.directory, part.endings, part.class_names = (
            self.directory, self.endings, self.class_names)
        part.paths = [self.paths[i] for i in rows]
        part.labels = None if self.labels is None else self.labels[rows]
        return part

    def targets(self, label_mode: str | None) -> np.ndarray | None:
        """The labels in the form asked for.

        Returns:
            `"int"`: int32 of shape `(files,)`; `"binary"`: float32 of shape `(files, 1)`;
            `"categorical"`: float32 of shape `(files, classes)`; None without labels.

        Raises:
            ValueError: binary labels of other than two classes.
        """
        if label_mode is None or self.labels is None or self.class_names is None:
            return None
        count = len(self.class_names)
        if label_mode == "binary":
            if count != 2:
                raise ValueError(
                    f"`label_mode='binary'` needs two classes; there are {count}: "
                    f"{', '.join(self.class_names)}."
                )
            return self.labels.astype("float32")[:, None]
        if label_mode == "categorical":
            if len(self) and not 0 <= self.labels.min() <= self.labels.max() < count:
                raise ValueError(
                    f"`label_mode='categorical'` needs labels from 0 to {count - 1} for "
                    f"{count} classes; they go from {self.labels.min()} to {self.labels.max()}."
                )
            return np.eye(count, dtype="float32")[self.labels]
        return self.labels


def _files(folder: str, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    """Paths of the files below a folder, folder by folder, sorted."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"There is no folder {folder!r}.")
    found = []
    walk = sorted(os.walk(folder, followlinks=follow_links), key=lambda entry: entry[0])
    for where, _, names in walk:
        found += [
            os.path.join(where, name) for name in sorted(names) if name.lower().endswith(endings)
        ]
    return found
