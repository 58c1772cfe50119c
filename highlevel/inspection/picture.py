"""Figures of matplotlib that show themselves in notebooks and are written to files."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

from highlevel.inspection.raster import matplotlib_or_error

__all__ = ["Picture", "new_picture", "show_in_notebook"]


class Picture:
    """A figure of matplotlib.

    Args:
        figure: a `matplotlib.figure.Figure`.
        title: what it shows, told to who cannot see it.
    """

    def __init__(self, figure: Any, title: str) -> None:
        self.figure = figure
        self.title = title

    def save(self, path: str | os.PathLike, **options: Any) -> Path:
        """Write the figure to a file.

        Args:
            path: its ending says the format: `.png`, `.svg`, `.pdf` ...
            **options: what matplotlib's `savefig` takes.

        Returns:
            The path.
        """
        self.figure.savefig(path, **options)
        return Path(path)

    def show(self) -> None:
        """Show it in the notebook, or in a window where matplotlib has one."""
        if show_in_notebook(self):
            return
        import matplotlib.pyplot

        width, height = self.figure.get_size_inches()
        shown = matplotlib.pyplot.figure(figsize=(width, height))
        shown.figimage(matplotlib.pyplot.imread(io.BytesIO(self._png(shown.dpi))))
        matplotlib.pyplot.show()
        matplotlib.pyplot.close(shown)

    def _png(self, dpi: float) -> bytes:
        written = io.BytesIO()
        self.figure.savefig(written, format="png", dpi=dpi)
        return written.getvalue()

    def _repr_png_(self) -> bytes:
        return self._png(self.figure.dpi)

    def __repr__(self) -> str:
        return f"<Picture: {self.title}>"


def new_picture(title: str, width: float, height: float) -> Picture:
    """An empty picture, in inches, known to no window system.

    Raises:
        ImportError: matplotlib is not installed.
    """
    matplotlib_or_error(f"The picture '{title}'")
    from matplotlib.figure import Figure

    return Picture(Figure(figsize=(width, height), layout="constrained"), title)


def show_in_notebook(shown: Any) -> bool:
    """Show an object where this runs in a notebook; whether it does."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):  # terminals have no kernel
        return False
    from IPython.display import display  # pyright: ignore[reportMissingImports]

    display(shown)
    return True
