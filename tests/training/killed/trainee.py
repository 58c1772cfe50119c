"""A training that is killed and started again; prints what it ended with.

Run as `python trainee.py <directory> [every] [options]`: backups go to `<directory>/backup`,
after every so many batches or each epoch. Options: `generator` or `dataset` instead of arrays,
`steps=3` for three steps per execution, `epochs=30`.
"""

import hashlib
import os
import sys

import numpy as np
from sklearn.datasets import load_wine

import highlevel as hl
from highlevel import callbacks, layers


class Batches(hl.utils.PyDataset):
    """The rows in batches, in another order after each epoch."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y, self.order, self.epoch = x, y, np.arange(len(x)), 0

    def __len__(self):
        return len(self.x) // 32

    def __getitem__(self, i):
        rows = self.order[i * 32:i * 32 + 32]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        self.epoch += 1
        self.order = np.random.default_rng(self.epoch).permutation(len(self.x))


def endless(x, y):
    """Batches of rows drawn by chance."""
    rng = np.random.default_rng(0)
    while True:
        rows = rng.integers(0, len(x), 32)
        yield x[rows], y[rows]


def main(directory: str, every: str, *options: str) -> None:
    hl.utils.set_random_seed(3)
    x, y = load_wine(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype("float32")
    order = np.random.permutation(len(x))
    x, y = x[order], y[order]
    model = hl.Sequential([
        hl.Input((13,)), layers.Dense(16, activation="relu"), layers.Dropout(0.2),
        layers.BatchNormalization(), layers.Dense(3),
    ])
    model.compile(
        hl.optimizers.Adam(0.01, use_ema=True),
        hl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"],
        steps_per_execution=next((int(o[6:]) for o in options if o.startswith("steps=")), 1),
    )
    data = {"x": x, "y": y, "batch_size": 32, "validation_split": 0.2}
    if "dataset" in options:
        data = {"x": Batches(x[:142], y[:142]), "validation_data": (x[142:], y[142:])}
    elif "generator" in options:
        data = {
            "x": endless(x[:142], y[:142]), "steps_per_epoch": 5,
            "validation_data": (x[142:], y[142:]),
        }
    epochs = next((int(o[7:]) for o in options if o.startswith("epochs=")), 8)
    print("begins", flush=True)
    log = os.path.join(directory, "log.csv")
    keep = callbacks.ModelCheckpoint(
        os.path.join(directory, "best.keras"), monitor="val_loss", save_best_only=True)
    plateau = callbacks.ReduceLROnPlateau(patience=1, factor=0.7, cooldown=1)
    stop = callbacks.EarlyStopping(patience=6, restore_best_weights=True)
    history = model.fit(
        **data, epochs=epochs, verbose=0,
        callbacks=[
            callbacks.BackupAndRestore(
                os.path.join(directory, "backup"),
                save_freq="epoch" if every == "epoch" else int(every)),
            keep, plateau, stop, callbacks.CSVLogger(log),
        ],
    )
    best = hl.models.load_model(os.path.join(directory, "best.keras"))
    with open(log, "rb") as file:
        rows = file.read()
    for name, parts in {
        "weights": [v.numpy() for v in model.variables],
        "optimizer": [v.numpy() for v in model.optimizer.variables],
        "best model": [v.numpy() for v in best.weights],
        "csv": [rows],
        "early stopping": [repr((stop.best, stop.wait, stop.best_epoch)).encode()],
        "plateau": [repr((plateau.best, plateau.wait, plateau.cooldown_counter)).encode()],
        "checkpoint": [repr(keep.best).encode()],
    }.items():
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part if isinstance(part, bytes) else part.tobytes())
        print(f"{name}: {digest.hexdigest()}")
    print("history:", history.fingerprint)


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) > 2 else main(sys.argv[1], "epoch")
