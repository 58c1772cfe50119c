"""A process that dies ends the others, with an error that says so; started again they go on."""

import logging

import group_kills
import numpy as np
import pytest

import highlevel as hl
from highlevel import callbacks, layers
from highlevel import distribution as d


def test_a_killed_process_ends_the_others_and_all_go_on():
    """A real kill at a random step; `group_kills.py` does many more."""
    kills, results = group_kills.kill_and_restart(1, 2, 11, "undisturbed")
    (kill,) = kills
    assert all(kill.codes)
    assert kill.told == 1 or "JAX distributed service detected fatal errors" in kill.output
    for one in results:
        assert one["killed"]["steps"] == group_kills.STEPS
        assert max(group_kills.compare(one["killed"], one["undisturbed"])) < 1e-6


class Broken(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise ValueError("UNKNOWN: Gloo all-reduce failed: Connection reset by peer")


def test_a_broken_connection_is_told_as_such(monkeypatch, caplog):
    model = hl.Sequential([hl.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with hl.use_backend("jax") as backend:
        monkeypatch.setattr(type(backend), "lost_process", lambda self, error: True)
        with caplog.at_level(logging.ERROR), pytest.raises(d.ProcessLost) as found:
            model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[Broken()])
    text = str(found.value)
    assert "Process 0 of the 1 that train together cannot go on" in text
    assert "OrbaxCheckpoint(directory, resume=True)" in text and "Gloo all-reduce failed" in text
    assert found.value.__notes__ == ["During `fit`: epoch 1/1, batch 1."]
    assert isinstance(found.value.__cause__, ValueError)
    assert text in caplog.text  # at once: the backend may end the process


def test_errors_of_the_user_are_not_taken_for_it():
    with hl.use_backend("jax") as backend:
        assert not backend.lost_process(ValueError("Gloo"))  # one process: nobody to lose


def test_bounds_are_seconds():
    for name in ("heartbeat_timeout_seconds", "shutdown_timeout_seconds"):
        with pytest.raises(ValueError, match=f"`{name}` must be a number of seconds, 1 or more"):
            d.initialize("a:1", 2, 0, **{name: 0})
