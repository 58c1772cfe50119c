"""Pictures of what objects show in notebooks, by a headless browser, light and dark.

    python docs/screenshots.py FOLDER

writes `resnet34`, `towers`, `transformer` (drawings of models), `displays` (tables) and the
notebooks of the examples as they were saved, each as `.html`, `-light.png` and `-dark.png`.
Chromium or Chrome must be installed.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import highlevel as hl
from highlevel import layers

ROOT = Path(__file__).parents[1]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)


def browser() -> str | None:
    """Path of an installed browser, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


def run_browser(program: str, *arguments: str) -> str:
    """What the browser printed; it has a profile of its own, which is dropped."""
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [program, *FLAGS, f"--user-data-dir={profile}", *arguments],
            capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def resnet34() -> hl.Model:
    path = ROOT / "tests" / "benchmarks" / "models.py"
    spec = importlib.util.spec_from_file_location("benchmark_models", path)
    assert spec is not None and spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.resnet34(hl, 224)


def towers() -> hl.Model:
    """Users and items through one shared layer and one shared model."""
    user, item = hl.Input((16,), name="user"), hl.Input((16,), name="item")
    shared = layers.Dense(32, "relu", name="shared")
    inner = hl.Input((32,), name="features")
    tower = hl.Model(inner, layers.UnitNormalization(name="unit")(
        layers.Dense(8, name="project")(inner)), name="tower")
    match = layers.Dot(-1, name="match")([tower(shared(user)), tower(shared(item))])
    return hl.Model([user, item], layers.Dense(1, "sigmoid", name="click")(
        hl.ops.multiply(match, 10.0)), name="towers")


def transformer(blocks: int = 3, width: int = 64) -> hl.Model:
    x = tokens = hl.Input((128,), dtype="int32", name="tokens")
    x = layers.Embedding(5000, width, name="embedding")(x)
    for at in range(blocks):
        y = inputs = hl.Input((128, width), name="stream")
        z = layers.LayerNormalization(name="norm_1")(y)
        z = layers.MultiHeadAttention(4, width // 4, name="attention")(z, z, use_causal_mask=True)
        y = layers.Add(name="add_1")([y, z])
        z = layers.LayerNormalization(name="norm_2")(y)
        z = layers.Dense(width, name="down")(layers.Dense(4 * width, "gelu", name="up")(z))
        x = hl.Model(inputs, layers.Add(name="add_2")([y, z]), name=f"block_{at}")(x)
    x = layers.LayerNormalization(name="norm")(x)
    return hl.Model(tokens, layers.Dense(5000, name="words")(x), name="transformer")


def displays() -> list[str]:
    """The tables of a trained model's parts."""
    hl.utils.set_random_seed(0)
    model = towers()
    model.compile(hl.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    chance = np.random.default_rng(0)
    x = [chance.normal(size=(256, 16)).astype("float32") for _ in range(2)]
    y = (x[0][:, :1] * x[1][:, :1] > 0).astype("float32")
    history = model.fit(x, y, epochs=12, validation_split=0.25, verbose=0)
    kernel = model.layers["tower/project"].kernel
    shown = [
        transformer(), hl.inspection.Summary(model, expand_nested=True),
        model.layers["shared"], kernel, model.layers["match"].output, model.optimizer, history,
        model.trace([part[:32] for part in x], y[:32]),
    ]
    return [thing._repr_html_() for thing in shown]


def page(parts: list[str], columns: int = 1) -> str:
    """A page with the displays below one another, in the theme that the browser prefers."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>displays</title><style>'
        ":root{color-scheme:light dark}body{font-family:sans-serif;margin:12px;"
        f"columns:{columns}}}body>*{{break-inside:avoid}}</style>"
        + "".join(f"<div>{part}</div>" for part in parts)
    )


def notebook(path: Path) -> str:
    """A page of a notebook's cells and saved outputs."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for text in source.split("\n\n"):
                tag = "h2" if text.startswith("#") else "p"
                parts.append(f"<{tag}>{escape(text.lstrip('# '))}</{tag}>")
            continue
        parts.append(f"<pre class='code'>{escape(source)}</pre>")
        for output in cell["outputs"]:
            data = output.get("data", {"text/plain": output.get("text", "")})
            kinds = {kind: "".join(text) for kind, text in data.items()}
            if "text/html" in kinds:
                parts.append(kinds["text/html"])
            elif "image/png" in kinds:
                parts.append(f'<img alt="" src="data:image/png;base64,{kinds["image/png"]}">')
            else:
                parts.append(f"<pre>{escape(kinds['text/plain'])}</pre>")
    style = ("<style>pre{white-space:pre-wrap}.code{border-left:3px solid #8888;"
             "padding-left:8px}</style>")
    return page([style, *parts])


def pages() -> dict[str, tuple[str, int, int]]:
    """Name → HTML, width and height in pixels."""
    found: dict[str, tuple[str, int, int]] = {}
    drawings: dict[str, Any] = {
        "resnet34": resnet34().plot(),
        "towers": towers().plot(expand_nested=True, show_dtype=True),
        "transformer": transformer().plot(expand_nested="block_1", show_layer_activations=True),
    }
    for name, drawing in drawings.items():
        scene = drawing.scene
        found[name] = page([drawing.svg]), round(scene.width) + 24, round(scene.height) + 30
    for path in sorted((ROOT / "examples" / "notebooks").glob("*.ipynb")):
        found[path.stem] = notebook(path), 1000, 5400
    found["displays"] = page(displays(), columns=2), 2000, 1250
    return found


def main(folder: str) -> None:
    program = browser()
    if program is None:
        raise SystemExit("No Chromium or Chrome was found; install one (`apt install chromium`).")
    out = Path(folder).resolve()
    out.mkdir(parents=True, exist_ok=True)
    for name, (html, width, height) in pages().items():
        path = out / f"{name}.html"
        path.write_text(html, encoding="utf-8")
        for theme, scheme in (("light", 1), ("dark", 0)):
            picture = out / f"{name}-{theme}.png"
            run_browser(
                program, f"--blink-settings=preferredColorScheme={scheme}",
                f"--window-size={width},{height}", f"--screenshot={picture}", path.as_uri())
            print(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
