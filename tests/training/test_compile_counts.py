"""How many programs are compiled, and how often the device is called."""

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel.training import filling
from highlevel.training import program as training_program

X = np.linspace(-1, 1, 40 * 4, dtype="float32").reshape(40, 4)
Y = (np.arange(40) % 3).astype("int32")


@pytest.fixture
def jax_backend():
    with use_backend("jax") as backend:
        yield backend


def make(**arguments):
    model = hl.Sequential([
        hl.Input((4,)),
        hl.layers.Dense(5, activation="relu"),
        hl.layers.Dropout(0.1),
        hl.layers.Dense(3),
    ])
    model.compile(
        hl.optimizers.Adam(0.01),
        hl.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"], **arguments,
    )
    return model


class Counter:
    def __init__(self, backend):
        self.backend = backend
        self.last = backend.compile_count

    def __call__(self):
        now = self.backend.compile_count
        found, self.last = now - self.last, now
        return found


def test_fit_compiles_once(jax_backend):
    model, compiled = make(), Counter(jax_backend)
    model.fit(X, Y, batch_size=10, epochs=3, verbose=0)
    assert compiled() == 1
    model.fit(X, Y, batch_size=10, epochs=2, verbose=0)
    assert compiled() == 0, "a second fit with the same data"
    model.optimizer.learning_rate = 0.5
    model.fit(X, Y, batch_size=10, epochs=1, verbose=0)
    assert compiled() == 0, "a changed learning rate"
    model.fit(X[:38], Y[:38], batch_size=10, epochs=2, verbose=0)
    assert compiled() == 1, "the partial last batch costs one more"


