"""Each callback by itself, on a model that only counts what happens to it."""

import http.server
import json
import threading
import urllib.parse
import warnings

import numpy as np
import pytest

from highlevel import callbacks, optimizers
from highlevel.training.callbacks.logs import LazyLogs
from highlevel.variable import Variable


class Model:
    """What callbacks use of a model."""

    def __init__(self, rate=0.5):
        self.stop_training = False
        self.optimizer = optimizers.SGD(rate)
        self.metrics = []
        self.weights = [np.zeros(2)]
        self.saved = []

    def get_weights(self):
        return [w.copy() for w in self.weights]

    def set_weights(self, weights):
        self.weights = weights

    def save(self, path, overwrite=True):
        self.saved.append(path)

    def save_weights(self, path, overwrite=True):
        self.saved.append(path)
        with open(path, "wb") as file:
            np.save(file, self.weights[0])

    def load_weights(self, path):
        self.weights = [np.load(path)]


def train(model, callback, losses, name="loss", start=0):
    """Epochs of one batch each with the given losses; returns how many were run."""
    both = callbacks.CallbackList(callback, add_history=True, model=model, epochs=len(losses))
    both.on_train_begin()
    for epoch, loss in enumerate(losses, start):
        model.weights = [np.full(2, float(epoch))]
        both.on_epoch_begin(epoch)
        both.on_train_batch_begin(0)
        both.on_train_batch_end(0, {name: loss})
        both.on_epoch_end(epoch, {name: loss})
        if model.stop_training:
            break
    both.on_train_end({name: loss})
    return epoch + 1 - start


def test_history_keeps_every_epoch():
    model = Model()
    train(model, None, [3.0, 2.0])
    assert model.history.history == {"loss": [3.0, 2.0]}
    assert model.history.epoch == [0, 1]
    assert repr(model.history) == "<History of 2 epochs: loss=2>"


class TestEarlyStopping:
    @pytest.mark.parametrize(
        ("options", "losses", "epochs"),
        [
            ({"patience": 2}, [3, 2, 2, 2, 1], 4),
            ({"patience": 0}, [3, 3, 1], 2),
            ({"patience": 1, "min_delta": 0.5}, [3, 2.8, 1], 2),
            ({"patience": 1, "mode": "max"}, [1, 2, 3, 2, 5], 4),
            ({"patience": 1, "start_from_epoch": 2}, [1, 2, 3, 4, 5], 4),
            ({"patience": 2, "baseline": 1.0}, [3, 2, 0.5, 0.6, 0.7], 5),
            ({"patience": 2, "baseline": 0.1}, [3, 2, 2.5, 2.4, 0.0], 3),
        ],
    )
    def test_stops(self, options, losses, epochs):
        stop = callbacks.EarlyStopping(monitor="loss", **options)
        assert train(Model(), stop, losses) == epochs

    def test_puts_back_the_best_weights(self, capsys):
        model = Model()
        stop = callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True, verbose=1)
        assert train(model, stop, [3, 1, 2, 2, 2]) == 4
        assert model.weights[0][0] == 1
        assert capsys.readouterr().out == (
            "Epoch 4: early stopping\n"
            "Restoring model weights from the end of the best epoch: 2.\n"
        )

    def test_missing_metric_warns(self):
        with pytest.warns(UserWarning, match="`val_loss` which is not available.*: loss"):
            train(Model(), callbacks.EarlyStopping(), [1.0])

    def test_direction(self):
        stop = callbacks.EarlyStopping(monitor="val_accuracy", patience=1)
        assert train(Model(), stop, [0.1, 0.2, 0.3, 0.2], "val_accuracy") == 4
        with pytest.raises(ValueError, match="`monitor='cost'` is better when higher or"):
            train(Model(), callbacks.EarlyStopping(monitor="cost"), [1.0], "cost")
        with pytest.warns(UserWarning, match=r"mode 'x' is unknown"):
            callbacks.EarlyStopping(mode="x")

    def test_direction_of_the_models_metric(self):
        class Up:
            name = "cost"
            _direction = "up"

        model = Model()
        model.metrics = [Up()]
        stop = callbacks.EarlyStopping(monitor="cost", patience=0)
        assert train(model, stop, [1, 2, 3], "cost") == 3


