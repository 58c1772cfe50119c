"""Everything works where JAX cannot be imported."""

import os
import subprocess
import sys
import textwrap

BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("jax", "jaxlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def run(code, **environment):
    env = {k: v for k, v in os.environ.items() if k != "HIGHLEVEL_BACKEND"} | environment
    return subprocess.run(
        [sys.executable, "-c", BLOCK + textwrap.dedent(code)],
        capture_output=True, text=True, env=env,
    )


def test_the_quickstart_model_trains_saves_and_loads(tmp_path):
    result = run("""
        import numpy as np, highlevel as hl
        from sklearn.datasets import load_digits

        assert hl.get_backend() == "numpy", hl.get_backend()
        assert "numpy" in hl.available_backends()
        hl.utils.set_random_seed(0)
        x, y = load_digits(return_X_y=True)
        x = x.reshape(-1, 8, 8, 1).astype("float32")[:320]
        y = y[:320]
        model = hl.Sequential([
            hl.Input((8, 8, 1)),
            hl.layers.Rescaling(1 / 16),
            hl.layers.Conv2D(8, 3, padding="same", activation="relu"),
            hl.layers.MaxPooling2D(2),
            hl.layers.Flatten(),
            hl.layers.Dropout(0.1),
            hl.layers.Dense(32, activation="relu"),
            hl.layers.Dense(10, activation="softmax"),
        ])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, epochs=4, batch_size=16, verbose=2, validation_split=0.1).history
        assert history["loss"][-1] < history["loss"][0]
        predictions = model.predict(x, verbose=0)
        model.save("PATH")
        again = hl.models.load_model("PATH")
        assert np.abs(again.predict(x, verbose=0) - predictions).max() < 1e-6
        model.summary()
        assert not any(name.partition(".")[0] == "jax" for name in sys.modules)
    """.replace("PATH", str(tmp_path / "m.keras")))
    assert result.returncode == 0, result.stderr
    assert "val_loss" in result.stdout


def test_asking_for_jax_says_what_is_missing():
    result = run("""
        import highlevel as hl
        hl.set_backend("jax")
        try:
            hl.ops.ones((2,))
        except ValueError as error:
            assert "cannot be loaded" in str(error) and "numpy" in str(error), error
        else:
            raise SystemExit("no error")
    """)
    assert result.returncode == 0, result.stderr


def test_the_environment_variable_chooses():
    result = run("import highlevel as hl; print(hl.get_backend())", HIGHLEVEL_BACKEND="numpy")
    assert result.stdout.strip() == "numpy", result.stderr
