"""Image layers: every one over all kinds of input, on both backends alike; what each must do."""

import json

import numpy as np
import pytest
from highlevel_backend import current_backend, tree, use_backend
from sklearn.datasets import load_digits, load_sample_images

import highlevel as hl
from highlevel.symbolic import SymbolicTensor

L = hl.layers
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 9, 12, 3)).astype("float32")
DATA = {
    "images": IMAGES,
    "labels": np.eye(2, dtype="float32"),
    "bounding_boxes": {
        "boxes": np.array([[[1, 2, 5, 6], [3, 3, 9, 7]], [[0, 0, 10, 8], [2, 2, 3, 3]]], "float32"),
        "labels": np.array([[0, 1], [2, 3]], "int32"),
    },
    "segmentation_masks": RNG.integers(0, 3, (2, 9, 12, 1)).astype("uint8"),
    "weights": np.ones(2, "float32"),
}
#: layer → arguments, `seed` apart
LAYERS = {
    "AugMix": {"num_chains": 2, "chain_depth": 2},
    "AutoContrast": {},
    "CenterCrop": {"height": 4, "width": 5},
    "ContrastLimitedAdaptiveHistogramEqualization": {"tile_grid_size": (2, 3)},
    "CutMix": {},
    "Equalization": {},
    "MaxNumBoundingBoxes": {"max_number": 3, "fill_value": 7},
    "MixUp": {"alpha": 0.5},
    "RandAugment": {"num_ops": 3},
    "RandomBrightness": {"factor": 0.3},
    "RandomColorDegeneration": {"factor": 0.3},
    "RandomColorJitter": {"brightness_factor": 0.3, "contrast_factor": 0.3,
                          "saturation_factor": (0.1, 0.7), "hue_factor": 0.5},
    "RandomContrast": {"factor": (0.2, 0.4)},
    "RandomCrop": {"height": 4, "width": 5},
    "RandomElasticTransform": {"factor": (1.0, 1.0)},
    "RandomErasing": {"scale": (0.1, 0.3)},
    "RandomFlip": {},
    "RandomGaussianBlur": {"kernel_size": (3, 5), "sigma": (0.5, 2.0)},
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.3},
    "RandomInvert": {"factor": 0.8},
    "RandomPerspective": {"scale": 0.5},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.3},
    "RandomSaturation": {"factor": (0.2, 0.9)},
    "RandomSharpness": {"factor": 0.9},
    "RandomShear": {"x_factor": 0.3, "y_factor": (0.1, 0.2)},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": (-0.1, 0.2)},
    "RandomZoom": {"height_factor": 0.3, "width_factor": 0.1},
    "Resizing": {"height": 4, "width": 5},
    "Solarization": {"addition_factor": 0.3, "threshold_factor": (0.2, 0.5)},
}
SEEDLESS = {"AutoContrast", "CenterCrop", "ContrastLimitedAdaptiveHistogramEqualization",
            "Equalization", "MaxNumBoundingBoxes", "Resizing"}
SIZED = {"CenterCrop", "RandomCrop", "Resizing"}
every = pytest.mark.parametrize("name", LAYERS)


def make(name, /, seed=3, **kwargs):
    if name not in SEEDLESS:
        kwargs["seed"] = seed
    return getattr(L, name)(**LAYERS[name], **kwargs)


def data_for(name):
    return {k: v for k, v in DATA.items() if name != "CutMix" or k != "bounding_boxes"}


def as_numpy(values):
    return tree.map_leaves(lambda leaf: np.asarray(leaf), values)