def test_steps_with_convolutions_are_no_loop_and_one_program(jax_backend):
    """Stock convolutions are slow in the body of a loop on a CPU."""
    images = np.linspace(-1, 1, 20 * 16, dtype="float32").reshape(20, 4, 4, 1)
    model = hl.Sequential([
        hl.Input((4, 4, 1)), hl.layers.Conv2D(2, 2), hl.layers.Flatten(), hl.layers.Dense(3),
    ])
    model.compile("sgd", hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    compiled = Counter(jax_backend)
    losses = model.fit(images, Y[:20], batch_size=5, epochs=2, verbose=0).history["loss"]
    assert compiled() == 1 and losses[1] < losses[0]
    assert model.optimizer.iterations.numpy() == 8
    program = model._program("train")
    assert program._single is not None
    assert make()._program("train")._single is None


def test_steps_of_very_many_arrays_are_no_loop(jax_backend, monkeypatch):
    options = {"batch_size": 10, "epochs": 2, "shuffle": False, "verbose": 0}

    def train():
        hl.utils.set_random_seed(0)
        model = make()
        return model, model.fit(X, Y, **options).history["loss"]

    _, looped = train()
    monkeypatch.setattr(training_program, "_MOST_CARRIED", 3)
    compiled = Counter(jax_backend)
    model, alone = train()
    assert compiled() == 1 and model._program("train")._single is not None
    np.testing.assert_allclose(alone, looped, rtol=1e-5)


def test_validation_costs_its_own_program_once(jax_backend):
    model, compiled = make(), Counter(jax_backend)
    model.fit(X, Y, batch_size=10, epochs=3, verbose=0, validation_data=(X[:20], Y[:20]))
    assert compiled() == 2
    model.evaluate(X[:20], Y[:20], batch_size=10, verbose=0)
    assert compiled() == 0


def test_evaluate_compiles_once_whatever_the_last_batch(jax_backend):
    model, compiled = make(), Counter(jax_backend)
    labels = np.eye(3, dtype="float32")[Y]
    model.compile(loss="mse", metrics=["accuracy"], weighted_metrics=[hl.metrics.F1Score()])
    for rows in (40, 39, 38, 37):
        model.evaluate(X[:rows], labels[:rows], batch_size=16, verbose=0)
    assert compiled() == 1
    model.evaluate(((X[i:i + 16], labels[i:i + 16]) for i in (0, 16, 32)), verbose=0)
    assert compiled() == 1, "a generator's batches: the last has 8 rows"


def test_evaluate_of_unknown_code_compiles_the_partial_batch(jax_backend):
    """A loss that looks at other rows must not see rows that are none."""
    model, compiled = make(), Counter(jax_backend)
    model.compile(loss=lambda y, p: hl.ops.square(p - hl.ops.mean(p, axis=0)))
    found = model.evaluate(X[:40], Y[:40], batch_size=16, verbose=0)
    assert compiled() == 2
    with use_backend("numpy"):
        assert found == pytest.approx(model.evaluate(X[:40], Y[:40], batch_size=16, verbose=0))


def test_predict_compiles_once_whatever_the_last_batch(jax_backend):
    model, compiled = make(), Counter(jax_backend)
    for rows in (40, 33, 17, 16):
        assert model.predict(X[:rows], batch_size=16, verbose=0).shape == (rows, 3)
    assert compiled() == 1


def test_any_number_of_rows_is_one_program(jax_backend, monkeypatch):
    monkeypatch.setattr(filling, "PATIENCE", float("inf"))  # not the test of what takes long
    model, compiled = make(), Counter(jax_backend)
    for rows in range(1, 41):
        assert model.predict(X[:rows], verbose=0).shape == (rows, 3)
    assert compiled() == 1
    whole = model.predict(X, verbose=0)
    for rows in (1, 5, 31):
        np.testing.assert_allclose(model.predict(X[:rows], verbose=0), whole[:rows], rtol=1e-5)


def test_a_call_compiles_once_per_shape(jax_backend):
    model, compiled = make(), Counter(jax_backend)
    for _ in range(3):
        model(X[:8])
    assert compiled() == 1
    model(X[:8], training=True)
    assert compiled() == 1


def test_a_changed_layer_takes_effect(jax_backend):
    model, compiled = make(), Counter(jax_backend)
    before = np.asarray(model(X[:8]))
    model.layers[0].activation = hl.activations.sigmoid
    after = np.asarray(model(X[:8]))
    assert compiled() == 2
    assert np.abs(before - after).max() > 1e-3


def test_freezing_takes_effect_at_the_next_fit(jax_backend):
    model = make()
    model.fit(X, Y, batch_size=10, verbose=0)
    first, last = model.layers[0], model.layers[2]
    first.trainable = False
    frozen, free = first.get_weights(), last.get_weights()
    model.fit(X, Y, batch_size=10, verbose=0)
    for a, b in zip(frozen, first.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert np.abs(free[0] - last.get_weights()[0]).max() > 0


def test_data_sets_of_nearly_equal_size_share_a_program(jax_backend):
    model, compiled = make(), Counter(jax_backend)
    x = np.zeros((1000, 4), "float32")
    y = np.zeros((1000,), "int32")
    for rows in (1000, 990, 980):
        model.fit(x[:rows], y[:rows], batch_size=10, verbose=0)
    assert compiled() == 1


def test_batch_callbacks_cost_no_program(jax_backend):
    model, compiled = make(), Counter(jax_backend)
    seen = []
    callback = hl.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append((batch, logs["loss"]))
    )
    model.fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=[callback])
    assert compiled() == 1
    assert [batch for batch, _ in seen] == [0, 1, 2, 3] * 2


def test_steps_are_fused(jax_backend, monkeypatch):
    """Without batch callbacks an epoch is a few dispatches, not one per batch."""
    model = make()
    x = np.zeros((3200, 4), "float32")
    y = np.zeros((3200,), "int32")
    model.fit(x, y, batch_size=10, verbose=0)
    program = model._program("train")
    calls = []
    run_block = program.run_block
    monkeypatch.setattr(program, "run_block", lambda *a: calls.append(a[-1]) or run_block(*a))
    model.fit(x, y, batch_size=10, verbose=0)
    assert sum(calls) == 320
    assert len(calls) < 60


def test_a_generator_compiles_once(jax_backend):
    model, compiled = make(), Counter(jax_backend)

    def batches():
        while True:
            yield X[:10], Y[:10]

    model.fit(batches(), steps_per_epoch=4, epochs=3, verbose=0)
    assert compiled() == 1
