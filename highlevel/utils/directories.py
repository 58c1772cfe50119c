"""Datasets of the image, text and sound files in a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from highlevel import config
from highlevel.ops.image.resizing import HOST_METHODS, resize_on_host
from highlevel.training.progress import write
from highlevel.utils.file_index import FileIndex, check_arguments
from highlevel.utils.images import img_to_array, load_img
from highlevel.utils.indexed_dataset import IndexedDataset, as_format, check_format
from highlevel.utils.sound import read_wav, resample

__all__ = [
    "FileDataset", "audio_dataset_from_directory", "image_dataset_from_directory",
    "text_dataset_from_directory",
]

IMAGE_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
TEXT_ENDINGS = (".txt",)
AUDIO_ENDINGS = (".wav",)


class FileDataset(IndexedDataset):
    """Batches of files, read by threads ahead of their use.

    Args:
        index: the files.
        read: what reads one file: path → array or str.
        collate: list of what was read → a batch of them.
        label_mode: see `image_dataset_from_directory`.

    Attributes:
        file_paths: the files, in the order of an epoch that is not shuffled.
        class_names: list of str, or None.
        labels: of each file, as they come in batches, or None.
    """

    def __init__(
        self, index: FileIndex, read: Callable, collate: Callable, label_mode: str | None,
        batch_size: int | None, shuffle: bool, seed: int | None,
    ) -> None:
        workers = min(8, 2 * (os.cpu_count() or 1))
        super().__init__(len(index), batch_size, shuffle, seed, workers)
        self.file_paths = index.paths
        self.labels = index.targets(label_mode)
        # A dataset without labels has no classes to tell of, though their folders exist.
        self.class_names = index.class_names if self.labels is not None else None
        self._read = read
        self._collate = collate

    def _values(self, numbers: np.ndarray) -> list[Any]:
        values = []
        for number in numbers:
            path = self.file_paths[number]
            try:
                values.append(self._read(path))
            except Exception as error:
                raise ValueError(f"{path} cannot be read: {error}") from error
        return values

    def rows(self, numbers: np.ndarray) -> Any:
        """The files of some numbers, with their labels, as one batch."""
        batch = self._collate(self._values(numbers))
        return batch if self.labels is None else (batch, self.labels[numbers])

    def sample(self, number: int) -> Any:
        """One file, with its label."""
        value = self._values(np.array([number]))[0]
        return value if self.labels is None else (value, self.labels[number])


def _datasets(
    directory: Any, endings: tuple[str, ...], what: str, read: Callable, collate: Callable,
    labels: Any, label_mode: str | None, class_names: Any, batch_size: int | None,
    shuffle: bool, seed: int | None, validation_split: float | None, subset: str | None,
    follow_links: bool, format: str, verbose: bool,
) -> Any:
    """What the three functions share: the dataset, or those for training and validation."""
    check_arguments(labels, label_mode, class_names, validation_split, subset, shuffle, seed)
    check_format(format)
    if label_mode is None:
        labels = None if class_names is None else labels
    if seed is None:
        seed = int(np.random.randint(1_000_000))
    index = FileIndex(directory, endings, labels, class_names, follow_links)
    if verbose:
        write(f"{index.describe()}\n")
    if not index.paths:
        raise ValueError(
            f"There are no {what} files in {os.fspath(directory)}; files with the endings "
            f"{', '.join(endings)} are looked for"
            + (" in folders named after the classes." if labels == "inferred" else ".")
        )
    index.targets(label_mode)  # whether the labels fit, before anything is read
    if shuffle:
        index = index.shuffled(seed)
    parts: list[tuple[str, FileIndex]] = [("", index)]
    if validation_split is not None:
        training, validation = index.split(validation_split)
        parts = [("training", training), ("validation", validation)]
        if subset != "both":
            parts = [part for part in parts if part[0] == subset]
    found = []
    for name, part in parts:
        if name and verbose:
            write(f"Using {len(part)} files for {name}.\n")
        # Beside a training set, the order of the other one is left alone.
        moving = shuffle and not (subset == "both" and name == "validation")
        dataset = FileDataset(part, read, collate, label_mode, batch_size, moving, seed)
        found.append(as_format(dataset, format))
    return found if subset == "both" else found[0]


# ------------------------------------------------------------------------ images


@dataclass(frozen=True)
class _ImageReader:
    color_mode: str
    size: tuple[int, int]
    interpolation: str
    crop: bool
    pad: bool
    data_format: str

    def __call__(self, path: str) -> np.ndarray:
        image = img_to_array(load_img(path, self.color_mode), "channels_last", "float32")
        image = resize_on_host(image, self.size, self.interpolation, self.crop, self.pad)
        return image.transpose(2, 0, 1) if self.data_format == "channels_first" else image


def image_dataset_from_directory(
    directory: str | os.PathLike,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of the images in a folder, read and resized by threads ahead of their use.

    Args:
        directory: with a folder for each class, where labels are inferred.
        labels: `"inferred"` from the folders' names, a list of integers for the sorted
            paths, or None.
        label_mode: `"int"`; `"binary"`, 0 or 1 as floats; `"categorical"`, one-hot; or None
            for no labels.
        class_names: the classes in the order of their numbers; the alphabet's where None.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        batch_size: images per batch; None for single images.
        image_size: `(height, width)`.
        shuffle: a new order in each epoch; otherwise the paths' order.
        seed: what orders are drawn from.
        validation_split: fraction of the files to hold out.
        subset: `"training"`, `"validation"`, or `"both"` for a list of the two datasets.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"area"`, `"lanczos3"`,
            `"lanczos5"`, `"gaussian"` or `"mitchellcubic"`.
        follow_links: also look into linked folders.
        crop_to_aspect_ratio: cut the middle out in the new proportions first.
        pad_to_aspect_ratio: fill up with zeros to the new proportions first.
        data_format: of the batches; the configured one where None.
        format: `"grain"` for a Grain dataset; `"tf"`, the contract's default, gives a
            `PyDataset` here.
        verbose: print how many files were found.

    Returns:
        A dataset that gives `(images, labels)`, or images alone without labels: float32 of
        shape `(batch, height, width, channels)` with values from 0 to 255; it has
        `class_names` and `file_paths`. It is indexed, iterated over, or handed to `fit`.

    Raises:
        ValueError: arguments that do not go together; no images.
        ImportError: Pillow is not installed.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cats", "dogs"):
    ...         os.mkdir(os.path.join(folder, name))
    ...         from highlevel.utils import save_img
    ...         save_img(os.path.join(folder, name, "1.png"), np.ones((5, 4, 3)))
    ...     dataset = image_dataset_from_directory(folder, image_size=(8, 8))
    ...     images, labels = dataset[0]
    Found 2 files belonging to 2 classes.
    >>> images.shape, sorted(labels.tolist()), dataset.class_names
    ((2, 8, 8, 3), [0, 1], ['cats', 'dogs'])
    """
    if color_mode not in ("rgb", "rgba", "grayscale"):
        raise ValueError(f"`color_mode` must be 'rgb', 'rgba' or 'grayscale'; got {color_mode!r}.")
    if interpolation not in HOST_METHODS:
        raise ValueError(
            f"`interpolation` must be one of {', '.join(HOST_METHODS)}; got {interpolation!r}."
        )
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True."
        )
    size = (image_size,) * 2 if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"`image_size` must be (height, width); got {image_size}.")
    read = _ImageReader(
        color_mode, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio,
        config.standardize_data_format(data_format),
    )
    return _datasets(
        directory, IMAGE_ENDINGS, "image", read, np.stack, labels, label_mode, class_names,
        batch_size, shuffle, seed, validation_split, subset, follow_links, format, verbose,
    )