class TestModelCheckpoint:
    def test_saves_the_best(self, capsys, tmp_path):
        model = Model()
        path = str(tmp_path / "sub" / "{epoch:02d}-{val_loss:.1f}.keras")
        save = callbacks.ModelCheckpoint(path, save_best_only=True, verbose=1)
        train(model, save, [3.0, 4.0, 2.0], "val_loss")
        first, second = (str(tmp_path / "sub" / n) for n in ("01-3.0.keras", "03-2.0.keras"))
        assert model.saved == [first, second]
        out = capsys.readouterr().out
        assert f"Epoch 1: val_loss improved from None to 3.00000, saving model to {first}" in out
        assert "Epoch 2: val_loss did not improve from 3.00000" in out
        assert f"Epoch 3: finished saving model to {second}" in out

    def test_threshold(self, tmp_path):
        model = Model()
        save = callbacks.ModelCheckpoint(
            tmp_path / "a.keras", monitor="loss", save_best_only=True, initial_value_threshold=2.5
        )
        train(model, save, [3.0, 2.0])
        assert len(model.saved) == 1

    def test_by_batches(self, tmp_path):
        model = Model()
        save = callbacks.ModelCheckpoint(
            str(tmp_path / "{epoch}-{batch}.weights.h5"), save_weights_only=True, save_freq=3
        )
        assert callbacks.CallbackList([save]).has_batch_hooks("train")
        save.set_model(model)
        for epoch in range(2):
            save.on_epoch_begin(epoch)
            for batch in range(4):
                save.on_train_batch_end(batch, {})
            save.on_epoch_end(epoch, {})
        assert [path.rpartition("/")[2] for path in model.saved] == [
            "1-3.weights.h5", "2-2.weights.h5"
        ]

    def test_errors(self, tmp_path):
        with pytest.raises(ValueError, match=r"must end in `.keras`"):
            callbacks.ModelCheckpoint("a.h5")
        with pytest.raises(ValueError, match=r"must end in `.weights.h5`"):
            callbacks.ModelCheckpoint("a.keras", save_weights_only=True)
        with pytest.raises(ValueError, match="Unrecognized save_freq: 'week'"):
            callbacks.ModelCheckpoint("a.keras", save_freq="week")
        with pytest.raises(KeyError, match=r"names the field `f1`; there are epoch, loss"):
            train(Model(), callbacks.ModelCheckpoint("{f1}.keras"), [1.0])
        with pytest.warns(UserWarning, match="only with val_loss available"):
            train(Model(), callbacks.ModelCheckpoint("a.keras", save_best_only=True), [1.0])


class TestLearningRate:
    def test_scheduler(self, capsys):
        model = Model()
        seen = []

        def schedule(epoch, rate):
            seen.append((epoch, rate))
            return rate / 2

        train(model, callbacks.LearningRateScheduler(schedule, verbose=1), [1, 1])
        assert seen == [(0, 0.5), (1, 0.25)]
        assert model.history.history["learning_rate"] == [0.25, 0.125]
        assert "\nEpoch 2: LearningRateScheduler setting learning rate to 0.125.\n" in (
            capsys.readouterr().out
        )
        train(model, callbacks.LearningRateScheduler(lambda epoch: 0.75), [1])
        assert float(model.optimizer.learning_rate) == 0.75

    def test_scheduler_keeps_errors_of_the_schedule(self):
        def schedule(epoch, rate):
            raise TypeError("mine")

        with pytest.raises(TypeError, match="mine"):
            train(Model(), callbacks.LearningRateScheduler(schedule), [1])
        with pytest.raises(ValueError, match=r"must return a float. Got: 'a' for epoch 0"):
            train(Model(), callbacks.LearningRateScheduler(lambda epoch: "a"), [1])

    def test_plateau(self, capsys):
        model = Model()
        plateau = callbacks.ReduceLROnPlateau(
            "loss", factor=0.5, patience=2, cooldown=1, min_lr=0.2, verbose=1
        )
        train(model, plateau, [1, 1, 1, 1, 1, 1, 1, 1])
        assert model.history.history["learning_rate"] == pytest.approx(
            [0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]
        )
        assert "\nEpoch 3: ReduceLROnPlateau reducing learning rate to 0.25.\n" in (
            capsys.readouterr().out
        )
        with pytest.raises(ValueError, match="factor >= 1"):
            callbacks.ReduceLROnPlateau(factor=1.0)


