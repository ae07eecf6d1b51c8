"""What the API asks of the healer: `coordinator.repair`'s Healer, which it does not know by name.

Rules: the API gives orders and shows progress; what there is to repair it reads from the metadata.
"""

from collections.abc import Sequence
from typing import Protocol

from coordinator.healing import HealStatus
from metadata import ShardName


class Healing(Protocol):
    """Repair, scrub and rebalancing, as an operator sees them."""

    def status(self) -> HealStatus:
        """How all of it goes now. Asks nobody: from memory."""
        ...

    async def retry_dead(self, names: Sequence[ShardName] | None = None) -> int:
        """Queue dead repairs anew (all for None); how many there were. Raises MetadataError."""
        ...

    async def scrub_now(self, node_id: str | None = None) -> None:
        """Scrub a node (all for None) from its start, at full speed, in the background. A node
        that is not up starts when it is. Raises UnknownNode, MetadataError."""
        ...
