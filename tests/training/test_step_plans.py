"""Plans of steps on NumPy: the same bits as step by step, and only where nobody looks in."""

import gc
import sys
import warnings
import weakref

import numpy as np
import pytest

import highlevel as hl
from highlevel import layers, optimizers

pytestmark = pytest.mark.usefixtures("on_numpy")


@pytest.fixture
def on_numpy():
    with hl.use_backend("numpy"):
        yield


def rng():
    return np.random.default_rng(0)


ROWS = 43  # batches of 8 with a partial one
X = rng().normal(size=(ROWS, 12)).astype("float32")
LABELS = rng().integers(0, 3, ROWS).astype("int32")
IMAGES = rng().normal(size=(ROWS, 10, 10, 2)).astype("float32")
TOKENS = rng().integers(0, 20, (ROWS, 10)).astype("int32")
WEIGHTS = rng().random(ROWS).astype("float32")


def mlp(**options):
    return hl.Sequential([
        hl.Input((12,)), layers.Dense(16, activation="relu", **options),
        layers.Dense(16, activation="gelu"), layers.Dense(3)])


def binary():
    return hl.Sequential([
        hl.Input((12,)), layers.Dense(8, activation="silu"),
        layers.Dense(2, activation="sigmoid")])


def cnn():
    return hl.Sequential([
        hl.Input((10, 10, 2)), layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(),
        layers.Activation("relu"), layers.MaxPooling2D(), layers.Dropout(0.3),
        layers.Conv2D(6, 3), layers.GlobalAveragePooling2D(), layers.Dense(3)])


def recurrent(kind, **options):
    return hl.Sequential([
        hl.Input((10,), dtype="int32"), layers.Embedding(20, 8, **options), kind(6),
        layers.Dense(3)])


def transformer():
    tokens = hl.Input((10,), dtype="int32")
    h = layers.Embedding(20, 8)(tokens)
    attended = layers.MultiHeadAttention(2, 4, dropout=0.1)(h, h, use_causal_mask=True)
    h = layers.LayerNormalization()(h + attended)
    h = h + layers.Dropout(0.1)(layers.Dense(8)(layers.Dense(16, activation="gelu")(h)))
    return hl.Model(tokens, layers.Dense(20)(h))


CASES = {
    "MLP": (mlp, X, LABELS, {}),
    "sample weights": (mlp, X, LABELS, {"sample_weight": WEIGHTS}),
    "class weights": (mlp, X, LABELS, {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}}),
    "regularizer, constraint": (
        lambda: mlp(kernel_regularizer="l2", kernel_constraint="max_norm"), X, LABELS, {}),
    "CNN": (cnn, IMAGES, LABELS, {}),
    "LSTM": (lambda: recurrent(layers.LSTM), TOKENS, LABELS, {}),
    "masked LSTM": (lambda: recurrent(layers.LSTM, mask_zero=True), TOKENS, LABELS, {}),
    "GRU": (lambda: recurrent(layers.GRU), TOKENS, LABELS, {}),
    "Transformer": (transformer, TOKENS, TOKENS, {}),
}
OPTIMIZERS = {
    "SGD": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda: optimizers.RMSprop(),
    "AdamW": lambda: optimizers.AdamW(),
    "Adagrad": lambda: optimizers.Adagrad(),
    "Adafactor": lambda: optimizers.Adafactor(),
    "Lion": lambda: optimizers.Lion(),
    "Muon": lambda: optimizers.Muon(),
    "clipnorm": lambda: optimizers.Adam(clipnorm=0.1),
    "global clipnorm": lambda: optimizers.Adam(global_clipnorm=0.1),
    "averages": lambda: optimizers.Adam(use_ema=True, ema_overwrite_frequency=3),
    "accumulation": lambda: optimizers.Adam(gradient_accumulation_steps=2),
    "schedule": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 50)),
    "loss scale": lambda: optimizers.LossScaleOptimizer(optimizers.Adam()),
}


def crossentropy():
    return hl.losses.SparseCategoricalCrossentropy(from_logits=True)


