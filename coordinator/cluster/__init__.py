"""Which nodes there are, how they are, and which of them keep a part."""

from coordinator.cluster.cluster import Cluster, Heartbeat
from coordinator.cluster.errors import ClusterError, NotEnoughNodes, UnknownNode
from coordinator.cluster.membership import Membership, Replacement
from coordinator.cluster.placement import Placement
from coordinator.cluster.ring import Ring, RingNode
from coordinator.cluster.states import NodeState

__all__ = [
    "Cluster",
    "ClusterError",
    "Heartbeat",
    "Membership",
    "NodeState",
    "NotEnoughNodes",
    "Placement",
    "Replacement",
    "Ring",
    "RingNode",
    "UnknownNode",
]
