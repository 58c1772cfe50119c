"""Boxes and masks drawn into images."""

import numpy as np
import pytest

import highlevel as hl
from highlevel.visualization import draw_bounding_boxes, draw_segmentation_masks


def boxes(*found, labels=None, **more):
    array = np.array([found], "float32")
    return {"boxes": array, "labels": np.array([labels or [1] * len(found)]), **more}


def test_sides_lie_on_the_edges(backend):
    images = hl.ops.full((1, 8, 9, 3), 100.0)
    drawn = draw_bounding_boxes(images, boxes([2, 1, 6, 5]), "xyxy", color=(255, 0, 7), line_thickness=1)
    expected = np.full((8, 9), 100)
    expected[1, 2:7] = expected[5, 2:7] = expected[1:6, 2] = expected[1:6, 6] = 255
    np.testing.assert_array_equal(drawn[0, :, :, 0], expected)
    assert drawn.dtype == "uint8" and tuple(drawn[0, 1, 3]) == (255, 0, 7)
    assert float(images[0, 1, 3, 0]) == 100  # the images given are left alone


def test_thicker_lines_and_boxes_beyond_the_image():
    images = np.zeros((1, 10, 10, 3))
    drawn = draw_bounding_boxes(images, boxes([3, 3, 30, 30], [-6, -6, -3, -3]), "xyxy", line_thickness=2)
    mask = drawn[0, :, :, 0] > 0
    assert mask[2:4, 2:].all() and mask[2:, 2:4].all() and not mask[:2].any() and not mask[4:, 4:].any()


def test_formats_and_padding():
    images = np.zeros((1, 8, 16, 3), "uint8")
    there = draw_bounding_boxes(images, boxes([4, 2, 12, 6]), "xyxy")
    same = draw_bounding_boxes(images, boxes([0.25, 0.25, 0.75, 0.75]), "rel_xyxy")
    np.testing.assert_array_equal(there, same)
    assert not draw_bounding_boxes(images, boxes([4, 2, 12, 6], labels=[-1]), "xyxy").any()
    first = draw_bounding_boxes(np.zeros((1, 3, 8, 16)), boxes([4, 2, 12, 6]), "xyxy", data_format="channels_first")
    np.testing.assert_array_equal(first, there)


def test_names_are_written_above_or_within():
    pytest.importorskip("PIL")
    images = np.zeros((1, 60, 90, 3))
    given = boxes([10, 30, 80, 55], confidences=np.array([[0.5]]))
    plain = draw_bounding_boxes(images, given, "xyxy")
    named = draw_bounding_boxes(images, given, "xyxy", class_mapping={1: "cat"})
    changed = np.argwhere((plain != named).any((0, -1)))
    assert changed[:, 0].min() > 5 and changed[:, 0].max() < 30
    assert changed[:, 1].min() > 8 and changed[:, 1].max() < 80
    high = draw_bounding_boxes(images, boxes([10, 1, 80, 55]), "xyxy", class_mapping={1: "cat"})
    assert high[0, 5:20, 12:40].any()
    larger = draw_bounding_boxes(images, given, "xyxy", class_mapping={1: "cat"}, font_scale=2)
    assert (larger != plain).sum() > (named != plain).sum()


@pytest.mark.parametrize("change, words", [
    ({"images": np.zeros((8, 8, 3))}, r"four axes.*got the shape \(8, 8, 3\). Give `images\[None\]`"),
    ({"bounding_boxes": {"boxes": np.zeros((1, 1, 4))}}, r"'boxes' and 'labels'; got \['boxes'\]"),
    ({"bounding_boxes": np.zeros((1, 4))}, "got ndarray"),
    ({"color": "red"}, "three numbers from 0 to 255.*got 'red'"),
    ({"bounding_box_format": "xyzw"}, "xyzw"),
])
def test_errors(change, words):
    arguments = {"images": np.zeros((1, 8, 8, 3)), "bounding_boxes": boxes([1, 1, 2, 2]),
                 "bounding_box_format": "xyxy", **change}
    with pytest.raises(ValueError, match=words):
        draw_bounding_boxes(**arguments)


# --------------------------------------------------------------------------- masks

COLORS = {0: (0, 0, 0), 1: (10, 20, 30), 2: (255, 0, 0)}


def test_masks_against_the_formula(backend):
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (2, 5, 6, 3)).astype("float32")
    masks = chance.integers(-1, 3, (2, 5, 6, 1))
    drawn = draw_segmentation_masks(
        hl.ops.convert_to_tensor(images), hl.ops.convert_to_tensor(masks), 3, COLORS, alpha=0.25)
    for at in np.ndindex(2, 5, 6):
        label = int(masks[at][0])
        wanted = images[at] if label < 0 else 0.75 * images[at] + 0.25 * np.array(COLORS[label])
        np.testing.assert_allclose(drawn[at], wanted, atol=0.5001)


def test_masks_without_blending_and_beyond_the_classes():
    images, masks = np.full((1, 1, 4, 3), 100), np.array([[[0, 1, 2, 7]]])
    drawn = draw_segmentation_masks(images, masks, 3, COLORS, blend=False, ignore_index=0)
    assert drawn[0, 0].tolist() == [[100] * 3, [10, 20, 30], [255, 0, 0], [100] * 3]
    everything = draw_segmentation_masks(images, masks, blend=False)[0, 0]
    assert len({tuple(c) for c in everything}) == 4 and tuple(everything[0]) == (0, 0, 0)
    gray = draw_segmentation_masks(images[..., :1], masks, 3, COLORS)
    assert gray.shape == (1, 1, 4, 3)
    first = draw_segmentation_masks(images.transpose(0, 3, 1, 2), masks[:, None], 3, COLORS,
                                    data_format="channels_first")
    np.testing.assert_array_equal(first, draw_segmentation_masks(images, masks, 3, COLORS))


def test_mask_errors():
    images = np.zeros((1, 2, 2, 3))
    with pytest.raises(ValueError, match=r"\(1, 2, 2\) or with an axis.*got the shape \(1, 3, 2\)"):
        draw_segmentation_masks(images, np.zeros((1, 3, 2)))
    with pytest.raises(ValueError, match=r"no colour for class 5; it has some for \[0, 1, 2\]"):
        draw_segmentation_masks(images, np.full((1, 2, 2), 5), color_mapping=COLORS)
