"""The states of a node, as everyone in the coordinator speaks of them."""

from enum import StrEnum


class NodeState(StrEnum):
    """How far a node can be relied on now.

    What it keeps is another matter: a node whose disk was replaced is up, and remembered as
    replaced (see membership.py). States of repair (returned, draining) will find their place here.
    """

    UP = "up"
    """It answered the last heartbeat."""

    SUSPECT = "suspect"
    """It missed a heartbeat or failed a request, or was not heard of yet: used, but not chosen."""

    DOWN = "down"
    """It has been silent for long: not asked before it answers a heartbeat again."""
