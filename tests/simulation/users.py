"""What users do, and what they may expect of each answer.

Rules: requests are tasks of the coordinator's process, and are cut off when it dies; then their
outcome is unknown. While no more than m nodes were in trouble in the time of a request it must
succeed.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from coordinator.objects import Digested, NewObject, Unreadable, WriteFailed
from metadata import (
    NULL_VERSION,
    Attributes,
    MetadataUnavailable,
    NoSuchKey,
    Part,
    Upload,
    WriteCondition,
)
from tests.simulation.coordinator import SimulatedCoordinator
from tests.simulation.faults import Faults
from tests.simulation.promises import Change, Value
from tests.simulation.world import BUCKET, World, at_once

T = TypeVar("T")

KEYS = ["a", "b", "c/1", "c/2", "d"]
MAX_UPLOADS = 3
RETRIES = 3


class BrokenOff(Exception):
    """The client is gone in the middle of its body."""


class Md5:
    """A body's digest."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)

    def update(self, data: Any) -> None:
        self._md5.update(data)

    def finish(self) -> Digested:
        return Digested(self._md5.hexdigest())


@dataclass
class OpenUpload:
    """An upload, with the parts that were acknowledged."""

    upload: Upload
    parts: dict[int, tuple[Part, bytes]] = field(default_factory=dict)
    is_busy: bool = False


