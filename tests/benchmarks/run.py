"""Side-by-side times of whole training epochs and of one-sample calls, as ratios.

    python tests/benchmarks/run.py [workload ...] [--peers a,b] [--rounds 7] [--json file]
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

from workloads import SIZES  # noqa: E402


def worker(peer, workload):
    """Answer `epoch` and `latency` lines on standard input with JSON lines."""
    from peers import PEERS

    channel, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    try:
        epoch, latency = PEERS[peer](workload)
        for _ in range(3):
            epoch()
        latency()
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), file=channel, flush=True)
        return
    print(json.dumps({"ready": True}), file=channel, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        if line.strip() == "epoch":
            loss = epoch()
            answer = {"seconds": time.perf_counter() - start, "loss": float(loss)}
        else:
            for _ in range(20):
                latency()
            answer = {"seconds": (time.perf_counter() - start) / 20}
        print(json.dumps(answer), file=channel, flush=True)


class Peer:
    def __init__(self, name, workload):
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", name, workload],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        first = self.process.stdout.readline()
        answer = json.loads(first) if first else {"missing": self.process.stderr.read()[-300:]}
        self.missing = answer.get("missing")
        self.seconds = {"epoch": [], "latency": []}
        self.losses = []

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.seconds[what].append(answer["seconds"])
        if "loss" in answer:
            self.losses.append(answer["loss"])

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


def ratios(peer, base, what):
    found = [a / b for a, b in zip(peer.seconds[what], base.seconds[what])]
    return {"median": statistics.median(found), "min": min(found), "max": max(found)}


def run(workload, names, rounds):
    peers = [Peer(name, workload) for name in names]
    present = [peer for peer in peers if peer.missing is None]
    for _ in range(rounds):
        for what in ("epoch", "latency"):
            for peer in present:
                peer.ask(what)
    base = next((peer for peer in present if peer.name == "raw_jax"), present[0])
    steps = SIZES[workload][3]
    rows = []
    for peer in peers:
        if peer.missing is not None:
            rows.append({"peer": peer.name, "missing": peer.missing})
            continue
        rows.append({
            "peer": peer.name,
            "ms_per_step": statistics.median(peer.seconds["epoch"]) / steps * 1e3,
            "step": ratios(peer, base, "epoch"),
            "ms_per_call": statistics.median(peer.seconds["latency"]) * 1e3,
            "call": ratios(peer, base, "latency"),
            "loss": peer.losses[-1],
        })
        peer.close()
    return rows


def table(workload, rows):
    print(f"\n### {workload}\n")
    print("| peer | ms/step | step, ratio to raw JAX (min–max) | ms/call, one sample "
          "| call, ratio (min–max) | loss |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        if "missing" in row:
            print(f"| {row['peer']} | missing | | | | |")
            continue
        step, call = row["step"], row["call"]
        print(f"| {row['peer']} | {row['ms_per_step']:.3f} "
              f"| {step['median']:.2f} ({step['min']:.2f}–{step['max']:.2f}) "
              f"| {row['ms_per_call']:.3f} "
              f"| {call['median']:.2f} ({call['min']:.2f}–{call['max']:.2f}) "
              f"| {row['loss']:.4f} |")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("workloads", nargs="*", default=list(SIZES))
    options.add_argument("--peers", default="raw_jax,highlevel_jax,keras_jax,highlevel_numpy,torch_eager")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--json")
    options = options.parse_args()
    results = {}
    for workload in options.workloads:
        results[workload] = run(workload, options.peers.split(","), options.rounds)
        table(workload, results[workload])
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:4])
    else:
        main()
