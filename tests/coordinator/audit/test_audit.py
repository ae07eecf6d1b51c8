"""The audit finds every planted defect, and nothing where there is none."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from coordinator.audit import Defect, Progress, audit
from coordinator.audit.audit import MAX_TOLD, PAGE_PARTS
from coordinator.audit.deep import WINDOW_BYTES
from coordinator.cluster import UnknownNode
from coordinator.objects import Multipart, NewObject
from metadata import Part, ShardMove
from node.errors import NodeUnreachable
from node.record import RecordKey
from tests.coordinator.audit.fakes import UNIT, Md5, Store
from tests.coordinator.objects.fakes import body_of

DATA = bytes(range(251)) * 2
"""Four stripes of 2 x 64 bytes, the last one shorter and of odd length."""

Break = Callable[[Store, Part], None]


@pytest.fixture
async def store() -> Store:
    made = await Store().start()
    await made.put("sound", DATA)
    await made.put("broken", DATA[:-1])
    return made


@pytest.mark.parametrize("deep", [False, True])
async def test_a_whole_store(store: Store, deep: bool) -> None:
    await store.put("one byte", b"x")
    await store.put("empty", b"")
    report = await store.audit(deep=deep)
    summary = report.summary
    assert (report.findings, report.silent) == ([], [])
    assert summary.is_whole
    assert (summary.parts, summary.whole, summary.degraded, summary.lost) == (3, 3, 0, 0)
    assert (summary.shards_expected, summary.shards_found) == (9, 9)
    assert summary.bytes == 2 * len(DATA)
    assert (summary.bytes_read > summary.bytes) == deep


async def test_an_empty_store() -> None:
    summary = (await (await Store().start()).audit(deep=True)).summary
    assert (summary.is_whole, summary.parts) == (True, 0)


async def test_uploads_under_way_are_checked_too(store: Store) -> None:
    multipart = Multipart(store.objects)
    upload = await multipart.create(store.buckets["photos"], "big", NewObject("root"))
    part = await multipart.put_part(upload, 7, body_of(DATA), Md5())
    store.drop(part, 1)
    report = await store.audit()
    (found,) = report.findings
    named = found.named
    assert (named.key, named.version_id, named.is_upload) == ("big", upload.upload_id, True)


def missing(store: Store, part: Part) -> None:
    store.drop(part, 1)


def stripe_missing(store: Store, part: Part) -> None:
    store.drop(part, 1, 2)


def short_unit(store: Store, part: Part) -> None:
    store.rewrite(part, 0, 3, store.payload(part, 0, 3)[:-1])


def long_shard(store: Store, part: Part) -> None:
    store.rewrite(part, 0, 4, b"more than there should be")


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("damage", "defect", "shard"),
    [
        (missing, Defect.MISSING, 1),
        (stripe_missing, Defect.WRONG_LENGTH, 1),
        (short_unit, Defect.WRONG_LENGTH, 0),
        (long_shard, Defect.WRONG_LENGTH, 0),
    ],
)
async def test_a_shard_that_is_not_all_there(
    store: Store, deep: bool, damage: Break, defect: Defect, shard: int
) -> None:
    part = await store.part("broken")
    damage(store, part)
    report = await store.audit(deep=deep)
    assert report.shown == [("broken", defect, shard)]
    assert report.findings[0].node_id == part.nodes[shard]
    summary = report.summary
    assert (summary.whole, summary.degraded, summary.lost) == (1, 1, 0)
    assert (summary.shards_found, summary.defects[defect]) == (5, 1)
    assert not summary.is_whole


async def test_two_shards_on_one_node() -> None:
    store = await Store(count=4).start()
    await store.put("broken", DATA)
    part = await store.part("broken")
    first, second, third = part.nodes
    (fourth,) = set(store.cluster.fakes) - set(part.nodes)
    # By the book the metadata refuse this; so the audit gets it from a store that forgot its rules.
    records = store.cluster.fakes[first].records
    for key, payload in list(store.cluster.fakes[second].records.items()):
        records[key] = payload
    wrong = replace(part, nodes=(first, first, third))
    store.metadata = _Replacing(store.metadata, wrong)
    report = await store.audit(deep=True)
    assert report.shown == [("broken", Defect.SAME_NODE, 1)]
    assert (report.summary.degraded, report.summary.lost) == (1, 0)
    assert fourth not in part.nodes


class _Replacing:
    """The metadata, with one part other than it is."""

    def __init__(self, metadata, part: Part) -> None:
        self._metadata = metadata
        self._part = part

    async def parts_by_id(self, after: bytes = b"", *, limit: int):
        page = await self._metadata.parts_by_id(after, limit=limit)
        return [replace(named, part=self._part) for named in page]

    async def find_parts(self, part_ids):
        return dict.fromkeys(part_ids, self._part)


async def test_damaged_bytes(store: Store) -> None:
    part = await store.part("broken")
    store.node(part, 0).damaged |= {RecordKey(part.part_id, 0, stripe) for stripe in (1, 3)}
    assert (await store.audit()).summary.is_whole, "no inventory tells of it"
    report = await store.audit(deep=True)
    assert report.shown == [("broken", Defect.DAMAGED, 0)]
    assert "stripe 1 " in report.findings[0].flaw.detail
    assert (report.summary.degraded, report.summary.lost) == (1, 0)


@pytest.mark.parametrize("stripe", [0, 3])
async def test_parity_that_does_not_match(store: Store, stripe: int) -> None:
    part = await store.part("broken")
    payload = bytearray(store.payload(part, 2, stripe))
    payload[-1] ^= 1
    store.rewrite(part, 2, stripe, bytes(payload))
    assert (await store.audit()).summary.is_whole
    report = await store.audit(deep=True)
    assert report.shown == [("broken", Defect.PARITY_MISMATCH, 2)]
    assert (report.summary.degraded, report.summary.lost) == (1, 0)


async def test_data_that_are_not_what_was_written(store: Store) -> None:
    part = await store.part("broken")
    # Bit and parity changed alike: checksums and code agree, only the MD5 knows better.
    for shard in (0, 2):
        payload = bytearray(store.payload(part, shard, 1))
        payload[5] ^= 0x40
        store.rewrite(part, shard, 1, bytes(payload))
    report = await store.audit(deep=True)
    assert report.shown == [("broken", Defect.WRONG_DATA, None)]
    assert (report.summary.degraded, report.summary.lost) == (0, 1)


async def test_wrong_parity_shows_where_it_has_to_stand_in_for_data(store: Store) -> None:
    part = await store.part("broken")
    store.drop(part, 0)
    store.rewrite(part, 2, 0, bytes(UNIT))
    report = await store.audit(deep=True)
    assert report.shown == [
        ("broken", Defect.MISSING, 0),
        ("broken", Defect.WRONG_DATA, None),
    ]
    assert report.summary.lost == 1


async def test_a_degraded_part_is_read_by_way_of_parity(store: Store) -> None:
    store.drop(await store.part("broken"), 0)
    report = await store.audit(deep=True)
    assert report.shown == [("broken", Defect.MISSING, 0)]


@pytest.mark.parametrize("deep", [False, True])
async def test_a_lost_part(store: Store, deep: bool) -> None:
    part = await store.part("broken")
    store.drop(part, 0)
    store.drop(part, 2)
    report = await store.audit(deep=deep)
    assert report.shown == [
        ("broken", Defect.MISSING, 0),
        ("broken", Defect.MISSING, 2),
        ("broken", Defect.LOST, None),
    ]
    summary = report.summary
    assert (summary.whole, summary.degraded, summary.lost) == (1, 0, 1)


async def test_damage_to_different_stripes_loses_nothing(store: Store) -> None:
    part = await store.part("broken")
    store.node(part, 0).damaged.add(RecordKey(part.part_id, 0, 1))
    store.node(part, 1).damaged.add(RecordKey(part.part_id, 1, 2))
    report = await store.audit(deep=True)
    assert [defect for _, defect, _ in report.shown] == [Defect.DAMAGED] * 2
    assert (report.summary.degraded, report.summary.lost) == (1, 0)
    store.node(part, 1).damaged.add(RecordKey(part.part_id, 1, 1))
    assert (await store.audit(deep=True)).summary.lost == 1


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("noticed", [False, True])
async def test_a_node_that_does_not_answer(store: Store, deep: bool, noticed: bool) -> None:
    store.cluster.kill("node-2", noticed=noticed)
    report = await store.audit(deep=deep)
    assert [told.node_id for told in report.silent] == ["node-2"]
    assert report.findings == []
    summary = report.summary
    assert (summary.degraded, summary.lost, summary.shards_found) == (2, 0, 4)
    assert summary.silent_nodes == ["node-2"]
    assert (summary.defects[Defect.UNREACHABLE], summary.findings_told) == (2, 0)
    store.cluster.kill("node-1", noticed=noticed)
    report = await store.audit(deep=deep)
    assert report.summary.lost == 2
    assert [defect for _, defect, _ in report.shown] == [Defect.LOST] * 2


async def test_a_node_that_dies_while_it_is_read(store: Store) -> None:
    node = store.cluster.fakes["node-3"]
    node.fault = lambda what, _: NodeUnreachable("gone") if what == "read" else None
    report = await store.audit(deep=True)
    assert [told.node_id for told in report.silent] == ["node-3"]
    assert (report.summary.degraded, report.findings) == (2, [])


async def test_a_node_that_is_no_longer_known(store: Store) -> None:
    part = await store.part("broken")
    store.metadata = _Replacing(store.metadata, replace(part, nodes=(*part.nodes[:2], "node-9")))

    class Cluster:
        def state(self, node_id: str):
            if node_id == "node-9":
                raise UnknownNode(node_id)
            return store.cluster.state(node_id)

        def client(self, node_id: str):
            self.state(node_id)
            return store.cluster.client(node_id)

    told = [one async for one in audit(store.metadata, Cluster(), deep=True)]
    assert [(one.flaw.defect, one.node_id) for one in told[:-1]] == [
        (Defect.MISSING, "node-9"),
        (Defect.MISSING, "node-9"),
    ]


@pytest.mark.parametrize("deep", [False, True])
async def test_what_is_deleted_meanwhile_is_no_finding(store: Store, deep: bool) -> None:
    part = await store.part("broken")

    def vanish() -> None:
        # The metadata forget it while the nodes are asked; its shards may go from then on.
        forgetting = store.metadata.delete_version("photos", "broken", "null")
        asyncio.get_running_loop().create_task(forgetting)
        for shard in range(3):
            store.drop(part, shard)
        store.cluster.fakes["node-1"].on_ask = lambda: None

    store.cluster.fakes["node-1"].on_ask = vanish
    report = await store.audit(deep=deep)
    assert report.findings == []
    assert (report.summary.parts, report.summary.whole) == (1, 1)


@pytest.mark.parametrize("deep", [False, True])
async def test_what_is_moved_meanwhile_is_looked_at_where_it_is_now(deep: bool) -> None:
    store = await Store(count=4).start()
    await store.put("moving", DATA)
    part = await store.part("moving")
    (spare,) = set(store.cluster.fakes) - set(part.nodes)
    source, target = store.node(part, 0), store.cluster.fakes[spare]

    def move() -> None:
        for key in [key for key in source.records if key.shard == 0]:
            target.records[key] = source.records.pop(key)
        asyncio.get_running_loop().create_task(
            store.metadata.move_shards([ShardMove(part.part_id, 0, source.node_id, spare)])
        )
        source.on_ask = lambda: None

    source.on_ask = move
    report = await store.audit(deep=deep)
    assert report.findings == []
    assert (report.summary.parts, report.summary.is_whole) == (1, True)
    # And if it is not there either, that is found.
    for key in list(target.records):
        del target.records[key]
    (found,) = (await store.audit(deep=deep)).findings
    assert (found.flaw.defect, found.node_id) == (Defect.MISSING, spare)


async def test_one_bucket(store: Store) -> None:
    for number in range(5):
        await store.put(f"film-{number}", DATA, bucket="films")
    store.drop(await store.part("film-3", "films"), 0)
    assert (await store.audit(bucket="photos")).summary.is_whole
    report = await store.audit(bucket="films")
    assert report.shown == [("film-3", Defect.MISSING, 0)]
    assert report.findings[0].named.bucket == "films"
    assert report.summary.parts == 5


async def test_orphans_are_no_findings(store: Store) -> None:
    part = await store.part("sound")
    node = store.cluster.fakes["node-1"]
    for number in range(200):
        node.records[RecordKey(part.part_id[:8] + (1000 + number).to_bytes(8, "big"), 0, 0)] = (
            b"orphan"
        )
    assert (await store.audit()).summary.is_whole


async def test_many_parts_go_page_by_page(store: Store) -> None:
    for number in range(2 * PAGE_PARTS):
        await store.put(f"small-{number:04}", b"small")
    for number in (0, PAGE_PARTS, 2 * PAGE_PARTS - 1):
        store.drop(await store.part(f"small-{number:04}"), 1)
    report = await store.audit()
    assert [key for key, _, _ in report.shown] == [
        "small-0000",
        f"small-{PAGE_PARTS:04}",
        f"small-{2 * PAGE_PARTS - 1:04}",
    ]
    assert report.summary.parts == 2 * PAGE_PARTS + 2
    # One question a page and node.
    assert all(node.inventories == 3 for node in store.cluster.fakes.values())


async def test_a_million_findings_are_counted_not_told(store: Store) -> None:
    count = MAX_TOLD + 10
    for number in range(count):
        await store.put(f"small-{number:04}", b"small")
    store.cluster.fakes["node-1"].records.clear()
    report = await store.audit()
    summary = report.summary
    assert summary.defects[Defect.MISSING] == summary.findings == count + 2
    assert len(report.findings) == summary.findings_told == MAX_TOLD


async def test_memory_is_bounded_while_all_bytes_are_read() -> None:
    store = await Store(unit=1024 * 1024).start()
    for number in range(100):
        await store.put(f"small-{number:04}", DATA)
    for number in range(6):
        await store.put(f"large-{number}", bytes(5 * 1024 * 1024 + number))
    report = await store.audit(deep=True)
    assert report.summary.is_whole
    for node in store.cluster.fakes.values():
        # Three nodes have a third each, of the last stripe's padding too.
        assert node.most_bytes_under_way <= WINDOW_BYTES // 3 + 1
        # The small ones together, the large ones stripe by stripe.
        assert len(node.bulk_reads) <= 2 + 6 * 3


async def test_progress_is_told_while_it_takes_long(store: Store) -> None:
    clock = iter(range(100)).__next__
    told = [one async for one in audit(store.metadata, store.cluster, clock=clock)]
    assert any(isinstance(one, Progress) for one in told)


async def test_an_audit_that_is_not_exhausted_leaves_nothing_running(store: Store) -> None:
    reading = asyncio.Event()
    for node in store.cluster.fakes.values():
        node.hangs = True
        node.on_read = reading.set
    running = audit(store.metadata, store.cluster, deep=True, clock=iter(range(100)).__next__)
    asking = asyncio.ensure_future(anext(running))
    await reading.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await running.aclose()
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(("k", "m"), [(1, 0), (1, 2), (4, 2), (3, 1)])
async def test_other_codes(k: int, m: int) -> None:
    store = await Store(k, m).start()
    for size in (1, k * UNIT, k * UNIT + 1, 5 * k * UNIT - 1):
        await store.put(f"of {size}", bytes(range(256)) * (size // 256) + bytes(size % 256))
    assert (await store.audit(deep=True)).summary.is_whole
    part = await store.part("of 1")
    for shard in range(m + 1):
        store.drop(part, shard)
    report = await store.audit(deep=True)
    assert report.summary.lost == 1
    assert report.summary.degraded == 0
