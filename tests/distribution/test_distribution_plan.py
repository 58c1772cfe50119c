"""Plans for devices that are not there, exchanges read from programs, and pairs of layers."""

import pytest
from highlevel_jax.collectives import collectives

import highlevel as hl
from highlevel import distribution as d
from highlevel import layers as L


def gated(width=16, inner=32):
    x = inputs = hl.Input((6, width))
    y = L.RMSNormalization()(x)
    y = L.GroupedQueryAttention(8, 4, 2, use_bias=False, name="attention")(y, y)
    x = L.Add(name="sum")([x, y])
    gate = L.Dense(inner, "silu", use_bias=False, name="gate")(x)
    y = L.Multiply()([gate, L.Dense(inner, use_bias=False, name="up")(x)])
    y = L.Dense(width, use_bias=False, name="down")(y)
    return hl.Model(inputs, L.Add(name="end")([x, y]), name="block")


@pytest.fixture(scope="module")
def planned():
    with hl.use_backend("jax"):
        x = inputs = hl.Input((6, 16))
        x = L.Repeat(gated(), 3, name="blocks")(x)
        model = hl.Model(inputs, L.Dense(8, name="head")(x), name="deep")
        model.compile("adam", "mse")

        def layout(model, mesh):
            found = d.tensor_parallel(model, mesh, axis="model")
            return d.fully_sharded(model, mesh, axis="data", layout_map=found)

        return model, d.plan(model, {"data": 2, "model": 4}, layout, batch=8)


def test_a_plan_for_devices_that_are_not_there(planned):
    model, plan = planned
    assert all(v.is_pending for v in [*model.weights, *model.optimizer.variables])
    rows = {row.path.rpartition("/")[2]: row for row in plan.rows}
    up = next(row for name, row in rows.items() if "up" in name)
    assert up.shape == (3, 16, 32) and sorted(filter(None, up.axes)) == ["data", "model"]
    assert up.weights == up.gradients == 3 * 16 * 32 * 4 // 8 and up.optimizer == 2 * up.weights
    key = next(row for name, row in rows.items() if "key" in name)  # two heads: not over four
    assert key.axes.count("data") == 1 and "model" not in key.axes
    assert plan.weights == sum(row.weights for row in plan.rows) == plan.gradients
    assert plan.optimizer == 2 * plan.weights + 8  # the step's number and the learning rate
    assert plan.batch == 2 * 4 * 6 * 16 * 4 - 4 * 6 * 8 * 4
    assert plan.total > plan.weights + plan.optimizer + plan.batch
    assert plan.fits(plan.total) and not plan.fits(plan.total - 1)


def test_exchanges_in_loops_count_as_often_as_they_run(planned):
    _, plan = planned
    forward = [
        each for each in plan.collectives if each.kind == "all-reduce" and "model" in each.axes
        and "transpose" not in each.where and each.bytes == 4 * 6 * 16 * 4]
    assert sum(each.times for each in forward) == 2 * 3  # two per block
    assert sum(each.bytes * each.times for each in forward) == 6 * 4 * 6 * 16 * 4
    assert plan.count("all-reduce", "model") >= 6 and plan.count() > plan.count("all-reduce")


def test_a_loop_gathers_each_blocks_weights_when_it_is_their_turn(planned):
    _, plan = planned
    assert plan.count("collective-permute") == plan.count("all-to-all") == 0
    turns = [each for each in plan.collectives
             if each.kind == "all-gather" and each.axes == ("data",) and each.times == 3]
    forward = [each for each in turns if "transpose" not in each.where]
    assert len(forward) == 8  # attention 4, gate, up, down, and the one scale that is used before
    assert len(turns) - len(forward) == 7  # and again for the gradient, but what it does not need
    assert {each.arrays[0].shape[0] for each in turns} == {1}  # one block's


def test_a_plan_prints_and_draws(planned):
    _, plan = planned
    text = str(plan)
    assert "Plan of 'deep' on data 2 × model 4: bytes per device" in text
    assert "Exchanges of a step" in text and "simulated" not in text
    assert plan._repr_html_().count("<table>") == 3


