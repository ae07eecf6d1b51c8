"""The fake store's nodes, repairs and audits: what they answer is set by the test.

`orders` are the changes asked for, as (method, path, document).
"""

import json
from typing import Any

HEALING = ("nodes", "repairs", "scrub", "incidents")
UNKNOWN: dict[str, Any] = {"unknown": True}

SUMMARY: dict[str, Any] = {
    "type": "summary",
    "is_whole": True,
    "parts": 2,
    "bytes": 3000,
    "whole": 2,
    "degraded": 0,
    "lost": 0,
    "shards_expected": 6,
    "shards_found": 6,
    "bytes_read": 0,
    "findings": 0,
    "findings_told": 0,
    "defects": {"missing": 0, "lost": 0},
    "silent_nodes": [],
    "elapsed_s": 0.1,
}


def node(node_id: str, state: str = "up", drain: dict[str, Any] | None = None) -> dict[str, Any]:
    """A node as GET /nodes has it."""
    return {
        "node_id": node_id,
        "url": f"http://{node_id}",
        "zone": "z",
        "weight": 1.0,
        "state": state,
        "store_id": "s",
        "stats": {"live_bytes": 5 * 1024 * 1024},
        "repairs_queued": 7,
        "drain": drain,
    }


def drain(node_id: str, shards_left: int | None, eta_s: float | None = None) -> dict[str, Any]:
    """How far draining is."""
    return {
        "node_id": node_id,
        "shards_left": shards_left,
        "is_safe_to_remove": shards_left == 0,
        "eta_s": eta_s,
    }


class FakeHealing:
    """See the module."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, str, Any]] = []
        self.audits: list[Any] = []
        self.lines: list[dict[str, Any]] = [SUMMARY]
        self.nodes: dict[str, dict[str, Any]] = {"node-1": node("node-1")}
        self.dead: list[dict[str, Any]] = []
        self.repairs: dict[str, Any] = {
            "queued": 0,
            "dead": 0,
            "queued_bytes": 0,
            "counts": [],
            "progress": {"shards_per_s": 0.0, "bytes_per_s": 0.0, "eta_s": 0.0},
            "rebalance": {"is_running": False, "parts_checked": 0, "parts_total": 0, "eta_s": 0.0},
            "drains": [],
            "scrubs": [scrub("node-1", 100)],
        }
        self.incidents: list[dict[str, Any]] = []

    def audit(self, order: Any) -> bytes:
        self.audits.append(order)
        return b"".join(json.dumps(line).encode() + b"\n" for line in self.lines)

    def told(self, method: str, path: str, query: dict[str, str], body: bytes) -> Any:
        if method == "GET":
            if path == "repairs/tasks":
                at = int(query.get("after", 0))
                more = str(at + 1) if at + 1 < len(self.dead) else None
                return {"tasks": self.dead[at : at + 1], "next_after": more}
            return {
                "nodes": {"nodes": list(self.nodes.values())},
                "repairs": self.repairs,
                "incidents": {"incidents": self.incidents},
            }[path]
        order = json.loads(body) if body else None
        self.orders.append((method, path, order))
        return self._obey(method, path, order)

    def _obey(self, method: str, path: str, order: Any) -> Any:
        if path == "nodes":
            self.nodes[order["node_id"]] = node(order["node_id"], "suspect")
            return self.nodes[order["node_id"]]
        if path == "repairs/retry":
            return {"revived": 3}
        if path == "scrub":
            self.repairs["scrubs"] = [scrub("node-1", 200, damaged=4)]
            return None
        name = path.split("/")[1]
        if name not in self.nodes:
            return UNKNOWN
        if method == "DELETE":
            del self.nodes[name]
            return None
        if path.endswith("/drain"):
            self.nodes[name] = node(name, "draining", drain(name, 0))
        return self.nodes[name]


def scrub(node_id: str, ended_at_ms: int, damaged: int = 0) -> dict[str, Any]:
    """How far a scrub is."""
    return {
        "node_id": node_id,
        "is_hurried": False,
        "share_done": 0.25,
        "round_started_at_ms": 1,
        "round_bytes": 4096,
        "damaged_records": damaged,
        "last_finished_at_ms": ended_at_ms,
        "eta_s": 7200.0,
    }
