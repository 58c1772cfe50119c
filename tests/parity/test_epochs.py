"""Which batches an epoch takes, and what is said when there are too few, as in Keras."""

import warnings

import numpy as np
import pytest

import highlevel as hl

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.parity
SIZE = 8


def batch(i):
    return np.eye(SIZE, dtype="float32")[[i % SIZE]], np.zeros((1, 1), "float32")


def dataset(library, length, endless=False, **options):
    class Batches(library.utils.PyDataset):
        def __len__(self):
            return length

        def __getitem__(self, i):
            return batch(i)

    class Endless(Batches):
        @property
        def num_batches(self):
            return None

    return (Endless if endless else Batches)(**options)


KINDS = {
    "generator": lambda library: {"x": (batch(i) for i in range(5))},
    "dataset": lambda library: {"x": dataset(library, 5)},
    "endless": lambda library: {"x": dataset(library, 5, endless=True)},
    "arrays": lambda library: {
        "x": np.eye(SIZE, dtype="float32")[:5], "y": np.zeros((5, 1), "float32"), "batch_size": 1},
}


def counts(library, make, **options):
    """How often each batch was seen, by epoch, and whether it was warned that data ran out.

    The gradient of the mean of the outputs is the batch: the weights count.
    """
    model = library.Sequential([
        library.Input((SIZE,)),
        library.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(
        library.optimizers.SGD(1.0),
        lambda y, p: library.ops.sum(p, axis=-1))
    seen = []

    class Watch(library.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(-np.asarray(model.get_weights()[0]).reshape(-1))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(**make(library), shuffle=False, verbose=0, callbacks=[Watch()], **options)
    found = np.diff(np.array([np.zeros(SIZE), *seen]), axis=0).round().astype(int).tolist()
    return found, any("ran out of data" in str(warning.message) for warning in caught)


@pytest.mark.parametrize("kind, epochs, steps", [
    ("generator", 2, 2), ("generator", 3, 2), ("generator", 1, 8),
    ("dataset", 2, None), ("dataset", 3, 2), ("dataset", 4, 2), ("dataset", 2, 8),
    ("dataset", 2, 5), ("endless", 2, 3),
    ("arrays", 2, None), ("arrays", 4, 2), ("arrays", 2, 8), ("arrays", 2, 5),
])
def test_batches_of_each_epoch(kind, epochs, steps, backend):
    expected = counts(keras, KINDS[kind], epochs=epochs, steps_per_epoch=steps)
    assert counts(hl, KINDS[kind], epochs=epochs, steps_per_epoch=steps) == expected


@pytest.mark.parametrize("kind", ["dataset", "endless", "arrays"])
@pytest.mark.parametrize("steps", [2, 5, 8])
def test_validation_begins_anew(kind, steps, backend):
    found = []
    for library in (keras, hl):
        data = KINDS[kind](library)
        model = library.Sequential([
            library.Input((SIZE,)),
            library.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
        model.compile(library.optimizers.SGD(1.0), lambda y, p, k=library: k.ops.sum(p, axis=-1))
        x, y = batch(0)
        size = data.pop("batch_size", None)
        given = data["x"] if len(data) == 1 else (data["x"], data["y"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            history = model.fit(
                x, y, epochs=3, verbose=0, validation_data=given, validation_steps=steps,
                validation_batch_size=size)
        found.append(history.history["val_loss"])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
