"""Data that comes batch by batch: ends, failures, time, and what other libraries offer."""

import threading
import time
import warnings

import numpy as np
import pytest

import highlevel as hl
from highlevel.training.data import prefetch as prefetch_module

X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
Y = (X.sum(-1) > 0).astype("int32")


def make(**options):
    hl.utils.set_random_seed(0)
    model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(2)])
    model.compile(
        hl.optimizers.SGD(0.1), hl.losses.SparseCategoricalCrossentropy(from_logits=True),
        **options)
    return model


def batches(count=5, size=8):
    for i in range(count):
        yield X[size * i:size * (i + 1)], Y[size * i:size * (i + 1)]


def same_weights(a, b):
    for v, w in zip(a.get_weights(), b.get_weights()):
        np.testing.assert_allclose(v, w, rtol=1e-5, atol=1e-6)


def test_a_generator_that_ends_ends_the_training(backend):
    model = make()
    with pytest.warns(UserWarning, match="ran out of data before epoch 2.*passed through again"):
        history = model.fit(batches(), epochs=4, verbose=0)
    assert history.epoch == [0]
    with pytest.warns(UserWarning, match="ran out of data after 1 of the 2 batches"):
        history = model.fit(batches(), epochs=3, steps_per_epoch=2, verbose=0)
    assert history.epoch == [0, 1, 2]


def test_a_validation_that_has_no_more_batches_is_left_out(backend):
    with pytest.warns(UserWarning, match="ran out of data before the validation"):
        history = make().fit(X, Y, epochs=2, verbose=0, validation_data=batches())
    assert len(history.history["val_loss"]) == 1 and len(history.history["loss"]) == 2


def test_an_endless_stream_goes_on_across_epochs(backend):
    def forever():
        while True:
            yield from batches()

    a, b = make(), make()
    a.fit(forever(), epochs=5, steps_per_epoch=2, verbose=0)
    b.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    same_weights(a, b)


def test_uneven_batches(backend):
    sizes = [8, 3, 8, 1, 5]
    stops = np.cumsum(sizes)

    class Uneven:
        def __iter__(self):
            return ((X[b - n:b], Y[b - n:b]) for n, b in zip(sizes, stops))

    model = make()
    model.fit(Uneven(), epochs=2, verbose=0, validation_data=Uneven())
    loss = model.evaluate(Uneven(), verbose=0)
    assert loss == pytest.approx(model.evaluate(X[:25], Y[:25], verbose=0), rel=1e-5)
    np.testing.assert_allclose(
        model.predict(Uneven(), verbose=0), model.predict(X[:25], verbose=0), rtol=1e-5)


def test_a_failure_in_the_middle_leaves_a_usable_model(backend):
    def failing():
        yield from batches(3)
        raise OSError("the disk is gone")

    model, reference = make(), make()
    with pytest.raises(OSError, match="the disk is gone") as caught:
        model.fit(failing(), verbose=0)
    assert any("batch 3" in note for note in caught.value.__notes__)
    frames = [entry.name for entry in caught.traceback]
    assert frames[-1] == "failing", "the last line shown is the user's"
    reference.fit(X[:24], Y[:24], batch_size=8, shuffle=False, verbose=0)
    same_weights(model, reference)
    model.fit(X, Y, verbose=0)


