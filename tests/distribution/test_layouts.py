"""Meshes, layouts and what is refused; one device is enough for these."""

import numpy as np
import pytest

import highlevel as hl
from highlevel import distribution as d
from highlevel import layers


@pytest.fixture
def mesh():
    return d.DeviceMesh((2, 4), ["batch", "model"], [f"cpu:{i}" for i in range(8)])


def test_mesh(mesh):
    assert mesh.devices.shape == mesh.shape == (2, 4) and mesh.axis_names == ["batch", "model"]
    assert mesh.length("model") == 4 and mesh.length(("batch", "model")) == 8
    for arguments, words in [
        (((2, 4), ["a"]), "one axis name per axis"),
        (((2, 3), ["a", "b"], ["cpu:0"]), "has room for 6 devices, but there are 1"),
        ((None, None), "needs a `shape` and a name"),
    ]:
        with pytest.raises(ValueError, match=words):
            d.DeviceMesh(*arguments)


def test_layout_map(mesh):
    layouts = d.LayoutMap(mesh)
    layouts["dense.*kernel"] = d.TensorLayout([None, "model"])
    layouts[".*bias"] = ("model",)
    assert layouts["dense_1/kernel"].axes == (None, "model")
    assert layouts["dense_1/kernel"].device_mesh is mesh
    assert layouts["norm/gamma"] is None and len(layouts) == 2
    assert "dense_1/kernel" not in layouts and ".*bias" in layouts
    with pytest.raises(ValueError, match=r"has .* already"):
        layouts[".*bias"] = ("model",)
    with pytest.raises(ValueError, match="must be a TensorLayout or a tuple"):
        layouts["k"] = 3
    with pytest.raises(ValueError, match=r"names the axes \['x'\]"):
        layouts["k"] = ("x",)
    layouts["d.*"] = (None, "model")
    with pytest.raises(ValueError, match="matches several keys"):
        layouts["dense/kernel"]
    assert "dense.*kernel: (None, 'model')" in repr(layouts)


def test_layouts_of_data_and_variables(mesh):
    layouts = d.LayoutMap(mesh)
    layouts["kernel"] = (None, "model")
    parallel = d.ModelParallel(layout_map=layouts, batch_dim_name="batch")
    dense = layers.Dense(8)
    dense.build((None, 3))
    assert parallel.get_variable_layout(dense.kernel).axes == (None, "model")
    assert parallel.get_variable_layout(dense.bias).axes == (None,)
    assert parallel.get_data_layout((8, 3)).axes == ("batch", None)
    assert parallel.num_model_replicas == 2 and parallel.get_tensor_layout("x") is None
    small = layers.Dense(6)
    small.build((None, 3))
    with pytest.raises(ValueError, match=r"has 6 entries, which cannot be divided into 4 equal"):
        parallel.fitting(small.kernel)
    with pytest.raises(ValueError, match="has no axis 'rows'"):
        d.ModelParallel(layout_map=layouts, batch_dim_name="rows")
    with pytest.raises(ValueError, match="needs `layout_map`"):
        d.ModelParallel(layout_map=3)


def test_one_in_force():
    parallel = d.DataParallel(devices=["cpu:0"])
    assert d.distribution() is None
    with parallel.scope():
        assert d.distribution() is parallel
    d.set_distribution(parallel)
    try:
        assert d.distribution() is parallel
    finally:
        d.set_distribution(None)
    with pytest.raises(TypeError, match="takes a DataParallel, a ModelParallel or None"):
        d.set_distribution("data")


def test_presets(mesh):
    model = hl.Sequential([hl.Input((16,)), layers.Dense(32), layers.Dense(6), layers.Dense(8)])
    sharded = d.fully_sharded(model, mesh, axis="model")
    assert sharded[model.layers[0].kernel.path].axes == (None, "model")
    assert sharded[model.layers[1].bias.path].axes == (None,)
    pairs = d.tensor_parallel(model, mesh)
    first, second = model.layers[:2]
    assert pairs[first.kernel.path].axes == (None, "model")
    assert pairs[first.bias.path].axes == ("model",)
    assert pairs[second.kernel.path].axes == ("model", None) and pairs[second.bias.path] is None
    both = d.fully_sharded(model, mesh, axis="batch", layout_map=pairs)
    assert both[first.kernel.path].axes == ("batch", "model")
    assert all(v.is_pending for v in model.weights)


def test_a_backend_with_one_device_says_so():
    with hl.use_backend("numpy"), d.DataParallel().scope():
        model = hl.Sequential([hl.Input((2,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        with pytest.raises(NotImplementedError, match="The backend 'numpy' has one device"):
            model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)


@pytest.mark.parametrize(
    "arguments, words",
    [((None, 2, 0), "needs `job_addresses`"), (("a:1",), "needs `num_processes`"),
     (("a:1", 2, 2), "must be from 0 to 1")],
)  # fmt: skip
def test_joining_needs_all_three(arguments, words):
    with pytest.raises(ValueError, match=words):
        d.initialize(*arguments)


def test_without_arguments_the_launcher_is_asked(monkeypatch):
    def connect(self, *given):
        assert given == (None, None, None, 100, 300)
        raise ValueError("coordinator_address should be defined.")

    with hl.use_backend("jax") as backend:
        monkeypatch.setattr(type(backend), "connect", connect)
        with pytest.raises(ValueError, match=r"needs `job_addresses`.* There is no launcher to ask"):
            d.initialize()
