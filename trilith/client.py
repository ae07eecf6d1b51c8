"""The Python client: `Client("http://127.0.0.1:9000", access_key, secret_key)`.

    with Client(endpoint, access_key, secret_key) as store:
        store.create_bucket("photos")
        store.put("photos", "2026/moon.jpg", open("moon.jpg", "rb"), content_type="image/jpeg")
        data = store.get("photos", "2026/moon.jpg")

Rules: what is safe to repeat is repeated (see retry.py); a read that returns brought every byte,
and a write that returns is durable on the cluster. Errors are those of trilith.errors. Requests are
made in operations.py, protocol.py states the API behind them; AsyncClient is this one's twin.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import httpx

from trilith import encryption_keys, healing, operations
from trilith.bodies import Body, Progress, UploadData
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


class Client:
    """A synchronous client; safe to share between threads. Close it, or use it in a `with`."""

    def __init__(
        self,
        endpoint: str,
        access_key: str = "",
        secret_key: str = "",
        *,
        timeout_s: float = 60.0,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._endpoint = Endpoint(endpoint, access_key, secret_key)
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._chance = chance
        # Loading the trusted certificates takes 20 ms, which plain HTTP need not pay.
        self._http = httpx.Client(
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

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # objects -----------------------------------------------------------------------------------

    def put(
        self,
        bucket: str,
        key: str,
        data: UploadData,
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
        return check_stored(self._call(operation, body), body)

    def get(self, bucket: str, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """The object's bytes, or `length` of them from `start` on, in memory."""
        return b"".join(self.get_stream(bucket, key, start=start, length=length))

    def get_stream(
        self,
        bucket: str,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        progress: Progress | None = None,
    ) -> Iterator[bytes]:
        """The object's bytes as they come; the iterator raises if they do not come whole."""
        return self._stream(Download(bucket, key, start=start, length=length, progress=progress))

    def download(
        self, bucket: str, key: str, target: Path | str | BinaryIO, progress: Progress | None = None
    ) -> ObjectHead:
        """Write the object to an open file, or to a path, which then is replaced in one step."""
        if not isinstance(target, Path | str):
            return self._write_to(target, Download(bucket, key, progress=progress))
        with replacing(Path(target)) as file:
            return self._write_to(file, Download(bucket, key, progress=progress))

    def head(self, bucket: str, key: str) -> ObjectHead:
        """Size, ETag, type and metadata of the object."""
        return self._call(operations.head_object(bucket, key))

    def exists(self, bucket: str, key: str) -> bool:
        """Whether there is such an object."""
        try:
            self.head(bucket, key)
        except NotFound:
            return False
        return True

    def info(self, bucket: str, key: str) -> dict[str, Any]:
        """All that is known of the object: attributes, parts, shards and their nodes."""
        told = self._call(operations.object_info(bucket, key))
        while (offset := told.get("next_offset")) is not None:
            more = self._call(operations.object_info(bucket, key, offset))
            told = {**more, "parts": [*told["parts"], *more["parts"]]}
        return told

    def delete(self, bucket: str, key: str) -> None:
        """Remove the object. Raises NotFound if there is none."""
        self._call(operations.delete_object(bucket, key))

    def list(self, bucket: str, prefix: str = "") -> Iterator[Entry]:
        """All objects whose keys start with `prefix`, in byte order, page by page."""
        for page in self.pages(bucket, prefix=prefix):
            yield from page.objects

    def pages(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", after: str = ""
    ) -> Iterator[Page]:
        """The pages of a listing; with a delimiter, keys are rolled up into `prefixes`."""
        following: str | None = after
        while following is not None:
            page = self._call(
                operations.list_objects(bucket, prefix=prefix, delimiter=delimiter, after=following)
            )
            yield page
            following = page.next_after

    # buckets -----------------------------------------------------------------------------------

    def buckets(self) -> Iterator[Bucket]:
        """The buckets that these keys may see, by name."""
        after: str | None = ""
        while after is not None:
            page = self._call(operations.list_buckets(after=after))
            yield from page.buckets
            after = page.next_after

    def create_bucket(self, bucket: str) -> Bucket:
        """Make a bucket. Raises Conflict if the name is taken."""
        return self._call(operations.create_bucket(bucket))

    def delete_bucket(self, bucket: str) -> None:
        """Remove a bucket. Raises Conflict if it is not empty, NotFound if there is none."""
        self._call(operations.delete_bucket(bucket))

    # cluster and users -------------------------------------------------------------------------

    def ready(self) -> None:
        """Returns if the cluster can serve; raises Unavailable if not."""
        self._call(operations.ready())

    def cluster(self) -> dict[str, Any]:
        """The cluster's health and nodes."""
        return self._call(operations.cluster())

    def nodes(self) -> Sequence[dict[str, Any]]:
        """The nodes: id, URL, zone, weight, state, stats, repairs_queued, drain."""
        return self._call(operations.nodes())

    def users(self) -> Sequence[User]:
        """All users."""
        return self._call(operations.list_users())

    def create_user(
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
        return self._call(operation)

    def delete_user(self, user_id: str) -> None:
        """Remove a user and its keys."""
        self._call(operations.delete_user(user_id))

    def create_key(
        self, user_id: str, *, access_key: str | None = None, secret_key: str | None = None
    ) -> AccessKey:
        """Give a user one more key pair, generated unless given."""
        return self._call(operations.create_key(user_id, access_key, secret_key))

    def delete_key(self, access_key: str) -> None:
        """Take a key pair back."""
        self._call(operations.delete_key(access_key))

    def manage(self, operation: Operation[T]) -> T:
        """Carry out an operation on groups and policies: one that `trilith.grants` makes."""
        return self._call(operation)

    def encryption_keys(self) -> Sequence[EncryptionKey]:
        """The named keys that encrypt objects."""
        return self._call(encryption_keys.list_encryption_keys())

    def create_encryption_key(self, key_id: str) -> EncryptionKey:
        """Make a named key. Raises Conflict if there is one of that id."""
        return self._call(encryption_keys.create_encryption_key(key_id))

    # nodes, repairs, audits --------------------------------------------------------------------

    def add_node(self, node_id: str, url: str) -> dict[str, Any]:
        """Let a node join; data is moved there in the background. Raises Conflict."""
        return self._call(healing.add_node(node_id, url))

    def drain_node(self, node_id: str) -> dict[str, Any]:
        """Move all that a node keeps elsewhere, in the background; `nodes()` shows how far that
        is, and when it is safe to remove. Raises Conflict if too few others are left."""
        return self._call(healing.drain_node(node_id))

    def undrain_node(self, node_id: str) -> dict[str, Any]:
        """Stop draining a node."""
        return self._call(healing.undrain_node(node_id))

    def remove_node(self, node_id: str) -> None:
        """Let a drained node go. Raises Conflict while anything is kept there."""
        self._call(healing.remove_node(node_id))

    def repairs(self) -> dict[str, Any]:
        """What is to be repaired, how fast that goes, and when it will be done."""
        return self._call(healing.repairs())

    def repair_tasks(self, state: str = "queued") -> Iterator[dict[str, Any]]:
        """The repairs that are `queued` or `dead`, those in the greatest danger first."""
        after: str | None = ""
        while after is not None:
            page = self._call(healing.repair_tasks(state, after))
            yield from page["tasks"]
            after = page["next_after"]

    def retry_repairs(self, shards: Sequence[tuple[str, int]] | None = None) -> int:
        """Queue dead repairs anew, those named (part id, shard) or all; how many there were."""
        return self._call(healing.retry_repairs(shards))

    def scrub(self, node_id: str | None = None) -> None:
        """Read and check all that a node (or every node) keeps, in the background."""
        self._call(healing.scrub(node_id))

    def incidents(self) -> Sequence[dict[str, Any]]:
        """The outages of nodes, newest first."""
        return self._call(healing.incidents())

    def verify(self, bucket: str | None = None, *, deep: bool = False) -> Iterator[dict[str, Any]]:
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
                    with closing(self._http.send(request, stream=True)) as response:
                        error_body = response.read() if response.status_code >= 300 else b""
                        raise_for(answer_of(response, error_body))
                        for line in response.iter_lines():
                            yield lines.read(line)
                lines.end()
                return
            except ApiError as error:
                if lines.has_begun:
                    raise
                self._sleep(attempts.wait_after(error))

    # carrying it out ---------------------------------------------------------------------------

    def _call(self, operation: Operation[T], body: Body | None = None) -> T:
        attempts = self._attempts(operation.idempotent, body is None or body.replayable)
        while True:
            try:
                with mapped_errors(self._endpoint):
                    content = None if body is None else body.chunks()
                    request = request_of(self._http, self._endpoint, operation, body, content)
                    response = self._http.send(request)
                    answer = answer_of(response, response.content)
                return attempts.read(operation, answer)
            except ApiError as error:
                self._sleep(attempts.wait_after(error))

    def _stream(self, download: Download) -> Iterator[bytes]:
        attempts = self._attempts(True, True)
        while not download.is_whole:
            try:
                with mapped_errors(self._endpoint):
                    request = request_of(self._http, self._endpoint, download.operation())
                    with closing(self._http.send(request, stream=True)) as response:
                        error_body = response.read() if response.status_code >= 300 else b""
                        download.begin(answer_of(response, error_body))
                        for chunk in response.iter_raw():
                            download.feed(chunk)
                            attempts.progressed()
                            yield chunk
                    download.end()
            except ApiError as error:
                self._sleep(attempts.wait_after(error))
        download.finish()

    def _write_to(self, file: BinaryIO, download: Download) -> ObjectHead:
        for chunk in self._stream(download):
            file.write(chunk)
        return download.finish()

    def _attempts(self, idempotent: bool, replayable: bool) -> Attempts:
        return Attempts(
            self._retry, idempotent=idempotent, replayable=replayable, chance=self._chance
        )
