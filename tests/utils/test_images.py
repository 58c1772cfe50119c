"""Images as arrays and in files."""

import io
import sys

import numpy as np
import pytest

import highlevel as hl
from highlevel.ops.image.resizing import HOST_METHODS, resize_on_host

PIL_Image = pytest.importorskip("PIL.Image")
rng = np.random.default_rng(0)
utils, smart_resize = hl.utils, hl.preprocessing.image.smart_resize


def test_values_survive_a_file(tmp_path):
    pixels = rng.integers(0, 256, (5, 7, 3)).astype("float32")
    for name, options in (("a.png", {}), ("b.dat", {"file_format": "png"})):
        utils.save_img(tmp_path / name, pixels, scale=False, **options)
        np.testing.assert_array_equal(utils.img_to_array(utils.load_img(tmp_path / name)), pixels)
    stream = io.BytesIO()
    utils.save_img(stream, pixels, scale=False, file_format="png")
    np.testing.assert_array_equal(utils.img_to_array(utils.load_img(stream)), pixels)


def test_scaling_uses_the_whole_range():
    x = np.array([-3.0, 0.0, 7.0])[None, :, None]
    np.testing.assert_array_equal(np.asarray(utils.array_to_img(x)), [[0, 76, 255]])
    assert not np.asarray(utils.array_to_img(np.full((2, 2, 3), 5.0))).any()


def test_arrays_of_a_backend(backend):
    x = hl.ops.ones((2, 3, 1)) * 200
    assert np.asarray(utils.array_to_img(x, scale=False)).tolist() == [[200] * 3] * 2
    resized = smart_resize(hl.ops.ones((2, 6, 9, 3)), (4, 4))
    assert backend.is_array(resized) and tuple(resized.shape) == (2, 4, 4, 3)


def test_sixteen_bits_are_kept(tmp_path):
    PIL_Image.fromarray(np.full((2, 3), 40000, "uint16")).save(tmp_path / "deep.png")
    array = utils.img_to_array(utils.load_img(tmp_path / "deep.png", color_mode="grayscale"))
    assert array.shape == (2, 3, 1) and (array == 40000).all()


def test_a_jpeg_has_no_alpha(tmp_path):
    with pytest.warns(UserWarning, match="alpha"):
        utils.save_img(tmp_path / "a.jpg", rng.random((4, 5, 4)))
    assert utils.load_img(tmp_path / "a.jpg").size == (5, 4)


@pytest.mark.parametrize("call, error, message", [
    (lambda: utils.array_to_img(np.zeros((2, 3))), ValueError, "3 axes"),
    (lambda: utils.array_to_img(np.zeros((2, 3, 2))), ValueError, "1, 3 or 4 channels"),
    (lambda: utils.array_to_img(np.zeros((2, 3, 3)), "x"), ValueError, "data_format"),
    (lambda: utils.img_to_array(np.zeros(2)), ValueError, "2 or 3 axes"),
    (lambda: utils.load_img("x.png", color_mode="cmyk"), ValueError, "color_mode"),
    (lambda: utils.load_img("no such.png"), FileNotFoundError, "no such"),
    (lambda: utils.load_img(5), TypeError, "int"),
    (lambda: smart_resize(np.zeros((2, 3)), (1, 1)), ValueError, "shape"),
    (lambda: smart_resize(np.zeros((2, 3, 3)), (1, 1, 1)), ValueError, "size"),
    (lambda: smart_resize(np.zeros((2, 3, 3)), (1, 1), foo=1), TypeError, "foo"),
])
def test_errors_name_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_without_pillow_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="pip install"):
        utils.load_img("x.png")


@pytest.mark.parametrize("method", HOST_METHODS)
def test_resizing_keeps_constants_and_the_identity(method):
    np.testing.assert_allclose(
        resize_on_host(np.full((5, 7, 2), 3.0), (8, 4), method), np.full((8, 4, 2), 3.0), rtol=1e-5)
    x = rng.random((4, 5, 1)).astype("float32")
    np.testing.assert_array_equal(resize_on_host(x, (4, 5), method), x)


def test_area_is_the_mean_of_what_is_covered():
    x = rng.random((6, 9, 2)).astype("float32")
    expected = x.reshape(3, 2, 3, 3, 2).mean((1, 3))
    np.testing.assert_allclose(resize_on_host(x, (3, 3), "area"), expected, rtol=1e-5)
    uneven = resize_on_host(np.arange(3.0)[:, None, None], (2, 1), "area")[:, 0, 0]
    np.testing.assert_allclose(uneven, [(0 + 0.5) / 1.5, (0.5 + 2) / 1.5], rtol=1e-5)
