"""Training on data of other libraries, with the libraries themselves (extra `interop`).

What `fit` asks of them is tested without them in `tests/training/test_streams.py`.
"""

import subprocess
import sys

import numpy as np
import pytest

import highlevel as hl

X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
Y = (X.sum(-1) > 0).astype("int32")


def make():
    hl.utils.set_random_seed(0)
    model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(2)])
    model.compile(
        hl.optimizers.SGD(0.1), hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def same_as_arrays(data, y=None, size=8, **options):
    """Two epochs on `data`, validation on it too, end as on arrays; `predict` gives all rows."""
    reference, model = make(), make()
    reference.fit(
        X, Y, batch_size=size, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y))
    model.fit(
        data, y, batch_size=size, epochs=2, shuffle=False, verbose=0, validation_data=data,
        **options)
    for a, b in zip(model.get_weights(), reference.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    for name, column in reference.history.history.items():
        np.testing.assert_allclose(model.history.history[name], column, rtol=1e-4)
    np.testing.assert_allclose(
        model.predict(data, verbose=0), reference.predict(X, verbose=0), rtol=1e-4, atol=1e-5)


class TestTorch:
    @pytest.fixture
    def data(self):
        torch = pytest.importorskip("torch")
        return torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))

    @pytest.mark.parametrize("size", [8, 9])
    def test_loader(self, data, size, backend):
        from torch.utils.data import DataLoader

        same_as_arrays(DataLoader(data, batch_size=size), size=size)

    @pytest.mark.parametrize("persistent", [False, True])
    def test_loader_with_processes(self, data, persistent, recwarn):
        """They are not forked; one loader serves for training and for validation."""
        from torch.utils.data import DataLoader

        loader = DataLoader(data, batch_size=8, num_workers=2, persistent_workers=persistent)
        same_as_arrays(loader)
        assert loader.multiprocessing_context is None
        assert not [w for w in recwarn if "fork" in str(w.message)]

    def test_stream_of_unknown_length(self, data, backend):
        from torch.utils.data import DataLoader, IterableDataset

        class Stream(IterableDataset):
            def __iter__(self):
                return iter(data)

        same_as_arrays(DataLoader(Stream(), batch_size=8))

    def test_failure_in_a_process(self, data):
        from torch.utils.data import DataLoader

        model = make()
        with pytest.raises(ZeroDivisionError, match="Caught ZeroDivisionError in DataLoader worker"):
            model.fit(DataLoader(Broken(), batch_size=8, num_workers=1), verbose=0)
        assert np.isfinite(model.evaluate(X, Y, verbose=0))

    def test_tensors(self, data, backend):
        import torch

        model = make()
        model.fit(torch.tensor(X), torch.tensor(Y), validation_split=0.2, verbose=0)
        half = torch.tensor(X).bfloat16()
        # The input alone is rounded: the same numbers in float32 give the same.
        np.testing.assert_allclose(model.predict(half, verbose=0),
                                   model.predict(half.float().numpy(), verbose=0), rtol=1e-6)


class Broken:
    def __len__(self):
        return 16

    def __getitem__(self, i):
        return X[i], 1 // (8 - i)


class TestGrain:
    @pytest.fixture
    def data(self):
        grain = pytest.importorskip("grain")
        return grain.MapDataset.source([(X[i], Y[i]) for i in range(40)])

    def test_map_dataset(self, data, backend):
        same_as_arrays(data.batch(8))

    def test_iter_dataset(self, data, backend):
        same_as_arrays(data.to_iter_dataset().batch(8))

    def test_loader(self, data, backend):
        import grain

        loader = grain.DataLoader(
            data_source=[(X[i], Y[i]) for i in range(40)],
            sampler=grain.samplers.SequentialSampler(40, grain.sharding.NoSharding()),
            operations=[grain.transforms.Batch(8)])
        same_as_arrays(loader)

    def test_repeated_without_end(self, data, backend):
        with pytest.raises(ValueError, match="has no end: say with `steps_per_epoch`"):
            make().fit(data.repeat().batch(8), verbose=0)
        model, reference = make(), make()
        model.fit(data.repeat().batch(8), epochs=4, steps_per_epoch=5, verbose=0)
        reference.fit(X, Y, batch_size=8, epochs=4, shuffle=False, verbose=0)
        for a, b in zip(model.get_weights(), reference.get_weights()):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


class TestHuggingFace:
    @pytest.fixture
    def data(self):
        datasets = pytest.importorskip("datasets")
        return datasets.Dataset.from_dict({"x": X.tolist(), "label": Y.tolist()})

    def test_dataset(self, data, backend):
        same_as_arrays(data)

    def test_column_by_name(self, data, backend):
        same = make()
        renamed = data.rename_column("label", "kind")
        same.fit(renamed, "kind", shuffle=False, batch_size=8, verbose=0, validation_data=renamed)
        reference = make()
        reference.fit(X, Y, shuffle=False, batch_size=8, verbose=0)
        np.testing.assert_allclose(same.get_weights()[0], reference.get_weights()[0], rtol=1e-4)

    def test_stream(self, data, backend):
        same_as_arrays(data.to_iterable_dataset())

    def test_shuffled(self, data, backend):
        weights = []
        for _ in range(2):
            model = make()
            model.fit(data, epochs=2, batch_size=8, verbose=0)
            weights.append(model.get_weights()[0])
        np.testing.assert_array_equal(weights[0], weights[1])


class TestTensorFlow:
    def test_dataset(self, backend):
        tf = pytest.importorskip("tensorflow")
        same_as_arrays(tf.data.Dataset.from_tensor_slices((X, Y)).batch(8))


def test_none_of_them_is_loaded_unless_it_is_used():
    code = (
        "import sys, numpy as np, highlevel as hl\n"
        "m = hl.Sequential([hl.Input((4,)), hl.layers.Dense(1)])\n"
        "m.compile('sgd', 'mse')\n"
        "m.fit(((np.ones((2, 4)), np.ones((2, 1))) for _ in range(2)), verbose=0)\n"
        "names = {'torch', 'tensorflow', 'grain', 'datasets', 'pandas', 'polars', 'pyarrow'}\n"
        "print(sorted(names & set(sys.modules)))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