def test_no_more_batches_are_held_than_wait():
    drawn, used = [], []

    def counting():
        for i in range(20):
            drawn.append(i)
            yield X[:4], Y[:4]

    class Watch(hl.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            time.sleep(0.002)
            used.append(len(drawn) - batch - 1)

    make().fit(counting(), verbose=0, callbacks=[Watch()])
    assert len(drawn) == 20 and max(used) <= 4


def test_a_wait_is_told_of(monkeypatch):
    monkeypatch.setattr(prefetch_module, "TELL_AFTER", 0.3)

    def slow():
        yield from batches(2)
        time.sleep(1.0)
        yield X[:8], Y[:8]

    model = make()
    model.fit(batches(2), verbose=0)  # compiling takes time, in which nobody waits
    with pytest.warns(UserWarning, match=r"Batch 3 of the generator has not come.*sleep\(1.0\)"):
        model.fit(slow(), verbose=0)


def test_an_interruption_does_not_wait_for_a_stuck_generator(monkeypatch):
    monkeypatch.setattr(prefetch_module, "PATIENCE", 0.2)
    release = threading.Event()

    def stuck():
        yield from batches(2)
        release.wait(30)

    def interrupted():
        raise KeyboardInterrupt

    ahead = prefetch_module.prefetch(
        stuck(), lambda batch: batch, name="stuck", while_waiting=interrupted)
    next(ahead), next(ahead)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        next(ahead)
    with pytest.warns(UserWarning, match="stuck does not come to an end.*release.wait"):
        ahead.close()
    assert time.monotonic() - began < 5
    release.set()


def test_predict_of_a_stream_compiles_once():
    from highlevel_backend import use_backend

    with use_backend("jax") as backend:
        model = make()
        before = backend.compile_count
        found = model.predict(((x,) for x, _ in batches(5, 9)), verbose=0)
        assert backend.compile_count == before + 1, "the last batch has 4 rows"
        assert found.shape == (40, 2)


# ------------------------------------------------------- by protocol


class TensorFlowLike:
    """What `tf.data.Dataset` offers."""

    def __init__(self, count, cardinality):
        self.count, self._cardinality = count, cardinality

    def as_numpy_iterator(self):
        return batches(self.count)

    def cardinality(self):
        return np.int64(self._cardinality)


@pytest.mark.parametrize("cardinality", [5, -2])
def test_tf_data(cardinality, backend):
    a, b = make(), make()
    data = TensorFlowLike(5, cardinality)
    a.fit(data, epochs=2, verbose=0, validation_data=data)
    b.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    same_weights(a, b)


def test_data_without_end_needs_steps():
    with pytest.raises(ValueError, match=r"TensorFlowLike has no end.*`steps_per_epoch`"):
        make().fit(TensorFlowLike(5, -1), verbose=0)
    with pytest.raises(ValueError, match="`validation_steps`"):
        make().fit(X, Y, validation_data=TensorFlowLike(5, -1), verbose=0)
    with pytest.raises(ValueError, match="`steps`"):
        make().predict(TensorFlowLike(5, -1), verbose=0)


class Columns:
    """What a Hugging Face `Dataset` offers."""

    def __init__(self, **columns):
        self._columns = columns
        self.column_names = list(columns)
        self.features = dict.fromkeys(columns)
        self.shuffled = []

    def __len__(self):
        return len(next(iter(self._columns.values())))

    def __getitem__(self, i):
        return {name: column[i] for name, column in self._columns.items()}

    def with_format(self, kind):
        assert kind == "numpy"
        return self

    def shuffle(self, seed):
        self.shuffled.append(seed)
        return self

    def iter(self, batch_size):
        for i in range(0, len(self), batch_size):
            yield {name: column[i:i + batch_size] for name, column in self._columns.items()}


@pytest.mark.parametrize("name, y", [("label", None), ("labels", None), ("kind", "kind")])
def test_columns(name, y, backend):
    a, b = make(), make()
    data = Columns(x=X, **{name: Y})
    a.fit(data, y, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_data=data)
    b.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    same_weights(a, b)
    if y is None:
        np.testing.assert_allclose(
            a.predict(data, verbose=0), a.predict(X, verbose=0), rtol=1e-5)
        assert a.evaluate(data, batch_size=8, verbose=0) == pytest.approx(
            a.evaluate(X, Y, verbose=0), rel=1e-5)


def test_columns_with_weights_in_a_new_order_each_epoch(backend):
    data = Columns(x=X, label=Y, w=np.ones(40, "float32"))
    model = make()
    model.fit(data, sample_weight="w", epochs=3, verbose=0)
    assert len(set(data.shuffled)) == 3
    again = Columns(x=X, label=Y, w=np.ones(40, "float32"))
    make().fit(again, sample_weight="w", epochs=3, verbose=0)
    assert again.shuffled == data.shuffled, "the order follows the seed"


@pytest.mark.parametrize("arguments, text", [
    ({"y": "lable"}, "no column 'lable'.*Did you mean 'label'"),
    ({"y": Y}, "`y` is the name of a column"),
    ({"sample_weight": Y}, "`sample_weight` is the name of a column"),
])
def test_columns_that_are_not_there(arguments, text):
    with pytest.raises(ValueError, match=text):
        make().fit(Columns(x=X, label=Y), **arguments, verbose=0)


def test_several_datasets_in_one():
    data = {"train": Columns(x=X, label=Y), "test": Columns(x=X, label=Y)}
    with pytest.raises(ValueError, match=r"several datasets: give one of them, \['train', 'test'"):
        make().fit(data, verbose=0)


# ------------------------------------------------------- class weights


@pytest.mark.parametrize("targets, text", [
    (np.random.default_rng(0).normal(size=40), "no integers"),
    (np.ones((40, 3)), "do not add up to 1"),
    (np.ones((40, 3, 2)), r"float32\(40, 3, 2\)"),
    ({"a": Y, "b": Y}, "several targets"),
    (None, "needs targets|no targets"),
])
def test_targets_that_have_no_class(targets, text):
    with pytest.raises(ValueError, match=text):
        make().fit(X, targets, class_weight={0: 1.0, 1: 2.0}, verbose=0)


@pytest.mark.parametrize("given", [{"a": 1.0}, [1.0, 2.0], {0: [1.0]}, {0.5: 1.0}])
def test_class_weights_that_are_none(given):
    with pytest.raises(ValueError, match="`class_weight` must be a dict"):
        make().fit(X, Y, class_weight=given, verbose=0)


def test_class_weights_of_streams_and_one_hot_rows(backend):
    a, b, c = make(), make(), make()
    weights = {1: 3.0}
    a.fit(X, Y, batch_size=8, shuffle=False, class_weight=weights, verbose=0)
    b.fit(batches(), class_weight=weights, verbose=0)
    c.fit(X, Y, batch_size=8, shuffle=False, sample_weight=np.where(Y == 1, 3.0, 1.0), verbose=0)
    same_weights(a, b)
    same_weights(a, c)
    from highlevel.training.data.class_weights import weighing

    _, _, found = weighing({0: 2.0, 2: 5.0})(None, np.eye(3)[[2, 0, 1]], None)
    np.testing.assert_array_equal(found, [5, 2, 1])
    _, _, found = weighing({0: 2.0})(None, np.array([-1, 0, 7]), np.array([1.0, 3.0, 4.0]))
    np.testing.assert_array_equal(found, [1, 6, 4])


# ------------------------------------------------------- validation_split


def in_memory():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = {f"c{i}": X[:, i] for i in range(4)}
    return {
        "arrays": (X, Y),
        "lists": (X.tolist(), Y.tolist()),
        "pandas": (pandas.DataFrame(columns), pandas.Series(Y)),
        "polars": (polars.DataFrame(columns), polars.Series(Y)),
        "device": (hl.ops.convert_to_tensor(X), hl.ops.convert_to_tensor(Y)),
    }


def test_validation_split_of_everything_in_memory(backend):
    reference = make()
    reference.fit(
        X[:30], Y[:30], batch_size=8, validation_data=(X[30:], Y[30:]), shuffle=False, verbose=0)
    model = make()
    start = model.get_weights()
    for x, y in in_memory().values():
        model.set_weights(start)
        model.fit(x, y, batch_size=8, validation_split=0.25, shuffle=False, verbose=0)
        same_weights(model, reference)
        assert model.history.history["val_loss"] == pytest.approx(
            reference.history.history["val_loss"], rel=1e-5)


def test_validation_split_of_dicts_and_nested_data(backend):
    a, b = hl.Input((2,), name="a"), hl.Input((2,), name="b")
    out = hl.layers.Dense(1)(hl.layers.Concatenate()([a, b]))
    model = hl.Model({"a": a, "b": b}, {"out": out})
    model.compile("sgd", "mse")
    history = model.fit(
        {"a": X[:, :2], "b": X[:, 2:]}, {"out": Y[:, None].astype("float32")},
        sample_weight=np.ones(40, "float32"), validation_split=0.5, verbose=0)
    assert np.isfinite(history.history["val_loss"][0])


def test_validation_split_needs_data_in_memory():
    with pytest.raises(ValueError, match="`validation_split` needs arrays; with a generator"):
        make().fit(batches(), validation_split=0.2, verbose=0)


@pytest.mark.parametrize("arguments, text", [
    ({"steps_per_epoch": 0}, "`steps_per_epoch` must be a positive integer"),
    ({"steps_per_epoch": 2.5}, "`steps_per_epoch`"),
    ({"validation_data": (X, Y), "validation_steps": -1}, "`validation_steps`"),
    ({"sample_weight": np.ones(7)}, r"sample_weight: \[7\]"),
])
def test_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        make().fit(X, Y, **arguments, verbose=0)


def test_single_samples_are_no_batches():
    class Samples:
        def __len__(self):
            return 40

        def __getitem__(self, i):
            return X[i], Y[i]

    with pytest.raises(TypeError, match=r"of single samples, make a `torch\.utils"):
        make().fit(Samples(), verbose=0)


def test_nothing_is_said_where_nothing_is_wrong(backend):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make()
        model.fit(batches(), verbose=0, validation_data=(X, Y))
        model.fit(X, Y, epochs=2, verbose=0, steps_per_epoch=1)
        model.evaluate(batches(), verbose=0)
        model.predict(batches(), verbose=0)
