"""Datasets by index with threads and processes: order, memory, failures, time limits."""

import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest

import highlevel as hl
from highlevel.training.data import workers

X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
Y = (X.sum(-1) > 0).astype("int32")


def make():
    hl.utils.set_random_seed(0)
    model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(2)])
    model.compile(
        hl.optimizers.SGD(0.1), hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


class Batches(hl.utils.PyDataset):
    """Five batches; `fault` says what happens at number 3."""

    def __init__(self, fault=None, **options):
        super().__init__(**options)
        self.fault = fault
        self.shift = 0

    def __len__(self):
        return 5

    def __getitem__(self, i):
        if i == 3 and self.fault is not None:
            self.fault()
        i = (i + self.shift) % 5
        return X[8 * i:8 * i + 8], Y[8 * i:8 * i + 8]

    def on_epoch_end(self):
        self.shift += 1


def exits():
    os._exit(7)


def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def raises():
    raise OSError("no such disk")


def hangs():
    time.sleep(60)


KINDS = [{"workers": 3}, {"workers": 2, "use_multiprocessing": True},
         {"workers": 1, "use_multiprocessing": True, "max_queue_size": 1}]


@pytest.mark.parametrize("options", KINDS, ids=["threads", "processes", "process"])
def test_the_same_batches_in_the_same_order(options, backend):
    """What `on_epoch_end` changes reaches the workers, processes too."""
    plain, ahead = make(), make()
    plain.fit(Batches(), epochs=3, shuffle=False, verbose=0)
    ahead.fit(Batches(**options), epochs=3, shuffle=False, verbose=0)
    for a, b in zip(plain.get_weights(), ahead.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("fault, options, error, text", [
    (raises, KINDS[0], OSError, "no such disk"),
    (raises, KINDS[1], OSError, "no such disk"),
    (raises, {}, OSError, "no such disk"),
    (exits, KINDS[1], RuntimeError, r"process of Batches has died \(exit code 7\)"),
    (is_killed, KINDS[2], RuntimeError, r"has died \(killed by SIGKILL"),
    (hangs, KINDS[0], TimeoutError, r"Batches\[3\] has been in the making .* `time.sleep\(60\)`"),
    (hangs, KINDS[2], TimeoutError, r"Batches\[3\] has been in the making .* worker process"),
])
def test_failures(fault, options, error, text, backend):
    model = make()
    faulty = Batches(fault, **options)
    faulty.worker_timeout = 1.0
    began = time.monotonic()
    with pytest.raises(error, match=text) as caught:
        model.fit(faulty, epochs=2, shuffle=False, verbose=0)
    assert time.monotonic() - began < 20
    notes = "\n".join(getattr(caught.value, "__notes__", ()))
    if error is not TimeoutError:
        assert "In Batches[3]" in notes
    if fault is raises and options.get("use_multiprocessing"):
        assert "in raises" in notes, "the traceback of the process"
    assert np.isfinite(model.evaluate(X, Y, verbose=0))
    model.fit(Batches(**options), verbose=0)
    assert not multiprocessing.active_children()


def test_a_failure_does_not_wait_for_the_batches_before():
    class Slow(Batches):
        def __getitem__(self, i):
            if i == 0:
                time.sleep(30)
            return super().__getitem__(i)

    began = time.monotonic()
    with pytest.raises(OSError, match="no such disk"):
        list(Slow(raises, workers=4))
    assert time.monotonic() - began < 10


def test_no_more_is_made_ahead_than_asked_for():
    made, taken, most = [], [], []

    class Counting(Batches):
        def __len__(self):
            return 40

        def __getitem__(self, i):
            made.append(i)
            most.append(len(made) - len(taken))
            return X[:1], Y[:1]

    for batch in Counting(workers=2, max_queue_size=4):
        time.sleep(0.002)
        taken.append(batch)
    assert len(taken) == 40 and sorted(made) == list(range(40))
    assert max(most) <= 5, "four that wait, and the one that is being used"


def test_a_batch_that_takes_long_is_told_of(monkeypatch):
    monkeypatch.setattr(workers, "TELL_AFTER", 0.2)

    class Slow(Batches):
        def __getitem__(self, i):
            time.sleep(1.5 if i == 2 else 0)
            return super().__getitem__(i)

    slow = Slow(workers=2)
    slow.worker_timeout = None
    with pytest.warns(UserWarning, match=r"Waiting for Slow\[2\].*time.sleep"):
        assert len(list(slow)) == 5


def test_threads_work_on_the_callers_backend(backend):
    class Names(Batches):
        def __getitem__(self, i):
            return hl.backend.backend()

    assert set(Names(workers=2)) == {backend.name}


def test_processes_leave_the_device_to_the_parent():
    seen = list(Environment(workers=1, use_multiprocessing=True))
    assert seen == [("numpy", "cpu")] * 2


class Environment(hl.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, i):
        return hl.backend.backend(), os.environ["JAX_PLATFORMS"]


def test_what_cannot_be_sent_to_a_process():
    faulty = Batches(workers=1, use_multiprocessing=True)
    faulty.function = lambda: None
    with pytest.raises(TypeError, match=r"Batches cannot be sent to worker processes.*threads"):
        make().fit(faulty, verbose=0)


def test_large_batches_come_whole_and_can_be_written_to():
    for i, item in enumerate(Large(workers=2, use_multiprocessing=True)):
        assert item["a"].shape == (300, 1000) and (item["a"] == i).all()
        item["a"][0] = 1  # not a view of what cannot be written
        assert item["text"] == [f"row {i}"] and item["none"].shape == (0, 3)


class Large(hl.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return {"a": np.full((300, 1000), i), "text": [f"row {i}"], "none": np.zeros((0, 3))}


def test_a_dataset_of_another_base_class(backend):
    """What counts is the protocol."""

    class Plain:
        workers, use_multiprocessing, max_queue_size = 2, False, 3
        threads = set()

        def __len__(self):
            return 5

        def __getitem__(self, i):
            self.threads.add(threading.current_thread().name)
            return X[8 * i:8 * i + 8], Y[8 * i:8 * i + 8]

        def on_epoch_end(self):
            pass

    make().fit(Plain(), verbose=0)
    assert all(name.startswith("highlevel-worker") for name in Plain.threads)


@pytest.mark.parametrize("options, text", [
    ({"workers": -1}, "`workers` must be an integer, at least 0; got -1"),
    ({"max_queue_size": 0}, "`max_queue_size` must be an integer, at least 1; got 0"),
    ({"workers": True}, "`workers`"),
])
def test_arguments(options, text):
    with pytest.raises(ValueError, match=text):
        Batches(**options)
