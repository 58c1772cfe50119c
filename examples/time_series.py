"""Forecast a chaotic system from noisy readings of one of its three coordinates.

Data: Lorenz's model of convection (E. N. Lorenz, 1963, "Deterministic nonperiodic flow"),
integrated here, of which a sensor reads x, with noise of a tenth of its spread, 20 times in a
unit of time. Half a unit ahead, the mean absolute error is 0.17 of x's spread on readings that
come after all that the model learnt from; that of persistence, the last reading, is 1.02. Takes
half a minute on two cores with JAX.

    python examples/time_series.py
"""

import numpy as np

import highlevel as hl
from highlevel import layers
from highlevel.utils import timeseries_dataset_from_array

STEP = 0.05
WINDOW = 40   # readings the model sees: two units of time
AHEAD = 10    # readings into the future: half a unit, most of a turn


def lorenz(steps):
    """Coordinates `(steps, 3)`, by Runge and Kutta's method of order 4, ten times finer."""
    def slope(p):
        x, y, z = p
        return np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    h, p, path = STEP / 10, np.array([1.0, 1.0, 20.0]), []
    for i in range(10 * steps):
        a = slope(p)
        b = slope(p + h / 2 * a)
        c = slope(p + h / 2 * b)
        d = slope(p + h * c)
        p = p + h / 6 * (a + 2 * b + 2 * c + d)
        if i % 10 == 9:
            path.append(p)
    return np.array(path, "float32")


def windows(readings, truth, shuffle=False):
    """Batches of windows `(batch, WINDOW, 1)` with the true value `AHEAD` of their ends."""
    # Target i belongs to the window that begins at reading i.
    targets = truth[WINDOW - 1 + AHEAD:]
    return timeseries_dataset_from_array(
        readings[:-AHEAD, None], targets, WINDOW, batch_size=64, shuffle=shuffle, seed=0)


def main(steps=12_000, epochs=25):
    hl.utils.set_random_seed(0)
    truth = lorenz(steps)[:, 0]
    truth = truth / truth.std()
    noise = np.random.default_rng(0).normal(0, 0.1, steps).astype("float32")
    readings = truth + noise

    # The past to learn from, what follows to choose the weights, the end to test.
    a, b = int(0.7 * steps), int(0.85 * steps)
    training = windows(readings[:a], truth[:a], shuffle=True)
    validation = windows(readings[a:b], truth[a:b])
    test = windows(readings[b:], truth[b:])

    model = hl.Sequential([
        hl.Input((WINDOW, 1)),
        layers.Conv1D(32, 5, activation="relu"),  # smooths, and sees slopes
        layers.GRU(48),
        layers.Dense(1),
    ], name="forecaster")
    model.compile(hl.optimizers.Adam(3e-3), "mean_squared_error", metrics=["mae"])
    model.fit(training, epochs=epochs, validation_data=validation, verbose=2, callbacks=[
        hl.callbacks.ReduceLROnPlateau(factor=0.3, patience=2),
        hl.callbacks.EarlyStopping(patience=5, restore_best_weights=True),
    ])

    _, error = model.evaluate(test, verbose=0)
    wanted = np.concatenate([y for _, y in test])
    # Tomorrow is as today: the last reading of each window.
    persistence = np.abs(np.concatenate([x[:, -1, 0] for x, _ in test]) - wanted).mean()
    print(f"\nMean absolute error {error:.3f} of x's spread; persistence {persistence:.3f}")
    return error, persistence


if __name__ == "__main__":
    main()
