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


def alike(found, printed):
    """Of one kind, and numbers within a factor of 3."""
    printed = ast.literal_eval(printed)
    if isinstance(printed, str):
        return type(found) is str
    found, printed = np.asarray(found, float), np.asarray(printed, float)
    return found.shape == printed.shape and np.all(
        (found <= 3 * printed + 1) & (found >= printed / 3 - 1)
    )


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
                right = "compiling" in expression or alike(found, printed[2:])
            else:
                right = repr(found) == printed
            if not right:
                wrong.append(f"{question} {expression} gives {found!r}, not {printed}")
    assert not wrong, "\n".join(wrong)
