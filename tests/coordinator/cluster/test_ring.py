"""The ring: balance, movement, zones, and the same answers everywhere."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coordinator.cluster import NotEnoughNodes, Ring, RingNode
from coordinator.cluster.ring import fair_shares

PARTS = [number.to_bytes(16, "big") for number in range(100_000)]


def make_nodes(count, weights=(1.0,), zones=1):
    return [
        RingNode(f"node-{n + 1}", f"zone-{n % zones}", weights[n % len(weights)])
        for n in range(count)
    ]


def placements(nodes, width, parts=PARTS):
    ring = Ring(nodes, width)
    by_arc = {}
    for part in parts:
        arc = ring.arc(part)
        if arc not in by_arc:
            by_arc[arc] = ring.walk(arc, width)
        yield by_arc[arc]


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("weights", [(1.0,), (1.0, 2.0), (1.0, 1.5, 3.0), (4000.0, 8000.0)])
@pytest.mark.parametrize("count", [3, 5, 10])
def test_shares_are_within_a_tenth_of_what_the_weights_ask(count, weights, width):
    nodes = make_nodes(count, weights)
    shares = Counter()
    for placement in placements(nodes, width):
        shares.update(placement)
    # No node can have more than one shard of each part, however heavy it is.
    fair = fair_shares({node.node_id: node.weight for node in nodes}, width)
    for node_id, share in fair.items():
        assert shares[node_id] == pytest.approx(share * len(PARTS), rel=0.1)


def test_so_are_those_of_nodes_within_zones():
    nodes = make_nodes(9, (1.0, 1.0, 1.0, 2.0, 2.0, 2.0), zones=3)
    shares = Counter()
    for placement in placements(nodes, 3):
        shares.update(placement)
    for zone in {node.zone for node in nodes}:
        members = [node for node in nodes if node.zone == zone]
        weight = sum(node.weight for node in members)
        for node in members:
            expected = len(PARTS) * node.weight / weight
            assert shares[node.node_id] == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("width", [1, 3, 6])
def test_an_eleventh_node_moves_little_more_than_its_share(width):
    before = placements(make_nodes(10), width)
    after = placements(make_nodes(11), width)
    moved = sum(len(set(new) - set(old)) for old, new in zip(before, after, strict=True))
    assert moved / (width * len(PARTS)) <= 1 / 11 + 0.02


def test_the_order_in_which_nodes_are_given_does_not_matter():
    nodes = make_nodes(7, (1.0, 2.0), zones=4)
    some = PARTS[:1000]
    assert list(placements(nodes, 4, some)) == list(placements(nodes[::-1], 4, some))


FINGERPRINT = """
import hashlib, json
from tests.coordinator.cluster.test_ring import fingerprint
print(fingerprint())
"""


def fingerprint() -> str:
    chosen = list(placements(make_nodes(7, (1.0, 2.0), zones=4), 4, PARTS[:5000]))
    return hashlib.sha256(json.dumps(chosen).encode()).hexdigest()


@pytest.mark.parametrize("seed", ["1", "2"])
def test_every_process_gives_the_same_answers(seed):
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", FINGERPRINT]
    output = subprocess.check_output(command, env=environment, text=True, cwd=os.getcwd())
    assert output.strip() == fingerprint()


def test_and_so_does_every_release():
    """A change here moves all new parts: it must be meant."""
    assert fingerprint().startswith("7ede609fd0524b8a")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=9),
    st.integers(1, 9),
    st.sets(st.integers(0, 8), max_size=4),
    st.binary(min_size=16, max_size=16),
)
@example([1, 0, 1, 0, 2, 2], 4, set(), bytes(14) + b"\2\0")  # two zones took all four
def test_walks_are_distinct_and_spread_over_zones(zone_of, width, excluded, part):
    nodes = [RingNode(f"n{n}", f"z{zone}", 1.0 + n % 3) for n, zone in enumerate(zone_of)]
    if len(nodes) < width:
        with pytest.raises(NotEnoughNodes):
            Ring(nodes, width)
        return
    ring = Ring(nodes, width)
    exclude = {f"n{n}" for n in excluded}
    left = {node.node_id: node.zone for node in nodes if node.node_id not in exclude}
    walk = ring.walk(ring.arc(part), width, exclude)
    assert len(walk) == len(set(walk)) == min(width, len(left))
    assert set(walk) <= set(left)
    taken = Counter(left[node] for node in walk)
    zones = set(left.values())
    if len(zones) >= width:
        assert all(count == 1 for count in taken.values())
    elif walk:
        assert set(taken) == zones
        members = Counter(left.values())
        even = -(-width // len(zones))
        # A zone beyond its even share only makes up for one that has too few nodes.
        if any(count > even for count in taken.values()):
            assert all(taken[zone] >= min(even, members[zone]) for zone in zones)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9), st.binary(min_size=16, max_size=16))
def test_leaving_one_node_out_changes_nothing_else(out, part):
    ring = Ring(make_nodes(10), 4)
    arc = ring.arc(part)
    everyone = ring.walk(arc, 10)
    excluded = f"node-{out + 1}"
    expected = tuple(node for node in everyone if node != excluded)[:4]
    assert ring.walk(arc, 4, {excluded}) == expected


def test_bad_nodes_are_refused():
    with pytest.raises(ValueError, match="unique"):
        Ring(make_nodes(2) + make_nodes(1), 2)
    for weight in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="positive"):
            Ring([RingNode("a", "z", weight)], 1)