class TestTerminateOnNaN:
    @pytest.mark.parametrize("loss", [float("nan"), float("inf")])
    def test_stops_and_says_where(self, loss, capsys):
        model = Model()
        assert train(model, callbacks.TerminateOnNaN(), [1.0, loss, 1.0]) == 2
        out = capsys.readouterr().out
        assert f"Epoch 2, batch 0: Invalid loss ({loss}), terminating training." in out
        assert "clipnorm" in out

    def test_raises(self):
        with pytest.raises(RuntimeError, match="Epoch 1, batch 0: NaN or Inf loss"):
            train(Model(), callbacks.TerminateOnNaN(raise_error=True), [float("nan")])


def test_csv(tmp_path):
    path = tmp_path / "log.csv"
    train(Model(), callbacks.CSVLogger(path), [0.5, 0.25])
    train(Model(), callbacks.CSVLogger(path, append=True), [0.125], start=2)
    assert path.read_text() == "epoch,loss,val_loss\n0,0.5,NA\n1,0.25,NA\n2,0.125,NA\n"
    train(Model(), callbacks.CSVLogger(path, separator=";"), [1.0], "val_loss")
    assert path.read_text() == "epoch;val_loss\n0;1.0\n"


def test_lambda():
    seen = []
    callback = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"])),
        on_train_batch_end=lambda batch, logs: seen.append(batch),
        on_test_begin=lambda logs: seen.append("test"),
    )
    train(Model(), callback, [1.0])
    callback.on_test_begin({})
    assert seen == [0, (0, 1.0), "test"]
    with pytest.raises(TypeError, match=r"Did you mean `on_epoch_end`\?"):
        callbacks.LambdaCallback(on_epoch_ned=print)


def test_backup_goes_on_after_an_interruption(tmp_path):
    directory = tmp_path / "backup"

    class Interrupt(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    model = Model()
    with pytest.raises(KeyboardInterrupt):
        train(model, [callbacks.BackupAndRestore(directory), Interrupt()], [1, 1, 1])
    fresh = Model()
    backup = callbacks.BackupAndRestore(directory)
    backup.set_model(fresh)
    backup.on_train_begin()
    assert fresh._initial_epoch == 2
    assert fresh.weights[0][0] == 1.0
    backup.on_train_end()
    assert not (directory / "training_metadata.json").exists()
    with pytest.raises(ValueError, match="got an empty one"):
        callbacks.BackupAndRestore("")


def test_remote_monitor():
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}"
    train(Model(), callbacks.RemoteMonitor(root, send_as_json=True), [0.5])
    server.shutdown()
    server.server_close()
    assert received == [{"epoch": 0, "loss": 0.5}]
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server"):
        train(Model(), callbacks.RemoteMonitor(root), [0.5])


def test_swap_ema_weights(backend):
    weight = Variable(np.zeros(1, "float32"), name="w")
    model = Model()
    model.optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    for _ in range(2):
        model.optimizer.apply([-np.ones(1)], [weight])
    swap = callbacks.SwapEMAWeights()
    swap.set_model(model)
    swap.on_train_begin()
    swap.on_test_begin()
    assert weight.numpy()[0] == 1.5
    swap.on_test_end()
    assert weight.numpy()[0] == 2.0
    model.optimizer = optimizers.SGD()
    with pytest.raises(ValueError, match="use_ema=True"):
        swap.on_train_begin()


def test_swapped_averages_stay_whole_at_the_end(backend):
    """On the last epoch the model holds the averages; the end of `fit` must not lose them."""
    from highlevel import Sequential, layers

    x = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
    found = []
    for given in ([], [callbacks.SwapEMAWeights(True)]):
        model = Sequential([layers.Dense(1, kernel_initializer="ones")])
        model.compile(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.6), "mse")
        model.fit(x, x[:, :1], epochs=3, shuffle=False, verbose=0, callbacks=given)
        found.append([*model.get_weights(), *(v.numpy() for v in model.optimizer._averages)])
    for plain, swapped in zip(*found, strict=True):
        np.testing.assert_allclose(swapped, plain, rtol=1e-6)


