"""Any workload against any peers in one run, side by side, as ratios.

    python tests/benchmarks/run.py [workload ...] [--peers jax,highlevel_numpy] [--rounds 7]
        [--measure epoch,call] [--fresh] [--json file] [--markdown file]

See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

from contest import Result, contest, fresh_contest  # noqa: E402
from peers import names  # noqa: E402
from report import markdown  # noqa: E402
from workloads import WORKLOADS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=[], help=", ".join(WORKLOADS))
    parser.add_argument("--peers", default="jax,highlevel_numpy", help="names or groups")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--measure", default="epoch,call", help="activities of the peers")
    parser.add_argument(
        "--fresh", action="store_true", help="a new process per round, nothing warmed up"
    )
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--markdown", type=pathlib.Path)
    options = parser.parse_args()
    try:
        peers = names(options.peers)
    except ValueError as error:
        parser.error(str(error))
    for name in options.workloads:
        if name not in WORKLOADS:
            parser.error(f"unknown workload {name!r}; there are {', '.join(WORKLOADS)}")
    run = fresh_contest if options.fresh else contest
    results: list[Result] = []
    for workload in options.workloads or WORKLOADS:
        found = run(workload, peers, options.measure.split(","), options.rounds)
        print(markdown([found], summary=False), flush=True)
        results.append(found)
        # Written after every workload: a run that is cut off has told what it found.
        if options.json:
            options.json.write_text(json.dumps([each.as_dict() for each in results], indent=1))
        if options.markdown:
            options.markdown.write_text(markdown(results))
    if len(results) > 1:
        print(markdown(results, only_summary=True))


if __name__ == "__main__":
    main()
