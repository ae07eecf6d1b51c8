"""Each invariant holds in a store at rest, and is violated when what it guards against is done."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from metadata import NULL_VERSION, Part
from node.record import RecordKey
from tests.simulation import invariants
from tests.simulation.coordinator import Settings
from tests.simulation.faults import Faults
from tests.simulation.program import Program
from tests.simulation.promises import Promises
from tests.simulation.users import Users
from tests.simulation.virtual_time import run
from tests.simulation.world import BUCKET, Violation, World, at_once

SETTINGS = Settings(2, 1, unit_size=16)
KEY, GONE = "b", "c/1"


class Calm:
    """A store of three nodes at rest, with an object of two stripes and one that was deleted."""

    def __init__(self) -> None:
        self.world = World(0, SETTINGS, 3)
        self.users = Users(self.world, Faults(self.world, goes_beyond_m=False, silently=False))

    async def start(self) -> None:
        its = await self.world.start_coordinator()
        await its.metadata.create_bucket(BUCKET, "root", "", 0)
        for key, data in ((KEY, bytes(range(40))), (GONE, b"x")):
            await self.users.put_data(key, data)
        await self.users.delete_key(GONE)
        await self.world.until("done", its.says_done, 60)
        await asyncio.sleep(SETTINGS.reclaim_grace_s + 10)

    @property
    def its(self):
        assert self.world.coordinator is not None
        return self.world.coordinator

    @property
    def part(self) -> Part:
        (part,) = self.world.parts()
        return part

    def record(self, shard: int = 0, stripe: int = 0) -> RecordKey:
        return RecordKey(self.part.part_id, shard, stripe)

    def disk(self, shard: int = 0):
        return self.world.nodes[self.part.nodes[shard]].disk

    async def look(self) -> dict[str, list[str]]:
        """All invariants, by name: what is wrong. Reading heals, so it comes last."""
        world, users = self.world, self.users
        return {
            "redundancy": invariants.redundancy_is_full(world),
            "left over": invariants.nothing_is_left_over(world),
            "reclaims": invariants.nothing_waits_to_be_reclaimed(world),
            "notes": invariants.notes_are_known(world),
            "held": invariants.nothing_is_held(world),
            "audit": await invariants.audit_agrees(world),
            "exact": await invariants.acknowledged_writes_are_exact(world, users),
            "deleted": await invariants.deleted_keys_stay_away(world, users),
        }


@asynccontextmanager
async def calm() -> AsyncIterator[Calm]:
    store = Calm()
    await store.start()
    try:
        yield store
    finally:
        await store.its.crash()
        for node in store.world.nodes.values():
            await node.kill()


def test_all_hold_in_a_store_at_rest() -> None:
    async def main() -> None:
        async with calm() as store:
            found = await store.look()
            assert {name: wrong for name, wrong in found.items() if wrong} == {}
            await store.its.stop()
            assert invariants.no_task_is_left(store.world) == []

    run(main())


# what is done, and which invariants must be violated ---------------------------------------------


async def lose_a_write(store: Calm) -> None:
    at_once(store.world.store.delete_version(BUCKET, KEY, NULL_VERSION))
    await asyncio.sleep(SETTINGS.reclaim_grace_s + 10)


async def show_an_older_one(store: Calm) -> None:
    store.world.promises.values[KEY] = {b"written later, and acknowledged"}


async def show_half_a_write(store: Calm) -> None:
    """Either the old or the new value may be there: but not some of each."""
    store.world.promises.values[KEY] = {None, bytes(range(20)) + bytes(20)}


async def let_a_key_reappear(store: Calm) -> None:
    store.world.promises.values[KEY] = {None}


async def lose_a_record(store: Calm) -> None:
    store.disk().lose(store.record(stripe=1))


async def lose_a_shard(store: Calm) -> None:
    store.disk(2).lose(store.record(2, 0))
    store.disk(2).lose(store.record(2, 1))


async def damage_a_record(store: Calm) -> None:
    store.disk(1).damaged.add(store.record(1))


async def write_wrong_parity(store: Calm) -> None:
    store.disk(2).records[store.record(2)] = bytes(16)


async def put_two_shards_on_one_node(store: Calm) -> None:
    """Behind the back of the store, which refuses it."""
    part = store.part
    owner, _ = store.world.store._parts[part.part_id]
    crowded = replace(part, nodes=(part.nodes[1], *part.nodes[1:]))
    store.world.store._parts[part.part_id] = (owner, crowded)


async def hide_a_node_from_the_audit(store: Calm) -> None:
    store.world.nodes["node-1"].is_cut_off = True


async def leave_an_orphan(store: Calm) -> None:
    store.disk().records[RecordKey(bytes(16), 0, 0)] = b"orphan"


async def forget_to_reclaim(store: Calm) -> None:
    await store.users.put_data(KEY, b"y")


async def leave_a_note(store: Calm) -> None:
    at_once(store.world.store.save_note("scrub/node-9/", "{}"))


async def leave_a_pin(store: Calm) -> None:
    store.its.pins.pin([store.part])


async def leave_a_stream_open(store: Calm) -> None:
    stored = await store.its.objects.look_up(BUCKET, KEY)
    await anext(await store.its.objects.open(stored, 0, 40))


DEEDS: list[tuple[Callable[[Calm], Awaitable[None]], set[str]]] = [
    (lose_a_write, {"exact", "deleted"}),
    (show_an_older_one, {"exact"}),
    (show_half_a_write, {"exact"}),
    (let_a_key_reappear, {"exact", "deleted"}),
    (lose_a_record, {"redundancy"}),
    (lose_a_shard, {"redundancy"}),
    (damage_a_record, {"redundancy"}),
    (write_wrong_parity, {"redundancy"}),
    (put_two_shards_on_one_node, {"redundancy", "left over"}),
    (hide_a_node_from_the_audit, {"audit"}),
    (leave_an_orphan, {"left over"}),
    (forget_to_reclaim, {"reclaims", "left over"}),
    (leave_a_note, {"notes"}),
    (leave_a_pin, {"held"}),
    (leave_a_stream_open, {"held"}),
]


@pytest.mark.parametrize(
    ("deed", "violated"), DEEDS, ids=lambda value: getattr(value, "__name__", "")
)
def test_an_invariant_can_fail(deed: Callable[[Calm], Awaitable[None]], violated: set[str]) -> None:
    async def main() -> None:
        async with calm() as store:
            await deed(store)
            found = await store.look()
            assert {name for name, wrong in found.items() if wrong} == violated

    run(main())


def test_a_task_that_is_left_is_seen() -> None:
    async def main() -> None:
        async with calm() as store:
            await store.its.stop()
            store.its.process.spawn(asyncio.Event().wait())
            assert invariants.no_task_is_left(store.world)

    run(main())


# the program as a whole --------------------------------------------------------------------------


def test_a_healer_that_says_done_too_early_is_caught() -> None:
    """A shard vanishes without a trace, and no scrub has looked."""

    async def main() -> None:
        program = Program(0)
        program.rots_silently = False
        world = program.world
        its = await world.start_coordinator()
        await its.metadata.create_bucket(BUCKET, "root", "", 0)
        await program.users.put_data(KEY, bytes(100))
        part = world.parts()[0]
        world.nodes[part.nodes[0]].disk.lose(RecordKey(part.part_id, 0, 0))
        with pytest.raises(Violation, match="redundancy"):
            await program.become_whole()

    run(main())


def test_a_write_that_fails_without_reason_is_caught() -> None:
    async def main() -> None:
        async with calm() as store:
            for node in list(store.world.nodes.values())[:2]:
                node.is_full = True  # and nobody says so
            await store.users.put_data(KEY, b"z")
            assert "failed" in store.world.violations[0]

    run(main())


# promises ----------------------------------------------------------------------------------------


@pytest.fixture
def promises() -> Iterator[Promises]:
    kept = Promises()
    with kept.change("k", b"old") as change:
        change.acknowledge()
    yield kept
    assert not kept.changing


def test_what_is_acknowledged_replaces_what_was(promises: Promises) -> None:
    assert promises.of("k") == {b"old"}
    with promises.change("k", None) as change:
        assert promises.of("k") == {b"old", None}
        change.acknowledge()
    assert promises.of("k") == {None}


def test_what_is_refused_changes_nothing(promises: Promises) -> None:
    with promises.change("k", b"new") as change:
        change.refuse()
    assert promises.of("k") == {b"old"}


def test_what_is_cut_off_is_decided_by_the_first_who_sees_it(promises: Promises) -> None:
    with promises.change("k", b"new"):
        pass
    assert promises.of("k") == {b"old", b"new"}
    with promises.read("k") as reading:
        promises.shown(reading, b"old")
    assert promises.of("k") == {b"old"}


def test_a_read_beside_a_change_may_show_either_and_decides_nothing(promises: Promises) -> None:
    with promises.read("k") as reading, promises.change("k", b"new"):
        assert b"old" in reading
        assert b"new" in reading
        promises.shown(reading, b"old")
    assert promises.of("k") == {b"old", b"new"}
