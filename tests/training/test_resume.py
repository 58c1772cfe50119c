"""Taking up an interrupted training: it ends as if nobody had interrupted it."""

import sys
from pathlib import Path

import numpy as np
import pytest

import highlevel as hl
from highlevel import callbacks, layers

sys.path.insert(0, str(Path(__file__).parent / "killed"))
import rounds

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = X[:, :1] * 2 - X[:, 1:2]


class Killed(Exception):
    pass


class Kill(callbacks.Callback):
    """Ends the process, as far as the training can tell, after some batches."""

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


def train(directory, kill=0, every="epoch", data=None, epochs=4, **options):
    hl.utils.set_random_seed(1)
    model = hl.Sequential([
        hl.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dropout(0.3), layers.Dense(1)])
    model.compile(hl.optimizers.Adam(0.01), "mse", metrics=["mae"])
    watch = callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True)
    given = [callbacks.BackupAndRestore(directory, save_freq=every), watch, Kill(kill)]
    source = data() if data is not None else (X, Y)
    if isinstance(source, tuple):
        options = {"batch_size": 8} | options
    try:
        history = model.fit(
            *(source if isinstance(source, tuple) else (source,)), epochs=epochs, verbose=0,
            callbacks=given, **options)
    except Killed:
        return None
    values = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    return history, values, (watch.best, watch.wait, watch.best_epoch)


def check(one, other):
    assert one[0].history == other[0].history
    assert one[0].epoch == other[0].epoch
    assert one[0].fingerprint == other[0].fingerprint
    assert one[2] == other[2]
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("every, kills", [("epoch", [3, 7, 6]), (2, [3, 4, 9]), (1, [1, 2, 5])])
def test_the_end_is_the_same_to_the_bit(backend, tmp_path, every, kills):
    expected = train(tmp_path / "whole", every=every)
    for kill in kills:
        assert train(tmp_path / "killed", kill, every) is None
    check(train(tmp_path / "killed", every=every), expected)
    assert not (tmp_path / "killed").exists()


class Pairs(hl.utils.PyDataset):
    def __init__(self):
        super().__init__()
        self.order = np.arange(40)

    def __len__(self):
        return 5

    def __getitem__(self, i):
        rows = self.order[i * 8:i * 8 + 8]
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.order = np.random.default_rng(self.order[0]).permutation(40)


def endless():
    step = 0
    while True:
        rows = np.random.default_rng(step).integers(0, 40, 8)
        step += 1
        yield X[rows], Y[rows]


@pytest.mark.parametrize("data, options", [
    (Pairs, {}), (Pairs, {"shuffle": False}), (endless, {"steps_per_epoch": 5}),
    (lambda: (X, Y), {"shuffle": False, "validation_split": 0.2}),
    (lambda: (X[:37], Y[:37]), {}),
], ids=["dataset", "dataset in order", "generator", "validation", "partial batch"])
def test_every_kind_of_data(tmp_path, data, options):
    with hl.use_backend("numpy"):
        expected = train(tmp_path / "whole", every=2, data=data, **options)
        for kill in (4, 5):
            assert train(tmp_path / "killed", kill, 2, data=data, **options) is None
        check(train(tmp_path / "killed", every=2, data=data, **options), expected)


def test_runs_that_differ_have_other_fingerprints(tmp_path):
    with hl.use_backend("numpy"):
        one = train(tmp_path / "a")[0].fingerprint
        assert train(tmp_path / "b")[0].fingerprint == one
        assert train(tmp_path / "c", epochs=3)[0].fingerprint != one
        assert train(tmp_path / "d", shuffle=False)[0].fingerprint != one
        assert train(tmp_path / "e", data=lambda: (X + 1e-3, Y))[0].fingerprint != one


def test_stopped_early_stays_stopped(tmp_path):
    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    class KillAtEnd(callbacks.Callback):
        def on_train_end(self, logs=None):
            raise Killed

    def run(last):
        model = hl.Sequential([hl.Input((4,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        return model.fit(
            X, Y, epochs=5, verbose=0,
            callbacks=[callbacks.BackupAndRestore(tmp_path / "b"), Stop(), last()])

    with hl.use_backend("numpy"):
        with pytest.raises(Killed):
            run(KillAtEnd)
        with pytest.warns(UserWarning, match="callbacks"):
            assert len(run(callbacks.Callback).epoch) == 0
        assert len(run(callbacks.Callback).epoch) == 2


@pytest.mark.parametrize("cut", range(1, 7))
def test_a_backup_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch, cut):
    """Stopped after each of the moves of files that a backup takes."""
    from highlevel.training.callbacks import backup_and_restore as module

    with hl.use_backend("numpy"):
        expected = train(tmp_path / "whole", every=1)
        moves, left = module.os.replace, [48 + cut]

        def replace(*args):
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return moves(*args)

        monkeypatch.setattr(module.os, "replace", replace)
        assert train(tmp_path / "killed", every=1) is None
        monkeypatch.undo()
        check(train(tmp_path / "killed", every=1), expected)


def test_a_process_that_is_killed(tmp_path):
    """Real kills of a real process; `killed/rounds.py` does many more."""
    expected = rounds.undisturbed("1", "numpy", ["epochs=4"])
    found = rounds.killed(expected, "1", "numpy", 3, 5, ["epochs=4"])
    assert found.kills and found.output == expected.output
