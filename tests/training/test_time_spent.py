"""`history.time`: where the time of a `fit` went, and what it advises."""

import copy
import time

import numpy as np
import pytest

import highlevel as hl
from highlevel.training import time_spent

X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
Y = (X.sum(-1) > 0).astype("int32")


def make():
    model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(2)])
    model.compile(
        hl.optimizers.SGD(0.1), hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


class Slow(hl.utils.PyDataset):
    def __len__(self):
        return 10

    def __getitem__(self, i):
        time.sleep(0.02)
        return X[4 * i:4 * i + 4], Y[4 * i:4 * i + 4]


def test_the_parts_add_up(backend):
    model = make()
    spent = model.fit(X, Y, epochs=3, batch_size=8, verbose=0, validation_data=(X, Y)).time
    parts = spent.as_dict()
    assert list(parts) == ["device", "data", "callbacks", "compiling", "other"]
    assert sum(parts.values()) == pytest.approx(spent.total, rel=1e-6)
    assert min(parts.values()) >= 0 and spent.device > 0
    assert (spent.compiling > 0) == backend.compiles
    assert spent.steps == 3 * 5 + 3 * 5
    assert spent.advice is None and repr(spent).startswith("<fit took ")
    again = model.fit(X, Y, epochs=1, batch_size=8, verbose=0).time
    assert again.compiling == 0 and again is not spent


def test_slow_data_is_seen_and_named(backend):
    model = make()
    model.fit(X[:4], Y[:4], batch_size=4, verbose=0)
    spent = model.fit(Slow(), verbose=0).time
    assert spent.data > 0.1
    assert spent.data > 0.5 * (spent.total - spent.compiling)
    assert "waiting for data. Slow: let workers make the batches ahead: `workers=4`" in repr(spent)
    ahead = model.fit(Slow(workers=10, max_queue_size=10), verbose=0).time
    assert ahead.data < spent.data


def test_slow_callbacks_are_seen(backend):
    class Naps(hl.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            time.sleep(0.02)

    spent = make().fit(X, Y, batch_size=4, verbose=0, callbacks=[Naps()]).time
    assert spent.callbacks >= 0.2 > spent.data
    assert "callbacks. Let them do less after every batch" in spent.advice
    spent.between = 0.9 * spent.callbacks
    assert "Most of it at the ends of epochs" in spent.advice


@pytest.mark.parametrize("data, faster", [
    (Slow(workers=2), "`use_multiprocessing=True` (now 2 threads)"),
    (Slow(workers=2, use_multiprocessing=True), "`workers=4` (now 2)"),
    (iter([(X, Y)]), "make the batches in a `utils.PyDataset(workers=4)`"),
])
def test_what_to_change(data, faster):
    from highlevel.training.data.sources import make_source

    assert faster in make_source(data).faster


def test_it_is_said_once(monkeypatch, recwarn):
    monkeypatch.setattr(time_spent, "_LONG", 0.05)
    monkeypatch.setattr(time_spent, "_warned", set())
    model = make()
    model.fit(Slow(), verbose=0)
    model.fit(Slow(), verbose=0)
    told = [str(w.message) for w in recwarn if "waiting for data" in str(w.message)]
    assert len(told) == 1 and told[0].endswith("See `history.time`.")


def test_a_run_is_the_same_run_however_long_it_takes():
    fingerprints = []
    for _ in range(2):
        hl.utils.set_random_seed(3)
        history = make().fit(X, Y, verbose=0)
        assert copy.deepcopy(history.time).total == history.time.total
        fingerprints.append(history.fingerprint)
    assert fingerprints[0] == fingerprints[1]


@pytest.mark.parametrize("seconds, text", [(0.0123, "12.3 ms"), (1.26, "1.3 s"), (321.4, "321 s")])
def test_durations(seconds, text):
    spent = time_spent.TimeSpent()
    spent.device = spent.total = seconds
    assert repr(spent) == f"<fit took {text}: device {text} (100 %)>"
