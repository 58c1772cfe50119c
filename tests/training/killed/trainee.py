"""A training that is killed and started again; prints what it ended with.

Run as `python trainee.py <directory> [every]`: backups go to `<directory>/backup`, after
every so many batches or each epoch.
"""

import hashlib
import os
import sys

import numpy as np
from sklearn.datasets import load_wine

import highlevel as hl
from highlevel import callbacks, layers


def main(directory: str, every: str) -> None:
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
    )
    log = os.path.join(directory, "log.csv")
    history = model.fit(
        x, y, batch_size=32, epochs=8, validation_split=0.2, verbose=0,
        callbacks=[
            callbacks.BackupAndRestore(
                os.path.join(directory, "backup"),
                save_freq="epoch" if every == "epoch" else int(every)),
            callbacks.ModelCheckpoint(
                os.path.join(directory, "best.keras"), monitor="val_loss", save_best_only=True),
            callbacks.ReduceLROnPlateau(patience=1, factor=0.7, cooldown=1),
            callbacks.EarlyStopping(patience=6, restore_best_weights=True),
            callbacks.CSVLogger(log),
        ],
    )
    best = hl.models.load_model(os.path.join(directory, "best.keras"))
    told = hashlib.sha256()
    for variable in (*model.variables, *model.optimizer.variables, *best.weights):
        told.update(variable.numpy().tobytes())
    with open(log, "rb") as file:
        told.update(file.read())
    print(told.hexdigest(), history.fingerprint)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "epoch")
