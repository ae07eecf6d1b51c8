"""Short ways to make versions and parts; ids are counted, so that a failure can be followed."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

from metadata import (
    Attributes,
    MetadataStore,
    MissingShard,
    Part,
    Reclaim,
    Upload,
    Version,
    Versioning,
)

_counter = itertools.count(1)
FAR_FUTURE_MS = 10**15
NODES = ("n1", "n2", "n3")
ALL_NODES = (*NODES, "n4", "n5")
"""Those that parts are put on, and two more that shards may move to."""


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now_ms: int = 1_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def new_id() -> str:
    return f"{next(_counter):032x}"


def make_part(number: int = 1, size: int = 10, nodes: Sequence[str] = NODES) -> Part:
    part_id = bytes.fromhex(new_id())
    checksums = {"crc32": "AAAAAA=="} if number % 2 else {}
    return Part(part_id, number, size, "e" * 32, 2, 1, 4096, tuple(nodes), 5, 0, checksums)


def make_version(
    key: str,
    *,
    size: int = 10,
    etag: str = "etag",
    attributes: Attributes | None = None,
    version_id: str = "",
) -> Version:
    return Version(
        version_id=version_id or new_id(),
        key=key,
        size=size,
        etag=etag,
        created_at_ms=7,
        owner_id="owner",
        attributes=attributes or Attributes(),
    )


def part_of(version: Version, part: Part) -> Part:
    """The part as the version's only one says what it is: as a plain PUT makes them."""
    return replace(
        part,
        etag=version.etag,
        created_at_ms=version.created_at_ms,
        checksums=version.attributes.checksums,
    )


def make_marker(key: str) -> Version:
    return replace(make_version(key, size=0, etag=""), is_delete_marker=True)


async def write_null_versions(store: MetadataStore, *, is_null: bool, bucket: str = "b") -> None:
    """Let the bucket's versioning make null versions, or others, from now on."""
    versioning = (await store.bucket(bucket)).versioning
    if not is_null and versioning is not Versioning.ENABLED:
        await store.set_versioning(bucket, Versioning.ENABLED)
    if is_null and versioning is Versioning.ENABLED:
        await store.set_versioning(bucket, Versioning.SUSPENDED)


async def put(
    store: MetadataStore, key: str, *, etag: str = "etag", is_null: bool = True, bucket: str = "b"
) -> tuple[Version, Part]:
    """Put a version of one part under the key."""
    await write_null_versions(store, is_null=is_null, bucket=bucket)
    version = make_version(key, etag=etag)
    part = part_of(version, make_part())
    return await store.put_version(bucket, version, [part]), part


async def put_marker(store: MetadataStore, key: str, *, is_null: bool = False) -> Version:
    """Hide the key behind a delete marker; return that."""
    await write_null_versions(store, is_null=is_null)
    if is_null and (await store.bucket("b")).versioning is Versioning.OFF:
        await store.set_versioning("b", Versioning.SUSPENDED)
    marker = make_marker(key)
    await store.delete_key("b", key, marker)
    return (await store.version("b", key, marker.version_id)).version


async def delete(store: MetadataStore, key: str, *, bucket: str = "b") -> bool:
    """Delete the key; whether it had a current version."""
    return (await store.delete_key(bucket, key, make_marker(key))).existed


async def start_upload(
    store: MetadataStore, key: str, *parts: Part, bucket: str = "b", upload_id: str = ""
) -> Upload:
    upload = Upload(upload_id or new_id(), key, "owner", 3, Attributes({"content-type": "x/y"}))
    await store.create_upload(bucket, upload)
    for part in parts:
        await store.put_part(upload.upload_id, part)
    return upload


def missing(part: Part, shard: int) -> MissingShard:
    return MissingShard(part.part_id, shard, "node down")


async def all_reclaims(store: MetadataStore) -> list[Reclaim]:
    return [
        reclaim
        for node_id in ALL_NODES
        for reclaim in await store.reclaims(node_id, before_ms=FAR_FUTURE_MS, limit=1000)
    ]


def reclaims_of(part: Part, created_at_ms: int) -> list[Reclaim]:
    """What dropping the part at that time must leave."""
    return [
        Reclaim(node_id, part.part_id, shard, created_at_ms)
        for shard, node_id in enumerate(part.nodes)
    ]


async def reclaimed_ids(store: MetadataStore) -> set[bytes]:
    return {reclaim.part_id for reclaim in await all_reclaims(store)}