# -------------------------------------------------------------------------- text


@dataclass(frozen=True)
class _TextReader:
    max_length: int | None

    def __call__(self, path: str) -> str:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read() if self.max_length is None else file.read(self.max_length)


def _strings(texts: list[str]) -> np.ndarray:
    found = np.empty(len(texts), dtype=object)
    found[:] = texts
    return found


def text_dataset_from_directory(
    directory: str | os.PathLike,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of the `.txt` files in a folder.

    Args:
        directory, labels, label_mode, class_names, batch_size, shuffle, seed,
        validation_split, subset, follow_links, format, verbose: as in
            `image_dataset_from_directory`.
        max_length: characters after which a text is cut.

    Returns:
        A dataset that gives `(texts, labels)`, or texts alone: arrays of shape `(batch,)`
        that hold `str`. It has `class_names` and `file_paths`.

    Raises:
        ValueError: arguments that do not go together; no texts.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("good", "bad"):
    ...         os.mkdir(os.path.join(folder, name))
    ...         with open(os.path.join(folder, name, "1.txt"), "w") as file:
    ...             _ = file.write(f"It was {name}.")
    ...     texts, labels = text_dataset_from_directory(folder, shuffle=False, verbose=False)[0]
    >>> texts.tolist(), labels.tolist()
    (['It was bad.', 'It was good.'], [0, 1])
    """
    return _datasets(
        directory, TEXT_ENDINGS, "text", _TextReader(max_length), _strings, labels, label_mode,
        class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, format,
        verbose,
    )


# ------------------------------------------------------------------------- sound


@dataclass(frozen=True)
class _AudioReader:
    sampling_rate: int | None
    length: int | None

    def __call__(self, path: str) -> np.ndarray:
        sound, rate = read_wav(path)
        if self.sampling_rate is not None:
            sound = resample(sound, rate, self.sampling_rate)
        if self.length is not None:
            sound = sound[: self.length]
            sound = np.pad(sound, ((0, self.length - len(sound)), (0, 0)))
        return sound


def _check_channels(sounds: list[np.ndarray]) -> None:
    channels = {sound.shape[1] for sound in sounds}
    if len(channels) > 1:
        raise ValueError(
            f"Files of one batch have different numbers of channels: {sorted(channels)}."
        )


def _padded(sounds: list[np.ndarray]) -> np.ndarray:
    _check_channels(sounds)
    length = max(map(len, sounds))
    return np.stack([np.pad(sound, ((0, length - len(sound)), (0, 0))) for sound in sounds])


def _ragged(sounds: list[np.ndarray]) -> np.ndarray:
    _check_channels(sounds)
    found = np.empty(len(sounds), dtype=object)
    found[:] = sounds
    return found


def audio_dataset_from_directory(
    directory: str | os.PathLike,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of the `.wav` files in a folder.

    Args:
        directory, labels, label_mode, class_names, batch_size, shuffle, seed,
        validation_split, subset, follow_links, verbose: as in
            `image_dataset_from_directory`.
        sampling_rate: files of another rate are resampled to it; None leaves them.
        output_sequence_length: sounds are cut or filled up with zeros to this length; None
            fills up to the longest of the batch.
        ragged: leave the lengths as they are: a batch is an array of arrays.

    Returns:
        A dataset that gives `(sounds, labels)`, or sounds alone: float32 from -1 to 1 of
        shape `(batch, length, channels)`. It has `class_names` and `file_paths`.

    Raises:
        ValueError: arguments that do not go together; no sounds.
    """
    if ragged and output_sequence_length is not None:
        raise ValueError("`ragged` and `output_sequence_length` cannot be given together.")
    for name, value in (("sampling_rate", sampling_rate),
                        ("output_sequence_length", output_sequence_length)):
        if value is not None and (not isinstance(value, (int, np.integer)) or value < 1):
            raise ValueError(f"`{name}` must be a positive integer or None; got {value!r}.")
    read = _AudioReader(sampling_rate, output_sequence_length)
    return _datasets(
        directory, AUDIO_ENDINGS, "sound", read, _ragged if ragged else _padded, labels,
        label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
        follow_links, "tf", verbose,
    )
