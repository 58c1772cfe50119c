"""The progress bar, on a terminal and elsewhere."""

import io
import os
import re
import types

import pytest

from highlevel.callbacks import CallbackList
from highlevel.training import progress
from highlevel.training.progress import Progbar


class Terminal(io.StringIO):
    encoding = "utf-8"

    def __init__(self, live):
        super().__init__()
        self.live = live

    def isatty(self):
        return self.live


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


@pytest.fixture(params=[True, False], ids=["terminal", "file"])
def out(request, monkeypatch):
    stream = Terminal(request.param)
    # Not the real `sys.stdout`: pytest exchanges that itself.
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stdout=stream, modules={}))
    monkeypatch.delenv("PYCHARM_HOSTED", raising=False)
    return stream


def plain(text):
    return re.sub(r"\x1b\[\d+m", "", text)


def run(clock, seconds, **options):
    bar = Progbar(4, **options)
    for step in range(4):
        clock.now += seconds
        bar.update(step + 1, [("loss", 1.0 / (step + 1)), ("tiny", 1e-5)])
    return bar


def test_lines(out, clock):
    run(clock, 0.25)
    text = plain(out.getvalue())
    last = f"4/4 {'━' * 20} 1s 250ms/step - loss: 0.2500 - tiny: 1.0000e-05\n"
    if out.live:
        lines = text.split("\r")
        assert lines[1].startswith(f"1/4 {'━' * 20} 0s 250ms/step - loss: 1.0000")
        assert lines[2].startswith(f"2/4 {'━' * 20} 0s 250ms/step - loss: 0.5000")
        assert lines[-1].rstrip(" ") == last
        assert len(lines) == 5
    else:
        assert text == last
        assert out.getvalue() == text, "no control characters"


def test_refreshes_ten_times_a_second_at_most(out, clock):
    run(clock, 0.01)
    assert out.getvalue().count("\r") == (2 if out.live else 0)


def test_one_line(out, clock):
    run(clock, 2.0, verbose=2)
    assert out.getvalue() == "4/4 - 8s - 2s/step - loss: 0.2500 - tiny: 1.0000e-05\n"


def test_silence(out, clock):
    run(clock, 2.0, verbose=0)
    assert out.getvalue() == ""


def test_unknown_target(out, clock):
    bar = Progbar(None, unit_name="sample")
    for step in range(3):
        clock.now += 1
        bar.add(1, [("x", step)])
    bar.update(3, [("x", 7)], finalize=True)
    text = plain(out.getvalue())
    assert ("3/Unknown" in text) == out.live
    assert re.search(r"3/3 ━{20} 3s 1s/sample - x: 7.0000", text)


def test_terminal_that_is_too_narrow(out, clock, monkeypatch):
    monkeypatch.setattr(
        progress.shutil, "get_terminal_size", lambda default: os.terminal_size((50, 24))
    )
    bar = Progbar(10)
    clock.now += 1
    bar.update(1, [(f"metric_{i}", i) for i in range(9)])
    for line in plain(out.getvalue()).split("\r"):
        assert len(line) < 50


def test_encoding_without_the_bar(out, clock, monkeypatch):
    out.encoding = "ascii"
    monkeypatch.setattr(Terminal, "encoding", "ascii")
    run(clock, 0.25)
    plain(out.getvalue()).encode("ascii")
    assert "=" * 20 in plain(out.getvalue())


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5s"), (65, "1:05"), (3700, "1:01:40"), (-1, "0s")]
)
def test_durations(seconds, text):
    assert progress._duration(seconds) == text


def test_averages_stateless_values(out, clock):
    bar = Progbar(4, stateless_metrics=["a"], verbose=2)
    bar.update(1, [("a", 1.0)])
    bar.update(4, [("a", 3.0)])
    assert out.getvalue().endswith("a: 2.5000\n")


class Never(dict):
    """Logs that must not be read."""

    def items(self):
        raise AssertionError("the logs of running batches were read")


def test_logger_reads_no_logs_of_running_batches(out, clock):
    both = CallbackList(add_progbar=True, verbose="auto", epochs=2, steps=4)
    both.on_train_begin()
    both.on_epoch_begin(0)
    for batch in range(3):
        clock.now += 0.05
        both.on_train_batch_end(batch, Never(loss=1.0) if batch == 2 else {"loss": 1.0})
    both.on_test_begin()
    both.on_test_batch_end(0, Never(loss=1.0))
    both.on_test_end({"loss": 9.0})
    both.on_train_batch_end(3, Never(loss=1.0))
    both.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.25})
    text = plain(out.getvalue())
    assert text.startswith("Epoch 1/2\n")
    assert text.rstrip(" \n").endswith("step - loss: 0.5000 - val_loss: 0.2500")
    assert text.count("\n") == 2


def test_logger_learns_the_number_of_steps(out, clock):
    both = CallbackList(add_progbar=True, verbose=1, epochs=1, steps=None)
    for epoch in range(2):
        both.on_epoch_begin(epoch)
        for batch in range(3):
            clock.now += 0.2
            both.on_train_batch_end(batch, {"loss": 1.0})
        both.on_epoch_end(epoch, {"loss": 1.0})
    assert plain(out.getvalue()).count("3/3") == 2 + (1 if out.live else 0)


def test_logger_in_predict(out, clock):
    both = CallbackList(add_progbar=True, verbose=1, steps=2)
    both.on_predict_begin()
    for batch in range(2):
        clock.now += 0.2
        both.on_predict_batch_end(batch, {"outputs": object()})
    both.on_predict_end()
    assert plain(out.getvalue()).rstrip(" ").endswith(f"2/2 {'━' * 20} 0s 200ms/step\n")
