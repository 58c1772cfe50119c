"""Models for the measurements of building and starting, in Keras's vocabulary."""


def dense_stack(k, depth=100, width=64):
    """A functional model of many Dense layers."""
    x = inputs = k.Input((width,))
    for _ in range(depth):
        x = k.layers.Dense(width, activation="relu")(x)
    return k.Model(inputs, x)


def resnet34(k, size=64, classes=10):
    """ResNet-34 for pictures of `(size, size, 3)`: Conv, BatchNormalization, ReLU."""
    layers = k.layers

    def conv(x, filters, kernel, stride, activate=True):
        x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        return layers.ReLU()(x) if activate else x

    x = inputs = k.Input((size, size, 3))
    x = conv(x, 64, 7, 2)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for stage, (filters, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            shortcut = x
            x = conv(x, filters, 3, stride)
            x = conv(x, filters, 3, 1, activate=False)
            if stride > 1:
                shortcut = conv(shortcut, filters, 1, stride, activate=False)
            x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return k.Model(inputs, layers.Dense(classes)(x))


def mlp(k, width=256, classes=10):
    """784-256-256-10."""
    layers = k.layers
    return k.Sequential([
        k.Input((784,)), layers.Dense(width, activation="relu"),
        layers.Dense(width, activation="relu"), layers.Dense(classes),
    ])


def cnn(k, classes=10):
    """A LeNet-size convolutional network with dropout for `(28, 28, 1)`."""
    layers = k.layers
    return k.Sequential([
        k.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dropout(0.5), layers.Dense(128, activation="relu"),
        layers.Dense(classes),
    ])


MODELS = {"dense100": dense_stack, "mlp": mlp, "cnn": cnn, "resnet34": resnet34}
SHAPES = {"dense100": (64,), "mlp": (784,), "cnn": (28, 28, 1), "resnet34": (64, 64, 3)}
