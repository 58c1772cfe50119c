"""A disk that takes no more in the middle of a save: the error says so, the old files are whole."""

import contextlib
import errno
import os
import resource

import numpy as np
import pytest

import highlevel as hl
from highlevel import callbacks, layers
from highlevel.saving import checkpoints

X = np.ones((32, 64), "float32")


@contextlib.contextmanager
def room(size):
    """No file may grow over `size` bytes; Python ignores the signal, so that writes fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def make():
    model = hl.Sequential([hl.Input((64,)), layers.Dense(128), layers.Dense(64)])
    model.compile("adam", "mse")
    return model


def fit(model, callback, epochs=1):
    model.fit(X, X, epochs=epochs, verbose=0, callbacks=[callback])


SAVES = {
    "model.keras": lambda model, path: model.save(path),
    "folder": lambda model, path: model.save(path, zipped=False),
    "w.weights.h5": lambda model, path: model.save_weights(path, overwrite=True),
    "w.weights.json": lambda model, path: model.save_weights(
        path, overwrite=True, max_shard_size=1e-4),
    "w.safetensors": lambda model, path: model.save_weights(path, overwrite=True),
    "checkpoint.keras": lambda model, path: fit(model, callbacks.ModelCheckpoint(path)),
    "best.weights.h5": lambda model, path: fit(
        model, callbacks.ModelCheckpoint(path, save_weights_only=True)),
    "log.csv": lambda model, path: fit(model, callbacks.CSVLogger(path, append=True)),
    "checkpoints": lambda model, path: fit(model, callbacks.OrbaxCheckpoint(path)),
}


def files(folder):
    return {
        os.path.join(place, name): open(os.path.join(place, name), "rb").read()
        for place, _, names in os.walk(folder) for name in names
    }


@pytest.mark.parametrize("name", SAVES)
def test_saving(tmp_path, name):
    with hl.use_backend("numpy"):
        model = make()
        path = str(tmp_path / name)
        SAVES[name](model, path)
        before = files(tmp_path)
        with room(20 if name == "log.csv" else 8000), pytest.raises(OSError) as info:
            SAVES[name](model, path)
        assert info.value.errno == errno.EFBIG
        named = os.fspath(info.value.filename)
        assert named.startswith(str(tmp_path)) and not named.endswith(".tmp")
        assert files(tmp_path) == before  # and no temporary files
        SAVES[name](model, path)  # both go on
        fit(model, callbacks.Callback())


@pytest.mark.parametrize("name", ["model.keras", "w.weights.h5", "checkpoint.keras"])
def test_nothing_is_left_where_nothing_was(tmp_path, name):
    with hl.use_backend("numpy"):
        with room(8000), pytest.raises(OSError):
            SAVES[name](make(), str(tmp_path / name))
        assert os.listdir(tmp_path) == []


def test_a_backup(tmp_path):
    """The one before stays, and training goes on from it when there is room again."""

    class Fill(callbacks.Callback):
        def __init__(self, full):
            super().__init__()
            self.full = full

        def get_state(self):
            return {}

        def on_epoch_begin(self, epoch, logs=None):
            if self.full and epoch == 2:
                scope.enter_context(room(8000))

    def train(full):
        hl.utils.set_random_seed(0)
        model = make()
        history = model.fit(X, X, epochs=4, batch_size=8, verbose=0, callbacks=[
            callbacks.BackupAndRestore(tmp_path / "b"), Fill(full)])
        return history, model.get_weights()

    with hl.use_backend("numpy"):
        expected, weights = train(False)
        with contextlib.ExitStack() as scope, pytest.raises(OSError) as info:
            train(True)
        assert info.value.errno == errno.EFBIG
        assert any("the one before stays" in note for note in info.value.__notes__)
        assert sorted(os.listdir(tmp_path / "b")) == [
            "latest.state.npz", "latest.weights.h5", "training_metadata.json"]
        history, found = train(False)
        assert history.history == expected.history
        for one, other in zip(weights, found, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_tensorboard(tmp_path):
    with hl.use_backend("numpy"):
        model = make()
        with room(3000), pytest.raises(OSError) as info:
            fit(model, callbacks.TensorBoard(tmp_path, histogram_freq=1), epochs=3)
        assert str(tmp_path) in str(info.value)
        fit(model, callbacks.TensorBoard(tmp_path, histogram_freq=1))


def test_orbax(tmp_path, caplog):
    """By Orbax: its unfinished folder goes."""
    with hl.use_backend("jax"):
        model = make()
        fit(model, callbacks.OrbaxCheckpoint(tmp_path / "c"))
        steps = checkpoints.CheckpointDirectory(tmp_path / "c")
        with room(3000), pytest.raises(OSError, match="checkpoint of step 0 could not be written"):
            fit(model, callbacks.OrbaxCheckpoint(tmp_path / "c"))
        assert os.listdir(tmp_path / "c") == ["0"] and steps.steps() == [0]
        assert int(hl.models.load_model(tmp_path / "c").optimizer.iterations) == 1


@pytest.mark.parametrize("size", [3000, 9_000_000, 20_900_000])
def test_a_model_that_is_written_in_place(tmp_path, size):
    """Larger models go straight into the archive, where the HDF5 library writes to it."""
    with hl.use_backend("numpy"):
        model = hl.Sequential([hl.Input((1024,)), *[
            layers.Dense(1024, kernel_initializer="ones") for _ in range(5)]])
        path = str(tmp_path / "model.keras")
        for _ in range(2):  # where no file was, and where one was
            before = files(tmp_path)
            with room(size), pytest.raises(OSError) as info:
                model.save(path)
            assert info.value.errno == errno.EFBIG
            assert files(tmp_path) == before
            model.save(path)
        assert hl.saving.load_model(path).count_params() == model.count_params()
