"""Tables of what `contest` found."""

from __future__ import annotations

import math
import statistics

from contest import PeerResult, Result
from workloads import WORKLOADS

# Loss curves further apart than this factor, in the median epoch, are not the same work.
_SAME_LOSS = 1.3
# PyTorch's LSTM has a second bias.
_SAME_PARAMETERS = 0.02


def ratios(one: PeerResult, other: PeerResult, activity: str, busy: bool = False) -> list[float]:
    """Round by round, the time of one as a multiple of the other's.

    Args:
        one, other: who is compared with whom.
        activity: what they did.
        busy: compare the processors' time, which other work on the machine hardly changes.
    """
    mine, theirs = (one.busy, other.busy) if busy else (one.seconds, other.seconds)
    return [a / b for a, b in zip(mine.get(activity, []), theirs.get(activity, []))]


def geometric_mean(values: list[float]) -> float:
    """Of positive numbers."""
    return math.exp(statistics.fmean(map(math.log, values)))


def _spread(found: list[float]) -> str:
    return f"{statistics.median(found):.2f} ({min(found):.2f}–{max(found):.2f})"


def same_work(one: PeerResult, base: PeerResult) -> str:
    """Empty, or how the work of a peer differs from the base's."""
    if one.parameters and base.parameters and (
        abs(one.parameters / base.parameters - 1) > _SAME_PARAMETERS
    ):
        return f"≠ {one.parameters} parameters, not {base.parameters}"
    if one.losses and base.losses:
        # A loss that is nearly zero says little: what is compared is the way there.
        pairs = [
            (a, b) for a, b in zip(one.losses, base.losses) if b > 0.2 * base.losses[0]
        ]
        apart = [abs(math.log(a / b)) if a > 0 else math.inf for a, b in pairs]
        if statistics.median(apart) > math.log(_SAME_LOSS):
            return "≠ loss curve"
    return ""


def _workload_table(result: Result, activity: str) -> list[str]:
    steps = WORKLOADS[result.workload].steps if activity == "epoch" else 1
    what = "step" if activity == "epoch" else activity
    base, best = result.base, result.best(activity)
    lines = [
        f"\n#### {result.workload}, {WORKLOADS[result.workload].about}: {what}\n",
        f"| peer | ms/{what} | to {base.peer if base else 'none'} (min–max) "
        f"| to the best peer, {best.peer if best else 'none'} (min–max) | least times "
        "| processor time | loss, first and last | peak MB, above start |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for peer in result.peers:
        if not peer.seconds.get(activity) or base is None or best is None:
            lines.append(f"| {peer.peer} | missing | | | | | {peer.missing or 'not offered'} | |")
            continue
        least = min(peer.seconds[activity]) / min(base.seconds[activity])
        work = ratios(peer, base, activity, busy=True)
        busy = f"{statistics.median(work):.2f}" if work else ""
        losses = f"{peer.losses[0]:.4f}, {peer.losses[-1]:.4f}" if peer.losses else ""
        lines.append(
            f"| {peer.peer} | {statistics.median(peer.seconds[activity]) / steps * 1e3:.3f} "
            f"| {_spread(ratios(peer, base, activity))} | {_spread(ratios(peer, best, activity))} "
            f"| {least:.2f} | {busy} | {losses} {same_work(peer, base)} "
            f"| {peer.peak_megabytes:.0f}, {peer.peak_megabytes - peer.start_megabytes:.0f} |"
        )
    return lines


def _summary(results: list[Result], activity: str, busy: bool = False) -> list[str]:
    """Medians of the ratios to the base: peers in columns, workloads in rows."""
    what = f"{activity}, processor time" if busy else activity
    peers = list(dict.fromkeys(peer.peer for result in results for peer in result.peers))
    lines = [
        f"\n#### all workloads: {what}, medians of the ratios to the hand-written peer\n",
        "| workload | " + " | ".join(peers) + " |",
        "|---" * (len(peers) + 1) + "|",
    ]
    found: dict[str, list[float]] = {peer: [] for peer in peers}
    for result in results:
        cells = []
        for name in peers:
            peer = next((p for p in result.peers if p.peer == name), None)
            base = result.base
            if peer is None or base is None or not (
                found_here := ratios(peer, base, activity, busy)
            ):
                cells.append("–")
                continue
            median = statistics.median(found_here)
            found[name].append(median)
            cells.append(f"{median:.2f}{' ≠' if same_work(peer, base) else ''}")
        lines.append(f"| {result.workload} | " + " | ".join(cells) + " |")
    means = [
        f"{geometric_mean(values):.2f}" + ("" if len(values) == len(results) else
                                           f" of {len(values)}")
        if values else "–"
        for values in found.values()
    ]
    return [*lines, "| **geometric mean** | " + " | ".join(means) + " |"]


def markdown(results: list[Result], summary: bool = True, only_summary: bool = False) -> str:
    """Everything as markdown: a table per workload and activity, and one of all."""
    lines: list[str] = []
    for activity in results[0].measured:
        if summary:
            lines += _summary(results, activity)
            if any(peer.busy.get(activity) for result in results for peer in result.peers):
                lines += _summary(results, activity, busy=True)
        if not only_summary:
            for result in results:
                lines += _workload_table(result, activity)
    return "\n".join(lines) + "\n"