def test_pairs_are_found_in_the_graph():
    mesh = d.DeviceMesh.planned((2, 4), ["batch", "model"])
    layouts = d.tensor_parallel(gated(), mesh)
    axes = {path: layout.axes for path, layout in layouts.items()}
    assert axes["gate/kernel"] == axes["up/kernel"] == (None, "model")
    assert axes["down/kernel"] == ("model", None) and axes["down/output"] == (..., None)
    assert axes["attention/output"] == (..., None)
    assert axes["attention/key/output"] == (..., None, None)
    x = inputs = hl.Input((16,))
    x = L.LayerNormalization()(L.Dense(8, name="alone")(x))
    x = L.BatchNormalization(name="norm")(L.Dense(8, name="wide")(x))
    model = hl.Model(inputs, L.Dense(4, name="narrow")(L.Dropout(0.1)(x)))
    axes = {path: layout.axes for path, layout in d.tensor_parallel(model, mesh).items()}
    assert axes["alone/kernel"] == (None, "model") and axes["alone/output"] == (..., None)
    assert axes["wide/kernel"] == (None, "model") and "wide/output" not in axes
    assert axes["norm/gamma"] == axes["norm/moving_mean"] == ("model",)
    assert axes["narrow/kernel"] == ("model", None)


PROGRAM = """HloModule jit_step

%add (a: f32[], b: f32[]) -> f32[] {
  ROOT %sum = f32[] add(%a, %b)
}

%body (s: (s32[], f32[4])) -> (s32[], f32[4]) {
  %r = f32[4]{0} all-reduce(%x), replica_groups=[2,4]<=[8], to_apply=%add, metadata={op_name="in/loop"}
}

%test (s: (s32[], f32[4])) -> pred[] {
  ROOT %less = pred[] compare(%i, %n), direction=LT
}

ENTRY %main (p: f32[8,4]) -> f32[4] {
  %g = bf16[8,4]{1,0} all-gather(%p), replica_groups={{0,4},{1,5},{2,6},{3,7}}, dimensions={0}
  %s = f32[2]{0} reduce-scatter(%p), replica_groups=mesh['axis_0'=2,'axis_1'=4] {'axis_0','axis_1'}, to_apply=%add
  %a = ((f32[1,4]{1,0}), (f32[4,4]{1,0})) all-gather-start(%p), replica_groups=[2,4]<=[8], dimensions={0}
  %c = f32[4]{0} collective-permute(%p), source_target_pairs={{0,1},{1,2},{2,3},{3,0}}
  %w = (s32[], f32[4]) while(%t), condition=%test, body=%body, backend_config={"known_trip_count":{"n":"10"}}
  %v = (s32[], f32[4]) while(%t), condition=%test, body=%other
}

%other (s: (s32[], f32[4])) -> (s32[], f32[4]) {
  %r.1 = f32[4]{0} all-to-all(%x), replica_groups=[4,2]<=[2,4]T(1,0)
}
"""


def test_exchanges_are_read_from_a_program():
    found = {each.kind: each for each in collectives(PROGRAM, (2, 4), ("data", "model"))
             if each.arrays[0].shape != (4, 4)}
    summed, gathered, scattered = (found[k] for k in ("all-reduce", "all-gather", "reduce-scatter"))
    assert (summed.bytes, summed.axes, summed.group, summed.times) == (16, ("model",), 4, 10)
    assert summed.where == "in/loop" and summed.sent == 2 * 16 * 3 / 4
    assert (gathered.bytes, gathered.axes, gathered.group) == (64, ("data",), 2)
    assert (scattered.bytes, scattered.axes) == (2 * 4 * 8, ("data", "model"))
    assert found["collective-permute"].axes == ("model",) and found["collective-permute"].sent == 16
    assert found["all-to-all"].axes == ("data",) and found["all-to-all"].times is None
    started, = (each for each in collectives(PROGRAM, (2, 4), ("data", "model"))
                if each.arrays[0].shape == (4, 4))
    assert started.kind == "all-gather" and started.bytes == 64


def test_what_cannot_be_planned():
    model = hl.Sequential([hl.Input((4,)), L.Dense(8)])
    mesh = d.DeviceMesh.planned((2,), ["batch"])
    with hl.use_backend("numpy"), pytest.raises(NotImplementedError, match="has one device"):
        d.plan(model, mesh)
    with hl.use_backend("jax"):
        with pytest.raises(RuntimeError, match="compile"):
            d.plan(model, mesh)
        model.compile("sgd", "mse")
        for arguments, words in [((None,), "takes as `mesh`"), ((mesh, 3), "takes as `layout`")]:
            with pytest.raises(TypeError, match=words):
                d.plan(model, *arguments)
        with d.ModelParallel(d.fully_sharded(model, mesh)).scope(), \
                pytest.raises(ValueError, match="only planned"):
            model.get_weights()
        layouts = d.LayoutMap(mesh)
        layouts["kernel"] = (..., None)
        with pytest.raises(ValueError, match=r"leaves axes to the compiler"):
            d.plan(model, mesh, layouts)
