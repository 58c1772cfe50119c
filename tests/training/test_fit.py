"""`fit`, `evaluate` and `predict`: data of every kind, custom steps, hand-written loops."""

import numpy as np
import pytest

import highlevel as hl

L = hl.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = (X.sum(-1) > 0).astype("int32")


def make(seed=0, **arguments):
    hl.utils.set_random_seed(seed)
    model = hl.Sequential([hl.Input((4,)), L.Dense(8, activation="relu"), L.Dense(2)])
    model.compile(**({
        "optimizer": hl.optimizers.SGD(0.1),
        "loss": hl.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": ["accuracy"],
    } | arguments))
    return model


def numpy(x):
    return np.asarray(hl.ops.convert_to_numpy(x))


def test_learns(backend):
    model = make()
    history = model.fit(X, Y, epochs=30, batch_size=8, verbose=0)
    assert list(history.history) == ["accuracy", "loss"]
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert model.history is history and len(history.epoch) == 30
    _, accuracy = model.evaluate(X, Y, verbose=0)
    assert accuracy > 0.9
    assert set(model.evaluate(X, Y, verbose=0, return_dict=True)) == {"loss", "accuracy"}
    predicted = model.predict(X, verbose=0)
    assert type(predicted) is np.ndarray and predicted.shape == (40, 2)
    assert np.mean(predicted.argmax(-1) == Y) == pytest.approx(accuracy, abs=1e-6)
    assert model.metrics_names == ["loss", "accuracy"]


def test_loss_is_the_mean_over_samples(backend):
    model = make()
    loss, _ = model.evaluate(X, Y, batch_size=7, verbose=0)
    logits = model.predict(X, verbose=0).astype("float64")
    log_probabilities = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -log_probabilities[np.arange(40), Y].mean()
    assert loss == pytest.approx(expected, rel=1e-5)


def test_sgd_step_is_the_gradient(backend):
    model = make()
    w, b, v, c = (numpy(x).astype("float64") for x in model.weights)
    model.train_on_batch(X, Y)
    hidden = np.maximum(X @ w + b, 0)
    logits = hidden @ v + c
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    p[np.arange(40), Y] -= 1
    p /= 40
    np.testing.assert_allclose(numpy(model.weights[3]), c - 0.1 * p.sum(0), atol=1e-6)
    np.testing.assert_allclose(numpy(model.weights[2]), v - 0.1 * hidden.T @ p, atol=1e-6)
    back = (p @ v.T) * (hidden > 0)
    np.testing.assert_allclose(numpy(model.weights[0]), w - 0.1 * X.T @ back, atol=1e-6)


def same_as_arrays(backend, give, **arguments):
    reference, other = make(), make()
    reference.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    other.fit(**(give() | {"epochs": 2, "verbose": 0} | arguments))
    for a, b in zip(reference.get_weights(), other.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_generator(backend):
    def batches():
        while True:
            for i in range(0, 40, 8):
                yield X[i:i + 8], Y[i:i + 8]

    same_as_arrays(backend, lambda: {"x": batches()}, steps_per_epoch=5)


def test_iterable(backend):
    class Loader:
        def __len__(self):
            return 5

        def __iter__(self):
            return iter([(X[i:i + 8], Y[i:i + 8]) for i in range(0, 40, 8)])

    same_as_arrays(backend, lambda: {"x": Loader()})


def test_py_dataset(backend):
    class Batches(hl.utils.PyDataset):
        ended = 0

        def __len__(self):
            return 5

        def __getitem__(self, i):
            return X[8 * i:8 * i + 8], Y[8 * i:8 * i + 8]

        def on_epoch_end(self):
            type(self).ended += 1

    same_as_arrays(backend, lambda: {"x": Batches()}, shuffle=False)
    assert Batches.ended == 2


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables(library, backend):
    module = pytest.importorskip(library)
    table = module.DataFrame({f"c{i}": X[:, i] for i in range(4)})
    same_as_arrays(
        backend, lambda: {"x": table, "y": Y}, batch_size=8, shuffle=False)
    assert make().predict(table, verbose=0).shape == (40, 2)


def test_lists_of_numbers(backend):
    same_as_arrays(
        backend, lambda: {"x": X.tolist(), "y": Y.tolist()}, batch_size=8, shuffle=False)


def test_sample_and_class_weights_agree(backend):
    a, b = make(), make()
    a.fit(X, Y, class_weight={0: 1.0, 1: 3.0}, batch_size=8, shuffle=False, verbose=0)
    b.fit(X, Y, sample_weight=np.where(Y == 1, 3.0, 1.0), batch_size=8, shuffle=False, verbose=0)
    for v, w in zip(a.get_weights(), b.get_weights()):
        np.testing.assert_allclose(v, w, rtol=1e-5, atol=1e-7)


def test_shuffling_is_seeded(backend):
    weights = []
    for _ in range(2):
        model = make(seed=7)
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights):
        np.testing.assert_array_equal(a, b)


