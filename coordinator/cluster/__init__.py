"""Which nodes there are, how they are, and which of them keep a part."""

from coordinator.cluster.cluster import Cluster
from coordinator.cluster.errors import ClusterError, NodeExists, NotEnoughNodes, UnknownNode
from coordinator.cluster.membership import Heartbeat, Membership, StateListener
from coordinator.cluster.placement import Placement
from coordinator.cluster.records import NodeRecords
from coordinator.cluster.ring import Ring, RingNode
from coordinator.cluster.states import NodeState
from coordinator.cluster.vouching import Voucher

__all__ = [
    "Cluster",
    "ClusterError",
    "Heartbeat",
    "Membership",
    "NodeExists",
    "NodeRecords",
    "NodeState",
    "NotEnoughNodes",
    "Placement",
    "Ring",
    "RingNode",
    "StateListener",
    "UnknownNode",
    "Voucher",
]
