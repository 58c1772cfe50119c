"""A network that solves a differential equation: no data, only the equation.

The damped oscillator u'' + 2 d u' + w² u = 0 with u(0) = 1, u'(0) = 0 has a closed form; the
network learns u(t) from the equation's residual at points in time (M. Raissi et al., 2019,
"Physics-informed neural networks", doi:10.1016/j.jcp.2018.10.045). First and second
derivatives by the time are taken of the network itself, and the gradient by the weights of
all that. The largest error ends below 0.05 where u swings between 1 and -0.7.

    python examples/physics_informed.py
    HIGHLEVEL_BACKEND=numpy python examples/physics_informed.py
"""

import numpy as np

import highlevel as hl
from highlevel import layers, ops

DAMPING, FREQUENCY, END = 0.3, 2.0, 3.0


def closed_form(t):
    swing = np.sqrt(FREQUENCY**2 - DAMPING**2)
    return np.exp(-DAMPING * t) * (np.cos(swing * t) + DAMPING / swing * np.sin(swing * t))


class Oscillator(hl.Model):
    """u(t); its loss is how badly it fulfils the equation and the initial conditions."""

    def __init__(self):
        super().__init__()
        self.network = hl.Sequential([
            hl.Input((1,)), layers.Dense(24, activation="tanh"),
            layers.Dense(24, activation="tanh"), layers.Dense(1),
        ])

    def call(self, t):
        return self.network(t)

    def residual(self, t):
        """u'' + 2 d u' + w² u at times `(points, 1)`."""
        # Each value depends on its own time alone: the gradient of the sum is u'(t).
        velocity = ops.grad(lambda t: ops.sum(self(t)))
        acceleration = ops.grad(lambda t: ops.sum(velocity(t)))
        return acceleration(t) + 2 * DAMPING * velocity(t) + FREQUENCY**2 * self(t)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        start = ops.zeros((1, 1))
        speed = ops.grad(lambda t: ops.sum(self(t)))(start)
        return (ops.mean(self.residual(x) ** 2)
                + 20 * ops.sum((self(start) - 1) ** 2) + 20 * ops.sum(speed**2))


def main(epochs=3000, points=64):
    hl.utils.set_random_seed(0)
    t = np.linspace(0, END, points, dtype="float32")[:, None]
    model = Oscillator()
    rate = hl.optimizers.schedules.CosineDecay(5e-3, epochs)
    model.compile(hl.optimizers.Adam(rate))
    history = model.fit(t, batch_size=points, epochs=epochs, shuffle=False, verbose=0)
    u = model.predict(t, verbose=0)
    error = float(np.abs(u - closed_form(t)).max())
    residual = ops.convert_to_numpy(model.residual(ops.array(t)))

    print(f"Loss {history.history['loss'][0]:.3f} at first, {history.history['loss'][-1]:.2e} "
          f"after {epochs} epochs")
    print(f"Largest residual {np.abs(residual).max():.3f}, largest error {error:.4f}")
    for i in range(0, points, max(1, points // 8)):
        print(f"  t={t[i, 0]:.2f}  u={u[i, 0]:+.3f}  closed form {closed_form(t[i, 0]):+.3f}")
    return history.history["loss"], error, residual


if __name__ == "__main__":
    main()