@every
def test_backends_agree_and_specs_are_true(name):
    results = []
    for backend in ("numpy", "jax"):
        with use_backend(backend):
            layer = make(name, bounding_box_format="xyxy")
            outputs = layer(data_for(name), training=True)
            results.append(as_numpy(outputs))
    symbolic = tree.map_leaves(
        lambda a: SymbolicTensor(a.shape, str(a.dtype)), data_for(name))
    spec = layer.compute_output_spec(symbolic)
    for key, mine in results[0].items():
        for a, b in zip(tree.leaves(mine), tree.leaves(results[1][key]), strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape
            # A level of 8 bits may fall on either side.
            close = np.isclose(a.astype("float64"), b.astype("float64"), rtol=1e-4, atol=2e-2)
            assert close.mean() > 0.99, key
        if name != "MixUp":  # whose boxes' number doubles, and whose masks become floats
            for a, s in zip(tree.leaves(mine), tree.leaves(spec[key]), strict=True):
                assert (a.shape, str(a.dtype)) == (s.shape, s.dtype), key
    np.testing.assert_array_equal(results[0]["weights"], DATA["weights"])


@every
def test_config_and_shapes(name):
    layer = make(name, name="some", bounding_box_format="rel_xywh", data_format="channels_first")
    config = json.loads(json.dumps(layer.get_config()))
    assert config["data_format"] == "channels_first"
    assert config["bounding_box_format"] == "rel_xywh"
    again = type(layer).from_config(config)
    assert json.dumps(again.get_config()) == json.dumps(config)
    stored = hl.saving.serialize_keras_object(layer)
    assert stored["module"] == "keras.layers"
    stored = json.loads(json.dumps(stored))
    loaded = hl.saving.deserialize_keras_object(stored)
    assert json.dumps(loaded.get_config()) == json.dumps(config)
    shape = make(name).compute_output_shape((None, 9, None, 3))
    assert shape == ((None, 4, 5, 3) if name in SIZED else (None, 9, None, 3))
    assert make(name)(hl.Input((9, 12, 3))).shape == (
        (None, 4, 5, 3) if name in SIZED else (None, 9, 12, 3))


@every
def test_formats_batches_and_dtypes(name):
    with use_backend("numpy"):
        last = np.asarray(make(name)(IMAGES, training=True))
        first = make(name, data_format="channels_first")(np.moveaxis(IMAGES, -1, 1), training=True)
        np.testing.assert_allclose(np.moveaxis(np.asarray(first), 1, -1), last, atol=1e-2)
        one = make(name)(IMAGES[0], training=True)
        assert one.shape == last.shape[1:]
        single = make(name)
        np.testing.assert_allclose(
            single.transform_single_image(
                IMAGES[0], single.get_random_transformation(IMAGES[:1], seed=1)),
            single.transform_images(
                IMAGES[:1], single.get_random_transformation(IMAGES[:1], seed=1))[0],
            atol=1e-3)
        assert str(make(name, dtype="mixed_bfloat16")(IMAGES, training=True).dtype) == "bfloat16"
        whole = make(name)
        symbolic = whole.compute_output_spec(SymbolicTensor((None, 9, 12, 3), "uint8"))
        for training in (True, False):
            assert str(whole(IMAGES.astype("uint8"), training=training).dtype) == symbolic.dtype
        again = np.asarray(make(name)(IMAGES, training=True))
        np.testing.assert_array_equal(again, last)


@every
def test_inference_changes_nothing_random(name, backend):
    layer = make(name, bounding_box_format="xyxy")
    outputs = as_numpy(layer(data_for(name), training=False))
    if name in SIZED:
        assert outputs["images"].shape == (2, 4, 5, 3)
    elif name not in ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization"):
        np.testing.assert_array_equal(outputs["images"], IMAGES)
    if name not in SIZED | {"MaxNumBoundingBoxes"}:
        for key in set(DATA) & set(outputs) - {"images"}:
            for a, b in zip(tree.leaves(outputs[key]), tree.leaves(DATA[key])):
                np.testing.assert_array_equal(a, b)
    state = [np.asarray(v) for v in layer.non_trainable_variables]
    if name not in SEEDLESS:
        assert state and state[0].tolist() == [3, 0]


# ------------------------------------------------------------------- what each one does


def test_flip_moves_masks_and_boxes_with_images(backend):
    layer = L.RandomFlip("horizontal", bounding_box_format="xywh")
    flips = np.array([True, False])
    given = {"flips": flips, "input_shape": IMAGES.shape}
    np.testing.assert_array_equal(layer.transform_images(IMAGES, given)[0], IMAGES[0, :, ::-1])
    np.testing.assert_array_equal(layer.transform_images(IMAGES, given)[1], IMAGES[1])
    masks = layer.transform_segmentation_masks(DATA["segmentation_masks"], given)
    np.testing.assert_array_equal(masks[0], DATA["segmentation_masks"][0, :, ::-1])
    boxes = {"boxes": np.array([[[1, 2, 4, 3]]] * 2, "float32"), "labels": np.array([[0]] * 2)}
    moved = layer.transform_bounding_boxes(boxes, given)
    np.testing.assert_allclose(moved["boxes"], [[[7, 2, 4, 3]], [[1, 2, 4, 3]]], atol=1e-5)


def test_each_direction_flips_for_itself(backend):
    t = L.RandomFlip(seed=1).get_random_transformation(np.zeros((400, 2, 2, 1)))
    both = np.asarray(t["flips"]).ravel(), np.asarray(t["vertical_flips"]).ravel()
    assert all(abs(chosen.mean() - 0.5) < 0.1 for chosen in both)
    assert abs(np.corrcoef(*both)[0, 1]) < 0.2


def test_rotation_by_a_quarter(backend):
    image = np.zeros((1, 7, 7, 1), "float32")
    image[0, 1, 2] = 1.0
    layer = L.RandomRotation((0.25, 0.25), bounding_box_format="xyxy")
    data = {"images": image, "segmentation_masks": image.astype("int32"),
            "bounding_boxes": {"boxes": np.array([[[2, 1, 2, 1.5]]], "float32"),
                               "labels": np.array([[5]])}}
    turned = as_numpy(layer(data, training=True))
    np.testing.assert_allclose(turned["images"][0, ..., 0], np.rot90(image[0, ..., 0]), atol=1e-5)
    np.testing.assert_array_equal(
        turned["segmentation_masks"][0, ..., 0], np.rot90(image[0, ..., 0]))
    np.testing.assert_allclose(turned["bounding_boxes"]["boxes"], [[[1, 4, 1.5, 4]]], atol=1e-5)


@pytest.mark.parametrize("name", ["RandomTranslation", "RandomZoom", "RandomShear",
                                  "RandomRotation", "RandomPerspective"])
def test_boxes_stay_around_what_they_hold(name, backend):
    """A bright rectangle stays inside of its box, and fills it where sides stay upright."""
    image = np.zeros((1, 40, 50, 1), "float32")
    image[0, 14:25, 17:33] = 1.0
    args = {"RandomTranslation": ((0.1, 0.1), (-0.2, -0.2)), "RandomZoom": ((0.3, 0.3), (-0.2, -0.2)),
            "RandomShear": ((0.2, 0.2), (0.1, 0.1)), "RandomRotation": ((0.08, 0.08),),
            "RandomPerspective": ((1.0, 1.0), 0.2)}[name]
    options = {} if name == "RandomPerspective" else {"fill_mode": "constant"}
    layer = getattr(L, name)(*args, bounding_box_format="xyxy", seed=2, **options)
    # Corners are the middles of pixels.
    boxes = {"boxes": np.array([[[17, 14, 32, 24]]], "float32"), "labels": np.array([[1]])}
    moved = as_numpy(layer({"images": image, "bounding_boxes": boxes}, training=True))
    left, top, right, bottom = moved["bounding_boxes"]["boxes"][0, 0]
    rows, places = np.nonzero(moved["images"][0, ..., 0] > 0.5)
    found = np.array([places.min(), rows.min(), places.max(), rows.max()])
    assert np.abs(found - [left, top, right, bottom]).max() < 1.6
    assert moved["bounding_boxes"]["labels"].tolist() == [[1]]


def test_boxes_pushed_out_lose_their_label(backend):
    layer = L.RandomTranslation((0.0, 0.0), (1.0, 1.0), bounding_box_format="rel_xyxy")
    boxes = {"boxes": np.array([[[0.1, 0.1, 0.5, 0.5]]], "float32"), "labels": np.array([[4]])}
    moved = layer({"images": IMAGES[:1], "bounding_boxes": boxes}, training=True)
    assert np.asarray(moved["bounding_boxes"]["labels"]).tolist() == [[-1]]


def test_crop_takes_the_same_window_of_everything(backend):
    places = np.stack(np.meshgrid(np.arange(9), np.arange(12), indexing="ij"), -1)[None]
    layer = L.RandomCrop(4, 5, seed=1, bounding_box_format="xyxy")
    data = {"images": places.astype("float32"), "segmentation_masks": places.astype("int32"),
            "bounding_boxes": {"boxes": np.array([[[0, 0, 12, 9]]], "float32"),
                               "labels": np.array([[0]])}}
    starts = set()
    for _ in range(6):
        cut = as_numpy(layer(data, training=True))
        np.testing.assert_array_equal(cut["images"], cut["segmentation_masks"])
        top, left = cut["images"][0, 0, 0].astype(int)
        np.testing.assert_array_equal(
            cut["images"][0], places[0, top : top + 4, left : left + 5])
        np.testing.assert_array_equal(cut["bounding_boxes"]["boxes"], [[[0, 0, 5, 4]]])
        starts.add((top, left))
    assert len(starts) > 2
    small = L.RandomCrop(20, 24, bounding_box_format="xyxy")(data, training=True)
    np.testing.assert_allclose(small["bounding_boxes"]["boxes"], [[[0, 0, 24, 20]]], rtol=1e-5)


@pytest.mark.parametrize("options, wanted", [
    ({}, [2.5, 2, 5, 4]), ({"crop_to_aspect_ratio": True}, [2, 1.25, 4, 4]),
    ({"pad_to_aspect_ratio": True}, [2, 1.6, 4, 3.2]),
])
def test_resized_boxes(options, wanted, backend):
    size = (4, 5) if not options else (4, 4)
    box = [5.0, 4.0, 10.0, 8.0] if not options else [5.0, 3.0, 10.0, 8.0]
    if options.get("pad_to_aspect_ratio"):
        box = [5.0, 3.0, 10.0, 7.0]
    elif options:
        box = [5.0, 2.5, 9.0, 8.0]
    layer = L.Resizing(*size, bounding_box_format="xyxy", **options)
    boxes = {"boxes": np.array([box], "float32"), "labels": np.array([1])}
    resized = layer({"images": np.ones((8, 10, 3), "float32"), "bounding_boxes": boxes})
    np.testing.assert_allclose(resized["bounding_boxes"]["boxes"], [wanted], atol=1e-5)


def test_mixing_keeps_what_is_mixed(backend):
    given = {"mix_weight": np.array([0.25, 1.0], "float32"), "permutation_order": np.array([1, 0])}
    layer = L.MixUp(bounding_box_format="xyxy")
    np.testing.assert_allclose(
        layer.transform_images(IMAGES, given)[0], 0.25 * IMAGES[0] + 0.75 * IMAGES[1], rtol=1e-5)
    np.testing.assert_allclose(
        layer.transform_labels(DATA["labels"], given), [[0.25, 0.75], [0, 1]])
    boxes = as_numpy(layer.transform_bounding_boxes(DATA["bounding_boxes"], given))
    assert boxes["labels"].tolist() == [[0, 1, 2, 3], [2, 3, 0, 1]]
    assert boxes["boxes"].shape == (2, 4, 4)


def test_cut_mix_labels_are_areas(backend):
    images = np.stack([np.full((16, 20, 1), i, "float32") for i in range(6)])
    data = {"images": images, "labels": np.eye(6, dtype="float32"),
            "segmentation_masks": images.astype("uint8")}
    mixed = as_numpy(L.CutMix(seed=4)(data, training=True))
    shares = np.stack([(mixed["images"] == i).mean((1, 2, 3)) for i in range(6)], -1)
    np.testing.assert_allclose(mixed["labels"], shares, atol=1e-5)
    np.testing.assert_array_equal(mixed["segmentation_masks"], mixed["images"])
    assert (shares.max(-1) < 1).any()


def test_erasing_fills_one_rectangle(backend):
    layer = L.RandomErasing((1.0, 1.0), scale=(0.1, 0.3), fill_value=9.0, seed=1)
    erased = np.asarray(layer(np.zeros((20, 40, 50, 3), "float32"), training=True)) == 9
    areas = erased[..., 0].mean((1, 2))
    assert areas.min() > 0.08 and areas.max() < 0.32
    for one in erased[..., 0]:
        rows, places = np.nonzero(one)
        assert one[rows.min() : rows.max() + 1, places.min() : places.max() + 1].all()
    noise = np.asarray(L.RandomErasing((1.0, 1.0), scale=(1.0, 1.0), seed=1)(
        np.zeros((1, 50, 50, 3), "float32"), training=True))
    assert abs(noise.mean() - 80.5) < 5 and noise.min() == 0 and noise.max() == 255


def test_elastic_masks_go_with_images(backend):
    image = np.zeros((1, 30, 30, 1), "float32")
    image[0, 8:20, 8:20] = 200.0
    layer = L.RandomElasticTransform((1.0, 1.0), (1.0, 1.0), interpolation="nearest", seed=3)
    data = {"images": image, "segmentation_masks": (image > 0).astype("uint8")}
    moved = as_numpy(layer(data, training=True))
    np.testing.assert_array_equal(moved["images"] > 0, moved["segmentation_masks"] > 0)
    assert (moved["images"] != image).mean() > 0.005
    assert layer.get_elastic_transform_params(100, 200, 0.5) == (10.0, 2.5)


def test_numbers_come_from_their_ranges(backend):
    many = np.zeros((500, 4, 6, 3), "float32")
    for layer, key, low, high in (
        (L.RandomBrightness(0.2, seed=1), "rgb_delta", -51, 51),
        (L.RandomBrightness((0.1, 0.2), value_range=(0, 1), seed=1), "rgb_delta", 0.1, 0.2),
        (L.RandomContrast((0.2, 0.4), seed=1), "contrast_factor", 0.8, 1.4),
        (L.RandomRotation(0.25, seed=1), "angle", -90, 90),
        (L.RandomSharpness(0.5, seed=1), "factor", 0, 0.5),
        (L.RandomZoom((-0.3, 0.1), seed=1), "height_zoom", 0.7, 1.1),
        (L.RandomShear(0.3, 0.3, seed=1), "shear_factor", -0.3, 0.3),
        (L.Solarization(0.5, seed=1), "additions", 0, 127.5),
    ):
        found = np.asarray(layer.get_random_transformation(many)[key])
        width = high - low
        assert low <= found.min() < low + 0.02 * width, (layer.name, found.min())
        assert high - 0.02 * width < found.max() <= high, (layer.name, found.max())
        assert abs(found.mean() - (low + high) / 2) < 0.06 * width
    bits = np.asarray(L.RandomPosterization(3, seed=1).get_random_transformation(many)["shift_factor"])
    assert set(bits.tolist()) == {5, 6, 7}
    hue = np.asarray(L.RandomHue((0.4, 0.4), seed=1).get_random_transformation(many)["factor"])
    np.testing.assert_allclose(np.abs(hue), 0.2, rtol=1e-6)
    assert abs(np.mean(hue > 0) - 0.5) < 0.1
    chosen = L.RandomInvert((0.3, 0.3), seed=1).get_random_transformation(many)["apply_inversion"]
    assert abs(np.asarray(chosen).mean() - 0.3) < 0.06


def test_real_pictures(backend):
    """On a photograph: shapes, ranges, and what must and must not change."""
    photos = np.stack([image[::8, ::8] for image in load_sample_images().images]).astype("float32")
    gray = np.asarray(L.RandomGrayscale(1.0)(photos, training=True))
    np.testing.assert_array_equal(gray[..., 0], gray[..., 1])
    pale = np.asarray(L.RandomSaturation((0.25, 0.25))(photos, training=True))
    np.testing.assert_allclose(pale.max(-1), photos.max(-1), atol=1e-2)
    strong = np.asarray(L.RandomSaturation((1.0, 1.0))(photos, training=True))
    assert strong.min() >= -1e-3 and strong.max() <= 255.01
    spread = np.asarray(L.Equalization()(photos, training=True))
    # A channel with a quarter of its pixels at one end cannot be spread evenly.
    assert np.median(np.abs(np.mean(spread, (1, 2)) - 127.5)) < 1
    # The batch has no say in what becomes of an image.
    np.testing.assert_allclose(spread[1], L.Equalization()(photos[1], training=True), atol=1e-3)
    stretched = np.asarray(L.AutoContrast()(photos / 2 + 40))
    assert stretched.min() == 0 and abs(stretched.max() - 255) < 1e-3
    smooth = np.asarray(L.RandomGaussianBlur((1.0, 1.0), 5, (2.0, 2.0))(photos, training=True))
    assert np.abs(np.diff(smooth, axis=2)).mean() < 0.6 * np.abs(np.diff(photos, axis=2)).mean()
    inverted = np.asarray(L.RandomInvert((1.0, 1.0))(photos, training=True))
    np.testing.assert_allclose(inverted, 255 - photos)
    for layer in (L.RandAugment(seed=2), L.AugMix(seed=2)):
        changed = np.asarray(layer(photos, training=True))
        assert changed.shape == photos.shape and np.abs(changed - photos).mean() > 1
        assert changed.min() >= -1e-3 and changed.max() <= 255.01


def test_max_boxes_batches_pictures_with_different_numbers(backend):
    layer = L.MaxNumBoundingBoxes(2, bounding_box_format="xyxy")
    rows = []
    for number in (0, 1, 3):
        boxes = {"boxes": np.ones((number, 4), "float32"), "labels": np.zeros(number, "int32")}
        rows.append(layer({"images": IMAGES[0], "bounding_boxes": boxes})["bounding_boxes"])
    stacked = np.stack([np.asarray(row["labels"]) for row in rows])
    assert stacked.tolist() == [[-1, -1], [0, -1], [0, 0]]


# ------------------------------------------------------------------------- inside models


def test_training_with_augmentation_is_the_same_on_both_backends(tmp_path):
    digits = load_digits()
    x = np.repeat(digits.images[:256, ..., None] * (255 / 16), 3, -1).astype("float32")
    histories, models = [], []
    for name in ("numpy", "jax"):
        with use_backend(name):
            hl.utils.set_random_seed(1)
            model = hl.Sequential([
                hl.Input((8, 8, 3)),
                L.RandomTranslation(0.1, 0.1, fill_mode="constant", seed=1),
                L.RandomContrast(0.3, seed=2),
                L.RandAugment(factor=0.1, num_ops=1, seed=3),
                L.Rescaling(1 / 255),
                L.Flatten(),
                L.Dense(10),
            ])
            model.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True))
            history = model.fit(x, digits.target[:256], epochs=2, batch_size=64, verbose=0)
            histories.append(history.history["loss"])
            models.append(model)
            assert model.layers[0].generator.state.numpy().tolist() == [1, 8 * 2]  # two each step
    np.testing.assert_allclose(histories[0], histories[1], rtol=1e-3)
    model.save(tmp_path / "m.keras")
    again = hl.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(
        np.asarray(model.predict(x[:8], verbose=0)), np.asarray(again.predict(x[:8], verbose=0)))


