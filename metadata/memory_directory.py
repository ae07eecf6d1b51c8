"""The smallest part of the reference model: the cluster and its nodes."""

from metadata.model import NodeRecord


class MemoryDirectory:
    """What the cluster consists of. See `memory.py`."""

    def __init__(self) -> None:
        self._cluster_id: str | None = None
        self._nodes: dict[str, NodeRecord] = {}

    # cluster -----------------------------------------------------------------
    async def cluster_id(self, proposed: str) -> str:
        if self._cluster_id is None:
            self._cluster_id = proposed
        return self._cluster_id

    async def put_node(self, node: NodeRecord) -> None:
        self._nodes[node.node_id] = node

    async def nodes(self) -> list[NodeRecord]:
        return sorted(self._nodes.values(), key=lambda node: node.node_id.encode())

    async def remove_node(self, node_id: str) -> None:
        self._nodes.pop(node_id, None)
