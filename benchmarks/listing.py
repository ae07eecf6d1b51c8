"""How long a page of a listing takes in a small and in a large bucket, and a listing of all.

Rules:
1. Pages of the buckets take turns, with a delimiter and without, so that whatever else the machine
   does hits all of them. Each begins at a random place that leaves a whole page.
2. The clock of a page runs from before its request is signed until its last byte has come; then
   every key and common prefix is compared with what must be there.
3. The listing of all is one client who asks for one page after the other, checking included.
"""

import math
import random
import time
from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple
from urllib.parse import quote

from benchmarks.connection import Connection, RequestFailed, Response, connect
from benchmarks.listing_tree import PAGE_KEYS, Asked, Tree, entries, next_token
from benchmarks.load import NO_ANSWER_STATUS
from benchmarks.results import percentile
from benchmarks.signer import Signer
from benchmarks.target import Target
from benchmarks.workloads import Say

PAGE: Final = "page"
FOLDER_PAGE: Final = "page of folders"
WHOLE: Final = "whole bucket"

WARM_UP_ROUNDS: Final = 10


class PageRow(NamedTuple):
    """One request. `keys`: how many the bucket has; `entries`: keys and common prefixes that the
    page named; `verified`: just those that it must name."""

    op: str
    keys: int
    start_s: float
    latency_ms: float
    status: int
    bytes: int
    entries: int
    verified: bool


class PageSummary(NamedTuple):
    """The pages of one kind and one bucket. `entries_per_s`: over their time on the clock; of the
    whole bucket over the time from first to last."""

    op: str
    keys: int
    pages: int
    entries: int
    entries_per_s: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    errors: int


class Lister:
    """One client of one server."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._signer = Signer(target.access_key, target.secret_key)
        self._connection: Connection | None = None
        self._begin = time.perf_counter()

    async def put_empty(self, path: str) -> None:
        """PUT without a body: a bucket, or an empty object. Raises RequestFailed."""
        _, response, _ = await self._ask("PUT", path)
        if not 200 <= response.status < 300:
            raise RequestFailed(f"PUT {path}: the server answered {response.status}")

    async def page(self, tree: Tree, op: str, asked: Asked, token: str = "") -> tuple[PageRow, str]:
        """Ask for a page; also how to ask for the next one. `token` comes from the last page."""
        query = f"list-type=2&max-keys={PAGE_KEYS}"
        if asked.delimiter:
            query = f"delimiter={quote(asked.delimiter, safe='')}&{query}"
        if token:
            query = f"continuation-token={quote(token, safe='')}&{query}"
        elif asked.after:
            query = f"{query}&start-after={quote(asked.after, safe='')}"
        begin = time.perf_counter()
        try:
            end, response, body = await self._ask("GET", f"/{tree.bucket}", query)
        except RequestFailed:
            end, response, body = time.perf_counter(), Response(NO_ANSWER_STATUS), b""
        found = entries(body)
        row = PageRow(
            op,
            tree.keys,
            round(begin - self._begin, 6),
            round((end - begin) * 1000, 4),
            response.status,
            len(body),
            len(found),
            response.status == 200 and found == asked.expected,
        )
        return row, next_token(body)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    async def _ask(self, method: str, path: str, query: str = "") -> tuple[float, Response, bytes]:
        """When the last byte had come, and the answer."""
        if self._connection is None or not self._connection.is_open:
            self._connection = await connect(self._target.host, self._target.port)
        signed = self._signer.headers(method, self._target.authority, path, query)
        length = "content-length: 0\r\n" if method == "PUT" else ""
        url = f"{path}?{query}" if query else path
        pieces: list[bytes] = []
        head = f"{method} {url} HTTP/1.1\r\n{signed}{length}\r\n".encode()
        response = await self._connection.request(head, None, pieces.append)
        return time.perf_counter(), response, b"".join(pieces)


async def measure(
    lister: Lister, trees: Sequence[Tree], rounds: int, chance: random.Random, say: Say
) -> list[PageRow]:
    """All pages, in the order of their phases. Raises RequestFailed if it cannot connect."""
    say(f"{rounds} pages of each kind, the buckets in turns")
    await _in_turns(lister, trees, WARM_UP_ROUNDS, chance)
    rows = await _in_turns(lister, trees, rounds, chance)
    rows.sort(key=lambda row: (row.op, row.keys))
    for tree in trees:
        say(f"all {tree.keys:,} keys")
        rows += await list_whole(lister, tree)
    return rows


async def _in_turns(
    lister: Lister, trees: Sequence[Tree], rounds: int, chance: random.Random
) -> list[PageRow]:
    rows = []
    for _ in range(rounds):
        for tree in chance.sample(trees, len(trees)):
            rows.append((await lister.page(tree, PAGE, tree.page_of_keys(chance)))[0])
            rows.append((await lister.page(tree, FOLDER_PAGE, tree.page_of_folders(chance)))[0])
    return rows


async def list_whole(lister: Lister, tree: Tree) -> list[PageRow]:
    """One page after the other to the end; a wrong one is the last."""
    rows: list[PageRow] = []
    token = ""
    for first in range(0, tree.keys, PAGE_KEYS):
        asked = Asked("", "", tree.expected(first))
        row, token = await lister.page(tree, WHOLE, asked, token)
        has_more = first + PAGE_KEYS < tree.keys
        rows.append(row._replace(verified=row.verified and bool(token) == has_more))
        if not rows[-1].verified:
            break
    return rows


def summarize(rows: Sequence[PageRow]) -> list[PageSummary]:
    """One summary for each kind and bucket, in their order."""
    phases = groupby(rows, key=lambda row: (row.op, row.keys))
    return [_summarize(list(phase)) for _, phase in phases]


def _summarize(rows: list[PageRow]) -> PageSummary:
    good = [row for row in rows if row.verified]
    latencies = sorted(row.latency_ms for row in good)
    spent_s = sum(latencies) / 1000
    if rows[0].op == WHOLE:
        spent_s = rows[-1].start_s + rows[-1].latency_ms / 1000 - rows[0].start_s
    named = sum(row.entries for row in good)
    return PageSummary(
        rows[0].op,
        rows[0].keys,
        len(good),
        named,
        round(named / spent_s, 1) if named else 0.0,
        round(sum(latencies) / len(good), 4) if good else math.nan,
        percentile(latencies, 50),
        percentile(latencies, 95),
        percentile(latencies, 99),
        len(rows) - len(good),
    )


def ratios(summaries: Sequence[PageSummary]) -> list[tuple[str, float]]:
    """For each kind of page that buckets took turns with: the p50 of the largest bucket over that
    of the smallest."""
    found = []
    for op in (PAGE, FOLDER_PAGE):
        by_keys = {one.keys: one.p50_ms for one in summaries if one.op == op}
        found.append((op, by_keys[max(by_keys)] / by_keys[min(by_keys)]))
    return found
