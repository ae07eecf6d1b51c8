"""What the cluster can refuse, one class per reason."""


class ClusterError(Exception):
    """Base of everything this package raises."""


class NotEnoughNodes(ClusterError):
    """The cluster has, or would be left with, fewer nodes than a part has shards."""


class NodeExists(ClusterError):
    """A node of that name belongs to the cluster already."""


class UnknownNode(ClusterError):
    """No node of that name belongs to the cluster."""
