"""`OrbaxCheckpoint`, by Orbax on JAX and by ourselves on NumPy or without Orbax."""

import os
import subprocess
import sys

import numpy as np
import pytest

import highlevel as hl
from highlevel import callbacks, layers
from highlevel.saving import checkpoints

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = X[:, :1] * 2 - X[:, 1:2]


class Killed(Exception):
    pass


class Kill(callbacks.Callback):
    """Ends the training after some batches, after all others."""

    acts_last = True

    def __init__(self, batches):
        super().__init__()
        self._left = batches

    def get_state(self):
        return {}

    def on_train_batch_end(self, batch, logs=None):
        self._left -= 1
        if self._left == 0:
            raise Killed


@pytest.fixture(params=["numpy", "jax", "jax without orbax"])
def kind(request, monkeypatch):
    name, _, without = request.param.partition(" ")
    if without:
        monkeypatch.setattr(checkpoints, "_orbax_is_there", lambda: False)
    with hl.use_backend(name):
        yield request.param


def make():
    hl.utils.set_random_seed(1)
    model = hl.Sequential([
        hl.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dropout(0.3),
        layers.BatchNormalization(), layers.Dense(1)])
    model.compile(hl.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def train(directory, kill=0, epochs=3, model=None, **options):
    model = model or make()
    checkpoint = callbacks.OrbaxCheckpoint(directory, monitor="loss", **options)
    stop = callbacks.EarlyStopping("loss", patience=9)
    try:
        history = model.fit(
            X, Y, batch_size=8, epochs=epochs, verbose=0,
            callbacks=[checkpoint, stop, Kill(kill)])
    except Killed:
        checkpoint.wait_until_finished()
        return None
    return history, model, stop


def values(model):
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind, every, kills", [
    ("numpy", "epoch", [7, 8]), ("numpy", 2, [3, 7]), ("jax", 2, [3, 7])], indirect=["kind"])
def test_resumes_to_the_bit(kind, tmp_path, every, kills):
    expected, model, stop = train(tmp_path / "whole", save_freq=every)
    for kill in kills:
        assert train(tmp_path / "killed", kill, save_freq=every, resume=True) is None
    found, other, other_stop = train(tmp_path / "killed", save_freq=every, resume=True)
    assert found.history == expected.history
    assert found.fingerprint == expected.fingerprint
    assert (stop.best, stop.wait) == (other_stop.best, other_stop.wait)
    same(values(model), values(other))


def test_load(kind, tmp_path):
    _, model, _ = train(tmp_path / "c", max_to_keep=None)
    assert sorted(os.listdir(tmp_path / "c")) == ["0", "1", "2"]
    loaded = hl.models.load_model(tmp_path / "c")
    same(values(model)[:8], values(loaded)[:8])
    assert int(loaded.optimizer.iterations) == 15
    np.testing.assert_array_equal(model.predict(X, verbose=0), loaded.predict(X, verbose=0))
    fresh = make()
    report = fresh.load_weights(tmp_path / "c")
    same(values(model), values(fresh))
    assert len(report.loaded) >= 8 and not report.missing
    fresh.load_weights(tmp_path / "c" / "0")
    assert int(fresh.optimizer.iterations) == 5


@pytest.mark.parametrize("kind", ["numpy", "jax"], indirect=True)
def test_what_is_kept(kind, tmp_path):
    model = make()
    train(tmp_path / "c", model=model, max_to_keep=2)
    assert sorted(os.listdir(tmp_path / "c")) == ["1", "2"]
    # Another training in the same place: the last written stay, whatever their numbers.
    train(tmp_path / "c", model=model, epochs=2, max_to_keep=2)
    assert sorted(os.listdir(tmp_path / "c")) == ["0", "1"]
    assert int(hl.models.load_model(tmp_path / "c").optimizer.iterations) == 25


@pytest.mark.parametrize("kind", ["numpy", "jax"], indirect=True)
def test_best_only_and_weights_only(kind, tmp_path):
    class Worse(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["loss"] = [3.0, 1.0, 2.0][epoch]

    model = make()
    seen = callbacks.OrbaxCheckpoint(
        tmp_path / "c", monitor="loss", save_best_only=True, save_weights_only=True,
        save_on_background=False)
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[Worse(), seen])
    assert os.listdir(tmp_path / "c") == ["1"] and seen.best == 1.0
    with pytest.raises(ValueError, match="holds no model, only the values"):
        hl.models.load_model(tmp_path / "c")
    make().load_weights(tmp_path / "c")


@pytest.mark.parametrize("kind", ["numpy", "jax"], indirect=True)
def test_does_not_fit(kind, tmp_path):
    train(tmp_path / "c", epochs=1)
    other = hl.Sequential([hl.Input((4,)), layers.Dense(3), layers.Dense(1)])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"does not fit model.*nothing was changed"):
        other.load_weights(tmp_path / "c")
    same(before, other.get_weights())


@pytest.mark.parametrize("kind", ["numpy", "jax"], indirect=True)
def test_a_full_disk_is_told(kind, tmp_path, monkeypatch):
    """The checkpoint before stays, and the error names the one that failed."""
    model = make()
    train(tmp_path / "c", epochs=1, model=model)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "_write_plain", full)
    monkeypatch.setattr(checkpoints, "payload", full)
    with pytest.raises(OSError, match=r"No space left") as info:
        train(tmp_path / "c", epochs=2, model=model)
    assert info.value.errno == 28
    assert [n for n in os.listdir(tmp_path / "c") if not n.endswith(".replaced")] in (["0"], [])
    assert int(hl.models.load_model(tmp_path / "c").optimizer.iterations) == 5


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="Unrecognized save_freq: 'week'"):
        callbacks.OrbaxCheckpoint(tmp_path, save_freq="week")
    with pytest.raises(ValueError, match="1 or more, or None for all; got 0"):
        callbacks.OrbaxCheckpoint(tmp_path, max_to_keep=0)
    with pytest.raises(ValueError, match="cannot `resume` from checkpoints with"):
        callbacks.OrbaxCheckpoint(tmp_path, save_weights_only=True, resume=True)
    checkpoint = callbacks.OrbaxCheckpoint(tmp_path)
    assert checkpoint.is_primary_host() and not checkpoint.is_multihost_enabled()


SHARDED = """
import sys, numpy as np, jax, highlevel as hl
from highlevel import callbacks, layers
mesh = jax.make_mesh((4,), ("d",))
spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, "d"))
def make():
    model = hl.Sequential([hl.Input((4,)), layers.Dense(8, name="wide"), layers.Dense(1)], name="m")
    kernel = model.get_layer("wide").kernel
    kernel.set_raw(jax.device_put(kernel.value, spread), kernel._home)
    return model, kernel
model, kernel = make()
checkpoint = callbacks.OrbaxCheckpoint(sys.argv[1])
checkpoint.set_model(model)
checkpoint.on_epoch_end(0, {})
checkpoint.on_train_end()
other, there = make()
there.set_raw(there.value * 0, there._home)
there.set_raw(jax.device_put(there.value, spread), there._home)
other.load_weights(sys.argv[1])
np.testing.assert_array_equal(there.numpy(), kernel.numpy())
print(len(there.value.sharding.device_set))
"""


def test_sharded(tmp_path):
    """A kernel over four devices is written in shards, and comes back over four devices."""
    done = subprocess.run(
        [sys.executable, "-c", SHARDED, str(tmp_path / "c")], capture_output=True, text=True,
        env=os.environ | {
            "HIGHLEVEL_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=4"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["4"]
