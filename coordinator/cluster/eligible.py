"""Which nodes belong on the ring: those that new parts may count on.

Rules: a node that is draining, lost, or was never heard of is not on the ring. Where too few others
are left for a whole placement such nodes come back in, the most useful first: one that drains still
serves, and one that is lost may return. Then a part is a shard short until the operator has added
nodes; leaving places empty for good would make it no safer.
"""

from collections.abc import Callable, Iterable

from coordinator.cluster.ring import RingNode
from metadata import NodeRecord


def is_eligible(node: NodeRecord, is_lost: bool) -> bool:
    """Whether the node belongs on the ring for its own sake. A store id is known once it was
    heard of, and with it its zone and weight."""
    return bool(node.store_id) and not node.is_draining and not is_lost


def ring_nodes(
    nodes: Iterable[NodeRecord], width: int, is_lost: Callable[[str], bool]
) -> tuple[RingNode, ...]:
    """The nodes of the ring, by id: at least `width` of them if there are as many."""
    chosen: list[NodeRecord] = []
    others: list[tuple[bool, bool, str, NodeRecord]] = []
    for node in nodes:
        lost = is_lost(node.node_id)
        if is_eligible(node, lost):
            chosen.append(node)
        else:
            others.append((lost, not node.store_id, node.node_id, node))
    others.sort(key=lambda other: other[:3])
    chosen += [node for *_, node in others[: max(0, width - len(chosen))]]
    chosen.sort(key=lambda node: node.node_id)
    return tuple(RingNode(node.node_id, node.zone, node.weight) for node in chosen)
