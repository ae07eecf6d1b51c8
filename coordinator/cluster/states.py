"""The states of a node, as everyone in the coordinator speaks of them."""

from enum import StrEnum


class NodeState(StrEnum):
    """How far a node can be relied on now.

    What it keeps is another matter, and outlives us: its `Standing` (metadata), and whether it is
    draining. What people are shown is the one word of `Cluster.shown_state`.
    """

    UP = "up"
    """It answered the last heartbeat."""

    SUSPECT = "suspect"
    """It missed a heartbeat or failed a request, or was not heard of yet: used, but not chosen."""

    DOWN = "down"
    """It has been silent for long: not asked before it answers a heartbeat again."""
