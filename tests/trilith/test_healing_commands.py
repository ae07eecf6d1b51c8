"""`trilith verify`, `node`, `repair` and `scrub` against a fake cluster."""

from pathlib import Path

import pytest

from tests.trilith.fake_healing import SUMMARY, drain, node
from tests.trilith.fake_store import FakeStore
from tests.trilith.test_cli import Run
from tests.trilith.test_cli import environ as environ
from tests.trilith.test_cli import run as run
from trilith.client import Client
from trilith.commands import node as node_commands
from trilith.commands import repair as repair_commands

FINDING = {
    "type": "finding",
    "defect": "missing",
    "bucket": "b",
    "key": "evil\x1b[2J",
    "version_id": "v",
    "is_upload": False,
    "part_id": "ab" * 16,
    "shard": 1,
    "node_id": "node-2",
    "detail": "the node does not have it",
}
SILENT = {"type": "silent_node", "node_id": "node-3", "detail": "it is down"}
PROGRESS = {"type": "progress", "parts": 1, "bytes": 9, "bytes_read": 0, "findings": 0}
BAD = {
    **SUMMARY,
    "is_whole": False,
    "whole": 1,
    "degraded": 1,
    "findings": 12,
    "findings_told": 1,
    "defects": {"missing": 12, "lost": 0},
}


def test_a_whole_store_is_verified(run: Run, store: FakeStore) -> None:
    store.healing.lines = [PROGRESS, SUMMARY]
    result = run("verify")
    assert result.code == 0
    assert result.out.startswith("whole\n")
    assert "2 whole, 0 degraded, 0 lost" in result.out
    assert "6 of 6" in result.out
    assert store.healing.audits == [{"bucket": None, "deep": False}]
    assert run("verify", "--bucket", "b", "--deep").code == 0
    assert store.healing.audits[1] == {"bucket": "b", "deep": True}


def test_what_is_not_whole_is_told(run: Run, store: FakeStore) -> None:
    store.healing.lines = [PROGRESS, FINDING, SILENT, BAD]
    result = run("verify")
    assert result.code == 1
    assert result.out.startswith("missing  b/evil\\x1b[2J  part abab")
    assert "shard 1 on node-2: the node does not have it" in result.out
    assert "silent  node-3: it is down" in result.out
    assert "NOT WHOLE" in result.out
    assert "found   12 missing" in result.out
    assert "11 of them are not listed" in result.out


def test_verify_as_json_is_what_the_cluster_told(run: Run, store: FakeStore) -> None:
    store.healing.lines = [PROGRESS, FINDING, BAD]
    result = run("verify", "--json")
    assert result.code == 1
    assert result.lines() == [PROGRESS, FINDING, BAD]


def test_an_audit_without_its_end_proves_nothing(run: Run, store: FakeStore) -> None:
    for lines in ([], [PROGRESS], [SUMMARY, PROGRESS]):
        store.healing.lines = lines
        result = run("verify")
        assert result.code == 5
        assert "nothing is proven" in result.err
        assert "whole" not in result.out
    store.healing.lines = [{"no": "type"}]
    assert run("verify").code == 1


def test_nodes_are_listed(run: Run, store: FakeStore) -> None:
    store.healing.nodes["node-2"] = node("node-2", "draining", drain("node-2", 12, 90.0))
    result = run("node", "list")
    assert result.out.splitlines() == [
        "node-1\tup\tz\t5.0 MiB\t7\t\thttp://node-1",
        "node-2\tdraining\tz\t5.0 MiB\t7\t12 shards left, 90 s to go\thttp://node-2",
    ]
    assert [one["node_id"] for one in run("node", "list", "--json").lines()] == ["node-1", "node-2"]


def test_a_node_joins_is_drained_and_goes(run: Run, store: FakeStore) -> None:
    added = run("node", "add", "node-4", "http://127.0.0.1:9104")
    assert (added.code, "node-4 has joined" in added.err) == (0, True)
    assert "being drained" in run("node", "drain", "node-4").err
    assert "is safe to remove" in run("node", "drain", "node-4", "--wait").err
    assert run("node", "undrain", "node-4", "--json").lines()[0]["node_id"] == "node-4"
    assert run("node", "remove", "node-4", "--wait", "--json").lines() == [
        {"node_id": "node-4", "removed": True}
    ]
    assert store.healing.orders == [
        ("POST", "nodes", {"node_id": "node-4", "url": "http://127.0.0.1:9104"}),
        ("POST", "nodes/node-4/drain", None),
        ("POST", "nodes/node-4/drain", None),
        ("POST", "nodes/node-4/undrain", None),
        ("DELETE", "nodes/node-4", None),
    ]
    assert run("node", "remove", "node-4").code == 3
    assert run("node", "remove", "node-4", "--wait").code == 3
    assert run("node", "drain", "node-9").code == 3


def test_waiting_ends_when_it_is_done(store: FakeStore, run: Run) -> None:
    nodes = store.healing.nodes
    nodes["node-4"] = node("node-4", "draining")
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        left = 3 - len(naps)
        nodes["node-4"] = node("node-4", "draining", drain("node-4", left if left else 0))

    with Client.from_environment() as client:
        told = node_commands._wait(client, "node-4", node_commands._is_safe, sleep)
    assert told["drain"]["is_safe_to_remove"]
    assert len(naps) == 3


