"""`Repeat` against the same blocks one after the other."""

import numpy as np
import pytest

import highlevel as hl

X = np.linspace(-1, 1, 6 * 4, dtype="float32").reshape(6, 4)
Y = np.ones((6, 4), "float32")
TIMES = 3


def block():
    return hl.Sequential([
        hl.Input((4,)),
        hl.layers.Dense(5, "tanh", kernel_regularizer="l2", activity_regularizer="l1"),
        hl.layers.BatchNormalization(momentum=0.5),
        hl.layers.Dense(4, kernel_constraint="max_norm"),
    ], name="block")


def pair():
    """A repetition, and the plain chain of blocks with the same weights."""
    one = hl.Sequential([hl.Input((4,)), hl.layers.Repeat(block(), TIMES, name="deep")])
    blocks = [block() for _ in range(TIMES)]
    for i, each in enumerate(blocks):
        each.name = f"block{i}"
    many = hl.Sequential([hl.Input((4,)), *blocks])
    rng = np.random.default_rng(0)
    stacks = [np.abs(rng.normal(size=w.shape)).astype("float32") * 0.5 for w in one.weights]
    one.set_weights(stacks)
    for i, each in enumerate(blocks):
        each.set_weights([stack[i] for stack in _in_order(one, each, stacks)])
    for model in (one, many):
        model.compile(hl.optimizers.SGD(0.1), "mse")
    return one, many, blocks


def _in_order(one, each, stacks):
    """The stacks in the order of a block's weights."""
    found = dict(zip(_kinds([w.path.rpartition("/")[2] for w in one.weights]), stacks))
    return [found[kind] for kind in _kinds(["_".join(w.path.split("/")[-2:]) for w in each.weights])]


def _kinds(names):
    """`dense_7_kernel` as the first or second kernel, whatever the numbers."""
    seen, kinds = {}, []
    for name in names:
        last = name.rpartition("_")[2] if "moving" not in name else name.partition("moving")[2]
        seen[last] = seen.get(last, 0) + 1
        kinds.append((last, seen[last]))
    return kinds


def test_outputs_losses_states_and_training_are_those_of_the_chain(backend):
    one, many, blocks = pair()
    for training in (False, True):
        np.testing.assert_allclose(
            np.asarray(one(X, training=training)), np.asarray(many(X, training=training)),
            rtol=1e-5, atol=1e-6)
        total = [float(sum(np.asarray(loss).sum() for loss in m.losses)) for m in (one, many)]
        np.testing.assert_allclose(*total, rtol=1e-5)
    for _ in range(2):
        np.testing.assert_allclose(
            one.train_on_batch(X, Y), many.train_on_batch(X, Y), rtol=1e-4)
    for i, each in enumerate(blocks):
        for mine, theirs in zip(_in_order(one, each, one.get_weights()), each.get_weights()):
            np.testing.assert_allclose(mine[i], theirs, rtol=2e-4, atol=2e-5)


def test_each_block_begins_with_weights_of_its_own_and_random_numbers_of_its_own(backend):
    layer = hl.layers.Repeat(
        hl.Sequential([hl.layers.Dense(64, use_bias=False), hl.layers.Dropout(0.5)]), 2)
    layer.build((None, 64))
    kernel = np.asarray(layer.weights[0])
    assert not np.allclose(kernel[0], kernel[1])
    assert len(layer.weights) == 1 and len(layer.variables) == 2
    layer.set_weights([np.stack([np.eye(64, dtype="float32")] * 2)])
    x = np.ones((64, 64), "float32")
    kept = np.asarray(layer(x, training=True)) != 0
    assert 0.2 < kept.mean() < 0.3, "two masks, not one twice"
    again = np.asarray(layer(x, training=True)) != 0
    assert (kept != again).any()


class Counting(hl.layers.Layer):
    calls = 0

    def call(self, x):
        Counting.calls += 1
        return x * 2.0


def test_a_program_has_the_block_once():
    found = []
    for times in (2, 40):
        with hl.use_backend("jax"):
            model = hl.Sequential([hl.Input((4,)), hl.layers.Repeat(Counting(), times)])
            model.compile("sgd", "mse")
            Counting.calls = 0
            out = np.asarray(model(X))
            found.append(Counting.calls)
        np.testing.assert_allclose(out, X * 2.0**times, rtol=1e-5)
    assert found[0] == found[1] <= 4


def test_a_changed_pattern_takes_effect(backend):
    model = hl.Sequential([hl.Input((4,)), hl.layers.Repeat(hl.layers.Dense(4, name="in"), 2)])
    model.compile("sgd", "mse")
    model(X)
    model.layers[0].layer.activation = hl.activations.relu
    assert np.asarray(model(X)).min() == 0
    model.layers[0].trainable = False
    before = model.get_weights()
    model.train_on_batch(X, Y)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    assert model.trainable_weights == []


def test_masks_reach_every_block(backend):
    """A padded sample gives what it gives without its padding."""
    x = np.linspace(0.1, 1, 2 * 3 * 4, dtype="float32").reshape(2, 3, 4)
    x[0, 2] = 0
    model = hl.Sequential([
        hl.Input((None, 4)), hl.layers.Masking(0.0),
        hl.layers.Repeat(hl.layers.Bidirectional(
            hl.layers.LSTM(2, return_sequences=True)), 2),
        hl.layers.GlobalAveragePooling1D(),
    ])
    padded, plain = np.asarray(model(x))[0], np.asarray(model.predict(x[:1, :2], verbose=0))[0]
    np.testing.assert_allclose(padded, plain, rtol=1e-5)


def test_what_cannot_be_repeated(backend):
    with pytest.raises(ValueError, match=r"makes the shape \(None, 3\) of \(None, 4\)"):
        hl.layers.Repeat(hl.layers.Dense(3), 2)(hl.Input((4,)))
    with pytest.raises(ValueError, match="positive integer"):
        hl.layers.Repeat(hl.layers.Dense(3), 0)

    class Measured(hl.layers.Layer):
        def __init__(self):
            super().__init__()
            self.mean = hl.metrics.Mean()

        def call(self, x):
            return x

    with pytest.raises(ValueError, match="metrics"):
        hl.layers.Repeat(Measured(), 2)(hl.Input((4,)))


def test_files_and_clones_give_the_same(backend, tmp_path):
    one, _, _ = pair()
    path = tmp_path / "deep.keras"
    one.save(path)
    loaded = hl.saving.load_model(path)
    np.testing.assert_allclose(np.asarray(loaded(X)), np.asarray(one(X)), rtol=1e-6)
    clone = hl.models.clone_model(one)
    clone.set_weights(one.get_weights())
    np.testing.assert_allclose(np.asarray(clone(X)), np.asarray(one(X)), rtol=1e-6)
