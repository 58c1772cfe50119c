"""Real processes that train together end as one process does."""

from pathlib import Path

import numpy as np
import pytest
from launching import results, start

PROCESS = Path(__file__).with_name("process.py")


@pytest.fixture(scope="module")
def alone():
    return results(start(PROCESS, 1))[0]


@pytest.fixture(scope="module")
def two():
    return results(start(PROCESS, 2, devices=2))


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


def test_four_processes_equal_one(alone):
    found = results(start(PROCESS, 4))
    assert all(one == found[0] for one in found)
    for task in ("arrays", "streams"):
        as_one_process(found[0][task], alone[task])
    np.testing.assert_allclose(
        found[0]["arrays"]["predictions"], alone["arrays"]["predictions"], rtol=1e-5, atol=1e-6)


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
    assert two[0]["refused"]["failing"] == (
        "RuntimeError: The generator failed in process 1, so that all end: KeyError: 'no such file'")
    assert two[1]["refused"]["failing"] == "KeyError: 'no such file'"
