"""Concurrent clients of one key, by every kind of request there is, and the history they record.

Rules: each client is a task that sends one request after the other over the real endpoint; a seed
chooses what, and how long nodes and metadata take, so that a failure can be had again. An answer
that no operation may give is not recorded but raised.
"""

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable
from hashlib import md5
from itertools import count
from typing import Any

from node.client import Record
from tests.coordinator.objects.fakes import FakeCluster, FakeNode
from tests.coordinator.s3.history.checker import Recorded
from tests.coordinator.s3.history.model import (
    ANYWAY,
    FAILED,
    MISSING,
    NULL,
    Conditions,
    Delete,
    DeleteVersion,
    Entry,
    Get,
    Keeping,
    List,
    Operation,
    Put,
)
from tests.coordinator.s3.support import BUCKET, Answer, Stand

KEY = "key"
MOST_TURNS = 4
"""How many turns of the event loop a node or a call of the metadata takes at most."""


async def turns(rng: random.Random) -> None:
    """Let others go first for a while."""
    for _ in range(rng.randrange(MOST_TURNS)):
        await asyncio.sleep(0)


class SlowNode(FakeNode):
    """Takes its time to make an append durable."""

    def __init__(self, node_id: str, rng: random.Random) -> None:
        super().__init__(node_id)
        self._rng = rng
        self._tasks: set[asyncio.Task[None]] = set()

    def submit_append(self, record: Record) -> asyncio.Future[None]:
        done = super().submit_append(record)

        async def later() -> None:
            await turns(self._rng)
            await done

        task = asyncio.create_task(later())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class SlowCluster(FakeCluster):
    """A cluster of slow nodes."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(3, 3)
        self.fakes = {name: SlowNode(name, rng) for name in self.fakes}


class SlowStore:
    """A metadata store whose calls arrive late, and whose answers do too."""

    def __init__(self, store: Any, rng: random.Random) -> None:
        self._store = store
        self._rng = rng

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._store, name)

        async def slowly(*args: Any, **kwargs: Any) -> Any:
            await turns(self._rng)
            try:
                return await call(*args, **kwargs)
            finally:
                await turns(self._rng)

        return slowly


class Clients:
    """See the module."""

    def __init__(self, stand: Stand, keeping: Keeping, rng: random.Random) -> None:
        self.history: list[Recorded[Operation]] = []
        self._stand = stand
        self._keeping = keeping
        self._rng = rng
        self._ticks = count()
        self._bodies = count()
        # What anybody has seen so far: conditions and version ids are drawn from it.
        self._etags: list[str] = ["*", "0" * 32]
        self._newest: str | None = None
        self._ids: list[str] = [NULL]

    async def run(self, clients: int, requests: int) -> None:
        """All of them at once."""
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._client(requests))

    async def _client(self, requests: int) -> None:
        kinds = [self._put, self._copy, self._complete, self._delete, self._delete_many, self._get]
        kinds += [self._put, self._put, self._get, self._get]
        if self._keeping is not Keeping.OFF:
            kinds += [self._get_version, self._delete_version, self._list]
        for _ in range(requests):
            began = next(self._ticks)
            operation = await self._rng.choice(kinds)()
            self.history.append(Recorded(operation, began, next(self._ticks)))

    # writes ----------------------------------------------------------------------
    async def _put(self) -> Operation:
        conditions, headers = self._conditions()
        body = self._body()
        answer = await self._stand.call("PUT", f"/{BUCKET}/{KEY}", body, headers=headers)
        return self._written(conditions, answer, _md5(body))

    async def _copy(self) -> Operation:
        body = self._body()
        await self._stand.call("PUT", f"/{BUCKET}/sources/{body}", body)
        conditions, headers = self._conditions()
        headers["x-amz-copy-source"] = f"{BUCKET}/sources/{body}"
        answer = await self._stand.call("PUT", f"/{BUCKET}/{KEY}", headers=headers)
        return self._written(conditions, answer, _md5(body))

    async def _complete(self) -> Operation:
        started = await self._stand.call("POST", f"/{BUCKET}/{KEY}", query={"uploads": ""})
        upload = {"uploadId": started.text("UploadId")}
        query = {**upload, "partNumber": "1"}
        part = await self._stand.call("PUT", f"/{BUCKET}/{KEY}", self._body(), query=query)
        document = (
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
            f"<ETag>{part.etag}</ETag></Part></CompleteMultipartUpload>"
        )
        conditions, headers = self._conditions()
        answer = await self._stand.call(
            "POST", f"/{BUCKET}/{KEY}", document, query=upload, headers=headers
        )
        etag = f"{md5(bytes.fromhex(part.etag.strip(chr(34)))).hexdigest()}-1"
        return self._written(conditions, answer, etag)

    def _written(self, conditions: Conditions, answer: Answer, etag: str) -> Operation:
        if answer.status != 200:
            assert answer.code in (FAILED, MISSING), answer.body
            return Put(conditions, answer.code)
        entry = Entry(answer.version_id or NULL, etag)
        self._etags.append(etag)
        self._newest = etag
        self._ids.append(entry.version_id)
        return Put(conditions, entry)

    # deletes ---------------------------------------------------------------------
    async def _delete(self) -> Operation:
        match, headers = self._match()
        answer = await self._stand.call("DELETE", f"/{BUCKET}/{KEY}", headers=headers)
        return Delete(match, self._marker(answer))

    async def _delete_many(self) -> Operation:
        match, headers = self._match()
        condition = f"<ETag>{headers['if-match']}</ETag>" if headers else ""
        document = f"<Delete><Object><Key>{KEY}</Key>{condition}</Object></Delete>"
        answer = await self._stand.call(
            "POST",
            f"/{BUCKET}",
            document,
            query={"delete": ""},
            headers={"content-md5": _base64_md5(document)},
        )
        assert answer.status == 200, answer.body
        code = answer.text("Code")
        assert code in ("", FAILED), answer.body
        marker_id = answer.text("DeleteMarkerVersionId")
        self._ids += [marker_id] if marker_id else []
        return Delete(match, code or marker_id)

    async def _delete_version(self) -> Operation:
        version_id = self._rng.choice(self._ids)
        match, headers = self._match()
        answer = await self._stand.call(
            "DELETE", f"/{BUCKET}/{KEY}", query={"versionId": version_id}, headers=headers
        )
        code = "" if answer.status == 204 else answer.code
        assert code in ("", FAILED), answer.body
        return DeleteVersion(version_id, match, code)

    def _marker(self, answer: Answer) -> str:
        if answer.status != 204:
            assert answer.code == FAILED, answer.body
            return FAILED
        if answer.version_id is None:
            return ""
        assert answer.is_marker
        self._ids.append(answer.version_id)
        return answer.version_id

    # reads -----------------------------------------------------------------------
    async def _get(self) -> Operation:
        answer = await self._stand.call("GET", f"/{BUCKET}/{KEY}")
        if answer.status == 404:
            marker_id = answer.version_id
            self._newest = None
            return Get("", None if marker_id is None else Entry(marker_id, None))
        found = self._found(answer)
        self._newest = found.etag
        return Get("", found)

    async def _get_version(self) -> Operation:
        version_id = self._rng.choice(self._ids)
        answer = await self._stand.call("GET", f"/{BUCKET}/{KEY}", query={"versionId": version_id})
        if answer.status in (404, 405):
            found = None if answer.status == 404 else Entry(version_id, None)
            return Get(version_id, found)
        return Get(version_id, self._found(answer))

    def _found(self, answer: Answer) -> Entry:
        assert answer.status == 200, answer.body
        etag = answer.etag.strip('"')
        if "-" not in etag:
            assert _md5(answer.body.decode()) == etag, (
                "the bytes of one version, the ETag of another"
            )
        return Entry(answer.version_id or NULL, etag)

    async def _list(self) -> Operation:
        answer = await self._stand.call("GET", f"/{BUCKET}", query={"versions": "", "prefix": KEY})
        entries = [
            Entry(
                node.findtext("VersionId") or "", (node.findtext("ETag") or "").strip('"') or None
            )
            for node in answer.tree()
            if node.tag in ("Version", "DeleteMarker")
        ]
        return List(tuple(reversed(entries)))

    # what is drawn ---------------------------------------------------------------
    def _body(self) -> str:
        return f"body {next(self._bodies)}"

    def _conditions(self) -> tuple[Conditions, dict[str, str]]:
        drawn = self._rng.random()
        if drawn < 0.1:
            return ANYWAY, {}
        if drawn < 0.2:
            etag = self._rng.choice(self._etags)
            return Conditions(none_match=etag), {"if-none-match": etag}
        # What was there when somebody looked last: several who want the same are what this is about
        if self._newest is None:
            return Conditions(none_match="*"), {"if-none-match": "*"}
        return Conditions(match=self._newest), {"if-match": self._newest}

    def _match(self) -> tuple[Conditions, dict[str, str]]:
        if self._rng.random() < 0.5:
            return ANYWAY, {}
        etag = self._newest or "*"
        return Conditions(match=etag), {"if-match": etag}


def new_stand(store: Any, rng: random.Random) -> Stand:
    """An endpoint over slow nodes and a slow way to the store."""
    return Stand(SlowStore(store, rng), SlowCluster(rng))


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _base64_md5(text: str) -> str:
    return base64.b64encode(md5(text.encode(), usedforsecurity=False).digest()).decode()
