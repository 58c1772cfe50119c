"""The questions of docs/inspection.md have the answers that the page prints."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from highlevel import use_backend

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
PAGE = (Path(__file__).parents[2] / "docs" / "inspection.md").read_text()
SECTION = PAGE.partition("## Questions and answers")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (.+?) \| `(.+?)` \| `(.+?)` \|$", SECTION, re.M)


def setting(folder):
    """What the page prepares, from a file of its own: replays name lines of it."""
    lines = [line[4:].split("  # doctest")[0] for line in SECTION.splitlines()
             if line.startswith((">>> ", "... "))]
    file = folder / "prepared.py"
    file.write_text("\n".join(lines))
    names: dict = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    return names


def alike(found, printed, paths):
    """Numbers within a factor of 3 and of one shape; the name of a layer that there is."""
    printed = ast.literal_eval(printed)
    if isinstance(printed, str):
        return found in paths
    found, printed = np.asarray(found, float), np.asarray(printed, float)
    return found.shape == printed.shape and bool(
        np.all((found <= 3 * printed) & (found >= printed / 3))
    )


def test_what_is_not_alike():
    assert alike(0.4, "0.39", []) and alike((1, 72), "(1, 72)", []) and alike("a", "'b'", ["a"])
    assert not alike(0.1, "0.39", []) and not alike(2.0, "0.39", [])
    assert not alike([1.0], "1.0", []) and not alike("c", "'b'", ["a"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_answer_is_what_the_page_says(tmp_path):
    assert len(ROWS) >= 25
    wrong = []
    with use_backend("jax"):
        names = setting(tmp_path)
        for question, expression, printed in ROWS:
            found = eval(expression, names)
            if printed.startswith("≈ "):
                right = found > 0 if "history.time" in expression else alike(
                    found, printed[2:], names["trace"].paths)
            else:
                right = repr(found) == printed
            if not right:
                wrong.append(f"{question} {expression} gives {found!r}, not {printed}")
    assert not wrong, "\n".join(wrong)
