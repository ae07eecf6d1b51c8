"""What must hold when all is quiet, each in a function of its own: what is wrong, in words.

Rules: they believe neither the healer nor the audit. They look at the disks of the simulated nodes,
at the reference model of the metadata, and at what users were promised.
"""

import asyncio

import numpy as np

from coordinator.repair.node_scrub import note_name
from erasure import Layout, codec
from metadata import Part
from node.record import RecordKey, ShardKey
from tests.simulation.users import Users
from tests.simulation.world import World, at_once

KNOWN_NOTES = ("balanced-ring", "incidents", "removed-node/")


async def acknowledged_writes_are_exact(world: World, users: Users) -> list[str]:
    """Every key reads as something that it may hold: no write is lost, none is half there."""
    for key in sorted(world.promises.values):
        await users.read(key)
    found, world.violations = world.violations, []
    return found


async def deleted_keys_stay_away(world: World, users: Users) -> list[str]:
    """What is listed may be there, and what must be there is listed."""
    listed = set(await users.listing())
    values = world.promises.values
    return [
        f"{key!r} is {'listed' if key in listed else 'not listed'}"
        for key in sorted(listed | values.keys())
        if not any((value is not None) == (key in listed) for value in values.get(key, {None}))
    ]


def redundancy_is_full(world: World) -> list[str]:
    """Every part has all its shards: on k + m nodes, intact, and its parity belongs to its data."""
    wrong = []
    for part in world.parts():
        name = f"part {part.part_id.hex()[:12]}"
        if len(set(part.nodes)) != part.k + part.m:
            wrong.append(f"{name} is on {part.nodes}")
        lacking = [
            f"{shard} on {node_id}"
            for shard, node_id in enumerate(part.nodes)
            if not world.is_intact(part, shard)
        ]
        if lacking:
            wrong.append(f"{name} lacks {', '.join(lacking)}")
        else:
            wrong += [
                f"{name}, stripe {stripe}: wrong bytes" for stripe in _mismatches(world, part)
            ]
    return wrong


def _mismatches(world: World, part: Part) -> list[int]:
    """The stripes whose units don't belong together."""
    layout = Layout(part.size, part.unit_size, part.k)
    wrong = []
    for stripe in range(layout.stripes):
        units = [
            world.nodes[node_id].disk.records[RecordKey(part.part_id, shard, stripe)]
            for shard, node_id in enumerate(part.nodes)
        ]
        if {len(unit) for unit in units} != {layout.unit_length(stripe)}:
            wrong.append(stripe)
            continue
        rows = np.stack([np.frombuffer(unit, np.uint8) for unit in units])
        parity = codec(part.k, part.m).encode(rows[: part.k])
        if any(not np.array_equal(a, b) for a, b in zip(parity, rows[part.k :], strict=True)):
            wrong.append(stripe)
    return wrong


async def audit_agrees(world: World) -> list[str]:
    """The audit finds nothing, exactly when nothing is wrong."""
    its = world.coordinator
    assert its is not None
    summary, findings = await its.audit()
    wrong = redundancy_is_full(world)
    if summary.is_whole == (not wrong) and summary.parts == len(world.parts()):
        return []
    told = [f"{found.named.key!r}: {found.flaw}" for found in findings]
    return [f"audit says {summary}, {told}; the disks say {wrong or 'whole'}"]


def nothing_is_left_over(world: World) -> list[str]:
    """No orphans: whatever a member keeps is a shard that a part names there."""
    named = {
        (node_id, ShardKey(part.part_id, shard))
        for part in world.parts()
        for shard, node_id in enumerate(part.nodes)
    }
    its = world.coordinator
    assert its is not None
    kept = {
        (node.node_id, ShardKey(*key[:2]))
        for node in its.cluster.nodes()
        for key in world.nodes[node.node_id].disk.records
    }
    return [
        f"{node_id} keeps {shard.part_id.hex()[:12]}../{shard.shard}"
        for node_id, shard in sorted(kept - named)
    ]


def nothing_waits_to_be_reclaimed(world: World) -> list[str]:
    """What was dropped has been deleted, and is forgotten."""
    waiting = at_once(world.store.totals()).reclaims
    return [f"{waiting} reclaims wait"] if waiting else []


def notes_are_known(world: World) -> list[str]:
    """Workers leave no notes behind but those that they go by."""
    its = world.coordinator
    assert its is not None
    of_nodes = {note_name(node.node_id) for node in its.cluster.nodes()}
    return [
        f"note {name}"
        for name in at_once(world.store.notes())
        if name not in of_nodes and not name.startswith(KNOWN_NOTES)
    ]


def nothing_is_held(world: World) -> list[str]:
    """No part is pinned, claimed or being written, and no queue holds anything."""
    its = world.coordinator
    assert its is not None
    wrong = []
    parts = {key.part_id for node in world.nodes.values() for key in node.disk.records}
    if pinned := [part_id.hex()[:12] for part_id in sorted(parts) if part_id in its.pins]:
        wrong.append(f"pinned: {pinned}")
    if claimed := [part.hex()[:12] for part in sorted(parts) if its.pins.is_claimed(part)]:
        wrong.append(f"claimed: {claimed}")
    if its.writer.writing:
        wrong.append(f"being written: {[part.hex()[:12] for part in its.writer.writing]}")
    if its.reader.ahead_bytes:
        wrong.append(f"{its.reader.ahead_bytes} bytes read ahead")
    if its.pending_bytes:
        wrong.append(f"{its.pending_bytes} bytes wait for nodes")
    return wrong


def no_task_is_left(world: World) -> list[str]:
    """The coordinator has stopped, and nothing of it runs on."""
    its = world.coordinator
    assert its is not None
    lives = [f"{task.get_coro()}" for task in its.process.tasks]
    others = (
        len(asyncio.all_tasks())
        - 1
        - sum(len(node.process.tasks) for node in world.nodes.values() if node.process)
    )
    return [f"still running: {lives or others}"] if lives or others else []
