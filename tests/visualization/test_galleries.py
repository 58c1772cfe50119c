"""Galleries: how many images, what stands above them, what is drawn into them."""

import numpy as np
import pytest

from highlevel import visualization
from highlevel.visualization import draw_bounding_boxes, draw_segmentation_masks

pytest.importorskip("matplotlib")


def shown(picture):
    """The arrays that are drawn."""
    return [axes.get_images()[0].get_array() for axes in picture.figure.axes if axes.get_images()]


def grid(picture):
    spec = picture.figure.axes[0].get_subplotspec().get_gridspec()
    return spec.nrows, spec.ncols


def test_images(tmp_path):
    images = np.linspace(0, 1, 5 * 4 * 6 * 3).reshape(5, 4, 6, 3)
    path = tmp_path / "gallery.png"
    picture = visualization.plot_image_gallery(
        images, [0, 1, 0, 1, 2], [1, 1, 0, 0, 2], {0: "cat", 1: "dog"}, value_range=(0, 1), path=path)
    assert grid(picture) == (2, 3) and path.read_bytes().startswith(b"\x89PNG")
    arrays = shown(picture)
    assert len(arrays) == 5
    np.testing.assert_array_equal(arrays[3], np.round(images[3] * 255).astype("uint8"))
    titles = [axes.get_title() for axes in picture.figure.axes]
    assert titles[0] == "label: cat\npredicted: dog" and titles[4] == "label: 2\npredicted: 2"


@pytest.mark.parametrize("asked, given", [
    ({}, (2, 3)), ({"rows": 1}, (1, 5)), ({"cols": 2}, (3, 2)), ({"rows": 2, "cols": 2}, (2, 2)),
])
def test_rows_and_columns(asked, given):
    picture = visualization.plot_image_gallery(np.zeros((5, 2, 2, 1)), **asked)
    assert grid(picture) == given and len(shown(picture)) == min(5, given[0] * given[1])


def test_show(monkeypatch):
    seen = []
    monkeypatch.setattr("highlevel.inspection.picture.show_in_notebook", lambda p: seen.append(p) or True)
    picture = visualization.plot_image_gallery(np.zeros((1, 2, 2, 3)), show=True)
    assert seen == [picture]
    visualization.plot_image_gallery(np.zeros((1, 2, 2, 3)))
    assert len(seen) == 1


def test_bounding_boxes():
    images = np.full((2, 12, 12, 3), 0.5, "float32")
    truth = {"boxes": np.array([[[1, 1, 5, 5]]] * 2), "labels": np.zeros((2, 1), int)}
    guess = {"boxes": np.array([[[4, 4, 9, 9]]] * 2), "labels": np.zeros((2, 1), int)}
    picture = visualization.plot_bounding_box_gallery(
        images, "xyxy", truth, guess, value_range=(0, 1), legend=True)
    gray = np.full((2, 12, 12, 3), 128.0)
    wanted = draw_bounding_boxes(gray, truth, "xyxy", color=(0, 188, 212))
    wanted = draw_bounding_boxes(wanted, guess, "xyxy", color=(255, 235, 59))
    np.testing.assert_array_equal(np.stack(shown(picture)), wanted)
    (legend,) = picture.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["true", "predicted"]


def test_segmentation_masks():
    images, truth = np.full((2, 3, 3, 3), 90.0), np.ones((2, 3, 3, 1), int)
    picture = visualization.plot_segmentation_mask_gallery(images, 3, y_true=truth, y_pred=truth * 2)
    assert grid(picture) == (2, 3)  # a row per image: as it is, true, predicted
    arrays = shown(picture)
    np.testing.assert_array_equal(arrays[3], images[1])
    np.testing.assert_array_equal(arrays[4], draw_segmentation_masks(images, truth, 3)[1])
    np.testing.assert_array_equal(arrays[5], draw_segmentation_masks(images, truth * 2, 3)[1])
    first = visualization.plot_segmentation_mask_gallery(
        images.transpose(0, 3, 1, 2), 3, y_true=truth.transpose(0, 3, 1, 2), data_format="channels_first")
    np.testing.assert_array_equal(shown(first)[1], arrays[1])


def test_errors(monkeypatch):
    with pytest.raises(ValueError, match="four axes"):
        visualization.plot_image_gallery(np.zeros((2, 2, 3)))
    with pytest.raises(ValueError, match="`y_pred` has a label for every image: 1; got 2"):
        visualization.plot_image_gallery(np.zeros((1, 2, 2, 3)), y_pred=[0, 1])
    with pytest.raises(ValueError, match="least and the largest"):
        visualization.plot_image_gallery(np.zeros((1, 2, 2, 3)), value_range=(1, 1))
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'highlevel\[plots\]'"):
        visualization.plot_image_gallery(np.zeros((1, 2, 2, 3)))
