"""Images side by side, drawn by matplotlib."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from highlevel.inspection.picture import Picture, new_picture
from highlevel.ops import convert_to_numpy
from highlevel.visualization.drawing import (
    Color,
    draw_bounding_boxes,
    draw_segmentation_masks,
    images_last,
)

__all__ = ["plot_bounding_box_gallery", "plot_image_gallery", "plot_segmentation_mask_gallery"]


def _to_255(images: Any, value_range: tuple[float, float], data_format: str | None) -> np.ndarray:
    """Images in channels last, from their range of values to 0 to 255."""
    array = images_last(images, data_format).astype("float32")
    low, high = value_range
    if not high > low:
        raise ValueError(f"`value_range` is the least and the largest value; got {value_range!r}.")
    return np.round(np.clip((array - low) / (high - low), 0, 1) * 255)


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: str | os.PathLike | None = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: float = 60,
    legend_handles: Sequence[Any] | None = None,
    data_format: str | None = None,
) -> Picture:
    """Show images in rows and columns.

    Args:
        images: `(batch, height, width, channels)`.
        y_true, y_pred: labels `(batch,)`, which stand above the images.
        label_map: label → name.
        rows, cols: how many; as near to a square as can be by default. What is more than fits
            is left out.
        value_range: the values that are black and white.
        scale: inches of an image.
        path: file to write to.
        show: show it now. By default the picture is returned, and notebooks show it where it is
            the last value of a cell.
        transparent: no ground in the file.
        dpi: resolution of the file.
        legend_handles: matplotlib's, for a legend below.
        data_format: of `images`; the configured one by default.

    Returns:
        The picture.

    Raises:
        ValueError: images that are no batch, another number of labels.
        ImportError: matplotlib is not installed.
    """
    array = _to_255(images, value_range, data_format).astype("uint8")
    down, across = _grid(len(array), rows, cols)
    titles = _titles(len(array), y_true, y_pred, label_map)
    tall = 0.35 if titles else 0.0
    shape = array.shape[1] / max(array.shape[2], 1)
    picture = new_picture(
        f"{min(len(array), down * across)} images", scale * across,
        (scale * shape + tall) * down + (0.5 if legend_handles else 0.0),
    )
    for at, axes in enumerate(picture.figure.subplots(down, across, squeeze=False).flat):
        axes.axis("off")
        if at < len(array):
            image = array[at]
            axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray",
                        vmin=0, vmax=255)
            if titles:
                axes.set_title(titles[at], fontsize=8)
    if legend_handles:
        picture.figure.legend(handles=list(legend_handles), loc="outside lower center", ncols=2)
    if path is not None:
        picture.save(path, dpi=dpi, transparent=transparent)
    if show:
        picture.show()
    return picture


def _grid(count: int, rows: int | None, cols: int | None) -> tuple[int, int]:
    if rows is None and cols is None:
        cols = max(int(np.ceil(np.sqrt(count))), 1)
    if cols is None:
        cols = -(-count // max(rows or 1, 1))
    if rows is None:
        rows = -(-count // max(cols, 1))
    return max(rows, 1), max(cols, 1)


def _titles(
    count: int, y_true: Any, y_pred: Any, names: Mapping[int, str] | None
) -> list[str]:
    columns = []
    for what, name, values in (("y_true", "label", y_true), ("y_pred", "predicted", y_pred)):
        if values is None:
            continue
        labels = np.asarray(convert_to_numpy(values)).reshape(-1)
        if len(labels) != count:
            raise ValueError(f"`{what}` has a label for every image: {count}; got {len(labels)}.")
        columns.append([
            f"{name}: {label if names is None else names.get(label, label)}"
            for label in labels.tolist()
        ])
    return ["\n".join(texts) for texts in zip(*columns)]


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: Mapping[str, Any] | None = None,
    y_pred: Mapping[str, Any] | None = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: Color = (0, 188, 212),
    pred_color: Color = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence[Any] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> Picture:
    """Show images with their bounding boxes, true and predicted.

    Args:
        y_true, y_pred: boxes as `draw_bounding_boxes` takes them.
        true_color, pred_color: of their lines.
        class_mapping: label → name, for both; or each by `ground_truth_mapping` and
            `prediction_mapping`.
        legend: say below which colour is which.
        images, bounding_box_format, line_thickness, font_scale, text_thickness: see
            `draw_bounding_boxes`.
        value_range, rows, cols, legend_handles, data_format, **kwargs: see `plot_image_gallery`.

    Returns:
        The picture.

    Raises:
        ValueError: see `draw_bounding_boxes`.
        ImportError: matplotlib is not installed.
    """
    drawn = _to_255(images, value_range, data_format)
    handles = list(legend_handles or ())
    for name, boxes, color, mapping in (
        ("true", y_true, true_color, ground_truth_mapping),
        ("predicted", y_pred, pred_color, prediction_mapping),
    ):
        if boxes is None:
            continue
        drawn = draw_bounding_boxes(
            drawn, boxes, bounding_box_format, mapping or class_mapping, color, line_thickness,
            text_thickness or 1, font_scale, "channels_last",
        )
        if legend:
            handles.append(_handle(name, color))
    return plot_image_gallery(
        drawn, rows=rows, cols=cols, legend_handles=handles or None,
        data_format="channels_last", **kwargs,
    )


def _handle(name: str, color: Color) -> Any:
    new_picture(name, 1, 1)  # says what to install where matplotlib is missing
    from matplotlib.patches import Patch

    red, green, blue = (value / 255 for value in color)
    return Patch(color=(red, green, blue), label=name)


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int | None,
    value_range: tuple[float, float] = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Mapping[int, Color] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> Picture:
    """Show images coloured by the classes of their pixels: as they are, true, predicted, in a row.

    Args:
        images, num_classes, color_mapping, blend, alpha, ignore_index: see
            `draw_segmentation_masks`.
        y_true, y_pred: masks as it takes them.
        value_range, data_format, **kwargs: see `plot_image_gallery`.

    Returns:
        The picture.

    Raises:
        ValueError: see `draw_segmentation_masks`.
        ImportError: matplotlib is not installed.
    """
    plain = _to_255(images, value_range, data_format)
    last = "channels_last"
    parts = [plain if plain.shape[-1] != 1 else np.repeat(plain, 3, -1)]
    for masks in (y_true, y_pred):
        if masks is not None:
            if data_format is not None and data_format != last and np.ndim(masks) == 4:
                masks = np.asarray(convert_to_numpy(masks))[:, 0]
            parts.append(draw_segmentation_masks(
                plain, masks, num_classes, color_mapping, alpha, blend, ignore_index, last))
    together = np.stack(parts, 1).reshape(-1, *parts[0].shape[1:])
    if kwargs.get("rows") is None and kwargs.get("cols") is None:
        kwargs["cols"] = len(parts)
    return plot_image_gallery(together, data_format=last, **kwargs)
