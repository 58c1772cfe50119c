"""Twenty ordinary mistakes, in the three kinds of model, on both backends.

Whatever happens inside: the exception keeps its class, the traceback ends with a line of
the user's own (this file), the text names where it happened and what to do, and the whole
shows on a screen.
"""

import traceback

import numpy as np
import pytest

import highlevel as hl

X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
Y = (np.arange(8) % 3).astype("int32")


class Good(hl.layers.Layer):
    def call(self, inputs):
        return inputs * 2.0


class Misspelt(hl.layers.Layer):
    def call(self, inputs):
        return inputz * 2.0  # noqa: F821 - the mistake


class MisspeltOp(hl.layers.Layer):
    def call(self, inputs):
        return hl.ops.rellu(inputs)


class MisspeltAttribute(hl.layers.Layer):
    def call(self, inputs):
        return self.dense(inputs)


class PythonIf(hl.layers.Layer):
    def call(self, inputs):
        if hl.ops.sum(inputs) > 0.0:
            return inputs
        return -inputs


class PythonFloat(hl.layers.Layer):
    def call(self, inputs):
        return inputs * float(hl.ops.max(inputs))


class WrongShapeProduct(hl.layers.Layer):
    def call(self, inputs):
        return hl.ops.matmul(inputs, hl.ops.ones((7, 2)))


class WrongReshape(hl.layers.Layer):
    def call(self, inputs):
        return hl.ops.reshape(inputs, (-1, 3, 7))


class WrongConcatenate(hl.layers.Layer):
    def call(self, inputs):
        return hl.ops.concatenate([inputs, hl.ops.ones((3, 5))], axis=-1)


class RaisesOwn(hl.layers.Layer):
    def call(self, inputs):
        raise LookupError("the vocabulary is empty")


class WrongSignature(hl.layers.Layer):
    def call(self):
        return None


class DividesByZero(hl.layers.Layer):
    def call(self, inputs):
        return inputs * (1 / 0)


class MissingKey(hl.layers.Layer):
    def call(self, inputs):
        return inputs * {"scale": 1.0}["skale"]


class BadWeightShape(hl.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(None, 3), name="w")

    def call(self, inputs):
        return hl.ops.matmul(inputs, self.w)


class AssignsWrongShape(hl.layers.Layer):
    def build(self, input_shape):
        self.total = self.add_weight((), "zeros", trainable=False, name="total")

    def call(self, inputs):
        self.total.assign(hl.ops.sum(inputs, axis=0))
        return inputs


def bad_loss(y_true, y_pred):
    return hl.ops.mean(y_pred - undefined_margin)  # noqa: F821 - the mistake


def make(kind, layer=None, compiled=True, **compile_arguments):
    """A small classifier of one of the three kinds with a layer in its middle."""
    middle = layer if layer is not None else Good(name="middle")
    first, last = hl.layers.Dense(5, name="first"), hl.layers.Dense(3, name="last")
    if kind == "sequential":
        model = hl.Sequential([first, middle, last], name="net")
    elif kind == "functional":
        inputs = hl.Input((4,), name="features")
        model = hl.Model(inputs, last(middle(first(inputs))), name="net")
    else:

        class Net(hl.Model):
            def __init__(self):
                super().__init__(name="net")
                self.first, self.middle, self.last = first, middle, last

            def call(self, inputs):
                return self.last(self.middle(self.first(inputs)))

        model = Net()
    if compiled:
        arguments = {
            "optimizer": "sgd",
            "loss": hl.losses.SparseCategoricalCrossentropy(from_logits=True),
        }
        model.compile(**(arguments | compile_arguments))
    return model


def fit(model, x=X, y=Y, **arguments):
    model.fit(x, y, **({"epochs": 1, "batch_size": 4, "verbose": 0} | arguments))


def within(layer):
    return lambda kind: fit(make(kind, layer(name="middle")))


