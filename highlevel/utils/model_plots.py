"""Drawings of models under the names that Keras gives them."""

from __future__ import annotations

import os
from typing import Any

from highlevel.inspection.dot import dot_of
from highlevel.inspection.plot import Drawing, draw_model

__all__ = ["model_to_dot", "plot_model"]


def plot_model(
    model: Any,
    to_file: str | os.PathLike | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: Any = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Drawing:
    """Draw a model and write the picture to a file. Graphviz is not needed.

    Args:
        model: the model.
        to_file: path; its ending says what is written: `.svg`, `.dot`, or `.png`, `.pdf` and
            others through matplotlib. None to write nothing.
        show_shapes, show_dtype: of the outputs.
        show_layer_names: names beside what the layers are.
        rankdir: direction of the lines: `"TB"`, `"BT"`, `"LR"`, `"RL"`.
        expand_nested: draw out the models inside; or patterns of names of those that are.
        dpi: resolution of pictures of pixels.
        show_layer_activations: names of activations.
        show_trainable: whether weights are trained.
        splines: how Graphviz is to draw the lines of a `.dot` file.

    Returns:
        The drawing, which shows itself in notebooks.

    Raises:
        ValueError: an unknown argument or ending.
        ImportError: the ending needs matplotlib and it is not installed.

    >>> import highlevel as hl
    >>> model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(2)])
    >>> drawing = plot_model(model, to_file=None, show_shapes=True)
    >>> "(None, 2)" in drawing.svg
    True
    """
    _refuse("plot_model", kwargs)
    drawing = draw_model(
        model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested,
        show_layer_activations, show_trainable, False, dpi, splines,
    )
    if to_file is not None:
        drawing.save(to_file)
    return drawing


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: Any = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """A model's graph as an object of the library pydot.

    Args:
        subgraph: give the cluster to put into another graph.
        model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi,
        show_layer_activations, show_trainable, splines: see `plot_model`.

    Returns:
        A `pydot.Dot`, or a `pydot.Subgraph`.

    Raises:
        ValueError: an unknown argument.
        ImportError: pydot is not installed. `model.plot().dot` is the text without it.
    """
    _refuse("model_to_dot", kwargs)
    try:
        import pydot
    except ImportError as error:
        raise ImportError(
            "`model_to_dot` gives objects of the library pydot, which is not installed: "
            "`pip install 'highlevel[dot]'`. The text of the graph needs nothing: "
            "`model.plot().dot`."
        ) from error
    drawing = draw_model(
        model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested,
        show_layer_activations, show_trainable, False, dpi, splines,
    )
    text = dot_of(drawing.graph, rankdir, int(dpi), splines, subgraph)
    dot = (pydot.graph_from_dot_data(text) or [])[0]
    return dot.get_subgraph_list()[0] if subgraph else dot


def _refuse(name: str, arguments: dict[str, Any]) -> None:
    if arguments:
        raise ValueError(
            f"`{name}` takes no argument {', '.join(map(repr, arguments))}."
            + (" Draw a part by making a model of it." if "layer_range" in arguments else "")
        )