@pytest.mark.parametrize("name", ["AugMix", "CutMix", "RandomCrop"])
def test_compiled_is_eager(name):
    """The same numbers from a compiled program as step by step."""
    with use_backend("jax"):
        backend = current_backend()
        layer = make(name)
        layer.build(IMAGES.shape)
        start = [v.value for v in layer.non_trainable_variables]
        images = backend.asarray(IMAGES)
        run = backend.compile(lambda state, x: layer.stateless_call([], state, x, training=True))
        compiled, after = run(start, images)
        eager = layer(images, training=True)
        close = np.isclose(np.asarray(compiled), np.asarray(eager), atol=2e-2)
        assert close.mean() > 0.99
        for variable, value in zip(layer.non_trainable_variables, after):
            if name != "AugMix":
                assert np.asarray(value).tolist() == variable.numpy().tolist()


# -------------------------------------------------------------------------------- errors


def message(call):
    with pytest.raises(Exception) as caught:
        call()
    return str(caught.value)


def test_errors_say_what_to_do():
    assert "'factor' must be" in message(
        lambda: L.RandomBrightness(2.0)).replace("`", "'")
    assert "got (0.1, 0.2, 0.3)" in message(lambda: L.RandomRotation((0.1, 0.2, 0.3)))
    assert "`value_range` must be two numbers" in message(
        lambda: L.RandomContrast(0.1, value_range=(1, 0)))
    assert "one of 'reflect', 'wrap', 'constant', 'nearest'; got 'foo'" in message(
        lambda: L.RandomZoom(0.1, fill_mode="foo"))
    assert "one of 'horizontal'" in message(lambda: L.RandomFlip("up"))
    assert "odd number" in message(lambda: L.RandomGaussianBlur(kernel_size=4))
    with use_backend("numpy"):
        flip = L.RandomFlip(name="f")
        assert "RandomFlip 'f' takes an image (height, width, channels) or a batch" in message(
            lambda: flip(np.ones((4, 4))))
        assert "bounding_box_format='xyxy'" in message(lambda: flip(DATA))
        assert "dict with 'images'; got the keys ['x']" in message(lambda: flip({"x": IMAGES}))
        assert "takes images with 3 channels; got 1" in message(
            lambda: L.RandomHue(0.1)(np.ones((2, 4, 4, 1)), training=True))
        assert "one-hot" in message(lambda: L.MixUp()(
            {"images": IMAGES, "labels": np.array([0, 1])}, training=True))
        assert "CutMix" in message(
            lambda: L.CutMix(bounding_box_format="xyxy")(DATA, training=True))
    assert "`bounding_box_format` must be one of 'xyxy'" in message(
        lambda: L.RandomFlip(bounding_box_format="corners"))