class Users:
    """See the module's rules."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._chance = world.stream("users")
        self._uploads: dict[str, OpenUpload] = {}

    # requests -------------------------------------------------------------------------------------
    async def _request(self, make: Callable[[SimulatedCoordinator], Coroutine[Any, Any, T]]) -> T:
        """Raises what the request raises; CutOff."""
        its = self._world.coordinator
        if its is None:
            raise CutOff
        task = its.process.spawn(make(its))
        await asyncio.wait({task})
        if task.cancelled():
            raise CutOff
        return task.result()

    async def _body(self, data: bytes, *, breaks: bool = False) -> AsyncIterator[bytes]:
        """In pieces, some of which take their time."""
        chance = self._chance
        at = 0
        while at < len(data):
            size = chance.choice([len(data), 200, 17])
            yield data[at : at + size]
            at += size
            if chance.random() < 0.3:
                await asyncio.sleep(chance.choice([0.01, 1.0, 4.0]))
            if breaks and chance.random() < 0.5:
                raise BrokenOff
        if breaks:
            raise BrokenOff

    def _data(self) -> bytes:
        unit, k = self._world.settings.unit_size, self._world.settings.k
        stripe = unit * k
        size = self._chance.choice([0, 1, unit, stripe, stripe + 1, 3 * stripe, 5 * stripe - 3])
        return self._chance.randbytes(size)

    def _free_key(self) -> str | None:
        free = [key for key in KEYS if key not in self._world.promises.changing]
        return self._chance.choice(free) if free else None

    async def _change(
        self, what: str, key: str, new: Value, request: Callable[[], Awaitable[object]]
    ) -> None:
        """A change of a key, and what its outcome means."""
        world = self._world
        size = "nothing" if new is None else f"{len(new)} bytes"
        name = f"{what} {key!r} := {size}"
        world.note(f"{name} ...")
        with world.promises.change(key, new) as change:
            outcome = await self._outcome(name, change, request)
        world.note(f"{name}: {outcome}")

    async def _outcome(
        self, name: str, change: Change, request: Callable[[], Awaitable[object]]
    ) -> str:
        world = self._world
        with world.exposed(self._faults.troubled()) as exposed:
            try:
                await request()
            except CutOff:
                return "cut off"
            except MetadataUnavailable:
                return "metadata failed"
            except BrokenOff:
                change.refuse()
                return "broken off"
            except WriteFailed as error:
                change.refuse()
                if len(exposed) <= world.settings.m:
                    world.report(f"{name} failed, with {sorted(exposed)} in trouble: {error}")
                return f"failed: {error}"
            change.acknowledge()
            return "done"

    # what they do ---------------------------------------------------------------------------------
    async def put(self) -> None:
        key, data = self._free_key(), self._data()
        if key is not None:
            await self.put_data(key, data)

    async def put_data(self, key: str, data: bytes) -> None:
        """This, there."""
        await self._change("put", key, data, lambda: self._put(key, data, breaks=False))

    async def break_off(self) -> None:
        key, data = self._free_key(), self._data()
        if key is not None:
            await self._change("broken put", key, data, lambda: self._put(key, data, breaks=True))

    async def _put(self, key: str, data: bytes, *, breaks: bool) -> None:
        async def put(its: SimulatedCoordinator) -> None:
            bucket = await its.metadata.bucket(BUCKET)
            body = self._body(data, breaks=breaks)
            await its.objects.put(bucket, key, body, Md5(), NewObject("root"))

        await self._request(put)

    async def delete(self) -> None:
        key = self._free_key()
        if key is not None:
            await self.delete_key(key)

    async def delete_key(self, key: str) -> None:
        """This one."""
        await self._change(
            "delete",
            key,
            None,
            lambda: self._request(
                lambda its: its.metadata.delete_version(BUCKET, key, NULL_VERSION)
            ),
        )

    async def read(self, key: str | None = None) -> None:
        """Some of an object, or all of it if the key is named."""
        world, is_part = self._world, key is None
        key = key or self._chance.choice(KEYS)
        with world.promises.read(key) as reading:
            with world.exposed(self._faults.troubled()) as exposed:
                try:
                    start, size, found = await self._request(
                        lambda its: self._read(its, key, is_part)
                    )
                except (CutOff, MetadataUnavailable):
                    return
                except Unreadable as error:
                    world.note(f"read {key!r}: {error}")
                    if len(exposed) <= world.settings.m and not self._faults.goes_beyond_m:
                        world.report(f"{key!r} can't be read, only {exposed} in trouble: {error}")
                    return
            fits = [value for value in reading.allowed if _fits(value, start, size, found)]
            if not fits:
                world.report(f"read {key!r}: {_shown(found)} of {size} is none of what it may be")
            elif len(fits) == 1:
                world.promises.shown(reading, fits[0])

    async def _read(
        self, its: SimulatedCoordinator, key: str, is_part: bool
    ) -> tuple[int, int, Value]:
        """From where, of how much, the bytes (None: there are none)."""
        chance = self._chance
        for _ in range(RETRIES):
            try:
                stored = await its.objects.look_up(BUCKET, key)
            except NoSuchKey:
                return 0, 0, None
            size = stored.version.size
            start = chance.randint(0, size) if is_part else 0
            stop = chance.randint(start, size) if is_part else size
            try:
                stream = await its.objects.open(stored, start, stop)
            except NoSuchKey:
                continue  # replaced since it was looked up
            parts = stored.parts or at_once(self._world.store.parts(stored.version.version_id))
            part_ids = [part.part_id for part in parts]
            pinned = at_once(self._world.store.find_parts(part_ids))
            try:
                with self._world.reading(parts):
                    async with stream:
                        if is_part and chance.random() < 0.2:
                            await asyncio.sleep(chance.choice([0.01, 1.0, 12.0]))
                        return start, size, b"".join([bytes(piece) async for piece in stream])
            except Unreadable:
                # Only shards that were moved since excuse it, and parts that were dropped between
                # look-up and opening: what was dropped later is pinned.
                now = at_once(self._world.store.find_parts(part_ids))
                if all(
                    part.part_id in pinned and now.get(part.part_id, part).nodes == part.nodes
                    for part in parts
                ):
                    raise
        raise Unreadable("replaced again and again")

    # multipart ------------------------------------------------------------------------------------
    def _idle_upload(self) -> OpenUpload | None:
        idle = [upload for upload in self._uploads.values() if not upload.is_busy]
        return self._chance.choice(idle) if idle else None

    async def upload(self) -> None:
        """One more step of a multipart upload."""
        open_upload = self._idle_upload()
        if open_upload is None or (
            len(self._uploads) < MAX_UPLOADS and self._chance.random() < 0.2
        ):
            await self._create()
            return
        step = self._chance.choice([self._put_part] * 4 + [self._complete, self._complete])
        if self._chance.random() < 0.1:
            step = self._abort
        open_upload.is_busy = True
        try:
            await step(open_upload)
        finally:
            open_upload.is_busy = False

    async def _create(self) -> None:
        async def create(its: SimulatedCoordinator) -> Upload:
            key = self._chance.choice(KEYS)
            upload = Upload(its.ids.version_id(), key, "root", its.ids.now_ms())
            await its.metadata.create_upload(BUCKET, upload)
            return upload

        try:
            upload = await self._request(create)
        except (CutOff, MetadataUnavailable):
            return
        self._world.note(f"upload {upload.upload_id[:12]} of {upload.key!r} begun")
        self._uploads[upload.upload_id] = OpenUpload(upload)

    async def _put_part(self, its_upload: OpenUpload) -> None:
        world, upload = self._world, its_upload.upload
        number, data = self._chance.randint(1, 3), self._data() or b"x"
        name = f"part {number} of {upload.upload_id[:12]}, {len(data)} bytes"
        former = its_upload.parts.pop(number, None)
        world.note(f"{name} ...")
        with world.exposed(self._faults.troubled()) as exposed:
            try:
                part = await self._request(
                    lambda its: its.multipart.put_part(upload, number, self._body(data), Md5())
                )
            except (CutOff, MetadataUnavailable):
                world.note(f"{name}: cut off")
            except WriteFailed as error:
                world.note(f"{name}: {error}")
                if former is not None:
                    its_upload.parts[number] = former
                if len(exposed) <= world.settings.m:
                    world.report(f"{name} failed, with {sorted(exposed)} in trouble: {error}")
            else:
                world.note(f"{name}: done")
                its_upload.parts[number] = (part, data)

    async def _complete(self, its_upload: OpenUpload) -> None:
        upload = its_upload.upload
        if not its_upload.parts or upload.key in self._world.promises.changing:
            return
        chosen = [its_upload.parts[number] for number in sorted(its_upload.parts)]

        async def complete(its: SimulatedCoordinator) -> None:
            bucket = await its.metadata.bucket(BUCKET)
            parts = [part for part, _ in chosen]
            await its.multipart.complete(bucket, upload, parts, Attributes(), WriteCondition())

        data = b"".join(data for _, data in chosen)
        del self._uploads[upload.upload_id]
        await self._change(
            f"complete {upload.upload_id[:12]}",
            upload.key,
            data,
            lambda: self._request(complete),
        )

    async def _abort(self, its_upload: OpenUpload) -> None:
        upload = its_upload.upload
        del self._uploads[upload.upload_id]
        self._world.note(f"abort {upload.upload_id[:12]}")
        try:
            await self._request(
                lambda its: its.metadata.abort_upload(BUCKET, upload.key, upload.upload_id)
            )
        except (CutOff, MetadataUnavailable):
            self._world.note(f"abort {upload.upload_id[:12]}: cut off")

    # at the end -----------------------------------------------------------------------------------
    async def listing(self) -> list[str]:
        """All keys that are listed."""
        listing = await self._request(lambda its: its.metadata.list_current(BUCKET, limit=1000))
        return [listed.key for listed in listing.objects]

    async def abort_all(self) -> None:
        """Every upload under way, the forgotten ones too."""
        listing = await self._request(lambda its: its.metadata.list_uploads(BUCKET, limit=1000))
        for upload in listing.uploads:
            await self._request(
                lambda its, upload=upload: its.metadata.abort_upload(
                    BUCKET, upload.key, upload.upload_id
                )
            )
        self._uploads.clear()


class CutOff(Exception):
    """There is no coordinator, or not any more: nobody knows what came of the request."""


def _fits(value: Value, start: int, size: int, found: Value) -> bool:
    if value is None or found is None:
        return value is found
    return len(value) == size and value[start : start + len(found)] == found


def _shown(value: Value) -> str:
    return "nothing" if value is None else f"{len(value)} bytes"
