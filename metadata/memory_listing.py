"""How the reference model makes pages: everything sorted, filtered, rolled up, and cut."""

from collections.abc import Sequence
from typing import TypeVar

from metadata.model import ListedObject, Upload, Version

Keyed = TypeVar("Keyed", Version, Upload)


def roll_up(
    found: Sequence[Keyed], prefix: str, delimiter: str, after: str, limit: int
) -> tuple[list[Keyed | str], bool]:
    """One page of what has the prefix, each common prefix once; whether more would follow."""
    entries: list[Keyed | str] = []
    for each in found:
        if not each.key.startswith(prefix):
            continue
        # What the listing shows instead of the key: its start up to the delimiter.
        common = None
        if delimiter and delimiter in each.key[len(prefix) :]:
            end = each.key.index(delimiter, len(prefix)) + len(delimiter)
            common = each.key[:end]
        if common is None:
            entries.append(each)
        elif common not in entries and common != after:
            entries.append(common)
    return entries[:limit], 0 < limit < len(entries)


def listed(version: Version) -> ListedObject:
    """What listings tell of a current version."""
    return ListedObject(
        version.key,
        version.version_id,
        version.size,
        version.etag,
        version.created_at_ms,
        version.owner_id,
        version.is_null,
        version.attributes.headers.get("x-amz-storage-class", ""),
        version.attributes.checksums,
        version.encryption,
    )
