"""`docs/layers.md` says what the layers are now."""

import importlib.util
import pathlib

from highlevel_backend import use_backend

DOCS = pathlib.Path(__file__).parents[1] / "docs"


def test_the_page_of_layers_is_current():
    spec = importlib.util.spec_from_file_location("make_layers", DOCS / "make_layers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with use_backend("numpy"):
        page = module.render()
    assert page == (DOCS / "layers.md").read_text(), (
        "docs/layers.md is not what the layers are now. Make it again with "
        "`python docs/make_layers.py`, look it through, and commit it."
    )
