"""What can go wrong with a node, one class per reason the caller acts on differently."""


class NodeError(Exception):
    """Base of everything this package raises."""


class RecordDamaged(NodeError):
    """A record's header or payload does not match its checksum, or is cut short."""


class NodeUnreachable(NodeError):
    """No answer: connection refused or lost, or the time limit passed. The outcome is unknown."""


class NodeFull(NodeError):
    """The node's disk is full: nothing of the batch was stored. Reads and deletes go on."""


class NodeRefused(NodeError):
    """The node rejected the request itself: wrong secret, wrong cluster, malformed batch."""


class NodeFailed(NodeError):
    """The node answered that its own disk or code failed (5xx)."""


class WrongStore(NodeError):
    """The data directory is another node's, another cluster's, unreadable, or in use."""
