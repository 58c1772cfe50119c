"""Real processes that train together end as one process does."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from launching import results, slurm, start

PROCESS = Path(__file__).with_name("process.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def alone(folder):
    return results(start(PROCESS, 1, folder))[0]


@pytest.fixture(scope="module")
def two(alone, folder):
    """Two processes of two devices; they go on with what the one before them has begun."""
    return results(start(PROCESS, 2, folder, devices=2))


@pytest.fixture(scope="module")
def eight(two, folder):
    """One process of eight devices."""
    shutil.copytree(folder / "two", folder / "two on one")
    return results(start(PROCESS, 1, folder, devices=8))[0]


@pytest.fixture(scope="module")
def four(eight, folder):
    """Four processes that Slurm tells who they are."""
    return results(start(PROCESS, 4, folder, launcher=slurm))


def as_one_process(found, wanted):
    for key, values in wanted["history"].items():
        np.testing.assert_allclose(found["history"][key], values, rtol=1e-5, atol=1e-6)
    assert found["steps"] == wanted["steps"]
    for ours, theirs in zip(found["weights"], wanted["weights"]):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("task", ["arrays", "streams", "once", "odd", "across"])
def test_two_processes_equal_one(alone, two, task):
    first, second = two
    assert first[task] == second[task]
    as_one_process(first[task], alone[task])


def test_four_processes_equal_one(alone, four):
    assert all(one == four[0] for one in four)
    for task in ("arrays", "streams"):
        as_one_process(four[0][task], alone[task])
    np.testing.assert_allclose(
        four[0]["arrays"]["predictions"], alone["arrays"]["predictions"], rtol=1e-5, atol=1e-6)


def test_random_numbers_without_a_seed_are_the_same_everywhere(two):
    assert two[0]["drawn"] == two[1]["drawn"]


def test_why_an_epoch_ended_is_said_in_every_process(two):
    for one in two:
        assert "ended after 4 batches in process 0, and had more in others" in one["streams"]["said"][0]
        (said,) = one["odd"]["said"]
        assert "The batches 3 of the generator differ in rows (1 of process 0, 2 of process 1)" in said


def test_what_one_process_cannot_do_ends_all(two):
    for one in two:
        assert "must be the whole data in every process" in one["refused"]["other arrays"]
        assert "8 of process 0, 16 of process 1" in one["refused"]["other rows"]
        assert "BackupAndRestore keeps whole arrays, but 'net/wide/kernel'" in one["refused"]["backup"]
    assert two[0]["refused"]["failing"] == (
        "RuntimeError: The generator failed in process 1, so that all end: KeyError: 'no such file'")
    assert two[1]["refused"]["failing"] == "KeyError: 'no such file'"


def test_checkpoints_go_on_on_other_devices(alone, two, eight, four):
    """Begun by one process and gone on with by two, by two and gone on with by one and by four.

    In the end the weights, the optimizer's state and the losses are those of one device that was
    never interrupted; dropout and order come from the random state.
    """
    whole = alone["checkpoints"]["whole"]
    for found in (
        two[0]["checkpoints"]["begun alone"], eight["checkpoints"]["begun by two"],
        eight["checkpoints"]["on one device"], four[0]["checkpoints"]["begun by two"],
    ):
        as_one_process(found, whole)
    assert [eight["checkpoints"][f"on {name}"]["steps"] for name in ("2 x 4", "4 x 2")] == [4, 8]


def test_no_process_has_the_whole_of_what_is_divided(two, eight, four):
    """Kernels, biases and their two slots each, as they come out of a checkpoint."""
    for found, name in (
        (two[0], "begun alone"), (two[1], "begun"), (eight, "on 4 x 2"), (four[3], "begun by two")
    ):
        assert found["checkpoints"][name]["divided"] == 12
        assert found["checkpoints"][name]["gathered"] == []
