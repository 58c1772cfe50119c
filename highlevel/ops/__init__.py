"""Functions on arrays, each written once for every backend.

All of them are offered here; `ops.numpy`, `ops.nn`, `ops.linalg` and `ops.image` group them.
Called with symbolic tensors they record themselves in the graph of a model.
"""

from typing import TYPE_CHECKING

from highlevel.ops import image as image
from highlevel.ops import operators as operators  # fills the table of symbolic tensors
from highlevel.ops.core import *  # noqa: F403
from highlevel.ops.derivatives import *  # noqa: F403
from highlevel.ops.linalg import *  # noqa: F403
from highlevel.ops.math import *  # noqa: F403
from highlevel.ops.nn import *  # noqa: F403
from highlevel.ops.nn import hard_swish as hard_swish
from highlevel.ops.nn import swish as swish
from highlevel.ops.numpy import *  # noqa: F403

if not TYPE_CHECKING:  # type checkers would take it for a sign that any name exists

    def __getattr__(name: str) -> object:
        from difflib import get_close_matches  # only where a name is wrong

        near = get_close_matches(name, globals(), n=1) if not name.startswith("__") else []
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}.{hint}")
