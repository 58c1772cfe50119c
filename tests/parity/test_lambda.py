"""`Lambda` as Keras has it: outputs, shapes and masks; its code is never read from a file."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import highlevel as hl  # noqa: E402

pytestmark = pytest.mark.parity
X = np.linspace(-1, 1, 24).reshape(2, 3, 4).astype("float32")


@pytest.mark.parametrize("options", [
    {"function": lambda x: x * 2.0 + 1.0},
    {"function": lambda x, factor: x[:, 0] * factor, "arguments": {"factor": 3.0}},
    {"function": lambda x: x[..., :2], "output_shape": (3, 2)},
])
def test_lambda(options, backend):
    ours, theirs = hl.layers.Lambda(**options), keras.layers.Lambda(**options)
    np.testing.assert_allclose(hl.ops.convert_to_numpy(ours(X)), np.asarray(theirs(X)), rtol=1e-6)
    assert ours(hl.Input((3, 4))).shape == theirs(keras.Input((3, 4))).shape


def test_a_file_with_code_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x + 1)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="Lambda"):
        hl.models.load_model(tmp_path / "m.keras")
