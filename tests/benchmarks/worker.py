"""The process of one peer and one workload: does what it is asked on standard input.

    python tests/benchmarks/worker.py PEER WORKLOAD [--fresh]

Questions are JSON lines `{"do": activity, "times": n}`; so are the answers.
"""

from __future__ import annotations

import json
import pathlib
import resource
import sys
import time
import traceback
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from peers import Activities, activities

# Epochs before the first round, so that what adapts at run time has adapted.
WARM_EPOCHS = 4
# What repeated short calls of a round take together, in seconds.
ROUND_SECONDS = 0.1


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _warm(found: Activities) -> dict[str, Any]:
    """Everything once or more; what the parent has to know."""
    losses = [float(found["epoch"]()) for _ in range(WARM_EPOCHS)]
    times = {}
    for name, function in found.items():
        if name in ("epoch", "parameters"):
            continue
        function()
        start = time.perf_counter()
        function()
        once = time.perf_counter() - start
        times[name] = max(1, min(200, round(ROUND_SECONDS / max(once, 1e-6))))
        for _ in range(min(10, times[name])):
            function()
    return {"losses": losses, "times": times, "parameters": int(found["parameters"]())}


def _serve(found: Activities, channel: Any) -> None:
    for line in sys.stdin:
        question = json.loads(line)
        function, times = found[question["do"]], question["times"]
        busy, start = time.process_time(), time.perf_counter()
        for _ in range(times):
            result = function()
        answer = {
            "seconds": (time.perf_counter() - start) / times,
            "busy": (time.process_time() - busy) / times,
            "peak_megabytes": _peak_megabytes(),
        }
        if question["do"] == "epoch":
            answer["loss"] = float(result)
        print(json.dumps(answer), file=channel, flush=True)


def main(peer: str, workload: str, *flags: str) -> None:
    channel, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    start = time.perf_counter()
    try:
        found = activities(peer, workload)
        ready: dict[str, Any] = {"ready": True, "activities": list(found),
                                 "start_megabytes": _peak_megabytes()}
        if "--fresh" not in flags:
            ready |= _warm(found)
    except (ImportError, NotImplementedError) as error:
        print(json.dumps({"missing": f"{type(error).__name__}: {error}"}), file=channel)
        return
    except Exception as error:  # a peer that breaks is a row of the table, not the end of the run
        traceback.print_exc()
        print(json.dumps({"missing": f"failed, {type(error).__name__}: {error}"[:300]}),
              file=channel)
        return
    ready["start_seconds"] = time.perf_counter() - start
    print(json.dumps(ready), file=channel, flush=True)
    _serve(found, channel)


if __name__ == "__main__":
    main(*sys.argv[1:])
