"""Compares one part with what the nodes say they keep of it: pure, no I/O."""

from collections.abc import Mapping

from coordinator.audit.findings import Defect, Flaw
from coordinator.audit.inventories import Kept
from erasure import Layout
from metadata import Part
from node.record import HEADER_SIZE, ShardKey


def shard_size(part: Part) -> Kept:
    """What a node must have of each shard of the part."""
    layout = Layout(part.size, part.unit_size, part.k)
    full = layout.stripes - 1
    payload = full * part.unit_size + layout.unit_length(full)
    return Kept(layout.stripes, payload + layout.stripes * HEADER_SIZE)


def compare(
    part: Part,
    inventories: Mapping[str, Mapping[ShardKey, Kept]],
    silent: Mapping[str, str],
) -> list[Flaw]:
    """What is wrong, by shard; a shard may have two flaws, one of them SAME_NODE."""
    flaws = []
    size = shard_size(part)
    seen: dict[str, int] = {}
    for shard, node_id in enumerate(part.nodes):
        kept = inventories.get(node_id, {}).get(ShardKey(part.part_id, shard))
        if node_id in silent:
            flaws.append(Flaw(Defect.UNREACHABLE, shard, silent[node_id]))
        elif kept is None:
            flaws.append(Flaw(Defect.MISSING, shard, "the node does not have it"))
        elif kept != size:
            detail = (
                f"{kept.records} records of {kept.bytes} bytes,"
                f" expected {size.records} of {size.bytes}"
            )
            flaws.append(Flaw(Defect.WRONG_LENGTH, shard, detail))
        if node_id in seen:
            flaws.append(Flaw(Defect.SAME_NODE, shard, f"shard {seen[node_id]} is there too"))
        seen.setdefault(node_id, shard)
    return flaws


def lacking(flaws: list[Flaw]) -> int:
    """How many shards can't be had."""
    return sum(flaw.defect is not Defect.SAME_NODE for flaw in flaws)
