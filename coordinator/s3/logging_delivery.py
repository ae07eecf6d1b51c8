"""Server access logs: which requests are noted, and how their lines become objects of the target.

    answer sent -> note: the bucket's setting, from memory -> batch -> (old or big enough) -> put

Rules: a request never waits for its log. Whether a bucket may write to its target is asked when
logging is turned on and again for each delivery, as the service logging.s3.amazonaws.com: lines
whose bucket may not are dropped, and the log of this process says so. Log objects belong to the
target bucket's owner. What can't be delivered is tried again MAX_TRIES times.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Final

from coordinator.access import acl as acls
from coordinator.access.actions import FULL_CONTROL
from coordinator.cluster import ClusterError
from coordinator.objects import NewObject, ObjectsError
from coordinator.objects.names import is_bucket_name
from coordinator.s3 import settings
from coordinator.s3.access_log.batches import Batch, Batches, Destination, Source, log_key
from coordinator.s3.access_log.entries import Answered, entries
from coordinator.s3.access_log.record import Entry, line
from coordinator.s3.checksums import Digest
from coordinator.s3.exchange import Request, Response
from coordinator.s3.settings.access_logs import GROUP, AccessLogTarget, KeyForm, LogGrant
from coordinator.s3.surface import Surface
from metadata import Attributes, Bucket, MetadataError, NoSuchBucket
from node.errors import NodeError

SERVICE: Final = "logging.s3.amazonaws.com"
ACTION: Final = "s3:PutObject"
MAX_TRIES: Final = 10
RETRY_S: Final = 5.0
END_S: Final = 5.0
"""How long the end of the process may be held up by what waits."""

log = logging.getLogger(__name__)


class AccessLogs:
    """See the module. Clocks are injected: `monotonic` in seconds."""

    def __init__(
        self,
        surface: Surface,
        roll_s: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        unique: Callable[[], str] = lambda: secrets.token_hex(8).upper(),
    ) -> None:
        self._surface = surface
        self._batches = Batches(roll_s)
        self._monotonic = monotonic
        self._unique = unique
        self._woken = asyncio.Event()
        self._told_dropped = 0

    @staticmethod
    def may_concern(request: Request, error_code: str) -> bool:
        """Whether it is worth asking the bucket's setting: hardly ever, and at no cost."""
        if request.found is None:
            return error_code != ""
        return request.found.settings_version > 0

    async def note(self, request: Request, response: Response, answered: Answered) -> None:
        """Remember a request that was answered, if it concerns anybody and its bucket's setting
        says so: as it stood when the request was."""
        try:
            bucket = request.found
            if bucket is None:
                bucket = await self._find(request)
            if bucket is None or not bucket.settings_version:
                return
            target = await self._surface.settings.value(bucket, settings.LOGGING)
        except MetadataError as error:
            log.warning("request not noted", extra={"detail": str(error)})
            return
        if target is not None:
            for entry in entries(request, response, answered):
                self._add(bucket, target, entry)

    async def _find(self, request: Request) -> Bucket | None:
        """The bucket of a request that was refused before anybody looked, say for its signature:
        just these an owner wants to know of."""
        if is_bucket_name(request.bucket):
            with suppress(NoSuchBucket):
                request.found = await self._surface.metadata.bucket(request.bucket)
        return request.found

    def _add(self, bucket: Bucket, target: AccessLogTarget, entry: Entry) -> None:
        source = Source(bucket.owner_id, bucket.region or self._surface.region, bucket.name)
        is_simple = target.form is KeyForm.SIMPLE
        destination = Destination(
            target.bucket,
            target.prefix,
            target.form,
            target.grants,
            None if is_simple else source,
            time.strftime("%Y/%m/%d", time.gmtime(entry.at_ms // 1000))
            if target.form is KeyForm.BY_EVENT
            else "",
        )
        was_idle = self._batches.due_at_s() is None
        is_full = self._batches.add(destination, source, line(entry), self._monotonic())
        if was_idle or is_full:
            self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._woken.clear()
            if not await self.deliver():
                await asyncio.sleep(RETRY_S)
                continue
            due_at_s = self._batches.due_at_s()
            wait_s = None if due_at_s is None else max(0.0, due_at_s - self._monotonic())
            try:
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def close(self) -> None:
        """Deliver what waits, as far as that is possible soon."""
        try:
            async with asyncio.timeout(END_S):
                await self.deliver(everything=True)
        except TimeoutError:
            log.warning("access logs left behind")

    async def deliver(self, *, everything: bool = False) -> bool:
        """Write the batches that are due; False if one must be tried again."""
        self._tell_dropped()
        waiting = list(self._batches.take(self._monotonic(), everything=everything))
        succeeded = True
        while waiting:
            batch = waiting[0]
            try:
                await self._put(batch)
            except NoSuchBucket:
                self._give_up(batch, "the target bucket is gone")
            except asyncio.CancelledError:
                for left in waiting:
                    self._batches.put_back(left)
                raise
            except Exception as error:
                # Whatever it is: the other logs must go on.
                succeeded = False
                if not isinstance(error, ObjectsError | MetadataError | ClusterError | NodeError):
                    log.exception("access log not delivered")
                if batch.tries + 1 >= MAX_TRIES:
                    self._give_up(batch, str(error))
                else:
                    self._batches.put_back(batch)
            waiting.pop(0)
        return succeeded

    async def _put(self, batch: Batch) -> None:
        destination = batch.destination
        surface = self._surface
        target = await surface.metadata.bucket(destination.bucket)
        allowed = {
            source: await may_deliver(surface, target, destination.prefix, source)
            for source in {source for source, _ in batch.lines}
        }
        lines = [text for source, text in batch.lines if allowed[source]]
        if len(lines) < len(batch.lines):
            refused = sorted(source.bucket for source in allowed if not allowed[source])
            log.warning(
                "access log refused by its target",
                extra={"target": target.name, "buckets": ",".join(refused)},
            )
        if not lines:
            return
        key = log_key(destination, surface.objects.ids.now_ms(), self._unique())
        new = NewObject(
            target.owner_id,
            Attributes({"content-type": "text/plain"}),
            acl=_acl(destination.grants, target.owner_id),
        )
        await surface.objects.put(target, key, _body(lines), Digest(), new)

    def _give_up(self, batch: Batch, reason: str) -> None:
        log.warning(
            "access log lost",
            extra={
                "target": batch.destination.bucket,
                "lines": len(batch.lines),
                "detail": reason,
            },
        )

    def _tell_dropped(self) -> None:
        dropped = self._batches.dropped - self._told_dropped
        if dropped:
            self._told_dropped += dropped
            log.error("access log lines found no room", extra={"lines": dropped})


async def may_deliver(surface: Surface, target: Bucket, prefix: str, source: Source) -> bool:
    """Whether the target's owner lets the log of that bucket in."""
    return await surface.permissions.service_allows(
        SERVICE,
        target,
        ACTION,
        prefix,
        source_arn=f"arn:aws:s3:::{source.bucket}",
        source_account=source.owner_id,
    )


def _acl(grants: Sequence[LogGrant], owner_id: str) -> str:
    return acls.dump(
        acls.Acl(
            (
                acls.Grant(owner_id, FULL_CONTROL),
                *(
                    acls.Grant(
                        acls.GROUPS[grant.grantee] if grant.kind == GROUP else grant.grantee,
                        grant.permission,
                        grant.kind == GROUP,
                    )
                    for grant in grants
                ),
            )
        ),
        owner_id,
    )


async def _body(lines: list[str]) -> AsyncIterator[bytes]:
    yield "".join(f"{text}\n" for text in lines).encode()
