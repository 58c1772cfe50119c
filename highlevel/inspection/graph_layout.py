"""Places for the boxes of an acyclic graph: ranks from top to bottom, lines between them.

Every box stands in the rank behind its latest predecessor. A line over several ranks has a place
of its own in each, as wide as a line, so that between two ranks it runs from one place to another
and within a rank straight down: by construction no line crosses a box, and no two boxes overlap.
The order within a rank is improved by barycentres (Sugiyama, Tagawa, Toda, 1981); the places are
least squares towards the neighbours' with the order kept, which isotonic regression solves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Layout", "Line", "place"]

_SWEEPS = 8  # further ones change nothing that could be seen in graphs of some hundred boxes
_LINE = 10.0  # the width that is kept for a line beside boxes
_STRAIGHT = 8.0  # how much more a bend within a long line counts than one at a box


@dataclass
class Line:
    """One line: `points` are the ends of its pieces, a straight one and a curve in turn.

    Piece `2i` runs straight through a rank, piece `2i + 1` through the gap behind it.
    """

    source: int
    target: int
    points: list[tuple[float, float]]


@dataclass
class Layout:
    """Upper left corners of the boxes, the lines, and the size of the whole."""

    corners: list[tuple[float, float]]
    lines: list[Line]
    width: float
    height: float


@dataclass(eq=False)
class _Place:
    """What stands in a rank: a box, or the place of a line that passes (`box` is None)."""

    box: int | None
    width: float
    rank: int
    x: float = 0.0  # of the middle
    before: list[_Place] = field(default_factory=list)
    behind: list[_Place] = field(default_factory=list)


def place(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    across: float = 24.0,
    along: float = 26.0,
) -> Layout:
    """Places for boxes, from top to bottom.

    Args:
        sizes: width and height of each box.
        edges: pairs of a box and one behind it, each drawn as a line of its own.
        across: room between boxes side by side.
        along: room between ranks.

    Returns:
        The layout, in the units of `sizes`.

    Raises:
        ValueError: the edges form a cycle.

    >>> layout = place([(40, 10), (40, 10), (40, 10)], [(0, 1), (0, 2)])
    >>> layout.corners
    [(32.0, 0.0), (0.0, 36.0), (64.0, 36.0)]
    """
    if not sizes:
        return Layout([], [], 0.0, 0.0)
    ranks = _ranks(len(sizes), edges)
    boxes = [_Place(i, size[0], ranks[i]) for i, size in enumerate(sizes)]
    chains = [_chain(boxes, source, target) for source, target in edges]
    rows: list[list[_Place]] = [[] for _ in range(max(ranks) + 1)]
    for item in boxes:
        rows[item.rank].append(item)
    for chain in chains:
        for item in chain[1:-1]:
            rows[item.rank].append(item)
    _order(rows)
    _set_places(rows, across)
    least = min(item.x - item.width / 2 for row in rows for item in row)
    for row in rows:
        for item in row:
            item.x -= least
    tops, heights, y = [], [], 0.0
    for row in rows:
        tall = max((sizes[item.box][1] for item in row if item.box is not None), default=0.0)
        tops.append(y)
        heights.append(tall)
        # Where lines go far aside, a wider gap keeps them from lying flat.
        y += tall + along + min(40.0, max(0.0, _furthest(row)) / 9)
    corners = [(item.x - item.width / 2, tops[item.rank]) for item in boxes]
    ends = _ends(boxes, edges, chains)
    lines = [
        Line(source, target, _points(chain, ends[i], tops, heights, sizes))
        for i, ((source, target), chain) in enumerate(zip(edges, chains))
    ]
    width = max(item.x + item.width / 2 for row in rows for item in row)
    return Layout(corners, lines, width, tops[-1] + heights[-1])


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    behind: list[list[int]] = [[] for _ in range(count)]
    before: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        behind[source].append(target)
        before[target].append(source)
    ranks = [0] * count
    waiting = [len(found) for found in before]
    ready = [i for i in range(count) if not waiting[i]]
    order = []
    while ready:
        box = ready.pop()
        order.append(box)
        for other in behind[box]:
            ranks[other] = max(ranks[other], ranks[box] + 1)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    if len(order) < count:
        raise ValueError(f"The edges of a drawn graph form a cycle among {count} boxes.")
    for box in range(count):  # what begins later stands directly before what it goes into
        if behind[box] and not before[box]:
            ranks[box] = min(ranks[other] for other in behind[box]) - 1
    return ranks


def _chain(boxes: list[_Place], source: int, target: int) -> list[_Place]:
    """The places of a line: its two boxes, and those in the ranks between."""
    chain = [boxes[source]]
    for rank in range(boxes[source].rank + 1, boxes[target].rank):
        chain.append(_Place(None, _LINE, rank))
    chain.append(boxes[target])
    for item, other in pairwise(chain):
        item.behind.append(other)
        other.before.append(item)
    return chain


def _order(rows: list[list[_Place]]) -> None:
    """Sort each rank by where its neighbours stand, down and up in turn; the best is kept."""
    def numbered() -> dict[_Place, int]:
        return {item: at for row in rows for at, item in enumerate(row)}

    best, fewest = [list(row) for row in rows], _crossings(rows, numbered())
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        at = numbered()
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            def middle(item: _Place, down: bool = down, at: dict = at) -> float:
                others = item.before if down else item.behind
                return sum(at[o] for o in others) / len(others) if others else at[item]

            row.sort(key=middle)
            at.update((item, i) for i, item in enumerate(row))
        crossings = _crossings(rows, numbered())
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    for row, kept in zip(rows, best):
        row[:] = kept


def _crossings(rows: list[list[_Place]], at: dict[_Place, int]) -> int:
    total = 0
    for row in rows:
        ends = [sorted(at[other] for other in item.behind) for item in row]
        flat = [end for found in ends for end in found]
        if len(flat) < 2:
            continue
        # Inversions, by a tree of counts.
        counts = [0] * (max(flat) + 2)
        for seen, end in enumerate(flat):
            i, not_above = end + 1, 0
            while i:
                not_above += counts[i]
                i -= i & -i
            total += seen - not_above
            i = end + 1
            while i < len(counts):
                counts[i] += 1
                i += i & -i
    return total


def _set_places(rows: list[list[_Place]], across: float) -> None:
    for row in rows:
        x = 0.0
        for item in row:
            item.x = x + item.width / 2
            x += item.width + across
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted, weights = [], []
            for item in row:
                near = item.before if down else item.behind
                near = near or (item.behind if down else item.before)
                counts = [_STRAIGHT if item.box is None or o.box is None else 1.0 for o in near]
                total = sum(counts)
                wanted.append(
                    sum(c * o.x for c, o in zip(counts, near)) / total if near else item.x)
                weights.append(total or 0.1)
            _settle(row, wanted, weights, across)


def _settle(row: list[_Place], wanted: list[float], weights: list[float], across: float) -> None:
    """The places nearest to those wanted that keep the order and the room between."""
    # Less what must lie to the left of each, the places need only not fall.
    room, x = [], 0.0
    for i, item in enumerate(row):
        if i:
            gap = across if item.box is not None or row[i - 1].box is not None else 4.0
            x += row[i - 1].width / 2 + gap + item.width / 2
        room.append(x)
    blocks: list[list[float]] = []  # sum of weight * place, weight, how many
    for target, weight, shift in zip(wanted, weights, room):
        blocks.append([weight * (target - shift), weight, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last)]
    i = 0
    for moment, weight, size in blocks:
        for _ in range(int(size)):
            row[i].x = moment / weight + room[i]
            i += 1


def _furthest(row: list[_Place]) -> float:
    """How far aside the lines behind a rank go, beyond what a gap of the usual width bears."""
    return max((abs(item.x - other.x) - 50 for item in row for other in item.behind), default=0)


def _ends(
    boxes: list[_Place], edges: Sequence[tuple[int, int]], chains: list[list[_Place]]
) -> list[tuple[float, float]]:
    """Where each line leaves its source and reaches its target: spread over the box's edge.

    Lines out of one box leave from its middle: they carry the same thing, or are few.
    """
    arriving: dict[int, list[int]] = {}
    for i, (_, target) in enumerate(edges):
        arriving.setdefault(target, []).append(i)
    ends = [(chain[0].x, chain[-1].x) for chain in chains]
    for target, found in arriving.items():
        if len(found) < 2:
            continue
        found.sort(key=lambda i: chains[i][-2].x)
        step = min(28.0, boxes[target].width * 0.7 / (len(found) - 1))
        start = boxes[target].x - step * (len(found) - 1) / 2
        for at, i in enumerate(found):
            ends[i] = (ends[i][0], start + step * at)
    return ends


def _points(
    chain: list[_Place], ends: tuple[float, float], tops: list[float], heights: list[float],
    sizes: Sequence[tuple[float, float]],
) -> list[tuple[float, float]]:
    first, last = chain[0], chain[-1]
    rank, box = first.rank, first.box
    own = sizes[box][1] if box is not None else 0.0
    points = [(ends[0], tops[rank] + own)]
    if own < heights[rank]:  # straight down beside taller boxes of the rank
        points.append((ends[0], tops[rank] + heights[rank]))
    else:
        points.append(points[0])
    for item in chain[1:-1]:
        points += [(item.x, tops[item.rank]), (item.x, tops[item.rank] + heights[item.rank])]
    points.append((ends[1], tops[last.rank]))
    return points
