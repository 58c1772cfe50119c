"""The work that every peer does, and the data for it."""

import numpy as np

# name → (input shape, classes, batch, batches per epoch)
SIZES = {
    "tabular": ((32,), 1, 32, 64),
    "mlp": ((784,), 10, 128, 24),
    "cnn": ((28, 28, 1), 10, 64, 12),
}


def data(name):
    """`(x, y)` from a fixed seed: noise around a centre per class, so that losses fall."""
    shape, classes, batch, batches = SIZES[name]
    rng = np.random.default_rng(0)
    rows = batch * batches
    if classes == 1:
        x = rng.normal(size=(rows, *shape)).astype("float32")
        return x, np.tanh(x[:, :1] * x[:, 1:2]).astype("float32")
    y = rng.integers(0, classes, rows).astype("int32")
    centres = rng.normal(size=(classes, *shape)).astype("float32")
    x = centres[y] + rng.normal(size=(rows, *shape)).astype("float32")
    return x.astype("float32"), y


def keras_like(k, name):
    """The model in Keras's vocabulary, compiled."""
    layers = k.layers
    shape, classes, _, _ = SIZES[name]
    if name == "tabular":
        stack = [layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(1)]
        loss = "mse"
    elif name == "mlp":
        stack = [layers.Dense(256, "relu"), layers.Dense(256, "relu"), layers.Dense(classes)]
    else:
        stack = [
            layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Flatten(), layers.Dropout(0.5), layers.Dense(128, "relu"),
            layers.Dense(classes),
        ]
    if name != "tabular":
        loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = k.Sequential([k.Input(shape), *stack])
    model.compile(k.optimizers.Adam(1e-3), loss)
    return model
