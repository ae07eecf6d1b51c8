"""What befalls nodes, disks, the network, the metadata and the coordinator, and how much at a time.

Rules:
1. For every part at most m of its holders are in trouble at a time: they can't be reached, or have
   not got an intact shard. A part that is being written counts whoever was in trouble since its
   first byte, one that is being read counts also when nothing names it any more; whoever keeps a
   copy of a shard counts as a holder.
2. Programs that go beyond m make more nodes unreachable than that. They come back; of what they
   keep never more than m shards of a part are destroyed.
3. Trouble is over when the coordinator has heard the node again, not before.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from coordinator.cluster import NodeState
from node.record import RecordKey, ShardKey
from tests.simulation.nodes import SimulatedNode
from tests.simulation.world import World, at_once

HEARD_WITHIN_S = 300.0
ROT_SHARE = 0.2
BAD_WEATHER_S = 3.0
BAD_WEATHER_SHARE = 0.3


class Faults:
    """Strikes. See the module's rules."""

    def __init__(self, world: World, *, goes_beyond_m: bool, silently: bool) -> None:
        """`silently`: records rot and vanish, too."""
        self._world = world
        self._chance = world.stream("faults")
        self.goes_beyond_m = goes_beyond_m
        self._unreachable: set[str] = set()
        self._full: set[str] = set()
        self._tainted: dict[bytes, set[str]] = {}
        self._kinds: list[Callable[[SimulatedNode], Coroutine[Any, Any, None]]] = [
            self._crash, self._crash, self._hang, self._cut_off, self._slow, self._flaky,
            self._fill, self._wipe, self._wipe, self._wipe,
        ]  # fmt: skip
        self._rots = silently

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is in trouble that is going to end by itself."""
        return not (self._unreachable or self._full or self._world.fate.tasks)

    # who is in trouble ----------------------------------------------------------------------------
    def troubled(self) -> set[str]:
        """Nodes that new requests may fail on."""
        its = self._world.coordinator
        unheard = set()
        if its is not None:
            states = its.cluster.states
            unheard = {node_id for node_id in states if states[node_id] is not NodeState.UP}
        return self._unreachable | self._full | unheard

    def _taint(self, node_id: str) -> None:
        """It is in trouble now: for whatever is under way."""
        for exposure in self._world.exposures:
            exposure.add(node_id)
        written = self._being_written()
        self._tainted = {part: self._tainted.get(part, set()) for part in written}
        for nodes in self._tainted.values():
            nodes.add(node_id)

    def _being_written(self) -> dict[bytes, tuple[str, ...]]:
        its = self._world.coordinator
        return dict(its.writer.writing) if its is not None else {}

    def _bad_holders(self, *, unreachable: bool) -> Iterator[tuple[bytes, set[str], set[str]]]:
        """For each part: its holders, and those in trouble. `unreachable`: these count, too."""
        world = self._world
        away = self._unreachable if unreachable else set()
        kept: dict[bytes, set[str]] = {}
        for node_id, node in world.nodes.items():
            for key in node.disk.records:
                kept.setdefault(key.part_id, set()).add(node_id)
        open_parts = {part.part_id: part for parts in world.open for part in parts}
        # What the metadata say comes last, for shards that have moved since.
        for part in {**open_parts, **{part.part_id: part for part in world.parts()}}.values():
            bad = {
                node_id
                for shard, node_id in enumerate(part.nodes)
                if node_id in away or not world.is_intact(part, shard)
            }
            yield part.part_id, kept.get(part.part_id, set()) | set(part.nodes), bad
        for part_id, nodes in self._being_written().items():
            now = self._unreachable | self._full
            bad = (self._tainted.get(part_id, set()) | now).intersection(nodes)
            yield part_id, set(nodes), bad

    def _may_lose(self, node_id: str, *, destroys: bool, part_id: bytes | None = None) -> bool:
        """Whether that node (what it keeps of that part) may get into trouble."""
        m = self._world.settings.m
        if self.goes_beyond_m and not destroys:
            return True
        if not destroys and len(self._unreachable | {node_id}) > m:
            return False
        return all(
            len(bad | {node_id}) <= m
            for its_id, holders, bad in self._bad_holders(unreachable=not self.goes_beyond_m)
            if node_id in holders and part_id in (None, its_id)
        )

    # striking -------------------------------------------------------------------------------------
    async def strike(self) -> None:
        """Something befalls somebody, if it may."""
        world, chance = self._world, self._chance
        node_id = chance.choice(self._favourites() or sorted(world.nodes))
        node = world.nodes[node_id]
        if self._rots and chance.random() < ROT_SHARE:
            self._damage(node)
            return
        kind = chance.choice(self._kinds)
        if node_id in self._unreachable or node_id in self._full:
            return
        if kind == self._fill:
            world.fate.spawn(self._fill(node))
        elif self._may_lose(node_id, destroys=kind == self._wipe):
            self._unreachable.add(node_id)
            self._taint(node_id)
            world.fate.spawn(self._befall(kind, node))

    def _favourites(self) -> list[str]:
        """Sometimes nodes that something is being written to, or to be repaired on: there it
        hurts."""
        if self._chance.random() < 0.6:
            return []
        tasks = at_once(self._world.store.repairs(limit=100_000))
        concerned = {task.node_id for task in tasks} | {task.target for task in tasks}
        concerned = concerned.union(*self._being_written().values())
        return sorted(concerned & self._world.nodes.keys())

    def _duration_s(self) -> float:
        chance = self._chance
        most = chance.choice([0.2, 0.2, 2.0, 6.0, 2 * self._world.settings.lost_after_s])
        return chance.uniform(0, most)

    async def _befall(
        self, kind: Callable[[SimulatedNode], Coroutine[Any, Any, None]], node: SimulatedNode
    ) -> None:
        world, node_id = self._world, node.node_id
        await kind(node)
        world.note(f"{node_id} is all right again")

        async def is_heard() -> bool:
            return self._is_heard(node)

        await world.until("heard", is_heard, HEARD_WITHIN_S)
        self._taint(node_id)
        self._unreachable.discard(node_id)

    def _is_heard(self, node: SimulatedNode) -> bool:
        world, node_id = self._world, node.node_id
        its = world.coordinator
        if world.nodes.get(node_id) is not node:
            return True  # it was removed
        if its is None:
            return False
        health = its.cluster.membership.health(node_id) if node_id in its.cluster.states else None
        if health is None:
            return node_id not in its.cluster.states
        is_up = its.cluster.states[node_id] is NodeState.UP
        return is_up and health.store_id == node.disk.store_id

    async def _crash(self, node: SimulatedNode) -> None:
        duration_s = self._duration_s()
        self._world.note(f"{node.node_id} crashes, for {duration_s:.3f} s")
        await node.kill()
        await asyncio.sleep(duration_s)
        node.start()

    async def _wipe(self, node: SimulatedNode) -> None:
        duration_s = self._duration_s()
        store_id = self._world.new_store_id()
        self._world.note(f"{node.node_id} crashes, back in {duration_s:.3f} s with {store_id}")
        await node.kill()
        node.replace_disk(store_id)
        await asyncio.sleep(duration_s)
        node.start()

    async def _hang(self, node: SimulatedNode) -> None:
        duration_s = self._duration_s()
        self._world.note(f"{node.node_id} hangs, for {duration_s:.3f} s")
        node.hang()
        await asyncio.sleep(duration_s)
        if self._chance.random() < 0.2:
            await node.kill()
            node.start()
        node.go_on()

    async def _cut_off(self, node: SimulatedNode) -> None:
        duration_s = self._duration_s()
        self._world.note(f"{node.node_id} is cut off, for {duration_s:.3f} s")
        node.is_cut_off = True
        await asyncio.sleep(duration_s)
        node.is_cut_off = False

    async def _slow(self, node: SimulatedNode) -> None:
        duration_s = self._duration_s()
        node.delay_s = self._chance.choice([0.05, 0.8, 3.0, 12.0])
        self._world.note(f"{node.node_id} takes {node.delay_s} s, for {duration_s:.3f} s")
        await asyncio.sleep(duration_s)
        node.delay_s = 0.0

    async def _flaky(self, node: SimulatedNode) -> None:
        duration_s = self._duration_s()
        self._world.note(f"{node.node_id} loses connections, for {duration_s:.3f} s")
        node.is_flaky = True
        await asyncio.sleep(duration_s)
        node.is_flaky = False

    async def _fill(self, node: SimulatedNode) -> None:
        duration_s = self._duration_s()
        self._world.note(f"{node.node_id} is full, for {duration_s:.3f} s")
        self._full.add(node.node_id)
        self._taint(node.node_id)
        node.is_full = True
        await asyncio.sleep(duration_s)
        node.is_full = False
        self._taint(node.node_id)
        self._full.discard(node.node_id)

    def _damage(self, node: SimulatedNode) -> None:
        """A record rots or vanishes, one of a shard that a part names there."""
        named = {
            ShardKey(part.part_id, part.nodes.index(node.node_id)): part
            for part in self._world.parts()
            if node.node_id in part.nodes
        }
        keys = sorted(key for key in node.disk.records if ShardKey(*key[:2]) in named)
        if not keys:
            return
        key: RecordKey = self._chance.choice(keys)
        if not self._may_lose(node.node_id, destroys=True, part_id=key.part_id):
            return
        rots = self._chance.random() < 0.6
        self._world.note(f"{node.node_id}: {_shown(key)} {'rots' if rots else 'vanishes'}")
        if rots:
            node.disk.damaged.add(key)
        else:
            node.disk.lose(key)

    # the rest of the world ------------------------------------------------------------------------
    async def spoil_weather(self) -> None:
        """The metadata fail now and then."""
        if not self._world.weather.failing_share:
            self._world.weather.failing_share = BAD_WEATHER_SHARE
            self._world.fate.spawn(self._weather())

    async def _weather(self) -> None:
        duration_s = self._chance.uniform(0, BAD_WEATHER_S)
        self._world.note(f"the metadata fail, for {duration_s:.3f} s")
        await asyncio.sleep(duration_s)
        self._world.weather.failing_share = 0.0

    async def restart_coordinator(self) -> None:
        """It is killed, and started again at once or a little later."""
        pause_s = self._chance.choice([0.0, 0.0, 1.0, 5.0])
        self._world.note(f"the coordinator crashes, for {pause_s} s")
        await self._world.crash_coordinator()
        await asyncio.sleep(pause_s)
        await self._world.start_coordinator()


def _shown(key: RecordKey) -> str:
    return f"{key.part_id.hex()[:12]}../{key.shard}/{key.stripe}"
