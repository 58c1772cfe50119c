"""Training over 8 simulated devices equals training on one."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

WORKER = Path(__file__).with_name("worker.py")
PAGE = Path(__file__).parents[2] / "docs" / "distribution.md"
#: what the tests' own process has, and the devices; `tests/conftest.py` knows this XLA's flags
FLAGS = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
STRATEGIES = ["single", "data", "zero", "sharded", "tensor", "mixed"]


def of(kind):
    return pytest.param(kind, marks=pytest.mark.xdist_group(f"distributed {kind}"))


def results(kind, strategies):
    environment = os.environ | {"XLA_FLAGS": FLAGS, "HIGHLEVEL_BACKEND": "jax"}
    run = subprocess.run(
        [sys.executable, WORKER, kind, ",".join(strategies)],
        capture_output=True, text=True, env=environment, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout.splitlines()[-1])
    return {name.split(" ")[1]: result for name, result in found.items()}


@pytest.fixture(scope="module", params=map(of, ["mlp", "cnn", "transformer"]))
def trained(request):
    return request.param, results(request.param, STRATEGIES)


def numbers(weights):
    return [np.array(value) for value in weights.values()]


@pytest.mark.parametrize("name", STRATEGIES[1:])
def test_it_trains_as_one_device_does(trained, name):
    _, found = trained
    one, many = found["single"], found[name]
    for key, values in one["history"].items():
        np.testing.assert_allclose(many["history"][key], values, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(many["predictions"], one["predictions"], rtol=1e-3, atol=1e-4)
    for ours, wanted in zip(numbers(many["weights"]), numbers(one["weights"])):
        np.testing.assert_allclose(ours, wanted, rtol=1e-3, atol=2e-5)


def sizes(found, part):
    return {path: held for path, held in found["bytes"].items() if part in path}


def test_every_device_holds_what_the_layout_says(trained):
    kind, found = trained
    whole = {path: held[0] for path, held in found["single"]["bytes"].items()}
    for held in found["data"]["bytes"].values():
        assert len(held) == 8 and len(set(held)) == 1
    total = {name: sum(held[0] for held in result["bytes"].values()) for name, result in found.items()}
    assert total["data"] == sum(whole.values())
    assert total["sharded"] < total["zero"] < total["data"]
    # Four heads do not divide by eight: what is left whole decides between these two.
    assert max(total["tensor"], total["mixed"]) < total["data"]
    if kind == "mlp":
        assert total["tensor"] < total["mixed"] < total["data"] / 2


def told(kind):
    """Layout → exchange → how many, as the table of the page says."""
    names = {"data parallel": "data", "data parallel, optimizer divided": "zero",
             "fully sharded": "sharded", "tensor parallel": "tensor", "2 × 4 mixed": "mixed"}  # fmt: skip
    rows = re.findall(rf"^\| {kind} \| ([^|]+) \| ([^|]+) \|", PAGE.read_text(), re.M | re.I)
    return {
        names[layout]: {
            exchange.strip(): int(many)
            for many, exchange in re.findall(r"(\d+) ([\w-]+ over \w+)", text)
        } for layout, text in rows
    }


def test_the_compiled_step_exchanges_what_the_page_says(trained):
    kind, found = trained
    table = told({"mlp": "MLP", "cnn": "CNN", "transformer": "Transformer"}[kind])
    assert set(table) == set(STRATEGIES[1:])
    assert {name: found[name]["plan"]["exchanges"] for name in table} == table


def test_gradients_are_summed_once(trained):
    kind, found = trained
    # Those of the normalization are among its own sums.
    apart = 64 if kind == "cnn" else 0
    for name in ("data", "zero"):
        plan = found[name]["plan"]
        # The loss and the accuracy, a number each, go with them.
        assert plan["reduced"] == plan["gradients"] - apart + (0 if apart else 8)


@pytest.mark.parametrize("name", STRATEGIES[1:])
def test_a_plan_tells_what_devices_hold(trained, name):
    _, found = trained
    plan, held = found[name]["plan"], found[name]["bytes"]
    trained_bytes = sum(sizes[0] for sizes in held.values())
    assert plan["gradients"] + plan["optimizer"] == trained_bytes
    assert plan["total"] > plan["weights"] + plan["optimizer"] + plan["batch"]


@pytest.mark.parametrize("name", STRATEGIES[1:])
def test_the_step_can_be_lowered_for_nvidia_gpus(trained, name):
    _, found = trained
    assert found[name]["plan"]["cuda"] == [["cuda"], 8, True]


@pytest.mark.xdist_group("distributed mlp")
def test_blocks_in_a_loop_train_as_on_one_device():
    found = results("deep", ["single", "sharded", "mixed"])
    for name in ("sharded", "mixed"):
        np.testing.assert_allclose(
            found[name]["history"]["loss"], found["single"]["history"]["loss"], rtol=1e-5)
        for ours, wanted in zip(numbers(found[name]["weights"]), numbers(found["single"]["weights"])):
            np.testing.assert_allclose(ours, wanted, rtol=1e-3, atol=2e-5)
