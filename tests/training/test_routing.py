"""What goes to which loss and metric, and misspelt names."""

import numpy as np
import pytest

import highlevel as hl

X = {"a": np.ones((8, 4), "float32"), "b": np.ones((8, 3), "float32")}
Y = {"kind": np.eye(3, dtype="float32")[np.arange(8) % 3], "size": np.ones((8, 1), "float32")}
LOSS = {"kind": "categorical_crossentropy", "size": "mse"}


def two_heads(as_dict=True):
    a, b = hl.Input((4,), name="a"), hl.Input((3,), name="b")
    x = hl.layers.Concatenate()([a, b])
    kind = hl.layers.Dense(3, activation="softmax", name="kind")(x)
    size = hl.layers.Dense(1, name="size", kernel_regularizer="l2")(x)
    outputs = {"kind": kind, "size": size} if as_dict else [kind, size]
    return hl.Model({"a": a, "b": b}, outputs, name="both")


def test_told_before_and_after_the_first_batch(backend):
    model = two_heads()
    model.compile(
        "sgd", LOSS, loss_weights={"size": 0.25}, metrics={"kind": ["accuracy"]},
        weighted_metrics={"size": [hl.metrics.MeanAbsoluteError(name="off")]},
    )
    before = model.compiled_routing()
    assert [(r.kind, r.name, r.target, r.weight, r.sample_weight) for r in before] == [
        ("loss", "kind_loss", "y['kind']", None, "sample_weight['kind']"),
        ("loss", "size_loss", "y['size']", 0.25, "sample_weight['size']"),
        ("metric", "kind_accuracy", "y['kind']", None, None),
        ("weighted metric", "size_off", "y['size']", None, "sample_weight['size']"),
    ]
    assert "settled by the first batch" in repr(before)
    history = model.fit(X, Y, batch_size=8, verbose=0).history
    after = model.compiled_routing()
    assert after.settled and "settled" not in repr(after)
    assert after[2].function == "CategoricalAccuracy"
    assert {"loss", *(r.name for r in after)} == set(history)
    assert model.metrics_names == ["loss", *(r.name for r in after)]
    assert list(model.evaluate(X, Y, verbose=0, return_dict=True)) == model.metrics_names
    assert "regularization of size/kernel" in repr(after)
    assert after.to_dicts()[1]["weight"] == 0.25


def test_lists_are_told_by_position(backend):
    model = two_heads(as_dict=False)
    model.compile("sgd", ["categorical_crossentropy", None], metrics=[["accuracy"], ["mae"]])
    model.fit(X, [Y["kind"], Y["size"]], verbose=0)
    assert [(r.name, r.output, r.target) for r in model.compiled_routing()] == [
        ("kind_loss", "kind", "y[0]"), ("kind_accuracy", "kind", "y[0]"),
        ("size_mae", "size", "y[1]"),
    ]


def test_a_subclass_is_told_once_it_has_run(backend):
    class Net(hl.Model):
        def __init__(self):
            super().__init__()
            self.dense = hl.layers.Dense(2)

        def call(self, x):
            return {"left": self.dense(x), "right": -self.dense(x)}

    model = Net()
    with pytest.raises(RuntimeError, match="compiled_routing"):
        model.compiled_routing()
    model.compile("sgd", {"left": "mse", "right": "mae"})
    assert not model.compiled_routing().settled
    y = np.zeros((8, 2), "float32")
    model.fit(X["a"], {"left": y, "right": y}, verbose=0)
    assert [(r.output, r.function) for r in model.compiled_routing()] == [
        ("left", "mean_squared_error"), ("right", "mean_absolute_error")]


@pytest.mark.parametrize(("arguments", "what"), [
    ({"loss": {"kind": "mse", "sise": "mse"}}, "loss"),
    ({"loss": LOSS, "loss_weights": {"sise": 1.0}}, "loss_weights"),
    ({"loss": LOSS, "metrics": {"sise": ["mae"]}}, "metrics"),
    ({"loss": LOSS, "weighted_metrics": {"sise": ["mae"]}}, "weighted_metrics"),
])
def test_misspelt_names_are_refused_by_compile(arguments, what):
    with pytest.raises(ValueError, match=f"`{what}` names an output 'sise'.*mean 'size'"):
        two_heads().compile("sgd", **arguments)


def test_misspelt_names_of_data_are_refused(backend):
    model = two_heads()
    model.compile("sgd", LOSS)
    with pytest.raises(ValueError, match=r"needs inputs named.*Did you mean 'bb'"):
        model.fit({"a": X["a"], "bb": X["b"]}, Y, verbose=0)
    with pytest.raises(ValueError, match=r"`y` names an output 'sizes'.*Did you mean 'size'"):
        model.fit(X, {"kind": Y["kind"], "sizes": Y["size"]}, verbose=0)
    with pytest.raises(ValueError, match=r"`sample_weight` names an output 'kid'.*'kind'"):
        model.fit(X, Y, sample_weight={"kid": np.ones(8)}, verbose=0)
    with pytest.raises(ValueError, match="no target for output 'size'"):
        model.fit(X, {"kind": Y["kind"]}, verbose=0)


def test_metrics_in_the_place_of_loss_weights():
    with pytest.raises(ValueError, match=r"`loss_weights` are numbers.*'accuracy'"):
        two_heads().compile("sgd", LOSS, ["accuracy"])


def test_a_metric_in_both_lists_has_the_same_names_before_and_after_data():
    with hl.use_backend("numpy"):
        model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(2)])
        model.compile(loss="mse", metrics=["mae"], weighted_metrics=["mae", "mae"])
        before = [route.name for route in model.compiled_routing()]
        model.test_on_batch(np.ones((3, 4)), np.ones((3, 2)))
        after = [route.name for route in model.compiled_routing()]
    assert before == after == ["loss", "mae", "weighted_mae", "weighted_mae_1"]
