"""The store against a dict, through crashes at any operation, failing disks and lost indexes."""

import errno
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from node.batch import Write, append_of, delete_of
from node.errors import NodeError
from node.protocol import Outcome, unpack_answers
from node.record import (
    HEADER_SIZE,
    RecordKey,
    ShardKey,
    check_payload,
    decode_header,
    encode_header,
)
from node.store import Store, StoreOptions
from tests.node.simulated_disk import Crash, SimulatedDisk

OPTIONS = StoreOptions(
    segment_size_bytes=700, padding_bytes=100, free_floor_bytes=0, compaction_step_bytes=150
)
PARTS = [bytes([number]) * 16 for number in (1, 2, 3)]
ALL_KEYS = [
    RecordKey(part, shard, stripe) for part in PARTS for shard in (0, 1) for stripe in (0, 1, 2)
]
DAMAGED = "damaged"

keys = st.sampled_from(ALL_KEYS)
payloads = st.tuples(st.integers(0, 180), st.integers(1, 255)).map(lambda x: bytes([x[1]]) * x[0])
appends = st.lists(st.tuples(keys, payloads), min_size=1, max_size=4)
deletes = st.lists(keys, min_size=1, max_size=2)
groups = st.lists(st.one_of(appends, deletes), min_size=1, max_size=3)


def write_of(request: list) -> Write:
    if isinstance(request[0], RecordKey):
        return delete_of([ShardKey(key.part_id, key.shard) for key in request])
    return append_of(b"".join(encode_header(key, payload) + payload for key, payload in request))


def read_all(store: Store) -> dict[RecordKey, bytes | str]:
    body = store.reader.fill(store.reader.locate(ALL_KEYS))
    found: dict[RecordKey, bytes | str] = {}
    for key, answer in zip(ALL_KEYS, unpack_answers(body, len(ALL_KEYS)), strict=True):
        if answer is Outcome.DAMAGED:
            found[key] = DAMAGED
        elif answer is not Outcome.MISSING:
            header = decode_header(answer)
            assert header.key == key
            check_payload(header, answer[HEADER_SIZE:])
            found[key] = bytes(answer[HEADER_SIZE:])
    return found


