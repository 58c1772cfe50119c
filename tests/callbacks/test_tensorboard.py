"""Event files of the TensorBoard callback, read by TensorBoard's own reader."""

import os
import subprocess
import sys

import numpy as np
import pytest

import highlevel as hl
from highlevel import callbacks, layers

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

RNG = np.random.default_rng(0)
X = RNG.integers(0, 9, (32, 4)).astype("int32")
Y = X.sum(axis=1, keepdims=True).astype("float32")


def train(directory, **options):
    model = hl.Sequential([
        hl.Input((4,), dtype="int32"), layers.Embedding(9, 3, name="words"),
        layers.Flatten(name="flat"), layers.Dense(4, name="hidden"), layers.Dense(1, name="out")])
    model.compile(hl.optimizers.Adam(0.01), "mse", metrics=["mae"])
    board = callbacks.TensorBoard(directory, **options)
    history = model.fit(X, Y, batch_size=8, epochs=2, validation_split=0.25, verbose=0,
                        callbacks=[board])
    return model, history, board


def read(*parts):
    found = EventAccumulator(
        os.path.join(*map(str, parts)),
        size_guidance={"scalars": 0, "tensors": 0, "histograms": 0, "images": 0})
    found.Reload()
    return found


def scalars(found, tag):
    return [
        (event.step, float(np.frombuffer(event.tensor_proto.tensor_content, "float32")[0])
         if event.tensor_proto.tensor_content else event.tensor_proto.float_val[0])
        for event in found.Tensors(tag)
    ]


def test_metrics_of_epochs(backend, tmp_path):
    _, history, _ = train(tmp_path)
    found = read(tmp_path, "train")
    for name in ("loss", "mae"):
        assert [s for s, _ in scalars(found, f"epoch_{name}")] == [0, 1]
        np.testing.assert_allclose(
            [v for _, v in scalars(found, f"epoch_{name}")], history.history[name], rtol=1e-6)
        np.testing.assert_allclose(
            [v for _, v in scalars(read(tmp_path, "validation"), f"epoch_{name}")],
            history.history[f"val_{name}"], rtol=1e-6)
    assert scalars(found, "epoch_learning_rate")[0][1] == pytest.approx(0.01)
    steps = [s for s, _ in scalars(read(tmp_path, "validation"), "evaluation_loss_vs_iterations")]
    assert steps == [3, 6]


def test_metrics_of_batches(tmp_path):
    with hl.use_backend("numpy"):
        train(tmp_path, update_freq=2, write_steps_per_second=True)
    found = read(tmp_path, "train")
    assert [s for s, _ in scalars(found, "batch_loss")] == [1, 3, 5]
    assert all(v > 0 for _, v in scalars(found, "epoch_steps_per_second"))


def test_histograms_pictures_and_graph(tmp_path):
    with hl.use_backend("numpy"):
        model, _, board = train(tmp_path, histogram_freq=1, write_images=True)
    found = read(tmp_path, "train")
    tags = found.Tags()
    kernel = model.get_layer("hidden").kernel
    assert f"{kernel.path}/histogram" in tags["tensors"]
    buckets = found.Tensors(f"{kernel.path}/histogram")[-1].tensor_proto
    counts = np.frombuffer(buckets.tensor_content, "float64").reshape(-1, 3)
    assert counts[:, 2].sum() == kernel.size
    assert counts[0, 0] == pytest.approx(float(kernel.numpy().min()), abs=1e-5)
    assert f"{kernel.path}/image" in tags["images"]
    graph = found.Graph()
    nodes = {node.name: list(node.input) for node in graph.node}
    assert nodes["out"] == ["hidden"] and nodes["hidden"] == ["flat"]
    board.summary.scalar("of my own", 3.0, step=7)
    board.summary.close()
    assert scalars(read(tmp_path, "train"), "of my own") == [(7, 3.0)]


def test_embeddings_for_the_projector(tmp_path):
    labels = tmp_path / "labels.tsv"
    labels.write_text("\n".join("abcdefghi"))
    with hl.use_backend("numpy"):
        model, _, _ = train(tmp_path, embeddings_freq=1, embeddings_metadata={"words": labels})
    table = np.loadtxt(tmp_path / "train" / "words.tsv", delimiter="\t")
    np.testing.assert_allclose(table, model.get_layer("words").embeddings.numpy(), atol=1e-5)
    told = (tmp_path / "train" / "projector_config.pbtxt").read_text()
    assert "words.tsv" in told and str(labels) in told
    with (
        hl.use_backend("numpy"),
        pytest.raises(ValueError, match=r"names \['word'\].*it has \['words'\]"),
    ):
        train(tmp_path, embeddings_freq=1, embeddings_metadata={"word": labels})


def test_a_profile_of_some_batches(tmp_path):
    with hl.use_backend("jax"):
        train(tmp_path, profile_batch=(2, 3))
    files = [name for _, _, names in os.walk(tmp_path / "train" / "plugins") for name in names]
    assert any(name.endswith(".xplane.pb") for name in files)


def test_epoch_metrics_cost_no_dispatch(tmp_path):
    assert callbacks.TensorBoard(tmp_path).needs_batch_logs is False
    assert callbacks.TensorBoard(tmp_path, update_freq="batch").needs_batch_logs is True


def test_tensorboard_itself_shows_them(tmp_path):
    """The package's own inspection of a directory, in another process."""
    with hl.use_backend("numpy"):
        train(tmp_path, histogram_freq=1)
    told = subprocess.run(
        [sys.executable, "-m", "tensorboard.main", "--inspect", "--logdir", str(tmp_path)],
        capture_output=True, text=True, timeout=120, check=True).stdout
    assert "epoch_loss" in told and "graph" in told


def test_mistakes(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="`update_freq` of TensorBoard"):
        callbacks.TensorBoard(tmp_path, update_freq="often")
    with pytest.raises(ValueError, match="`histogram_freq`"):
        callbacks.TensorBoard(tmp_path, histogram_freq=-1)
    with pytest.raises(ValueError, match="`profile_batch`"):
        callbacks.TensorBoard(tmp_path, profile_batch=(3, 1))
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with pytest.raises(ImportError, match=r"highlevel\[tensorboard\]"):
        callbacks.TensorBoard(tmp_path)


def test_the_graph_of_a_functional_model(tmp_path):
    from highlevel.training.callbacks.event_writer import EventWriter

    inputs = hl.Input((4,), name="in")
    shared = layers.Dense(4, name="shared")
    left, right = shared(inputs), layers.Dense(4, name="right")(inputs)
    model = hl.Model(inputs, layers.Add(name="sum")([shared(left), right]))
    writer = EventWriter(str(tmp_path))
    writer.graph(model)
    writer.close()
    nodes = {node.name: sorted(node.input) for node in read(tmp_path).Graph().node}
    assert nodes["sum"] == ["right", "shared"]
    assert nodes["shared"] == ["in", "shared"]
