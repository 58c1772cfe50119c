"""A variational autoencoder of handwritten digits, with training and test steps of its own.

An encoder gives each picture a small cloud of codes, a decoder draws pictures from codes, and a
penalty keeps all clouds together near zero, so that any code near zero can be drawn from
(D. Kingma and M. Welling, arXiv:1312.6114). Data: scikit-learn's digits of 8 x 8 pixels.
Eight codes keep at least 60 % of the variance of test pictures, and the loss of the test set
falls below 25 nats, in about ten seconds on two cores.

    python examples/vae.py
    HIGHLEVEL_BACKEND=numpy python examples/vae.py
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import highlevel as hl
from highlevel import layers, ops


class VAE(hl.Model):
    """Pictures `(batch, 64)` between 0 and 1 → pictures of the same shape."""

    def __init__(self, codes=8):
        super().__init__()
        self.codes = codes
        self.encoder = hl.Sequential([
            hl.Input((64,)), layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="relu"), layers.Dense(2 * codes),
        ], name="encoder")
        self.decoder = hl.Sequential([
            hl.Input((codes,)), layers.Dense(64, activation="relu"),
            layers.Dense(128, activation="relu"), layers.Dense(64, activation="sigmoid"),
        ], name="decoder")
        self.seeds = hl.random.SeedGenerator(1)
        # Attributes of the model: `fit` and `evaluate` reset them at the start of each epoch.
        self.loss_tracker = hl.metrics.Mean(name="loss")
        self.picture_tracker = hl.metrics.Mean(name="picture")
        self.cloud_tracker = hl.metrics.Mean(name="cloud")

    def encode(self, x):
        """Centre and logarithm of the variance of each picture's cloud."""
        return ops.split(self.encoder(x), 2, axis=-1)

    def call(self, x):
        mean, _ = self.encode(x)
        return self.decoder(mean)

    def losses_of(self, x):
        """What the drawn picture costs, and what the cloud costs: means over the batch."""
        mean, log_variance = self.encode(x)
        # A random code as a function of mean and variance, so that gradients pass through it.
        noise = hl.random.normal(mean.shape, seed=self.seeds)
        drawn = self.decoder(mean + ops.exp(log_variance / 2) * noise)
        picture = 64 * ops.mean(hl.losses.binary_crossentropy(x, drawn))
        # Kullback-Leibler divergence from the cloud to a standard normal distribution.
        cloud = ops.sum(mean**2 + ops.exp(log_variance) - log_variance - 1, axis=-1) / 2
        return picture, ops.mean(cloud)

    def track(self, picture, cloud):
        self.loss_tracker.update_state(picture + cloud)
        self.picture_tracker.update_state(picture)
        self.cloud_tracker.update_state(cloud)
        return {metric.name: metric.result() for metric in self.metrics}

    def train_step(self, data):
        (x,) = data

        def loss():
            picture, cloud = self.losses_of(x)
            return picture + cloud, (picture, cloud)

        variables = self.trainable_variables
        (_, parts), gradients = ops.value_and_grad(loss, variables, has_aux=True)()
        self.optimizer.apply(gradients, variables)
        return self.track(*parts)

    def test_step(self, data):
        (x,) = data
        return self.track(*self.losses_of(x))


def show(pictures):
    """Pictures side by side, as characters."""
    for row in np.concatenate(pictures.reshape(-1, 8, 8), axis=1):
        print("  " + "".join(" .:-=+*#%@"[int(v * 9.99)] * 2 for v in row))


def main(epochs=100, batch=32):
    hl.utils.set_random_seed(0)
    images = (load_digits().data / 16).astype("float32")
    train, test = train_test_split(images, test_size=0.2, random_state=0)

    model = VAE()
    model.compile(hl.optimizers.Adam(2e-3))
    # Each epoch is validated by `test_step`; the metrics of both steps are in the history.
    history = model.fit(
        train, batch_size=batch, epochs=epochs, validation_data=(test,), verbose=0).history
    print(f"Loss of the test set: {history['val_loss'][0]:.1f} after one epoch, "
          f"{history['val_loss'][-1]:.1f} at the end "
          f"(picture {history['val_picture'][-1]:.1f}, cloud {history['val_cloud'][-1]:.1f})")

    again = model.predict(test, verbose=0)
    explained = 1 - ((again - test) ** 2).sum() / ((train.mean(0) - test) ** 2).sum()
    print(f"{explained:.1%} of the test pictures' variance is in their {model.codes} codes")
    show(test[:5])
    show(again[:5])

    print("Digits nobody wrote, from random codes:")
    codes = np.random.default_rng(0).normal(size=(5, model.codes)).astype("float32")
    show(model.decoder.predict(codes, verbose=0))
    return history["val_loss"], explained


if __name__ == "__main__":
    main()