# name → (what is done, class, pieces of text that must be there)
MISTAKES = {
    "a misspelt name in call": (within(Misspelt), NameError, ["inputz", "middle"]),
    "a misspelt op": (within(MisspeltOp), AttributeError, ["rellu", "relu", "middle"]),
    "a misspelt attribute": (within(MisspeltAttribute), AttributeError, ["dense", "middle"]),
    "shapes that do not multiply": (
        within(WrongShapeProduct), (TypeError, ValueError), ["middle", "5", "7"]),
    "an impossible reshape": (within(WrongReshape), (TypeError, ValueError), ["middle"]),
    "shapes that do not concatenate": (
        within(WrongConcatenate), (TypeError, ValueError), ["middle"]),
    "an exception of the user's own": (
        within(RaisesOwn), LookupError, ["the vocabulary is empty", "middle"]),
    "a call without inputs": (within(WrongSignature), TypeError, ["call", "middle"]),
    "a division by zero": (within(DividesByZero), ZeroDivisionError, ["division", "middle"]),
    "a missing key": (within(MissingKey), KeyError, ["skale", "middle"]),
    "a weight of unknown shape": (
        within(BadWeightShape), ValueError, ["shape of integers", "middle", "None"]),
    "an assignment of another shape": (
        within(AssignsWrongShape), ValueError, ["total", "middle", "(5,)"]),
    "a name in a loss function": (
        lambda kind: fit(make(kind, loss=bad_loss)), NameError, ["undefined_margin", "bad_loss"]),
    "wrong feature count": (
        lambda kind: (lambda model: (model(X), fit(model, x=X[:, :3])))(make(kind)),
        ValueError, ["(8, 3)|(4, 3)", "4"]),
    "wrong rank": (
        lambda kind: (lambda model: (model(X), fit(model, x=X[..., None, None])))(make(kind)),
        ValueError, ["axes|axis|shape"]),
    "targets of another length": (
        lambda kind: fit(make(kind), y=Y[:5]), ValueError, ["number of rows", "8", "5"]),
    "one-hot targets for a sparse loss": (
        lambda kind: fit(make(kind), y=np.eye(3, dtype="float32")[Y]),
        ValueError, ["(4, 3)", "sparse|integer|one-hot"]),
    "an unknown output in a dict of targets": (
        lambda kind: fit(make(kind), y={"lasst": Y}), ValueError, ["lasst", "last|output"]),
    "fit before compile": (
        lambda kind: fit(make(kind, compiled=False)), RuntimeError, ["compile", "net"]),
    "an unknown loss": (
        lambda kind: make(kind, loss="sparse_categorical_crossentopy"), ValueError,
        ["sparse_categorical_crossentropy"]),
    "an unknown optimizer": (
        lambda kind: make(kind, optimizer="addam"), ValueError, ["adam"]),
    "an unknown metric": (
        lambda kind: make(kind, metrics=["acuracy"]), ValueError, ["accuracy"]),
    "text instead of numbers": (
        lambda kind: fit(make(kind), x=np.array([["a", None]] * 8, dtype=object)), ValueError,
        ["x", "numbers"]),
    "a device that is not there": (
        lambda kind: hl.device("gpu:7"), ValueError, ["gpu:7"]),
    "an unknown backend": (
        lambda kind: hl.set_backend("jaxx"), ValueError, ["jaxx", "jax", "numpy"]),
    "a layer's class instead of a layer": (
        lambda kind: hl.Sequential([hl.layers.Dense]), TypeError, ["Dense(...)"]),
    "a layer that does not exist": (
        lambda kind: make(kind).get_layer("lasst"), ValueError, ["last"]),
}
TRACED_ONLY = {
    "a Python if on a value": (
        within(PythonIf), Exception,
        ["middle", "ops.where", "ops.cond", "numpy", "if hl.ops.sum(inputs) > 0.0"]),
    "float() of a value": (
        within(PythonFloat), Exception, ["middle", "numpy", "float(hl.ops.max(inputs))"]),
}


def shown(error):
    return "".join(traceback.format_exception(error))


def check(action, kind, expected, pieces):
    with pytest.raises(expected) as caught:
        action(kind)
    error = caught.value
    text = shown(error)
    frames = traceback.extract_tb(error.__traceback__)
    assert frames[-1].filename == __file__, f"the last frame is not the user's:\n{text}"
    for piece in pieces:
        assert any(option in text for option in piece.split("|")), f"no {piece!r} in:\n{text}"
    # pytest's own frames around the action are not the user's screen
    own = [frame for frame in frames if frame.filename == __file__]
    lines = len(text.splitlines())
    assert lines <= 25, f"{lines} lines, {len(own)} own frames:\n{text}"


@pytest.mark.parametrize("kind", ["sequential", "functional", "subclass"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake(mistake, kind, backend):
    check(lambda kind: MISTAKES[mistake][0](kind), kind, *MISTAKES[mistake][1:])


@pytest.mark.parametrize("kind", ["sequential", "functional", "subclass"])
@pytest.mark.parametrize("mistake", TRACED_ONLY)
def test_value_needed_while_tracing(mistake, kind, backend):
    action, expected, pieces = TRACED_ONLY[mistake]
    if backend.compiles:
        check(action, kind, expected, pieces)
    elif kind != "functional":
        action(kind)  # values are known: Python's control flow just works


def test_filtering_can_be_switched_off(backend):
    hl.config.disable_traceback_filtering()
    try:
        with pytest.raises(NameError) as caught:
            fit(make("sequential", Misspelt(name="middle")))
    finally:
        hl.config.enable_traceback_filtering()
    files = {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)}
    assert any("training" in name for name in files)


def test_the_same_exception_object_arrives(backend):
    marker = LookupError("once")

    class Raises(hl.layers.Layer):
        def call(self, inputs):
            raise marker

    with pytest.raises(LookupError) as caught:
        fit(make("subclass", Raises(name="middle")))
    assert caught.value is marker
