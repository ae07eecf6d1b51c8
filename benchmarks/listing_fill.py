"""Fills the buckets of a cluster that stands still with a million keys, within minutes.

Rules: by PUT it would take ten minutes or more, and a listing reads nothing but metadata: so one
empty object of each bucket is a client's, put over HTTP, and the others get what the store wrote
for it, under keys and ids of their own, through the store's own `put_version`. An empty object has
no shards: nothing is missing anywhere, and every one of them can be read, deleted and verified.
Keys come in no order, as they do from clients: neighbours of a page are not neighbours in the file.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.listing_tree import Tree
from metadata import MetadataStore, Version, open_sqlite

AT_ONCE: Final = 4096
"""How many are on their way: the store commits those that wait together."""


class FillError(Exception):
    """The folder holds something else than these buckets."""


async def count_objects(metadata_file: Path) -> int:
    """How many objects there are in all buckets. The cluster must stand still."""
    store = await open_sqlite(metadata_file)
    try:
        return (await store.totals()).objects
    finally:
        await store.close()


async def fill(metadata_file: Path, trees: Sequence[Tree], seed: int) -> None:
    """Add to each bucket all but its first key, which is there. The cluster must stand still."""
    store = await open_sqlite(metadata_file)
    try:
        for tree in trees:
            await fill_bucket(store, tree, random.Random(seed))
    finally:
        await store.close()


async def fill_bucket(store: MetadataStore, tree: Tree, chance: random.Random) -> None:
    """The same for one bucket of an open store."""
    pattern = (await store.version(tree.bucket, tree.key(0))).version
    if pattern.size:
        raise FillError(f"the first object of {tree.bucket} is not empty")
    numbers = list(range(1, tree.keys))
    chance.shuffle(numbers)
    for start in range(0, len(numbers), AT_ONCE):
        # One a millisecond, the last of them when the first object was put.
        begin_ms = pattern.created_at_ms - len(numbers) + start
        some = enumerate(numbers[start : start + AT_ONCE], begin_ms)
        versions = [_like(pattern, tree.key(number), at_ms, chance) for at_ms, number in some]
        await asyncio.gather(*[store.put_version(tree.bucket, each, ()) for each in versions])


def _like(pattern: Version, key: str, at_ms: int, chance: random.Random) -> Version:
    """The same for another key, with an id as the store makes them: of time and chance."""
    version_id = (at_ms.to_bytes(6, "big") + chance.randbytes(10)).hex()
    return replace(pattern, version_id=version_id, key=key, created_at_ms=at_ms)
