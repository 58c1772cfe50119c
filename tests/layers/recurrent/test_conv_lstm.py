"""Convolutional LSTMs against a loop in float64; sizes, states, dropout."""

import numpy as np
import pytest
from highlevel_backend import current_backend
from scipy.signal import correlate

import highlevel as hl
from tests.layers.table import fill

layers = hl.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 5, 4, 2)).astype("float32")
LENGTHS = [4, 1, 3]
MASK = np.arange(4)[None] < np.array(LENGTHS)[:, None]


def convolved(image, kernel, same=True):
    """Correlation of one image `(rows, columns, channels)`, channel by channel."""
    if same:
        image = np.pad(image, [((k - 1) // 2, k // 2) for k in kernel.shape[:2]] + [(0, 0)])
    return np.stack([
        correlate(image, kernel[..., f], mode="valid")[..., 0] for f in range(kernel.shape[-1])
    ], -1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def looped(x, lengths, kernel, recurrent, bias):
    outputs = []
    for sample, length in zip(x, lengths):
        h = c = None
        for image in sample[:length]:
            z = convolved(image, kernel, same=False) + bias
            if h is None:
                h = c = np.zeros((*z.shape[:2], recurrent.shape[2]))
            i, f, g, o = np.split(z + convolved(h, recurrent), 4, -1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        outputs.append((h, c))
    return [np.stack(values) for values in zip(*outputs)]


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_values_are_those_of_a_loop(first, masked, backend):
    layer = layers.ConvLSTM2D(
        3, (3, 2), return_state=True, data_format="channels_first" if first else None)
    x = np.moveaxis(X, -1, 2) if first else X
    layer.build(x.shape)
    fill(layer)
    weights = [w.astype("float64") for w in layer.get_weights()]
    output, *last = layer(x, mask=MASK if masked else None)
    expected = looped(X.astype("float64"), LENGTHS if masked else [4] * 3, *weights)
    for got, wanted in zip([output, *last], [expected[0], *expected], strict=True):
        got = np.moveaxis(np.asarray(got), 1, -1) if first else np.asarray(got)
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_one_scan_and_one_convolution_of_the_input(monkeypatch):
    """The input's convolution stands outside the loop, which is compiled as a loop."""
    with hl.use_backend("jax") as backend:
        seen = []
        scan, conv = backend.scan, backend.conv
        monkeypatch.setattr(
            backend, "scan", lambda *a, **k: (seen.append("scan"), scan(*a, **k))[1])
        monkeypatch.setattr(
            backend, "conv", lambda x, *a, **k: (seen.append(x.shape[0]), conv(x, *a, **k))[1])
        layers.ConvLSTM2D(2, 3)(X)
    assert seen[:2] == [3 * 4, "scan"]
    assert len(seen) <= 4  # the step may be traced more than once, not once per time step


def test_images_of_other_sizes(backend):
    layer = layers.ConvLSTM2D(2, 3, return_sequences=True)
    assert layer(hl.Input((None, None, None, 2))).shape == (None, None, None, None, 2)
    assert layer(X).shape == (3, 4, 3, 2, 2)
    assert layer(X[:, :2, :4]).shape == (3, 2, 2, 2, 2)
    with pytest.raises(ValueError, match="does not know how large its states are"):
        layer.get_initial_state(2)
    fixed = layers.ConvLSTM2D(2, 3)
    fixed.build(X.shape)
    assert [s.shape for s in fixed.get_initial_state(2)] == [(2, 3, 2, 2)] * 2


def test_stateful_goes_on(backend):
    layer = layers.ConvLSTM1D(2, 2, padding="same", stateful=True)
    x = X[:, :, 0]
    first = np.asarray(layer(x[:, :2]))
    second = np.asarray(layer(x[:, 2:]))
    whole = layers.ConvLSTM1D(2, 2, padding="same")
    whole.build(x.shape)
    whole.set_weights(layer.get_weights())
    np.testing.assert_allclose(second, np.asarray(whole(x)), atol=1e-6)
    layer.reset_states()
    np.testing.assert_allclose(np.asarray(layer(x[:, :2])), first, atol=1e-6)
    with pytest.raises(ValueError, match="it keeps states"):
        layer(x[:, :, :3])
    with pytest.raises(ValueError, match="images of a fixed size"):
        layers.ConvLSTM1D(2, 2, stateful=True)(hl.Input((2, None, 2), batch_size=3))


def test_dropout_is_the_same_at_every_step(backend):
    layer = layers.ConvLSTM2D(2, 3, dropout=0.5, recurrent_dropout=0.4, seed=1)
    still = np.asarray(layer(X))
    one, two = (np.asarray(layer(X, training=True)) for _ in range(2))
    assert np.abs(one - still).max() > 1e-3
    assert np.abs(one - two).max() > 1e-3
    cell = layer.cell
    mask = np.asarray(cell.get_dropout_mask(X[:, 0]))
    assert mask.shape == X[:, 0].shape
    changed = np.where(mask[:, None] == 0, 9.0, X).astype("float32")
    project, _ = cell.step_function(X[:, 0].shape, training=True)
    a, b = (np.asarray(project(current_backend().asarray(v.swapaxes(0, 1)))) for v in (X, changed))
    np.testing.assert_allclose(a, b, atol=1e-5)
    assert cell.get_recurrent_dropout_mask(np.ones((3, 3, 2, 2))).shape == (3, 3, 2, 2)


def test_a_cell_by_hand_is_its_layer(backend):
    layer = layers.ConvLSTM2D(2, 3)
    expected = np.asarray(layer(X))
    states = layer.cell.get_initial_state(3)
    for t in range(4):
        output, states = layer.cell(X[:, t], states)
    np.testing.assert_allclose(np.asarray(output), expected, atol=1e-6)


def test_trains_and_is_saved(backend, tmp_path):
    model = hl.Sequential([
        hl.Input((4, 5, 4, 2)), layers.ConvLSTM2D(2, 3, recurrent_dropout=0.1),
        layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse")
    y = np.zeros((3, 1), "float32")
    before = model.evaluate(X, y, verbose=0)
    model.fit(X, y, epochs=4, batch_size=3, verbose=0)
    after = model.evaluate(X, y, verbose=0)
    assert after < before
    model.save(tmp_path / "model.keras")
    again = hl.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.evaluate(X, y, verbose=0), after, rtol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match="cannot both be above 1"):
        layers.ConvLSTM2D(2, 3, strides=2, dilation_rate=2)
    with pytest.raises(ValueError, match="`filters` must be a positive integer"):
        layers.ConvLSTM1D(0, 3)
    with pytest.raises(ValueError, match="`padding`"):
        layers.ConvLSTM1D(2, 3, padding="causal")
    with pytest.raises(ValueError, match="does not fit into the input"):
        layers.ConvLSTM2D(2, 9)(X)
    with pytest.raises(ValueError, match="axes"):
        layers.ConvLSTM2D(2, 3)(X[0])
