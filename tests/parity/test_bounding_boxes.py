"""`utils.bounding_boxes` against Keras."""

import itertools
import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

import highlevel as hl  # noqa: E402

theirs, ours = keras.utils.bounding_boxes, hl.utils.bounding_boxes
BOXES = np.array([[10, 20, 50, 60], [70, 80, 100, 120], [-5, -5, 20, 200]], "float32")
BATCH = np.stack([BOXES, BOXES + 4])
ANCHORS = np.array([[0, 0, 20, 30], [10, 10, 40, 90], [5, 6, 7, 9]], "float32")
FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx",
           "rel_xywh", "rel_center_xywh")


def same(name, *args, **kwargs):
    got, wanted = getattr(ours, name)(*args, **kwargs), getattr(theirs, name)(*args, **kwargs)
    if not isinstance(got, dict):
        got, wanted = {"": got}, {"": wanted}
    for key in wanted:
        np.testing.assert_allclose(
            np.asarray(got[key]), np.asarray(wanted[key]), rtol=2e-4, atol=1e-4)


def test_formats():
    with hl.use_backend("numpy"):
        for source, target in itertools.product(FORMATS, FORMATS):
            same("convert_format", BOXES / 10, source, target, height=100, width=200)
    with pytest.raises(ValueError, match="`height` and `width` of the image are needed"):
        ours.convert_format(BOXES, "xyxy", "rel_xyxy")
    with pytest.raises(ValueError, match=r"`target` must be one of 'xyxy'.*got 'corners'"):
        ours.convert_format(BOXES, "xyxy", "corners")
    with pytest.raises(ValueError, match=r"four numbers each.*got shape \(2, 3\)"):
        ours.convert_format(np.ones((2, 3)), "xyxy", "xywh")


def test_changes(backend):
    labelled = {"boxes": BOXES, "labels": np.array([1, 2, 3])}
    same("clip_to_image_size", labelled, height=100, width=90)
    same("clip_to_image_size", {**labelled, "boxes": BOXES / 50}, bounding_box_format="rel_xyxy")
    same("crop", BOXES, 10, 20, 40, 30)
    same("pad", BOXES, 10, 20)
    numbers = [np.array([n, n / 2], "float32") for n in (30, 0.1, 0.2, 1.5, 20, 10)]
    same("affine_transform", BATCH, *numbers, height=100, width=200)
    same("affine_transform", BATCH, *numbers, height=100, width=200,
         center_x=np.array([0.2, 0.1], "float32"), center_y=np.array([0.3, 0.5], "float32"))
    with pytest.raises(NotImplementedError, match="Use `convert_format` before"):
        ours.crop(BOXES, 1, 1, 2, 2, "xywh")


def test_overlaps(backend):
    other = BOXES + 3
    for name in ("xyxy", "xywh", "center_yxhw"):
        same("compute_iou", BOXES, other, name)
        same("compute_ciou", BOXES, other, name)
    same("compute_iou", BATCH, other, "xyxy")
    filled = np.concatenate([BOXES, -np.ones((1, 4), "float32")])
    same("compute_iou", filled, filled, "xyxy", use_masking=True, mask_val=-7)
    same("compute_iou", BOXES / 100, other / 100, "rel_xyxy", image_shape=(10, 20, 3))


@pytest.mark.parametrize("encoded", ["center_yxhw", "center_xywh"])
@pytest.mark.parametrize("variance", [None, [0.1, 0.1, 0.2, 0.2]])
def test_deltas(encoded, variance, backend):
    same("encode_box_to_deltas", ANCHORS, BOXES, "xyxy", "xyxy", encoding_format=encoded,
         variance=variance)
    same("decode_deltas_to_boxes", ANCHORS, BOXES / 100, "xyxy", "xywh", encoded_format=encoded,
         variance=variance)
    deltas = ours.encode_box_to_deltas(ANCHORS, BATCH, "xyxy", "xyxy", encoded, variance)
    again = ours.decode_deltas_to_boxes(
        {"p3": ANCHORS}, {"p3": deltas}, "xyxy", "xyxy", encoded, variance)
    np.testing.assert_allclose(np.asarray(again["p3"]), BATCH, rtol=1e-4, atol=1e-3)
    same("decode_deltas_to_boxes", {"a": ANCHORS}, {"a": BATCH / 100}, "xyxy", "rel_xywh",
         image_shape=(10, 12, 3))