def test_validation(backend):
    model = make()
    history = model.fit(X, Y, validation_split=0.25, epochs=3, verbose=0, validation_freq=2)
    assert len(history.history["val_loss"]) == 1
    history = model.fit(X[:30], Y[:30], validation_data=(X[30:], Y[30:]), verbose=0)
    expected = model.evaluate(X[30:], Y[30:], verbose=0)[0]
    assert history.history["val_loss"][0] == pytest.approx(expected, rel=1e-5)


def test_batches_seen_by_callbacks(backend):
    calls = []

    class Watch(hl.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            calls.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            calls.append(("end", batch, logs["loss"] > 0))

        def on_epoch_end(self, epoch, logs=None):
            calls.append(("epoch", epoch, sorted(logs)))

    make().fit(X, Y, batch_size=20, verbose=0, callbacks=[Watch()])
    assert calls == [
        ("begin", 0), ("end", 0, True), ("begin", 1), ("end", 1, True),
        ("epoch", 0, ["accuracy", "loss"]),
    ]


def test_weights_are_current_in_every_callback(backend):
    seen = []

    class Watch(hl.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(self.model.layers[0].kernel.numpy().copy())

    model = make()
    model.fit(X, Y, batch_size=20, verbose=0, callbacks=[Watch()])
    assert np.abs(seen[0] - seen[1]).max() > 0
    np.testing.assert_array_equal(seen[1], model.layers[0].kernel.numpy())


class ObjectStep(hl.Model):
    """A custom step that works with objects."""

    def __init__(self):
        super().__init__()
        self.dense = L.Dense(2)
        self.tracker = hl.metrics.Mean(name="my_loss")

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data

        def loss():
            return self.compute_loss(x=x, y=y, y_pred=self(x, training=True))

        value, gradients = hl.ops.value_and_grad(loss, self.trainable_variables)()
        self.optimizer.apply(gradients, self.trainable_variables)
        self.tracker.update_state(value)
        return {"my_loss": self.tracker.result()}


class StateStep(hl.Model):
    """A custom step on the state, as on Keras's JAX backend."""

    def __init__(self):
        super().__init__()
        self.dense = L.Dense(2)

    def call(self, x):
        return self.dense(x)

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {**logs, "twice": 2 * logs["loss"]}, state


@pytest.mark.parametrize("kind", [ObjectStep, StateStep])
def test_custom_train_step(kind, backend):
    model = kind()
    model.compile(
        hl.optimizers.Adam(0.05), hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(X, Y, epochs=15, batch_size=8, verbose=0).history
    name = "my_loss" if kind is ObjectStep else "loss"
    assert history[name][-1] < history[name][0]
    if kind is StateStep:
        assert history["twice"][0] == pytest.approx(2 * history["loss"][0], rel=1e-5)


def test_custom_compute_loss(backend):
    class Net(hl.Model):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(1)

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return hl.ops.mean(hl.ops.square(y_pred - 5.0))

    net = Net()
    net.compile(hl.optimizers.SGD(0.1))
    history = net.fit(X, Y, epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


def test_hand_written_loop_with_stateless_calls(backend):
    model = make()
    optimizer = hl.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    loss_of = hl.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    slots = [v.value for v in optimizer.variables]

    def step(trainable, others, slots, x, y):
        def loss(trainable):
            logits, after = model.stateless_call(trainable, others, x, training=True)
            return loss_of(y, logits), after

        (value, after), gradients = backend.value_and_grad(loss, has_aux=True)(trainable)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return value, trainable, after, slots

    step = backend.compile(step)
    x, y = backend.asarray(X), backend.asarray(Y)
    losses = []
    for _ in range(20):
        value, trainable, others, slots = step(trainable, others, slots, x, y)
        losses.append(float(value))
    assert losses[-1] < 0.7 * losses[0]
    reference = make()
    for _ in range(20):
        reference.train_on_batch(X, Y)
    for a, b in zip(trainable, reference.weights):
        np.testing.assert_allclose(numpy(a), b.numpy(), rtol=1e-3, atol=1e-5)


def test_hand_written_loop_with_objects(backend):
    model, optimizer = make(), hl.optimizers.Adam(0.05)
    loss_of = hl.losses.SparseCategoricalCrossentropy(from_logits=True)
    losses = []
    for _ in range(15):
        value, gradients = hl.ops.value_and_grad(
            lambda: loss_of(Y, model(X, training=True)), model.trainable_variables
        )()
        optimizer.apply(gradients, model.trainable_variables)
        losses.append(float(value))
    assert losses[-1] < 0.7 * losses[0]


def test_run_eagerly(backend):
    shown = []

    class Prints(L.Layer):
        def call(self, x):
            if hl.ops.max(x) > -100.0:  # a value is known, also while a gradient is taken
                shown.append(tuple(x.shape))
            return x

    model = hl.Sequential([hl.Input((4,)), L.Dense(2)])
    inner = Prints()
    net = hl.Sequential([model, inner])
    net.compile("sgd", "mse", run_eagerly=True)
    shown.clear()
    net.fit(X, np.zeros((40, 2), "float32"), batch_size=20, verbose=0)
    assert len(shown) >= 2 and net.jit_compile is False


def test_training_moves_between_backends():
    """50 steps on one backend and 50 on the other end where 100 on one do."""
    from highlevel_backend import use_backend

    def steps(model, name, count):
        with use_backend(name):
            for _ in range(count):
                model.train_on_batch(X, Y)

    mixed, pure = make(optimizer=hl.optimizers.Adam(0.01)), make(optimizer=hl.optimizers.Adam(0.01))
    steps(mixed, "jax", 50)
    steps(mixed, "numpy", 50)
    steps(pure, "numpy", 100)
    for a, b in zip(mixed.get_weights(), pure.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_an_interrupted_fit_leaves_a_usable_model(backend):
    class Stop(hl.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                raise KeyboardInterrupt

    model = make()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=8, verbose=0, callbacks=[Stop()])
    assert np.isfinite(model.evaluate(X, Y, verbose=0)[0])
    model.fit(X, Y, batch_size=8, verbose=0)


def test_a_failing_generator_shows_its_own_error(backend):
    def batches():
        yield X[:8], Y[:8]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as caught:
        make().fit(batches(), epochs=1, verbose=0)
    assert any("epoch 1/1" in note for note in caught.value.__notes__)


def test_nan_loss(backend):
    model = make()
    model.fit(
        X * np.nan, Y, epochs=3, batch_size=8, verbose=0,
        callbacks=[hl.callbacks.TerminateOnNaN()])
    assert len(model.history.epoch) <= 1


def test_predict_of_structures(backend):
    inputs = hl.Input((4,))
    model = hl.Model(inputs, {"a": L.Dense(1)(inputs), "b": [L.Dense(2)(inputs)]})
    found = model.predict(X[:5], verbose=0, batch_size=2)
    assert found["a"].shape == (5, 1) and found["b"][0].shape == (5, 2)
    np.testing.assert_allclose(found["a"], model.predict_on_batch(X[:5])["a"], rtol=1e-5)


def test_mixed_precision_training(backend):
    hl.utils.set_random_seed(0)
    model = hl.Sequential([
        hl.Input((4,)), L.Dense(8, activation="relu", dtype="mixed_bfloat16"),
        L.Dense(2, dtype="float32")])
    model.compile(
        hl.optimizers.SGD(0.1), hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(X, Y, epochs=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.layers[0].kernel.dtype == "float32"


@pytest.mark.parametrize("arguments, text", [
    ({"x": X, "y": Y[:5]}, "same number of rows"),
    ({"x": None}, "needs data"),
    ({"x": X[:0], "y": Y[:0]}, "no rows"),
    ({"x": X, "y": Y, "batch_size": 0}, "positive integer"),
    ({"x": X, "y": Y, "validation_split": 1.5}, "between 0 and 1"),
    ({"x": iter([(X, Y)]), "y": Y}, "leave `y`"),
])
def test_refused_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        make().fit(**arguments, verbose=0)


def test_an_axis_open_in_the_model_has_its_length_from_the_data(backend):
    codes = hl.Input((None,), dtype="int32")
    h = L.GRU(4, return_sequences=True)(L.Embedding(5, 4)(codes))
    model = hl.Model(codes, L.Dense(5, activation="softmax")(h))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.arange(24, dtype="int32").reshape(8, 3) % 5
    assert np.isfinite(model.fit(x, x, batch_size=4, verbose=0).history["loss"]).all()
    assert model.evaluate(x[:, :2], x[:, :2], verbose=0)[0] > 0
