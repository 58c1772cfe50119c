"""The contract's `preprocessing.image` namespace."""

from __future__ import annotations

from highlevel.utils.images import array_to_img, img_to_array, load_img, save_img, smart_resize

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
