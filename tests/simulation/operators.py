"""What operators do: add nodes, drain them, take them away when that is said to be safe, scrub."""

from coordinator.cluster import ClusterError
from metadata import MetadataError
from tests.simulation.world import World

MAX_SPARE_NODES = 3


class Operators:
    """Whatever is refused, or fails, is left at that."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.stream("operators")

    async def _try(self, what: str, order) -> bool:
        its = self._world.coordinator
        if its is None:
            return False
        self._world.note(what)
        try:
            await order(its)
        except (ClusterError, MetadataError) as error:
            self._world.note(f"{what}: {error}")
            return False
        return True

    async def add_node(self) -> None:
        world = self._world
        if len(world.nodes) < world.settings.width + MAX_SPARE_NODES:
            record = world.make_node()
            await self._try(f"add {record.node_id}", lambda its: its.cluster.add(record))

    async def drain(self) -> None:
        """Or not any more, if it drains."""
        its = self._world.coordinator
        if its is None:
            return
        draining = [node.node_id for node in its.cluster.nodes() if node.is_draining]
        if draining and self._chance.random() < 0.5:
            chosen = self._chance.choice(draining)
            await self._try(f"undrain {chosen}", lambda its: its.cluster.drain(chosen, False))
        elif not draining:
            chosen = self._chance.choice([node.node_id for node in its.cluster.nodes()])
            await self._try(f"drain {chosen}", lambda its: its.cluster.drain(chosen, True))

    async def remove(self) -> None:
        """Take away what may be taken away, disk and all."""
        world, its = self._world, self._world.coordinator
        if its is None:
            return
        for drain in its.healer.status().drains:
            node_id = drain.node_id
            if drain.is_safe_to_remove and await self._try(
                f"remove {node_id}", lambda its, node_id=node_id: its.cluster.remove(node_id)
            ):
                await world.nodes.pop(node_id).kill()

    async def scrub(self) -> None:
        its = self._world.coordinator
        if its is None:
            return
        nodes = [node.node_id for node in its.cluster.nodes()]
        chosen = self._chance.choice([None, *nodes])
        await self._try(f"scrub {chosen or 'all'}", lambda its: its.healer.scrub_now(chosen))

    async def retry_dead(self) -> None:
        await self._try("retry what was given up", lambda its: its.healer.retry_dead())
