"""A student learns from a teacher: digits, features, several outputs, refusals."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import highlevel as hl
from highlevel.distillation import (
    DistillationLoss,
    Distiller,
    FeatureDistillation,
    LogitsDistillation,
)

RNG = np.random.default_rng(0)


def dense(*units, inputs=64, name=None):
    layers = [hl.layers.Dense(n, activation="relu", name=f"hidden_{i}")
              for i, n in enumerate(units[:-1])]
    return hl.Sequential([hl.Input((inputs,)), *layers, hl.layers.Dense(units[-1])], name=name)


def test_digits(backend):
    hl.utils.set_random_seed(1)
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype("float32"), y.astype("int32")
    loss = hl.losses.SparseCategoricalCrossentropy(from_logits=True)
    teacher = dense(64, 10, name="teacher")
    teacher.compile("adam", loss, metrics=["accuracy"])
    teacher.fit(x[:1400], y[:1400], epochs=15, verbose=0)
    taught = teacher.get_weights()
    student = dense(16, 10, name="student")
    distiller = Distiller(teacher, student, LogitsDistillation(2.0), student_loss_weight=0.1)
    distiller.compile(hl.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    history = distiller.fit(
        x[:1400], y[:1400], epochs=15, verbose=0, validation_data=(x[1400:], y[1400:])
    ).history
    assert {"student_loss", "distillation_loss", "total_loss", "accuracy", "val_accuracy"} <= set(
        history)
    np.testing.assert_allclose(
        np.array(history["total_loss"]),
        0.1 * np.array(history["student_loss"]) + 0.9 * np.array(history["distillation_loss"]),
        rtol=1e-4,
    )
    assert history["distillation_loss"][-1] < 0.2 * history["distillation_loss"][0]
    assert history["val_accuracy"][-1] > 0.85
    for before, after in zip(taught, teacher.get_weights()):
        np.testing.assert_array_equal(before, after)
    logits = teacher.predict(x[1400:], verbose=0)
    agree = logits.argmax(1) == student.predict(x[1400:], verbose=0).argmax(1)
    assert agree.mean() > 0.85
    np.testing.assert_array_equal(
        distiller.predict(x[:5], verbose=0), student.predict(x[:5], verbose=0))


def test_without_targets_the_teacher_alone_teaches(backend):
    teacher, student = dense(8, 3, inputs=4), dense(8, 3, inputs=4)
    distiller = Distiller(teacher, student, FeatureDistillation("mse"), student_loss_weight=0.0)
    distiller.compile(hl.optimizers.Adam(0.05), "mse")
    x = RNG.normal(size=(64, 4)).astype("float32")
    history = distiller.fit(x, epochs=30, verbose=0).history
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    assert history["student_loss"][-1] == 0


def test_features_of_layers(backend):
    teacher, student = dense(6, 3, inputs=4), dense(6, 3, inputs=4)
    losses = [LogitsDistillation(), FeatureDistillation("mae", "hidden_0", "hidden_0")]
    distiller = Distiller(teacher, student, losses, [0.5, 2.0], student_loss_weight=0.0)
    distiller.compile("sgd", "mse")
    x = RNG.normal(size=(16, 4)).astype("float32")
    y = np.zeros((16, 3), "float32")
    logs = distiller.evaluate(x, y, verbose=0, return_dict=True)

    def hidden(model):
        return np.maximum(x @ model.get_weights()[0] + model.get_weights()[1], 0)

    def soft(model):
        z = model.predict(x, verbose=0) / 3
        e = np.exp(z - z.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    p, q = soft(teacher), soft(student)
    expected = 0.5 * 9 * (p * np.log(p / q)).sum(1).mean()
    expected += 2 * np.abs(hidden(teacher) - hidden(student)).mean()
    assert logs["loss"] == pytest.approx(expected, rel=1e-3)
    assert len(distiller.weights) == len(teacher.weights) + len(student.weights)
    assert len(distiller.trainable_weights) == len(student.weights)


def test_several_outputs(backend):
    def make():
        x = hl.Input((4,))
        return hl.Model(x, [hl.layers.Dense(3)(x), hl.layers.Dense(2)(x)])

    distiller = Distiller(make(), make(), LogitsDistillation(loss=["kl_divergence", None]))
    distiller.compile("sgd", ["mse", "mae"])
    x = RNG.normal(size=(8, 4)).astype("float32")
    y = [np.zeros((8, 3), "float32"), np.zeros((8, 2), "float32")]
    logs = distiller.evaluate(x, y, verbose=0, return_dict=True)
    a, b = distiller.predict(x, verbose=0)
    assert logs["student_loss"] == pytest.approx((a**2).mean() + np.abs(b).mean(), rel=1e-4)
    with pytest.raises(ValueError, match="not in the structure of the outputs"):
        LogitsDistillation(loss=["mse"]).compute_loss([a, b], [a, b])


def test_config_and_file(backend, tmp_path):
    teacher, student = dense(6, 3, inputs=4), dense(2, 3, inputs=4)
    losses = [LogitsDistillation(2.0), FeatureDistillation("mse")]
    distiller = Distiller(teacher, student, losses, [0.5, 2.0])
    distiller.compile("adam", "mse")
    x, y = RNG.normal(size=(16, 4)).astype("float32"), np.zeros((16, 3), "float32")
    distiller.fit(x, y, verbose=0)
    distiller.save(tmp_path / "distiller.keras")
    again = hl.saving.load_model(tmp_path / "distiller.keras")
    np.testing.assert_allclose(
        distiller.evaluate(x, y, verbose=0), again.evaluate(x, y, verbose=0), rtol=1e-5)
    assert again.distillation_losses[0].temperature == 2.0
    assert again.distillation_loss_weights == [0.5, 2.0]


class Plain(hl.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(("make", "text"), [
    (lambda t, s: Distiller(t, "student", LogitsDistillation()), "student .* must be a Model"),
    (lambda t, s: Distiller(t, s, None), "cannot be None"),
    (lambda t, s: Distiller(t, s, LogitsDistillation(), student_loss_weight=2), "between 0.0"),
    (lambda t, s: Distiller(t, s, [LogitsDistillation()], [1, 2]), "one weight for each"),
    (lambda t, s: Distiller(t, dense(2, 4, inputs=4), LogitsDistillation()), "outputs of .* differ"),
    (lambda t, s: Distiller(t, s, FeatureDistillation("mse", "hiden_0")), "Did you mean 'hidden_0'"),
    (lambda t, s: Distiller(Plain(), s, FeatureDistillation("mse", "a")), "without a graph"),
    (lambda t, s: LogitsDistillation(0), "positive number; got 0"),
    (lambda t, s: LogitsDistillation(loss=[None]), "at least one"),
    (lambda t, s: FeatureDistillation(None), "at least one"),
    (lambda t, s: Distiller(t, s, LogitsDistillation()).compile("sgd"), "`loss` .* None"),
    (lambda t, s: Distiller(t, s, LogitsDistillation()).compile(
        "sgd", "mse", {"a": 1}), "list or tuple"),
    (lambda t, s: LogitsDistillation().validate_outputs([1], {"a": 1}), "different structure"),
])
def test_refusals(make, text):
    with pytest.raises(ValueError, match=text):
        make(dense(4, 3, inputs=4), dense(2, 3, inputs=4))


def test_a_loss_of_ones_own_must_be_scalar(backend):
    class Rows(DistillationLoss):
        def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
            return hl.ops.mean((teacher_outputs - student_outputs) ** 2, axis=-1)

    distiller = Distiller(dense(4, 3, inputs=4), dense(2, 3, inputs=4), Rows())
    distiller.compile("sgd", "mse")
    with pytest.raises(ValueError, match="must return a scalar"):
        distiller.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