def trained(make, x, y, options, eager, optimizer=None, compiled=None, epochs=8):
    hl.utils.set_random_seed(3)
    model = make()
    given = compiled() if compiled else {"loss": crossentropy(), "metrics": ["accuracy"]}
    model.compile(optimizer() if optimizer else "adam", run_eagerly=eager, **given)
    history = model.fit(
        x, y, batch_size=8, epochs=epochs, verbose=0, validation_data=(x[:20], y[:20]),
        **options).history
    return model, history


def plans(model, mode="train"):
    programs = model._trainer.programs
    return next(program for key, program in programs.items() if key[0] == mode)._step.plans


def assert_equal_bits(first, second):
    (model, history), (other, expected) = first, second
    assert {k: np.array(v).tobytes() for k, v in history.items()} == {
        k: np.array(v).tobytes() for k, v in expected.items()}
    ours = [*model.variables, *model.optimizer.variables]
    theirs = [*other.variables, *other.optimizer.variables]
    assert [v.numpy().tobytes() for v in ours] == [v.numpy().tobytes() for v in theirs]


@pytest.mark.parametrize("name", CASES)
def test_models_train_to_the_same_bits_with_a_plan(name):
    planned, eager = (trained(*CASES[name], eager=eager) for eager in (False, True))
    assert len(plans(planned[0]).found) == 2, plans(planned[0]).refusals  # full, partial batches
    assert plans(planned[0], "test").found
    assert_equal_bits(planned, eager)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_train_to_the_same_bits_with_a_plan(name):
    planned, eager = (
        trained(mlp, X[:40], LABELS[:40], {}, eager, OPTIMIZERS[name]) for eager in (False, True))
    # A step that accumulates and one that updates are two.
    assert len(plans(planned[0]).found) == 1 + (name == "accumulation"), plans(
        planned[0]).refusals
    assert_equal_bits(planned, eager)


def test_large_weights_are_gone_through_in_blocks():
    def wide():
        return hl.Sequential([
            hl.Input((12,)), layers.Dense(259, activation="relu"),
            layers.Dense(259, activation="relu"), layers.Dense(3)])

    planned, eager = (trained(wide, X, LABELS, {}, eager) for eager in (False, True))
    assert all("in blocks" in plan.text for plan in plans(planned[0]).found)
    assert len(plans(planned[0]).found) == 2
    assert_equal_bits(planned, eager)


def test_metrics_come_to_the_same_bits_with_a_plan():
    def compiled():
        return {"loss": "binary_crossentropy", "metrics": [
            "accuracy", hl.metrics.AUC(name="auc"), hl.metrics.Precision(name="precision"),
            hl.metrics.F1Score(name="f1", threshold=0.5), "mse"]}

    y = np.stack([LABELS > 0, LABELS > 1], axis=1).astype("float32")
    planned, eager = (trained(binary, X, y, {}, eager, compiled=compiled) for eager in (0, 1))
    assert plans(planned[0]).found, plans(planned[0]).refusals
    assert_equal_bits(planned, eager)


def test_predictions_have_the_same_bits_with_a_plan():
    model, _ = trained(mlp, X, LABELS, {}, eager=False)
    before = model.predict(X, batch_size=8, verbose=0)
    for _ in range(6):
        model.predict(X, batch_size=8, verbose=0)
    assert plans(model, "predict").found, plans(model, "predict").refusals
    kept = model.predict(X, batch_size=8, verbose=0)
    model.predict(-X, batch_size=8, verbose=0)
    np.testing.assert_array_equal(kept, before)


class OwnDense(layers.Dense):
    def call(self, inputs, training=None):
        return super().call(inputs)


def own_loss(y_true, y_pred):
    return hl.ops.mean(hl.ops.square(y_true - y_pred), axis=-1)


@pytest.mark.parametrize("part", ["layer", "loss", "metric", "activation", "regularizer"])
def test_who_writes_a_part_keeps_a_step_that_can_be_looked_into(part):
    dense = OwnDense if part == "layer" else layers.Dense
    model = hl.Sequential([
        hl.Input((12,)),
        dense(4, activation=(lambda x: x * 2) if part == "activation" else None,
              kernel_regularizer=(lambda w: hl.ops.sum(w)) if part == "regularizer" else None),
        layers.Dense(1)])
    model.compile("sgd", own_loss if part == "loss" else "mse",
                  metrics=[own_loss] if part == "metric" else None)
    model.fit(X, X[:, :1], batch_size=8, epochs=4, verbose=0)
    found = plans(model)
    assert not found.found
    assert all(__name__.rpartition(".")[2] in why for why in found.refusals), found.refusals
    assert found.refusals


