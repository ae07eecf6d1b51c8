"""The consistent-hash ring: which nodes are in line for a part, in which order.

Every node stands on the ring at many points, by its weight; a part's hash is a place on the ring,
and the nodes are met clockwise from there. Rules:

1. The same nodes, weights, zones and width give the same answers in every process, for ever:
   placements are recorded, but a change here would move all new parts at once.
2. A walk gives distinct nodes, in distinct zones as long as there are enough zones for the width;
   with fewer zones, none gets more than its even share if that can be had.
3. It is a node's share of placements that follows its weight, not its share of points: of `width`
   distinct nodes a heavy one can be only one. `_points_of` makes up for that.
"""

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import xxhash

from coordinator.cluster.errors import NotEnoughNodes

POINTS_PER_NODE: Final = 2048
"""Of a node of average weight. Shares scatter by 1/sqrt(points): 2.2 % of a share."""

MAX_SHARE: Final = 0.99
"""Of a node that should be in (nearly) every placement: its points would be infinitely many."""


@dataclass(frozen=True, slots=True)
class RingNode:
    """A node as the ring sees it."""

    node_id: str
    zone: str
    weight: float


class Ring:
    """An immutable ring for placements of `width` shards."""

    def __init__(self, nodes: Sequence[RingNode], width: int) -> None:
        """Raises NotEnoughNodes. ValueError for a weight that isn't positive or a repeated id."""
        if len(nodes) < width:
            raise NotEnoughNodes(f"{width} shards need as many nodes, there are {len(nodes)}")
        if len({node.node_id for node in nodes}) < len(nodes):
            raise ValueError("node ids must be unique")
        if any(not 0 < node.weight < math.inf for node in nodes):
            raise ValueError("weights must be positive")
        self.nodes = tuple(sorted(nodes, key=lambda node: node.node_id))
        self.width = width
        self._zones = {node.node_id: node.zone for node in self.nodes}
        self._places, self._owners = self._build()

    def _build(self) -> tuple[list[int], list[str]]:
        hashes: list[int] = []
        owners: list[int] = []
        for index, points in enumerate(_points_of(self.nodes, self.width)):
            name = self.nodes[index].node_id.encode()
            hashes += [
                xxhash.xxh3_64_intdigest(b"%s/%d" % (name, point)) for point in range(points)
            ]
            owners += [index] * points
        places = np.array(hashes, dtype=np.uint64)
        order = np.argsort(places, kind="stable")  # equal hashes: by node id
        names = [self.nodes[owners[at]].node_id for at in order.tolist()]
        return places[order].tolist(), names

    def arc(self, part_id: bytes) -> int:
        """Which stretch of the ring the part falls on: the number of its first point."""
        at = bisect_left(self._places, xxhash.xxh3_64_intdigest(part_id))
        return at if at < len(self._places) else 0

    def walk(self, arc: int, count: int, exclude: Collection[str] = ()) -> tuple[str, ...]:
        """Up to `count` distinct nodes in order from `arc`, without those excluded.

        One of each zone first, then a second one of each, and so on. Fewer only if there are no
        more nodes.
        """
        taken: list[str] = []
        in_zone: dict[str, int] = {}
        candidates: Iterable[str] = self._clockwise(arc, exclude)
        for per_zone in range(1, count + 1):
            passed: list[str] = []
            for node in candidates:
                zone = self._zones[node]
                its_taken = in_zone.get(zone, 0)
                if its_taken == per_zone:
                    passed.append(node)
                    continue
                in_zone[zone] = its_taken + 1
                taken.append(node)
                if len(taken) == count:
                    return tuple(taken)
            candidates = passed
        return tuple(taken)

    def _clockwise(self, arc: int, exclude: Collection[str]) -> Iterator[str]:
        """Every node that is not excluded, once, as it is met from `arc` on."""
        owners = self._owners
        seen = set(exclude)
        left = len(self._zones.keys() - seen)
        at = arc
        while left:
            node = owners[at]
            at = at + 1 if at + 1 < len(owners) else 0
            if node not in seen:
                seen.add(node)
                left -= 1
                yield node


def _points_of(nodes: Sequence[RingNode], width: int) -> list[int]:
    """How many points each node gets, so that its share of placements follows its weight.

    Meeting points clockwise draws nodes one by one without replacement. One that is drawn with
    weight q is among the first `width` with a probability of about 1 - exp(-q t), the same t for
    all (Rosén, "Asymptotic theory for order sampling", 1997); so q = -log(1 - share) gives the
    share wanted. Where walks go by zones the same holds for zones, and a zone's q is divided
    among its nodes by weight.
    """
    by_zone = len({node.zone for node in nodes}) >= width
    groups = [node.zone if by_zone else node.node_id for node in nodes]
    weights: dict[str, float] = {}
    for node, group in zip(nodes, groups, strict=True):
        weights[group] = weights.get(group, 0.0) + node.weight
    shares = fair_shares(weights, width, MAX_SHARE)
    # Scaled so that an average node gets POINTS_PER_NODE; but by a power of two, so that a node
    # that joins leaves the others' points alone unless it changes the average a lot.
    average = sum(node.weight for node in nodes) / len(nodes)
    per_weight = POINTS_PER_NODE / 2.0 ** round(math.log2(average))
    average_share = min(width / len(weights), MAX_SHARE)
    per_q = per_weight * sum(weights.values()) / len(weights) / -math.log1p(-average_share)
    return [
        max(1, round(-math.log1p(-shares[group]) * per_q * node.weight / weights[group]))
        for node, group in zip(nodes, groups, strict=True)
    ]


def fair_shares(weights: Mapping[str, float], width: int, most: float = 1.0) -> dict[str, float]:
    """In what part of all placements of `width` each should be: by weight, at most `most`."""
    shares: dict[str, float] = {}
    rest = dict(weights)
    left = float(min(width, len(weights)))
    while rest:
        total = sum(rest.values())
        too_heavy = [name for name, weight in rest.items() if left * weight / total > most]
        if not too_heavy:
            return shares | {name: left * weight / total for name, weight in rest.items()}
        for name in too_heavy:
            shares[name] = most
            left -= most
            del rest[name]
    return shares