def test_remote_monitor_sends_headers_and_forms():
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append((self.path, self.headers["X-Key"], self.headers["Content-Type"], body))
            self.send_response(500)  # an answer of any kind: the server was reached
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    train(
        Model(),
        callbacks.RemoteMonitor(
            f"http://127.0.0.1:{server.server_port}", path="/here", field="told",
            headers={"X-Key": "secret"}),
        [0.5, 0.25])
    server.shutdown()
    server.server_close()
    assert [entry[:2] for entry in received] == [("/here", "secret")] * 2
    for epoch, (*_, kind, body) in enumerate(received):
        assert kind == "application/x-www-form-urlencoded"
        assert json.loads(urllib.parse.parse_qs(body)["told"][0])["epoch"] == epoch


class TestCallbackList:
    def test_order_and_shared_logs(self):
        calls = []

        class Recorder(callbacks.Callback):
            def __init__(self, name):
                super().__init__()
                self.name = name

            def on_epoch_end(self, epoch, logs=None):
                calls.append((self.name, dict(logs)))
                logs[self.name] = 1

        both = callbacks.CallbackList([Recorder("a"), Recorder("b")], verbose=0, epochs=3)
        both.on_epoch_end(0)
        assert calls == [("a", {}), ("b", {"a": 1})]
        assert both.callbacks[0].params == {"verbose": 0, "epochs": 3}

    def test_defaults_are_added_once(self):
        own = callbacks.History()
        both = callbacks.CallbackList([own], add_history=True, add_progbar=True, model=Model())
        assert [type(c).__name__ for c in both.callbacks] == ["History", "ProgbarLogger"]
        assert both.model.history is own

    def test_batch_hooks(self):
        class Older(callbacks.Callback):
            def on_batch_end(self, batch, logs=None):
                self.seen = (batch, logs)

        quiet = callbacks.CallbackList([callbacks.EarlyStopping()], add_progbar=True)
        assert not quiet.has_batch_hooks("train")
        older = Older()
        both = callbacks.CallbackList([older])
        assert both.has_batch_hooks("train")
        assert not both.has_batch_hooks("test")
        both.on_train_batch_end(3, {"loss": 1.0})
        assert older.seen == (3, {"loss": 1.0})
        assert not callbacks.CallbackList(callbacks.TerminateOnNaN()).has_batch_hooks("train")
        for phase in ("train", "test", "predict"):
            name = f"on_{phase}_batch_begin"
            made = callbacks.LambdaCallback(**{name: print})
            assert callbacks.CallbackList([made]).has_batch_hooks(phase)

    def test_what_is_no_callback(self):
        with pytest.raises(TypeError, match="must be a Callback object; got 3"):
            callbacks.CallbackList([3])
        with pytest.raises(TypeError, match=r"add `\(\)`"):
            callbacks.CallbackList([callbacks.History])


class TestLazyLogs:
    def test_fetches_on_the_first_read_only(self, backend, monkeypatch):
        logs = LazyLogs({"loss": backend.asarray(0.5), "count": backend.asarray([1, 2])})
        assert not logs._fetched
        assert len(logs) == 2
        assert "loss" in logs
        assert bool(logs)
        assert list(logs) == ["loss", "count"]
        assert not logs._fetched
        assert logs["loss"] == 0.5
        assert isinstance(logs["loss"], float)
        assert logs._fetched

    @pytest.mark.parametrize(
        "read",
        [
            dict,
            lambda logs: {**logs},
            lambda logs: logs.copy(),
            lambda logs: dict(logs.items()),
            lambda logs: logs | {},
            lambda logs: dict(zip(logs, logs.values())),
            lambda logs: {"loss": logs.get("loss")},
            lambda logs: json.loads(json.dumps(logs)),
            lambda logs: json.loads(repr(logs).replace("'", '"')),
        ],
    )
    def test_every_way_to_read(self, backend, read):
        found = read(LazyLogs({"loss": backend.asarray(0.5)}))
        assert found == {"loss": 0.5}
        assert type(found["loss"]) is float


def test_nothing_warns_on_import():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in callbacks.__all__:
            assert getattr(callbacks, name).__doc__
