"""Images as arrays and in files; Pillow reads and writes the files."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from highlevel_backend import canonical_name, current_backend

from highlevel import config, ops
from highlevel.ops.image.resizing import resize_on_host

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]

_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Images are read and written by Pillow, which is not installed: "
            "`pip install highlevel[images]`, or `pip install pillow`."
        ) from error
    return Image


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Image:
    """A Pillow image of an array.

    Args:
        x: `(height, width, channels)` with 1, 3 or 4 channels, or channels first.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.
        scale: shift and stretch the values to 0..255; otherwise they are taken as they are.
        dtype: to compute in; `floatx` where None.

    Returns:
        An image of mode L (I where there are values above 255), RGB or RGBA.

    Raises:
        ValueError: another number of axes or channels.
        ImportError: Pillow is not installed.

    >>> array_to_img(np.zeros((2, 3, 1))).size
    (3, 2)
    """
    pillow = _pillow()
    data_format = config.standardize_data_format(data_format)
    name = config.floatx() if dtype is None else canonical_name(dtype)
    array = _host(x).astype("float32" if name == "bfloat16" else name)
    if array.ndim != 3:
        raise ValueError(
            f"`array_to_img` needs one image with 3 axes (height, width, channels); got shape "
            f"{array.shape}."
        )
    if data_format == "channels_first":
        array = array.transpose(1, 2, 0)
    if array.shape[2] not in (1, 3, 4):
        raise ValueError(
            f"An image has 1, 3 or 4 channels; the array of shape {_host(x).shape} "
            f"({data_format}) has {array.shape[2]}."
        )
    if scale:
        array = array - array.min(initial=np.inf)
        top = array.max(initial=0)
        array = array * (255 / top) if top else array
    if array.shape[2] == 1:
        wide = array.max(initial=0) > 255
        return pillow.fromarray(array[:, :, 0].astype("int32" if wide else "uint8"))
    return pillow.fromarray(array.astype("uint8"))


def _host(x: Any) -> np.ndarray:
    backend = current_backend()
    return backend.to_numpy(x) if backend.is_array(x) else np.asarray(x)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """The array of a Pillow image.

    Args:
        img: a Pillow image, or an array of 2 or 3 axes.
        data_format: of the result; the configured one where None.
        dtype: of the result; `floatx` where None.

    Returns:
        NumPy array `(height, width, channels)`, or channels first.

    Raises:
        ValueError: an array of other axes.

    >>> img_to_array(np.zeros((2, 3))).shape
    (2, 3, 1)
    """
    data_format = config.standardize_data_format(data_format)
    array = np.asarray(img).astype(np.dtype(config.floatx() if dtype is None else dtype))
    if array.ndim == 2:
        return array[None] if data_format == "channels_first" else array[:, :, None]
    if array.ndim != 3:
        raise ValueError(f"An image has 2 or 3 axes; got shape {array.shape}.")
    return array.transpose(2, 0, 1) if data_format == "channels_first" else array


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """A Pillow image from a file.

    Args:
        path: a path, or a `BytesIO` with the file's content.
        color_mode: `"grayscale"`, `"rgb"` or `"rgba"`.
        target_size: `(height, width)`, or None to leave the size.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"hamming"`, `"box"` or
            `"lanczos"`.
        keep_aspect_ratio: cut the middle out in the new proportions first.

    Raises:
        ValueError: an unknown mode or interpolation.
        TypeError: neither a path nor a `BytesIO`.
        ImportError: Pillow is not installed.
    """
    pillow = _pillow()
    if color_mode not in ("grayscale", "rgb", "rgba"):
        raise ValueError(f"`color_mode` must be 'grayscale', 'rgb' or 'rgba'; got {color_mode!r}.")
    if isinstance(path, io.BytesIO):
        content = path
    elif isinstance(path, (str, bytes, os.PathLike)):
        # The file is read at once: Pillow would keep it open until it decodes.
        content = io.BytesIO(Path(os.fsdecode(path)).read_bytes())
    else:
        raise TypeError(f"`path` must be a path or a BytesIO; got {type(path).__name__}.")
    img = pillow.open(content)
    if color_mode == "grayscale":
        # 16 and 32 bit images stay as they are.
        if img.mode not in ("L", "I;16", "I"):
            img = img.convert("L")
    else:
        img = img.convert(color_mode.upper())
    if target_size is None:
        return img
    height, width = target_size
    if interpolation not in _RESAMPLING:
        raise ValueError(
            f"`interpolation` must be one of {', '.join(_RESAMPLING)}; got {interpolation!r}."
        )
    method = pillow.Resampling[interpolation.upper()]
    box = None
    if keep_aspect_ratio:
        columns, rows = img.size
        new_rows = min(rows, int(columns * height / width))
        new_columns = min(columns, int(rows * width / height))
        top, left = (rows - new_rows) // 2, (columns - new_columns) // 2
        box = (left, top, left + new_columns, top + new_rows)
    if img.size == (width, height) and box is None:
        return img
    return img.resize((width, height), method, box)


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image file.

    Args:
        path: a path or a binary file.
        x: `(height, width, channels)`, or channels first.
        data_format: the configured one where None.
        file_format: such as `"png"`; by the path's ending where None.
        scale: shift and stretch the values to 0..255.
        **kwargs: further options of Pillow's `save`.
    """
    img = array_to_img(x, data_format, scale)
    ending = file_format or (Path(path).suffix[1:] if isinstance(path, (str, os.PathLike)) else "")
    if img.mode == "RGBA" and ending.lower() in ("jpg", "jpeg"):
        warnings.warn("JPEG files have no alpha channel: it is left out.", stacklevel=2)
        img = img.convert("RGB")
    img.save(path, format="jpeg" if (file_format or "").lower() == "jpg" else file_format, **kwargs)


def smart_resize(
    x: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: Any,
) -> Any:
    """Images in another size, not distorted: the middle is cut out in the new proportions.

    Args:
        x: `(height, width, channels)` or a batch of them, or channels first.
        size: `(height, width)`.
        interpolation: as in `ops.image.resize`.
        data_format: `"channels_last"` or `"channels_first"`.
        **kwargs: only `backend_module`, which is accepted for the contract and ignored.

    Returns:
        Images of `size` as floats; a NumPy array for a NumPy array.

    Raises:
        ValueError: other axes, or a `size` that is no pair.

    >>> smart_resize(np.ones((4, 8, 3), "float32"), (2, 2)).shape
    (2, 2, 3)
    """
    unknown = set(kwargs) - {"backend_module"}
    if unknown:
        raise TypeError(f"`smart_resize` does not know {', '.join(map(repr, sorted(unknown)))}.")
    if len(size) != 2:
        raise ValueError(f"`size` must be (height, width); got {size}.")
    if len(x.shape) not in (3, 4):
        raise ValueError(
            "`smart_resize` needs an image (height, width, channels) or a batch of them; got "
            f"shape {tuple(x.shape)}."
        )
    if isinstance(x, np.ndarray) and x.ndim == 3:
        first = config.standardize_data_format(data_format) == "channels_first"
        image = resize_on_host(np.moveaxis(x, 0, -1) if first else x, size, interpolation,
                               crop_to_aspect_ratio=True)
        return (np.moveaxis(image, -1, 0) if first else image).astype(config.floatx())
    resized = ops.image.resize(
        ops.cast(x, config.floatx()), size, interpolation, crop_to_aspect_ratio=True,
        data_format=data_format,
    )
    return ops.convert_to_numpy(resized) if isinstance(x, np.ndarray) else resized
