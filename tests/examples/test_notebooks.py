"""The notebooks run from top to bottom, and show what they were saved with.

Their cells are run in order in one namespace, and the last expression of each is shown as a notebook
shows it: by its `_repr_*_` methods. That needs no Jupyter; the outputs in the files are Jupyter's.
"""

import ast
import json
from pathlib import Path

import pytest

import highlevel as hl

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
KINDS = {"_repr_html_": "text/html", "_repr_svg_": "image/svg+xml", "_repr_png_": "image/png"}


def shown(value):
    """Kind → what a value shows itself by."""
    found = {"text/plain": repr(value)}
    for method, kind in KINDS.items():
        if hasattr(value, method):
            found[kind] = getattr(value, method)()
    return found


def run(cell, namespace):
    """Run a cell; what its last expression shows, or None."""
    body = ast.parse("".join(cell["source"])).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "<cell>", "exec"), namespace)
    if last is None:
        return None
    value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
    return None if value is None else shown(value)


@pytest.mark.parametrize("name", ["first_steps", "debugging", "cost"])
def test_cells_run_and_show_what_they_did(name):
    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text())
    namespace = {"__name__": "__main__"}
    with hl.use_backend("jax"):
        for cell in notebook["cells"]:
            if cell["cell_type"] != "code":
                continue
            now = run(cell, namespace)
            (saved,) = [out["data"] for out in cell["outputs"]
                        if out["output_type"] == "execute_result"] or [None]
            assert not any(out["output_type"] == "error" for out in cell["outputs"])
            assert (now and set(now)) == (saved and set(saved)), "".join(cell["source"])


def test_all_notebooks_are_run():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == ["cost", "debugging", "first_steps"]
