"""The asynchronous client: the twin of `Client`, method by method.

    async with AsyncClient(endpoint, access_key, secret_key) as store:
        await store.put("photos", "moon.jpg", data)
        async for chunk in store.get_stream("photos", "moon.jpg"):
            ...

Rules: those of client.py, whose docstrings hold here too; the two share everything but the
waiting. They are written out twice because a generated twin could not be read or stepped through.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import httpx

from trilith import encryption_keys, healing, operations
from trilith.bodies import AsyncUploadData, Body, Progress
from trilith.downloads import Download
from trilith.encryption_keys import EncryptionKey
from trilith.endpoint import Endpoint
from trilith.errors import ApiError, NotFound
from trilith.files import replacing
from trilith.protocol import Operation, raise_for
from trilith.retry import Attempts, RetryPolicy
from trilith.target import ENDPOINT_VARIABLE, resolve
from trilith.transport import (
    answer_of,
    check_stored,
    mapped_errors,
    request_of,
    timeouts,
)
from trilith.values import AccessKey, Bucket, Entry, ObjectHead, Page, User

T = TypeVar("T")


class AsyncClient:
    """An asynchronous client. Close it, or use it in an `async with`."""

    def __init__(
        self,
        endpoint: str,
        access_key: str = "",
        secret_key: str = "",
        *,
        timeout_s: float = 60.0,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._endpoint = Endpoint(endpoint, access_key, secret_key)
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._chance = chance
        self._http = httpx.AsyncClient(
            verify=self._endpoint.is_tls,
            timeout=timeouts(timeout_s),
            trust_env=not self._endpoint.is_loopback,
        )

    @classmethod
    def from_environment(cls, data: Path | None = None) -> Self:
        """A client of the cluster that TRILITH_ENDPOINT and the keys beside it name, or of the one
        that `trilith up` runs on `data` (./trilith-data). Raises Unreachable, UsageError."""
        endpoint = os.environ.get(ENDPOINT_VARIABLE)
        target = resolve(endpoint, data, os.environ)
        return cls(target.endpoint, target.keys.access_key, target.keys.secret_key)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # objects -----------------------------------------------------------------------------------

    async def put(
        self,
        bucket: str,
        key: str,
        data: AsyncUploadData,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        if_match: str | None = None,
        if_none_match: bool = False,
        progress: Progress | None = None,
    ) -> Entry:
        """Store `data`: bytes, a binary file (from where it stands) or an iterator of bytes.

        `if_none_match` writes only if the key is free, `if_match` only over that ETag; else
        PreconditionFailed. Raises IntegrityError if what arrived is not what was sent.
        """
        operation = operations.put_object(
            bucket,
            key,
            content_type=content_type,
            metadata=metadata,
            if_match=if_match,
            if_none_match=if_none_match,
        )
        body = Body(data, progress)
        return check_stored(await self._call(operation, body), body)

    async def get(
        self, bucket: str, key: str, *, start: int = 0, length: int | None = None
    ) -> bytes:
        """The object's bytes, or `length` of them from `start` on, in memory."""
        chunks = self.get_stream(bucket, key, start=start, length=length)
        return b"".join([chunk async for chunk in chunks])

    def get_stream(
        self,
        bucket: str,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        progress: Progress | None = None,
    ) -> AsyncIterator[bytes]:
        """The object's bytes as they come; the iterator raises if they do not come whole."""
        return self._stream(Download(bucket, key, start=start, length=length, progress=progress))

    async def download(
        self, bucket: str, key: str, target: Path | str | BinaryIO, progress: Progress | None = None
    ) -> ObjectHead:
        """Write the object to an open file, or to a path, which then is replaced in one step."""
        if not isinstance(target, Path | str):
            return await self._write_to(target, Download(bucket, key, progress=progress))
        with replacing(Path(target)) as file:
            return await self._write_to(file, Download(bucket, key, progress=progress))

    async def head(self, bucket: str, key: str) -> ObjectHead:
        """Size, ETag, type and metadata of the object."""
        return await self._call(operations.head_object(bucket, key))

    async def exists(self, bucket: str, key: str) -> bool:
        """Whether there is such an object."""
        try:
            await self.head(bucket, key)
        except NotFound:
            return False
        return True

    async def info(self, bucket: str, key: str) -> dict[str, Any]:
        """All that is known of the object: attributes, parts, shards and their nodes."""
        told = await self._call(operations.object_info(bucket, key))
        while (offset := told.get("next_offset")) is not None:
            more = await self._call(operations.object_info(bucket, key, offset))
            told = {**more, "parts": [*told["parts"], *more["parts"]]}
        return told

    async def delete(self, bucket: str, key: str) -> None:
        """Remove the object. Raises NotFound if there is none."""
        await self._call(operations.delete_object(bucket, key))

    async def list(self, bucket: str, prefix: str = "") -> AsyncIterator[Entry]:
        """All objects whose keys start with `prefix`, in byte order, page by page."""
        async for page in self.pages(bucket, prefix=prefix):
            for entry in page.objects:
                yield entry

    async def pages(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", after: str = ""
    ) -> AsyncIterator[Page]:
        """The pages of a listing; with a delimiter, keys are rolled up into `prefixes`."""
        following: str | None = after
        while following is not None:
            page = await self._call(
                operations.list_objects(bucket, prefix=prefix, delimiter=delimiter, after=following)
            )
            yield page
            following = page.next_after

    # buckets -----------------------------------------------------------------------------------

    async def buckets(self) -> AsyncIterator[Bucket]:
        """The buckets that these keys may see, by name."""
        after: str | None = ""
        while after is not None:
            page = await self._call(operations.list_buckets(after=after))
            for bucket in page.buckets:
                yield bucket
            after = page.next_after

    async def create_bucket(self, bucket: str) -> Bucket:
        """Make a bucket. Raises Conflict if the name is taken."""
        return await self._call(operations.create_bucket(bucket))

    async def delete_bucket(self, bucket: str) -> None:
        """Remove a bucket. Raises Conflict if it is not empty, NotFound if there is none."""
        await self._call(operations.delete_bucket(bucket))

    # cluster and users -------------------------------------------------------------------------

    async def ready(self) -> None:
        """Returns if the cluster can serve; raises Unavailable if not."""
        await self._call(operations.ready())

    async def cluster(self) -> dict[str, Any]:
        """The cluster's health and nodes."""
        return await self._call(operations.cluster())

    async def nodes(self) -> Sequence[dict[str, Any]]:
        """The nodes: id, URL, zone, weight, state."""
        return await self._call(operations.nodes())

    async def users(self) -> Sequence[User]:
        """All users."""
        return await self._call(operations.list_users())

    async def create_user(
        self,
        user_id: str,
        display_name: str = "",
        *,
        email: str = "",
        access_key: str | None = None,
        secret_key: str | None = None,
    ) -> AccessKey:
        """Make a user with a key pair, generated unless given. Raises Conflict."""
        operation = operations.create_user(
            user_id, display_name or user_id, email, access_key, secret_key
        )
        return await self._call(operation)

    async def delete_user(self, user_id: str) -> None:
        """Remove a user and its keys."""
        await self._call(operations.delete_user(user_id))

    async def create_key(
        self, user_id: str, *, access_key: str | None = None, secret_key: str | None = None
    ) -> AccessKey:
        """Give a user one more key pair, generated unless given."""
        return await self._call(operations.create_key(user_id, access_key, secret_key))

    async def delete_key(self, access_key: str) -> None:
        """Take a key pair back."""
        await self._call(operations.delete_key(access_key))

    async def manage(self, operation: Operation[T]) -> T:
        """Carry out an operation on groups and policies: one that `trilith.grants` makes."""
        return await self._call(operation)

    async def encryption_keys(self) -> Sequence[EncryptionKey]:
        """The named keys that encrypt objects."""
        return await self._call(encryption_keys.list_encryption_keys())

    async def create_encryption_key(self, key_id: str) -> EncryptionKey:
        """Make a named key. Raises Conflict if there is one of that id."""
        return await self._call(encryption_keys.create_encryption_key(key_id))

    # nodes, repairs, audits --------------------------------------------------------------------

    async def add_node(self, node_id: str, url: str) -> dict[str, Any]:
        """Let a node join; data is moved there in the background. Raises Conflict."""
        return await self._call(healing.add_node(node_id, url))

    async def drain_node(self, node_id: str) -> dict[str, Any]:
        """Move all that a node keeps elsewhere, in the background; `nodes()` shows how far that
        is, and when it is safe to remove. Raises Conflict if too few others are left."""
        return await self._call(healing.drain_node(node_id))

    async def undrain_node(self, node_id: str) -> dict[str, Any]:
        """Stop draining a node."""
        return await self._call(healing.undrain_node(node_id))

    async def remove_node(self, node_id: str) -> None:
        """Let a drained node go. Raises Conflict while anything is kept there."""
        await self._call(healing.remove_node(node_id))

    async def repairs(self) -> dict[str, Any]:
        """What is to be repaired, how fast that goes, and when it will be done."""
        return await self._call(healing.repairs())

    async def repair_tasks(self, state: str = "queued") -> AsyncIterator[dict[str, Any]]:
        """The repairs that are `queued` or `dead`, those in the greatest danger first."""
        after: str | None = ""
        while after is not None:
            page = await self._call(healing.repair_tasks(state, after))
            for task in page["tasks"]:
                yield task
            after = page["next_after"]

    async def retry_repairs(self, shards: Sequence[tuple[str, int]] | None = None) -> int:
        """Queue dead repairs anew, those named (part id, shard) or all; how many there were."""
        return await self._call(healing.retry_repairs(shards))

    async def scrub(self, node_id: str | None = None) -> None:
        """Read and check all that a node (or every node) keeps, in the background."""
        await self._call(healing.scrub(node_id))

    async def incidents(self) -> Sequence[dict[str, Any]]:
        """The outages of nodes, newest first."""
        return await self._call(healing.incidents())

    async def verify(
        self, bucket: str | None = None, *, deep: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Have the cluster audited, one bucket or all of it; `deep` reads every byte.

        Yields what is told as it comes: by `type`, findings, silent nodes, progress, and as the
        last one the summary, whose `is_whole` is the verdict. Raises Unreachable if it breaks off.
        """
        lines = healing.AuditLines()
        operation = healing.verify(bucket, deep)
        attempts = self._attempts(True, True)
        while True:
            try:
                with mapped_errors(self._endpoint):
                    request = request_of(self._http, self._endpoint, operation)
                    async with aclosing(await self._http.send(request, stream=True)) as response:
                        error_body = await response.aread() if response.status_code >= 300 else b""
                        raise_for(answer_of(response, error_body))
                        async for line in response.aiter_lines():
                            yield lines.read(line)
                lines.end()
                return
            except ApiError as error:
                if lines.has_begun:
                    raise
                await self._sleep(attempts.wait_after(error))

    # carrying it out ---------------------------------------------------------------------------

    async def _call(self, operation: Operation[T], body: Body | None = None) -> T:
        attempts = self._attempts(operation.idempotent, body is None or body.replayable)
        while True:
            try:
                with mapped_errors(self._endpoint):
                    content = None if body is None else body.achunks()
                    request = request_of(self._http, self._endpoint, operation, body, content)
                    response = await self._http.send(request)
                    answer = answer_of(response, response.content)
                return attempts.read(operation, answer)
            except ApiError as error:
                await self._sleep(attempts.wait_after(error))

    async def _stream(self, download: Download) -> AsyncIterator[bytes]:
        attempts = self._attempts(True, True)
        while not download.is_whole:
            try:
                with mapped_errors(self._endpoint):
                    request = request_of(self._http, self._endpoint, download.operation())
                    async with aclosing(await self._http.send(request, stream=True)) as response:
                        error_body = await response.aread() if response.status_code >= 300 else b""
                        download.begin(answer_of(response, error_body))
                        async for chunk in response.aiter_raw():
                            download.feed(chunk)
                            attempts.progressed()
                            yield chunk
                    download.end()
            except ApiError as error:
                await self._sleep(attempts.wait_after(error))
        download.finish()

    async def _write_to(self, file: BinaryIO, download: Download) -> ObjectHead:
        async for chunk in self._stream(download):
            file.write(chunk)
        return download.finish()

    def _attempts(self, idempotent: bool, replayable: bool) -> Attempts:
        return Attempts(
            self._retry, idempotent=idempotent, replayable=replayable, chance=self._chance
        )
