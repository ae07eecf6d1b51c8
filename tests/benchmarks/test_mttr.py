"""The clock of `mttr`, against a cluster made of its API alone."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from benchmarks.admin import Admin
from benchmarks.connection import RequestFailed
from benchmarks.dialect import S3Dialect
from benchmarks.foreground import Pace
from benchmarks.mttr import SMALL_OBJECTS, Mttr, MttrError, Plan
from benchmarks.mttr_command import is_good, table, write_courses
from benchmarks.report.read import read_folder
from benchmarks.signer import Signer
from tests.benchmarks.fake_server import FakeServer

OBJECTS = 20
PLAN = Plan(
    "wipe",
    OBJECTS,
    1000,
    1,
    outage_s=0.05,
    before_s=0.3,
    after_s=0.3,
    pace=Pace(200, 50, 50),
    heal_timeout_s=20.0,
)


class FakeCluster(FakeServer):
    """Three nodes of which the API tells. Each look at repair rebuilds STEP shards."""

    STEP = 10

    def __init__(self) -> None:
        super().__init__()
        self.state = "up"
        self.missing = 0
        self.rebuilt = 0
        self.is_healing = True
        self.scrubbed: list[str] = []
        self.done: list[tuple[str, str, int]] = []
        self.healed: list[str | None] = []

    # benchmarks.mttr.Breaker
    def inject(self, kind: str, name: str, seed: int = 0) -> str:
        self.done.append((kind, name, seed))
        if kind == "kill":
            self.state = "down"
        else:
            self.lose()
        return f"{name} hurt"

    def heal(self, name: str | None = None) -> None:
        self.healed.append(name)
        self.lose()

    def lose(self) -> None:
        self.missing = 40
        self.state = "replaced"

    def _answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes, int]:
        if not target.startswith("/_api/v1/"):
            return super()._answer(method, target, body)
        answer = self._tell(target.removeprefix("/_api/v1/"), body)
        return 200, answer, len(answer)

    def _tell(self, what: str, body: bytes) -> bytes:
        if what == "cluster":
            nodes = [{"node_id": "node-1", "state": self.state}, {"node_id": "n", "state": "up"}]
            shape = {"k": 2, "m": 1, "nodes_total": 3, "unit_size_bytes": 4096}
            return json.dumps({**shape, "nodes": nodes}).encode()
        if what == "scrub":
            self.scrubbed.append(json.loads(body)["node_id"])
            return b"{}"
        if what == "repairs":
            queued = self.missing
            if self.is_healing:
                step = min(self.STEP, self.missing)
                self.missing -= step
                self.rebuilt += step
                if not self.missing and self.state == "replaced":
                    self.state = "up"
            progress = {
                "repaired_shards": self.rebuilt,
                "repaired_bytes": self.rebuilt * 1024 * 1024,
            }
            return json.dumps({"queued": queued, "dead": 0, "progress": progress}).encode()
        parts = len(self.objects)
        degraded = parts if self.state == "down" else self.missing
        counts = {"whole": parts - degraded, "degraded": degraded, "lost": 0}
        lines = [{"type": "finding"}, {"type": "summary", "is_whole": not degraded, **counts}]
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    made = FakeCluster()
    async with made.running():
        yield made


def mttr_of(cluster: FakeCluster, plan: Plan) -> Mttr:
    address = "127.0.0.1", cluster.port
    dialect = S3Dialect("host", "bucket", Signer("a", "s"))
    return Mttr(plan, address, dialect, Admin(address, "a", "s"), cluster, lambda _: None)


async def test_a_wipe_from_fault_to_full_redundancy(cluster: FakeCluster, tmp_path) -> None:
    work = mttr_of(cluster, PLAN)
    await work.fill()
    assert len(cluster.objects) == OBJECTS + SMALL_OBJECTS
    course = await work.run(1, "node-1")
    work.close()
    trial = course.trial
    assert cluster.done == [("wipe", "node-1", 1)]
    assert is_good(trial)
    assert (trial.trial, trial.fault, trial.node) == (1, "wipe", "node-1")
    assert trial.objects >= OBJECTS + SMALL_OBJECTS
    assert 0 <= trial.detect_s <= trial.mttr_s
    assert 0 < trial.repair_s <= trial.mttr_s
    assert trial.shards_rebuilt == 40
    assert trial.rebuild_mib_per_s > 0
    assert trial.before_p50_ms > 0
    assert trial.during_p99_ms >= trial.during_p50_ms
    # All of the objects were read once more, besides what the clients did.
    assert trial.requests > OBJECTS + SMALL_OBJECTS
    assert course.redundancy[0].t_s < 0 < course.redundancy[-1].t_s
    assert {one.degraded for one in course.redundancy} > {0}
    assert [one for one in course.redundancy if one.t_s > trial.mttr_s]
    assert course.repair[0].rebuilt_shards == 0
    write_courses(tmp_path / "out.csv", [course])
    (run,) = read_folder(tmp_path).mttr
    assert run.courses[0].trial == trial
    assert run.courses[0].redundancy == course.redundancy
    assert table([trial]).row_count == 1


async def test_one_trial_after_another_writes_new_objects(cluster: FakeCluster) -> None:
    work = mttr_of(cluster, replace(PLAN, before_s=0.1, after_s=0.1))
    await work.fill()
    first = (await work.run(1, "node-1")).trial
    between = len(cluster.objects)
    second = (await work.run(2, "node-1")).trial
    work.close()
    assert OBJECTS + SMALL_OBJECTS <= first.objects <= between
    assert between <= second.objects <= len(cluster.objects)
    assert is_good(second)
    assert second.shards_rebuilt == 40


async def test_a_kill_is_over_when_the_node_was_let_go(cluster: FakeCluster) -> None:
    work = mttr_of(cluster, replace(PLAN, fault="kill"))
    await work.fill()
    trial = (await work.run(1, "node-1")).trial
    work.close()
    assert cluster.healed == ["node-1"]
    assert PLAN.outage_s <= trial.back_s < trial.mttr_s
    assert is_good(trial)


async def test_after_a_corruption_a_scrub_is_ordered(cluster: FakeCluster) -> None:
    cluster.lose = lambda: setattr(cluster, "missing", 5)  # type: ignore[method-assign]
    work = mttr_of(cluster, replace(PLAN, fault="corrupt"))
    await work.fill()
    trial = (await work.run(1, "node-1")).trial
    work.close()
    assert cluster.scrubbed == ["node-1"]
    # No node's state tells of it: what does is a repair to be done.
    assert 0 < trial.detect_s <= trial.mttr_s
    assert (trial.shards_rebuilt, trial.back_s) == (5, 0.0)


async def test_what_does_not_heal_is_told(cluster: FakeCluster) -> None:
    cluster.is_healing = False
    work = mttr_of(cluster, replace(PLAN, heal_timeout_s=0.5))
    await work.fill()
    trial = (await work.run(1, "node-1")).trial
    assert math.isnan(trial.mttr_s)
    assert math.isnan(trial.repair_s)
    assert trial.verdict == "not whole"
    assert not is_good(trial)
    with pytest.raises(MttrError, match="not whole before"):
        await work.run(2, "node-1")
    work.close()


async def test_what_clients_saw_spoils_a_trial(cluster: FakeCluster) -> None:
    work = mttr_of(cluster, PLAN)
    await work.fill()
    del cluster.objects["/bucket/stored/00000003"]
    cluster.objects["/bucket/small/00000005"] = bytes(4096)
    trial = (await work.run(1, "node-1")).trial
    work.close()
    assert trial.errors >= 1
    assert trial.wrong >= 1
    assert not is_good(trial)


async def test_a_fault_that_cannot_be_done_is_an_error(cluster: FakeCluster) -> None:
    def refuse(kind: str, name: str, seed: int = 0) -> str:
        raise MttrError("no")

    cluster.inject = refuse  # type: ignore[method-assign]
    work = mttr_of(cluster, PLAN)
    await work.fill()
    async with asyncio.timeout(20):
        with pytest.raises(MttrError, match="no"):
            await work.run(1, "node-1")
    work.close()


async def test_an_audit_cut_short_is_no_answer(cluster: FakeCluster) -> None:
    address = "127.0.0.1", cluster.port
    admin = Admin(address, "a", "s")
    assert (await admin.verify(deep=False)).is_whole
    assert await admin.shape() == {"k": 2, "m": 1, "nodes": 3, "unit size": 4096}
    cluster._tell = lambda what, body: b'{"type": "progress"}\n'  # type: ignore[method-assign]
    with pytest.raises(RequestFailed, match="cut short"):
        await admin.verify(deep=False)
    admin.close()
