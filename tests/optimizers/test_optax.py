"""An optax transformation in the place of an optimizer."""

import numpy as np
import optax
import pytest
from highlevel_backend import use_backend

import highlevel as hl

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype("float32")
Y = RNG.normal(size=(32, 2)).astype("float32")


@pytest.fixture(autouse=True)
def jax_backend():
    with use_backend("jax") as backend:
        yield backend


def make(optimizer):
    model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(2)])
    model.set_weights([np.ones((4, 2)), np.zeros(2)])
    model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize(("transformation", "own"), [
    (lambda: optax.sgd(0.1), lambda: hl.optimizers.SGD(0.1)),
    (lambda: optax.sgd(0.1, momentum=0.9, nesterov=True),
     lambda: hl.optimizers.SGD(0.1, momentum=0.9, nesterov=True)),
    (lambda: optax.chain(optax.clip_by_global_norm(0.5), optax.adam(0.1, eps=1e-7)),
     lambda: hl.optimizers.Adam(0.1, global_clipnorm=0.5)),
    (lambda: optax.lion(0.01, b1=0.9, b2=0.99, weight_decay=0.0), lambda: hl.optimizers.Lion(0.01)),
], ids=["sgd", "nesterov", "clipped adam", "lion"])
def test_agrees_with_our_own(transformation, own):
    found = []
    for optimizer in (transformation(), own()):
        model = make(optimizer)
        history = model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0)
        found.append((history.history["loss"], model.get_weights()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-4)
    for a, b in zip(found[0][1], found[1][1]):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-4)


def test_schedule_and_compilations(jax_backend):
    model = make(optax.adamw(optax.cosine_decay_schedule(0.1, 20)))
    before = jax_backend.compile_count
    model.fit(X, Y, batch_size=8, epochs=5, verbose=0)
    assert jax_backend.compile_count == before + 1
    assert int(model.optimizer.iterations.numpy()) == 20
    weights = model.get_weights()
    model.fit(X, Y, batch_size=8, epochs=1, verbose=0)  # the schedule has reached zero
    for a, b in zip(weights, model.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_state_is_saved_and_restored():
    first, second = make(optax.adam(0.1)), make(optax.adam(0.1))
    first.fit(X, Y, batch_size=8, verbose=0, shuffle=False)
    store = {}
    first.optimizer.save_own_variables(store)
    second.optimizer.build(second.trainable_variables)
    second.optimizer.load_own_variables(store)
    second.set_weights(first.get_weights())
    for model in (first, second):
        model.fit(X, Y, batch_size=8, verbose=0, shuffle=False)
    for a, b in zip(first.get_weights(), second.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_backup_of_an_interrupted_training(tmp_path):
    class Stop(hl.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("stop")

    whole, broken = make(optax.adam(0.1)), make(optax.adam(0.1))
    whole.fit(X, Y, epochs=4, verbose=0, shuffle=False)
    backup = hl.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(RuntimeError, match="stop"):
        broken.fit(X, Y, epochs=4, verbose=0, shuffle=False, callbacks=[backup, Stop()])
    again = make(optax.adam(0.1))
    again.fit(X, Y, epochs=4, verbose=0, shuffle=False,
              callbacks=[hl.callbacks.BackupAndRestore(tmp_path)])
    for a, b in zip(whole.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_numpy_is_refused():
    with use_backend("numpy"):
        model = make(optax.adam(0.1))
        with pytest.raises(RuntimeError, match="JAX backend only; the current one is 'numpy'"):
            model.fit(X, Y, verbose=0)


def test_what_it_cannot_do():
    model = make(optax.adam(0.1))
    with pytest.raises(AttributeError, match="inject_hyperparams"):
        model.optimizer.learning_rate  # noqa: B018
    with pytest.raises(NotImplementedError, match="cannot be written into a config"):
        model.optimizer.get_config()
    with pytest.raises(TypeError, match=r"optax\.adam"):
        hl.optimizers.OptaxOptimizer("adam")