def test_a_new_node_has_settled_when_nothing_moves(store: FakeStore, run: Run) -> None:
    moves = {"node_id": "node-1", "kind": "move", "state": "queued", "tasks": 5, "bytes": 9}
    store.healing.nodes["node-4"] = node("node-4", "suspect")
    naps = 0

    def sleep(seconds: float) -> None:
        nonlocal naps
        naps += 1
        if naps == 1:
            store.healing.nodes["node-4"] = node("node-4")
            store.healing.repairs["rebalance"]["eta_s"] = None
        elif naps == 2:
            store.healing.repairs["rebalance"]["eta_s"] = 0.0
            store.healing.repairs["counts"] = [moves]
        elif naps == 3:
            store.healing.repairs["counts"] = []

    with Client.from_environment() as client:
        settled = node_commands._until_settled(client)
        node_commands._wait(client, "node-4", settled, sleep)
    assert naps == 3


def test_the_state_of_repair(run: Run, store: FakeStore) -> None:
    assert run("repair", "status").out.startswith("repair: 0 shards queued (0 B)\n")
    store.healing.repairs |= {
        "queued": 1500,
        "dead": 2,
        "queued_bytes": 3 * 1024**3,
        "counts": [
            {"node_id": "node-1", "kind": "move", "state": "queued", "tasks": 1500, "bytes": 2048}
        ],
        "progress": {"shards_per_s": 250.0, "bytes_per_s": 1024.0**2, "eta_s": 360.0},
        "rebalance": {
            "is_running": True,
            "parts_checked": 1000,
            "parts_total": 4000,
            "eta_s": 5.0,
        },
    }
    store.healing.dead = [
        {"part_id": "ab", "shard": 1, "node_id": "node-1", "reason": "too few are left"},
        {"part_id": "cd", "shard": 0, "node_id": "node-2", "reason": "as above"},
    ]
    out = run("repair", "status").out
    assert (
        "repair: 1,500 shards queued (3.0 GiB), 2 given up; 250 shards/s, 1.0 MiB/s, 6 min to go\n"
        "rebalance: 1,000 of 4,000 parts looked at, 5.0 s to go\n"
    ) in out
    assert "node-1\tmove\tqueued\t1500\t2.0 KiB\n" in out
    assert "node-1\t25%\t2 h\t1970-01-01 00:00:00\t0\n" in out
    assert "ab/1\tnode-1\ttoo few are left\n" in out
    assert "cd/0\tnode-2" in out
    assert run("repair", "status", "--json").lines()[0]["queued"] == 1500
    assert "250 shards/s" in run("status").out
    assert run("status", "--json").lines()[0]["repairs"]["queued"] == 1500


def test_what_was_given_up_is_retried(run: Run, store: FakeStore) -> None:
    assert "3 repairs queued anew" in run("repair", "retry").err
    assert run("repair", "retry", "abcd/1", "--json").lines() == [{"revived": 3}]
    assert [document for _, _, document in store.healing.orders] == [
        {"shards": None},
        {"shards": [{"part_id": "abcd", "shard": 1}]},
    ]
    for wrong in ("abcd", "abcd/x", "/1"):
        assert run("repair", "retry", wrong).code == 2


def test_incidents_are_listed(run: Run, store: FakeStore) -> None:
    store.healing.incidents = [
        {
            "node_id": "node-2",
            "kind": "outage",
            "failed_at_ms": 1_700_000_000_000,
            "detected_at_ms": 1_700_000_002_500,
            "returned_at_ms": 1_700_000_060_000,
            "whole_at_ms": None,
        }
    ]
    out = run("repair", "incidents").out
    assert out == "node-2\toutage\t2023-11-14 22:13:20\t+2.5 s\t+60 s\tnot yet\n"
    assert run("repair", "incidents", "--json").lines() == store.healing.incidents


def test_a_scrub_is_ordered_and_waited_for(run: Run, store: FakeStore) -> None:
    assert "4 damaged records" in run("scrub", "--wait").err
    assert store.healing.orders == [("POST", "scrub", {"node_id": None})]
    assert run("scrub", "--node", "node-1", "--json").lines()[0]["damaged_records"] == 4
    assert store.healing.orders[1] == ("POST", "scrub", {"node_id": "node-1"})


def test_waiting_for_a_scrub_ends_with_its_round(store: FakeStore, run: Run) -> None:
    naps = 0

    def sleep(seconds: float) -> None:
        nonlocal naps
        naps += 1
        store.healing.repairs["scrubs"][0]["last_finished_at_ms"] = 100 + naps // 2

    with Client.from_environment() as client:
        repair_commands._wait(client, None, {"node-1": 100}, sleep)
    assert naps == 2


def test_a_node_command_is_no_node(run: Run, tmp_path: Path) -> None:
    assert run("node", "list", "--no-such-option").code == 2
    assert run("node", "no-such-command").code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.04, "0.0 s"), (59.6, "60 s"), (300, "5 min"), (7200, "2 h"), (10**6, "12 days")],
)
def test_time_spans(seconds: float, told: str) -> None:
    from trilith import terminal

    assert terminal.duration(seconds) == told


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 2**42, "20.0 TiB")]
)
def test_sizes(count: int, told: str) -> None:
    from trilith import terminal

    assert terminal.size(count) == told