def tables(store: Store) -> dict[str, list]:
    store.index.flush()
    run = store.index.catalog.writer.execute
    names = ("record", "residue", "tombstone", "segment")
    return {name: run(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in names} | {
        "meta": run("SELECT records, shards FROM meta").fetchall()
    }


class StoreMachine(RuleBasedStateMachine):
    out_of_order = False

    @initialize(seed=st.integers(0, 1 << 32))
    def start(self, seed: int) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="trilith-machine-", dir=SHM))
        self.disk = SimulatedDisk(seed)
        self.disk.fate.out_of_order = self.out_of_order
        self.model: dict[RecordKey, bytes | str] = {}
        self.maybe: dict[RecordKey, set[bytes | str | None]] = {}
        # What a failing disk may bring back at a power cut, until a commit succeeds.
        self.disk_failed = False
        self.compaction: Iterator[int] | None = None
        self.snapshots: list[bytes] = []
        self.durable_commits = -1
        self.open()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.index.catalog.close(clean=False)
        shutil.rmtree(getattr(self, "directory", "/nonexistent"), ignore_errors=True)

    # opening and crashing ---------------------------------------------------------------------
    @property
    def catalog_path(self) -> Path:
        return self.directory / "index.db"

    def open(self) -> None:
        self.store = Store(self.disk, self.catalog_path, "store", OPTIONS)
        self.compaction, self.compaction_failed = None, False
        self.snapshots, self.durable_commits = [], -1
        found = read_all(self.store)
        for key in ALL_KEYS:
            allowed = {self.model.get(key)} | self.maybe.get(key, set())
            assert found.get(key) in allowed, (key, found.get(key), allowed)
        self.model = found
        if not self.disk_failed:
            self.maybe = {}
        self.remember_index()

    def remember_index(self) -> None:
        catalog = self.store.index.catalog
        if catalog.durable_commits != self.durable_commits:
            self.snapshots, self.durable_commits = [], catalog.durable_commits
        self.snapshots = [*self.snapshots[-3:], catalog.writer.serialize()]

    def abandon(self, index: str) -> None:
        catalog = self.store.index.catalog
        older = self.snapshots if catalog.durable_commits == self.durable_commits else []
        catalog.close(clean=False)
        if index == "lost":
            self.catalog_path.unlink()
        elif index == "older" and older:
            self.catalog_path.write_bytes(self.disk.fate.rng.choice(older))

    def recover(self, index: str, crash_again_in: int | None) -> None:
        self.abandon(index)
        self.disk.crash()
        self.disk_failed = False
        if crash_again_in is not None:
            self.disk.crash_in = crash_again_in
            try:
                self.open()
                self.disk.crash_in = None
                return
            except Crash:
                self.disk.crash()
        self.open()

    @rule(
        index=st.sampled_from(["kept", "older", "lost"]),
        crash_again_in=st.none() | st.integers(0, 6),
    )
    def power_cut(self, index: str, crash_again_in: int | None) -> None:
        self.recover(index, crash_again_in)

    @rule(index=st.sampled_from(["kept", "lost"]))
    def process_killed(self, index: str) -> None:
        self.abandon(index)
        self.disk.stop()
        self.open()

    @rule()
    def clean_restart(self) -> None:
        self.store.close()
        self.disk.stop()
        self.open()

    @precondition(lambda self: not self.maybe and not self.compaction_failed)
    @rule()
    def rebuild_is_identical(self) -> None:
        before = tables(self.store)
        self.abandon("lost")
        self.disk.stop()
        self.open()
        assert tables(self.store) == before

    # writing ----------------------------------------------------------------------------------
    def expect(self, request: list) -> None:
        for item in request:
            if isinstance(item, RecordKey):
                for key in [key for key in self.model if key.part_id == item.part_id]:
                    if key.shard == item.shard:
                        del self.model[key]
            else:
                self.model[item[0]] = item[1]

    def expect_maybe(self, request: list) -> None:
        for item in request:
            if isinstance(item, RecordKey):
                for key in ALL_KEYS:
                    if (key.part_id, key.shard) == (item.part_id, item.shard):
                        self.maybe.setdefault(key, {self.model.get(key)}).add(None)
            else:
                maybe = self.maybe.setdefault(item[0], {self.model.get(item[0])})
                maybe.add(item[1])
                if self.out_of_order and item[0] not in self.model:
                    maybe.add(DAMAGED)

    @rule(group=groups)
    def commit(self, group: list) -> None:
        assert self.store.commit([write_of(request) for request in group]) == [None] * len(group)
        self.expect_all(group)

    @rule(seed=st.integers(0, 1 << 16), rounds=st.integers(4, 16), deleting=st.floats(0, 0.6))
    def churn(self, seed: int, rounds: int, deleting: float) -> None:
        """Enough traffic for several segments, some mostly live and some mostly dead."""
        rng = random.Random(seed)
        for _ in range(rounds):
            if rng.random() < deleting:
                request = [rng.choice(ALL_KEYS)]
            else:
                request = [
                    (rng.choice(ALL_KEYS), bytes([rng.randint(1, 255)]) * rng.randint(0, 180))
                    for _ in range(rng.randint(1, 3))
                ]
            assert self.store.commit([write_of(request)]) == [None]
            self.expect_all([request])
            if rng.random() < 0.2:
                self.store.index.flush()

    def expect_all(self, group: list) -> None:
        for request in group:
            self.expect(request)
        self.maybe.clear()
        self.disk_failed = False

    @rule(
        group=groups,
        kill=st.booleans(),
        crash_in=st.integers(0, 4),
        index=st.sampled_from(["kept", "older", "lost"]),
        crash_again_in=st.none() | st.integers(0, 6),
    )
    def commit_and_crash(
        self, group: list, kill: bool, crash_in: int, index: str, crash_again_in: int | None
    ) -> None:
        self.disk.crash_in = crash_in
        try:
            self.store.commit([write_of(request) for request in group])
        except Crash:
            for request in group:
                self.expect_maybe(request)
        else:
            self.disk.crash_in = None
            self.expect_all(group)
        if kill:
            self.abandon("kept")
            self.disk.stop()
            self.open()
        else:
            self.recover(index, crash_again_in)

    @rule(
        group=groups,
        kind=st.sampled_from(["write", "sync", "create", "sync_directory"]),
        number=st.sampled_from([errno.ENOSPC, errno.EIO]),
        truncations=st.lists(st.sampled_from([0, errno.EIO]), max_size=2),
    )
    def commit_on_failing_disk(
        self, group: list, kind: str, number: int, truncations: list[int]
    ) -> None:
        # Twice: space written ahead is given up first, then the write itself fails.
        self.disk.errors = {kind: [number, number], "truncate": truncations}
        outcomes = self.store.commit([write_of(request) for request in group])
        self.disk.errors = {}
        for request, outcome in zip(group, outcomes, strict=True):
            if outcome is None:
                self.expect_all([request])
        for request, outcome in zip(group, outcomes, strict=True):
            if outcome is not None:
                assert isinstance(outcome, NodeError)
                self.disk_failed = True
                self.expect_maybe(request)

    # upkeep -----------------------------------------------------------------------------------
    @rule()
    def flush(self) -> None:
        self.store.index.flush()

    def compact(self) -> None:
        if self.compaction is None:
            run = self.store.compactor.choose()
            self.compaction = self.store.compactor.rewrite(run) if run else iter(())
        if next(self.compaction, None) is None:
            self.compaction = None

    @rule(steps=st.integers(1, 12))
    def compact_some(self, steps: int) -> None:
        for _ in range(steps):
            self.compact()

    @rule(
        crash_in=st.integers(0, 12),
        index=st.sampled_from(["kept", "older", "lost"]),
        crash_again_in=st.none() | st.integers(0, 6),
    )
    def compact_and_crash(self, crash_in: int, index: str, crash_again_in: int | None) -> None:
        self.disk.crash_in = crash_in
        try:
            for _ in range(60):
                self.compact()
        except Crash:
            pass
        self.recover(index, crash_again_in)

    @rule(kind=st.sampled_from(["write", "sync", "create", "rename", "unlink", "sync_directory"]))
    def compact_on_failing_disk(self, kind: str) -> None:
        self.disk.errors = {kind: [errno.EIO]}
        try:
            for _ in range(20):
                self.compact()
        except NodeError:
            self.compaction = None
            self.compaction_failed = True  # it may have left segments that an index would know
        self.disk.errors = {}

    @precondition(lambda self: self.compaction is None)
    @rule()
    def compaction_comes_to_an_end(self) -> None:
        for _ in range(100):
            run = self.store.compactor.choose()
            if not run:
                return
            assert all(step >= 0 for step in self.store.compactor.rewrite(run))
        raise AssertionError("it always finds something to rewrite")

    # always -----------------------------------------------------------------------------------
    @invariant()
    def reads_agree(self) -> None:
        if hasattr(self, "store"):
            assert read_all(self.store) == self.model
            self.remember_index()

    @rule()
    def counts_agree(self) -> None:
        stats = self.store.stats()
        assert stats["records"] == len(self.model)
        assert stats["shards"] == len({(key.part_id, key.shard) for key in self.model})
        listed = self.store.inventory(None, 1000)
        assert sum(shard.records for shard in listed) == len(self.model)


class OutOfOrderMachine(StoreMachine):
    """As above, on a disk that may keep later sectors of a torn write and lose earlier ones."""

    out_of_order = True


SHM = "/dev/shm" if Path("/dev/shm").is_dir() else None
BUDGET = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = BUDGET
TestOutOfOrderMachine = OutOfOrderMachine.TestCase
TestOutOfOrderMachine.settings = BUDGET
