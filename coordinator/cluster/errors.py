"""What the cluster can refuse, one class per reason."""


class ClusterError(Exception):
    """Base of everything this package raises."""


class NotEnoughNodes(ClusterError):
    """The cluster has fewer nodes than a part has shards, whether they are up or not."""


class UnknownNode(ClusterError):
    """No node of that name belongs to the cluster."""
