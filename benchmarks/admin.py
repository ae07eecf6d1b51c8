"""Asks a cluster's JSON API what an operator would: states, repair, verify, scrub.

Rules: root's keys; every method raises RequestFailed. A connection carries one request at a time,
and whoever asks while all are busy gets one more, so that a long audit delays nobody.
"""

import json
import time
from base64 import b64encode
from typing import NamedTuple

from benchmarks.connection import Connection, RequestFailed, connect

ANSWER_TIMEOUT_S = 600.0
"""A deep audit reads everything before its last line comes."""


class Audit(NamedTuple):
    """What a pass of `verify` counted, and when it began and ended."""

    begin_s: float
    end_s: float
    whole: int
    degraded: int
    lost: int

    @property
    def is_whole(self) -> bool:
        """Whether no part lacks anything."""
        return self.degraded == self.lost == 0


class Told(NamedTuple):
    """What repair says of itself."""

    at_s: float
    rebuilt_shards: int
    rebuilt_bytes: int
    queued_shards: int


class Admin:
    """One cluster's API."""

    def __init__(self, address: tuple[str, int], access_key: str, secret_key: str) -> None:
        host, port = address
        token = b64encode(f"{access_key}:{secret_key}".encode()).decode()
        self._address = address
        self._headers = f"host: {host}:{port}\r\nauthorization: Basic {token}\r\n"
        self._idle: list[Connection] = []

    async def shape(self) -> dict[str, int]:
        """What the cluster is made of, by name."""
        told = json.loads(await self._ask("GET", "cluster"))
        names = {"k": "k", "m": "m", "nodes": "nodes_total", "unit size": "unit_size_bytes"}
        return {name: int(told[field]) for name, field in names.items()}

    async def states(self) -> dict[str, str]:
        """Each node's state."""
        told = json.loads(await self._ask("GET", "cluster"))
        return {node["node_id"]: node["state"] for node in told["nodes"]}

    async def repair(self) -> Told:
        """How repair goes."""
        told = json.loads(await self._ask("GET", "repairs"))
        progress = told["progress"]
        return Told(
            time.perf_counter(),
            progress["repaired_shards"],
            progress["repaired_bytes"],
            told["queued"],
        )

    async def verify(self, deep: bool) -> Audit:
        """One whole pass."""
        begin_s = time.perf_counter()
        answer = await self._ask("POST", "verify", {"bucket": None, "deep": deep})
        summary = json.loads(answer.rstrip().rpartition(b"\n")[2] or b"{}")
        if summary.get("type") != "summary":
            raise RequestFailed("the audit was cut short")
        counts = summary["whole"], summary["degraded"], summary["lost"]
        return Audit(begin_s, time.perf_counter(), *counts)

    async def scrub(self, node_id: str) -> None:
        """Have everything on the node read and checked now."""
        await self._ask("POST", "scrub", {"node_id": node_id})

    def close(self) -> None:
        """Close all connections."""
        for connection in self._idle:
            connection.close()

    async def _ask(self, method: str, what: str, document: object = None) -> bytes:
        body = b"" if document is None else json.dumps(document).encode()
        typed = "content-type: application/json\r\n" if body else ""
        length = f"content-length: {len(body)}\r\n"
        head = f"{method} /_api/v1/{what} HTTP/1.1\r\n{self._headers}{typed}{length}\r\n"
        connection = self._idle.pop() if self._idle else None
        if connection is None or not connection.is_open:
            connection = await connect(*self._address, timeout_s=ANSWER_TIMEOUT_S)
        pieces: list[bytes] = []
        response = await connection.request(head.encode(), memoryview(body), pieces.append)
        self._idle.append(connection)
        answer = b"".join(pieces)
        if not 200 <= response.status < 300:
            detail = answer.decode(errors="replace")[:300]
            raise RequestFailed(f"{method} {what}: the server answered {response.status}: {detail}")
        return answer
