"""When a layer inside another one is in training mode, against Keras.

What is said at the call goes first, then what was said around it. Where this library does as
the documentation of Keras says and Keras on JAX does not, both are written down here, so that
a change of either is noticed; see docs/design/decisions.md.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.parity

X = np.linspace(1, 5, 12, dtype="float32").reshape(3, 4)


def moved(norm):
    """Whether the layer ran in training mode since the last look."""
    found = bool(np.asarray(norm.moving_mean).any())
    norm.moving_mean.assign(np.zeros(4, "float32"))
    return found


def holders(library, said):
    """Layers with a batch normalization that is told `said`, by the signature of their `call`."""
    told = {} if said == "nothing" else {"training": said}

    class Plain(library.layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm = library.layers.BatchNormalization()

        def call(self, x):
            return self.norm(x, **told)

    class Takes(Plain):
        def call(self, x, training=None):
            return self.norm(x, **told)

    class False_(Plain):
        def call(self, x, training=False):
            return self.norm(x, **told)

    class True_(Plain):
        def call(self, x, training=True):
            return self.norm(x, **told)

    return [Plain, Takes, False_, True_]


def seen(library, said, around):
    found = []
    outer = {} if around == "nothing" else {"training": around}
    for cls in holders(library, said):
        layer = cls()
        layer(X)  # builds
        moved(layer.norm)
        layer(X, **outer)
        found.append(moved(layer.norm))
    return found


@pytest.mark.parametrize("said", ["nothing", True, False])
def test_inside_a_layer(said):
    for around in ("nothing", True, False):
        with use_backend("numpy"):
            ours = seen(hl, said, around)
        assert ours == seen(keras, said, around), around


def in_fit(library, make):
    model = make(library)
    model.compile("sgd", "mse", run_eagerly=True)
    model(X)
    norm = next(layer for layer in model._flatten_layers() if hasattr(layer, "moving_mean"))
    moved(norm)
    model.fit(X, X, verbose=0)
    return moved(norm)


def subclass(signature):
    """A model that says nothing to its layers, or hands `training` on."""
    def make(library):
        class Base(library.Model):
            def __init__(self):
                super().__init__()
                self.norm = library.layers.BatchNormalization()
                self.last = library.layers.Dense(4)

        class Hands(Base):
            def call(self, x, training=False):
                return self.last(self.norm(x, training=training))

        class Silent(Base):
            def call(self, x, training=False):
                return self.last(self.norm(x))

        class Takes(Base):
            def call(self, x):
                return self.last(self.norm(x))

        return {"hands": Hands, "silent": Silent, "takes none": Takes}[signature]()

    return make


def functional(said, wrapped):
    def make(library):
        told = {} if said == "nothing" else {"training": said}
        x = library.Input((4,))
        norm = library.layers.BatchNormalization()
        if wrapped:
            norm = library.Sequential([library.Input((4,)), norm])
        return library.Model(x, library.layers.Dense(4)(norm(x, **told)))

    return make


@pytest.mark.parametrize("make, ours, theirs", [
    (subclass("hands"), True, True),
    (functional("nothing", False), True, True),
    (functional("nothing", True), True, True),
    (functional(True, True), True, True),
    # Keras on JAX calls `call` itself in `fit`, so that nobody around has said anything.
    (subclass("silent"), True, False),
    (subclass("takes none"), True, False),
    # Keras lets the training around override what was said to a call in a graph.
    (functional(False, False), False, True),
    (functional(False, True), False, True),
])
def test_in_fit(make, ours, theirs):
    with use_backend("numpy"):
        assert in_fit(hl, make) is ours
    assert in_fit(keras, make) is theirs