def test_what_somebody_keeps_is_not_written_over():
    model, _ = trained(mlp, X, LABELS, {}, eager=False)
    assert plans(model).found
    kept, part = model.layers[0].kernel.value, model.layers[1].kernel.value[2:4]
    before = kept.copy(), part.copy()
    model.fit(X, LABELS, batch_size=8, epochs=2, verbose=0)
    assert not np.array_equal(kept, model.layers[0].kernel.value)
    np.testing.assert_array_equal(kept, before[0])
    np.testing.assert_array_equal(part, before[1])


def test_weights_that_are_set_are_those_that_train_on():
    results = []
    for eager in (False, True):
        model, _ = trained(mlp, X, LABELS, {}, eager)
        model.layers[0].kernel.assign(np.full((12, 16), 0.01, "float32"))
        model.optimizer.learning_rate = 0.5
        results.append((model, model.fit(
            X, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0).history))
    assert_equal_bits(*results)


def test_errors_are_those_of_the_step_itself():
    model, _ = trained(mlp, X, LABELS, {}, eager=False)
    weights = model.get_weights()
    wrong = LABELS.copy()
    wrong[3] = 7
    with pytest.raises(ValueError, match="the label 7 at"):
        model.train_on_batch(X[:8], wrong[:8])
    with np.errstate(all="raise"), pytest.raises(FloatingPointError) as caught:
        model.train_on_batch(X[:8] * np.float32(1e38), LABELS[:8])
    assert any("Dense" in note for note in caught.value.__notes__)
    for before, after in zip(weights, model.get_weights()):
        np.testing.assert_array_equal(before, after)


def test_warnings_are_those_of_the_step_itself():
    found = []
    for eager in (False, True):
        model, _ = trained(mlp, X[:40], LABELS[:40], {}, eager)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model.train_on_batch(X[:8] * np.float32(1e38), LABELS[:8])
        found.append([(str(w.message), w.filename, w.lineno) for w in told])
    assert found[0] == found[1] != []


def test_a_hook_sees_steps_that_had_a_plan():
    model, _ = trained(mlp, X, LABELS, {}, eager=False)
    assert plans(model).found
    seen = []
    with hl.inspection.hooks(after=lambda layer, *rest: seen.append(layer)):
        model.fit(X[:16], LABELS[:16], batch_size=8, epochs=1, verbose=0)
    assert seen.count(model.layers[0]) == 2


def test_a_debugger_sees_steps_that_had_a_plan():
    model, _ = trained(mlp, X, LABELS, {}, eager=False)
    seen = set()
    outer = sys.gettrace()
    sys.settrace(lambda frame, event, argument: seen.add(frame.f_code.co_name))
    try:
        model.train_on_batch(X[:8], LABELS[:8])
    finally:
        sys.settrace(outer)
    assert "compute_loss" in seen


def test_calls_of_a_training_step():
    x = rng().normal(size=(64, 32)).astype("float32")
    model = hl.Sequential([
        hl.Input((32,)), layers.Dense(64, activation="relu"),
        layers.Dense(64, activation="relu"), layers.Dense(1)])
    model.compile("adam", "mse")
    y = x[:, :1].copy()
    model.fit(x, y, batch_size=32, epochs=4, verbose=0)
    program, batch = model._program("train"), (x[:32], y[:32], None)
    calls = []
    sys.setprofile(
        lambda frame, event, argument: calls.append(event) if "call" in event else None)
    try:
        program.run(batch)
    finally:
        sys.setprofile(None)
    assert len(calls) < 150  # step by step: 2,500


def test_plans_go_with_their_model():
    model, _ = trained(mlp, X, LABELS, {}, eager=False)
    plan = weakref.ref(plans(model).found[0])
    del model
    gc.collect()
    assert plan() is None


def test_little_memory_is_kept(monkeypatch):
    monkeypatch.setattr("highlevel_numpy.step_plan.MOST_KEPT", 1000)
    model, _ = trained(mlp, X, LABELS, {}, eager=False)
    assert not plans(model).found
    assert all("memory" in why for why in plans(model).refusals)
