"""SQLite does whatever the reference model does with repair tasks and with where shards are.

Rules: apart from `test_model_comparison.py`, because shards drawn from all that may happen to
objects would seldom meet. Here objects only come and go; shards and nodes are few, so that moves
cross each other and come back, and what is done to tasks is mostly done to those that there are.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from metadata import (
    MetadataStore,
    MissingShard,
    MoveShard,
    PutOff,
    RepairState,
    ShardMove,
    ShardName,
)
from tests.metadata.comparing import SETTINGS, Comparison
from tests.metadata.making import (
    ALL_NODES,
    FAR_FUTURE_MS,
    NODES,
    delete,
    make_part,
    make_version,
    new_id,
    part_of,
    start_upload,
)

KEYS = st.sampled_from(["a", "b", "c"])
PICKS = st.sampled_from([0, 1, 1, 1, 2, 2, 3, 4])
SHARDS = st.sampled_from([0, 0, 1, 1, 2, 3])
SEVERAL = st.lists(st.tuples(PICKS, SHARDS), min_size=1, max_size=4)
TASKS = st.lists(st.integers(0, 5), min_size=1, max_size=3)
ROOMY = st.sampled_from(ALL_NODES)
STRANGE_PART = b"?" * 16


class HealingComparison(Comparison):
    """Repair tasks, moves and reclaims."""

    @initialize()
    def start_with_objects(self):
        for key in ("a", "b", "c"):
            self.put_version(key, [10, 5], is_degraded=key != "a")

    @rule(key=KEYS, sizes=st.lists(st.integers(0, 9), max_size=2), is_degraded=st.booleans())
    def put_version(self, key, sizes, is_degraded):
        version = make_version(key, size=sum(sizes))
        parts = [
            part_of(version, make_part(number, size)) for number, size in enumerate(sizes, start=1)
        ]
        missing = [MissingShard(part.part_id, 1, "down") for part in parts] if is_degraded else []
        self.both(lambda store: store.put_version("b", version, parts, missing=missing))

    @rule(key=KEYS)
    def delete_version(self, key):
        self.both(lambda store: delete(store, key))

    @rule(key=KEYS, is_completed=st.booleans())
    def upload(self, key, is_completed):
        """One that stays under way gives its parts another kind of owner."""
        parts = [make_part(1), make_part(2)]
        upload_id = new_id()

        async def run(store: MetadataStore) -> Any:
            return await start_upload(store, key, *parts, upload_id=upload_id)

        self.both(run)
        if is_completed:
            version = make_version(key, version_id=upload_id)
            self.both(lambda store: store.complete_upload("b", version, [parts[1].part_id]))

    def names(self, picks: list[tuple[int, int]]) -> list[ShardName]:
        """A pick counts from the newest part; 0 is a part that nobody knows."""
        known = [STRANGE_PART, *sorted(self.model._parts, reverse=True)]
        return [ShardName(known[pick], shard) for pick, shard in picks if pick < len(known)]

    def task_names(self, numbers: list[int]) -> list[ShardName]:
        """0 is a task that nobody knows."""
        known = [ShardName(STRANGE_PART, 0), *sorted(self.model._repairs)]
        return list(dict.fromkeys(known[number % len(known)] for number in numbers))

    @rule(picks=SEVERAL)
    def add_repairs(self, picks):
        lost = [MissingShard(*name, "lost") for name in self.names(picks)]
        self.both(lambda store: store.add_repairs(lost, self.clock.now_ms))

    @rule(picks=SEVERAL, new_node=ROOMY)
    def add_moves(self, picks, new_node):
        moves = [MoveShard(*name, new_node, "ring") for name in self.names(picks)]
        self.both(lambda store: store.add_moves(moves, self.clock.now_ms))

    @rule(picks=SEVERAL, new_node=ROOMY, is_stale=st.sampled_from([False, False, False, True]))
    def move_shards(self, picks, new_node, is_stale):
        moves = []
        for name in self.names(picks):
            holder = None if is_stale else self.model._holder(name)
            moves.append(ShardMove(*name, holder or "n1", new_node))
        self.both(lambda store: store.move_shards(moves))

    @rule(key=KEYS, shard=SHARDS, new_node=ROOMY)
    def move_what_was_just_written(self, key, shard, new_node):
        version = make_version(key)
        part = part_of(version, make_part())
        self.both(lambda store: store.put_version("b", version, [part]))
        moves = [ShardMove(part.part_id, shard, NODES[shard % 3], new_node)]
        self.both(lambda store: store.move_shards(moves))

    @rule(pick=PICKS, shard=SHARDS, away=ROOMY)
    def move_there_and_back(self, pick, shard, away):
        for name in self.names([(pick, shard)]):
            holder = self.model._holder(name) or "n1"
            moves = [ShardMove(*name, holder, away), ShardMove(*name, away, holder)]
            self.both(lambda store, m=moves: store.move_shards(m))

    @rule(numbers=TASKS)
    def finish_repairs(self, numbers):
        done = self.task_names(numbers)
        self.both(lambda store: store.finish_repairs(done))

    @rule(numbers=TASKS, delay_ms=st.integers(0, 20), failed=st.booleans())
    def put_off_repairs(self, numbers, delay_ms, failed):
        self.put_off(numbers, delay_ms, failed)

    def put_off(self, numbers, delay_ms, failed):
        later_ms = self.clock.now_ms + delay_ms
        put_off = [PutOff(*name, "later", later_ms, failed) for name in self.task_names(numbers)]
        self.both(lambda store: store.put_off_repairs(put_off))

    @rule(numbers=TASKS, is_put_off_before=st.booleans())
    def bury_repairs(self, numbers, is_put_off_before):
        if is_put_off_before:
            self.put_off(numbers, 20, failed=True)
        buried = [MissingShard(*name, "hopeless") for name in self.task_names(numbers)]
        self.both(lambda store: store.bury_repairs(buried))

    @rule()
    def wake_repairs(self):
        self.both(lambda store: store.wake_repairs())

    @rule(numbers=st.one_of(st.none(), TASKS))
    def revive_repairs(self, numbers):
        names = None if numbers is None else self.task_names(numbers)
        self.both(lambda store: store.revive_repairs(names))

    @rule(node_id=ROOMY, limit=st.integers(0, 3))
    def delete_what_is_reclaimed(self, node_id, limit):
        """Also what makes way for moves back."""
        due = self.both(lambda store: store.reclaims(node_id, before_ms=FAR_FUTURE_MS, limit=limit))
        self.both(lambda store: store.forget_reclaims(due))

    @rule(pick=PICKS, limit=st.integers(0, 3), state=st.sampled_from(RepairState))
    def read_pages(self, pick, limit, state):
        tasks = self.both(lambda store: store.repairs(state=state))
        after = tasks[pick % len(tasks)] if tasks else None
        self.both(lambda store: store.repairs(state=state, after=after, limit=limit))
        for name in self.names([(pick, 0)]):
            self.both(lambda store, n=name: store.parts_by_id(n.part_id, limit=limit))

    @invariant()
    def same_healing(self):
        part_ids = [STRANGE_PART, *self.model._parts]
        now_ms = self.clock.now_ms

        async def everything(store: MetadataStore) -> Any:
            nodes = [
                (
                    await store.due_repairs(node_id, now_ms=now_ms, limit=4),
                    await store.due_repairs(node_id, now_ms=FAR_FUTURE_MS, limit=99),
                    await store.has_repairs(node_id),
                    await store.parts_naming(node_id),
                )
                for node_id in ALL_NODES
            ]
            counts = await store.repair_counts()
            return (
                nodes,
                counts,
                await store.parts_by_id(limit=99),
                await store.find_parts(part_ids),
            )

        self.both(everything)


# Longer programs, and fewer: a task has a long way to go.
HealingComparison.TestCase.settings = settings(SETTINGS, max_examples=25, stateful_step_count=50)
TestHealingComparison = HealingComparison.TestCase
