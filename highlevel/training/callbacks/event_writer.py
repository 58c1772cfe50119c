"""TensorBoard's event files, written through the `tensorboard` package."""

# pyright: reportAttributeAccessIssue=false
# (protocol buffers make their classes at run time)

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["EventWriter", "need_tensorboard"]


def need_tensorboard() -> None:
    """Import the package.

    Raises:
        ImportError: it is not installed; says how to install it.
    """
    try:
        import tensorboard.summary.writer.event_file_writer  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "The TensorBoard callback writes its files with the package `tensorboard`, which "
            "cannot be imported. Install it: pip install 'highlevel[tensorboard]'."
        ) from error


class EventWriter:
    """Writes summaries into one directory; the file is made with the first of them.

    Args:
        directory: where the event file goes.

    >>> EventWriter("/tmp/logs/train").directory
    '/tmp/logs/train'
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._file: Any = None

    def _write(self, step: int, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        with self._telling():
            if self._file is None:
                os.makedirs(self.directory, exist_ok=True)
                self._file = EventFileWriter(self.directory)
            self._file.add_event(Event(wall_time=time.time(), step=int(step), **content))

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Let an error of the system (a full disk) name the directory."""
        try:
            yield
        except OSError as error:
            error.filename = error.filename or self.directory
            error.add_note("TensorBoard's event file could not be written on.")
            self._file = None  # its thread has ended
            raise

    def scalar(self, name: str, data: Any, step: int) -> None:
        """A number.

        Args:
            name: tag. data: scalar. step: where it stands on the axis.
        """
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        self._write(step, summary=scalar_pb(name, np.float64(data)))

    def histogram(self, name: str, data: Any, step: int, buckets: int = 30) -> None:
        """The distribution of the entries of an array; those that are not finite are left out.

        Args:
            name: tag. data: array. step: where it stands. buckets: number of intervals.
        """
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb

        values = np.asarray(data, "float64").reshape(-1)
        self._write(step, summary=histogram_pb(name, values[np.isfinite(values)], buckets))

    def counts(self, name: str, counts: Any, edges: Any, step: int) -> None:
        """A distribution that was counted before.

        Args:
            name: tag. counts: entries per bin. edges: limits of the bins, one more; infinite
                ones become the double of their neighbour. step: where it stands.
        """
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.histogram.metadata import create_summary_metadata
        from tensorboard.util import tensor_util

        counts, edges = np.asarray(counts, "float64"), np.array(edges, "float64")
        for end, neighbour in ((0, 1), (-1, -2)):
            if not np.isfinite(edges[end]):
                edges[end] = 2 * edges[neighbour]
        some = np.flatnonzero(counts)
        kept = slice(some[0], some[-1] + 1) if some.size else slice(0, 1)
        buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)[kept]
        summary = Summary()
        summary.value.add(
            tag=name, metadata=create_summary_metadata(display_name=None, description=None),
            tensor=tensor_util.make_tensor_proto(buckets, dtype=np.float64))
        self._write(step, summary=summary)

    def image(self, name: str, data: Any, step: int) -> None:
        """Pictures.

        Args:
            name: tag. data: array `(pictures, rows, columns, 1, 3 or 4)`, floats from 0 to 1
                or bytes. step: where they stand.

        Raises:
            ImportError: Pillow, which encodes them, is not installed.
        """
        from PIL import Image
        from tensorboard.compat.proto.summary_pb2 import Summary

        pictures = np.asarray(data)
        if pictures.dtype != np.uint8:
            pictures = (np.clip(pictures, 0, 1) * 255).astype("uint8")
        values = []
        for i, picture in enumerate(pictures):
            rows, columns, channels = picture.shape
            buffer = io.BytesIO()
            Image.fromarray(picture[..., 0] if channels == 1 else picture).save(buffer, "PNG")
            values.append(Summary.Value(
                tag=f"{name}/image/{i}" if len(pictures) > 1 else f"{name}/image",
                image=Summary.Image(
                    height=rows, width=columns, colorspace=channels,
                    encoded_image_string=buffer.getvalue()),
            ))
        self._write(step, summary=Summary(value=values))

    def graph(self, model: Any) -> None:
        """The model's layers and what goes from one to the next."""
        from tensorboard.compat.proto.attr_value_pb2 import AttrValue
        from tensorboard.compat.proto.graph_pb2 import GraphDef
        from tensorboard.compat.proto.node_def_pb2 import NodeDef

        nodes = []
        for name, kind, inputs, shape in _nodes(model):
            node = NodeDef(name=name, op=kind, input=inputs)
            node.attr["output_shape"].CopyFrom(AttrValue(s=shape.encode()))
            nodes.append(node)
        self._write(0, graph_def=GraphDef(node=nodes).SerializeToString())

    def flush(self) -> None:
        """Write to disk what waits."""
        if self._file is not None:
            with self._telling():
                self._file.flush()

    def close(self) -> None:
        """Write what waits and close the file; another summary starts a new one."""
        if self._file is not None:
            with self._telling():
                self._file.close()
            self._file = None


def _nodes(model: Any) -> list[tuple[str, str, list[str], str]]:
    """`(name, class, names of the inputs, shape of the output)` of a model's layers."""
    if not hasattr(model, "_graph"):
        if hasattr(model, "layers") and hasattr(model, "pop"):  # one after the other
            names = [layer.name for layer in model.layers]
            return [
                (layer.name, type(layer).__name__, before,
                 str(getattr(getattr(layer, "output", None), "shape", "")))
                for layer, before in zip(model.layers, [[], *([name] for name in names)])
            ]
        return [
            (layer.name, type(layer).__name__, [], "")
            for layer in model._flatten_layers(include_self=False)
        ]
    found: dict[str, tuple[str, str, list[str], str]] = {}
    for node in model._graph.nodes:
        operation = node.operation
        inputs = [
            f"{tensor._keras_history.operation.name}" for tensor in node.inputs
        ]
        shapes = ", ".join(str(tuple(x.shape)) for x in node.outputs)
        known = found.get(operation.name)
        if known is not None:  # a shared layer: one node, all its inputs
            inputs = [*known[2], *inputs]
        found[operation.name] = (operation.name, type(operation).__name__, inputs, shapes)
    return list(found.values())
