"""The settings of buckets, parsed, as every operation may ask for them.

Rules: a bucket that was never given a setting costs nothing to ask; others cost one look-up after
each change of their settings. A document is parsed when it is first asked for.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from coordinator.s3.settings.setting import Kept, Setting
from metadata import Bucket, MetadataStore

T = TypeVar("T")

MAX_REMEMBERED: Final = 1000
"""Buckets whose settings are kept in memory."""


class _Remembered:
    __slots__ = ("documents", "parsed", "version")

    def __init__(self, version: int, documents: Mapping[str, str]) -> None:
        self.version = version
        self.documents = documents
        self.parsed: dict[str, Kept[Any]] = {}


class SettingsReader:
    """Reads through to the metadata. What is remembered belongs to one settings_version."""

    def __init__(self, metadata: MetadataStore) -> None:
        self._metadata = metadata
        self._remembered: OrderedDict[int, _Remembered] = OrderedDict()

    async def value(self, bucket: Bucket, setting: Setting[T]) -> T | None:
        """The setting's value, or None where it is not set. Raises NoSuchBucket."""
        kept = await self.kept(bucket, setting)
        return None if kept is None else kept.value

    async def kept(self, bucket: Bucket, setting: Setting[T]) -> Kept[T] | None:
        """The same with the time of its last change."""
        if not bucket.settings_version:
            return None
        remembered = self._remembered.get(bucket.bucket_id)
        if remembered is None or remembered.version != bucket.settings_version:
            remembered = await self._look_up(bucket)
        found = remembered.parsed.get(setting.name)
        if found is None:
            document = remembered.documents.get(setting.name)
            if document is None:
                return None
            found = remembered.parsed[setting.name] = setting.decode(document)
        return found

    async def _look_up(self, bucket: Bucket) -> _Remembered:
        # The documents are at least as new as the version that the bucket said; a newer version
        # makes the next request look again.
        remembered = _Remembered(
            bucket.settings_version, await self._metadata.bucket_settings(bucket.name)
        )
        self._remembered[bucket.bucket_id] = remembered
        self._remembered.move_to_end(bucket.bucket_id)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return remembered
