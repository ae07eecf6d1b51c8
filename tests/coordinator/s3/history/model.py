"""What S3 promises of one key: its versions, and what each operation answers to them.

Rules: written from the public API's reference, apart from the code under test. A state is the key's
versions, oldest first; where versioning is off or suspended the newest write takes the place of the
version `null`. An answer that the model would not give makes the history impossible.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

NULL = "null"


class Keeping(StrEnum):
    """What the bucket does with versions."""

    OFF = "off"
    ENABLED = "enabled"
    SUSPENDED = "suspended"


class Entry(NamedTuple):
    """A version (`etag`) or a delete marker (None). Without versioning all ids are `null`."""

    version_id: str
    etag: str | None


Versions = tuple[Entry, ...]


class Conditions(NamedTuple):
    """The ETags of If-Match and If-None-Match; `*` stands for any."""

    match: str | None = None
    none_match: str | None = None


ANYWAY = Conditions()
FAILED, MISSING = "PreconditionFailed", "NoSuchKey"


@dataclass(frozen=True, slots=True)
class Put:
    """A PUT, copy or completed upload; `answer` is the version it made, or the error's code."""

    conditions: Conditions
    answer: Entry | str

    def apply(self, versions: Versions, keeping: Keeping) -> Versions | None:
        current = _current(versions)
        refusal = _refusal_of_write(current, self.conditions)
        if isinstance(self.answer, str):
            return versions if self.answer == refusal else None
        return None if refusal else _with(versions, self.answer, keeping)


@dataclass(frozen=True, slots=True)
class Delete:
    """A DELETE of the key; `answer` is the id of the delete marker, "" for none, or a code."""

    conditions: Conditions
    answer: str

    def apply(self, versions: Versions, keeping: Keeping) -> Versions | None:
        refused = bool(versions) and not _matches(versions[-1], self.conditions.match)
        if refused or self.answer == FAILED:
            return versions if refused and self.answer == FAILED else None
        if not versions and self.conditions.match is not None:
            return versions if self.answer == "" else None
        if keeping is Keeping.OFF:
            return () if self.answer == "" else None
        return _with(versions, Entry(self.answer, None), keeping) if self.answer else None


@dataclass(frozen=True, slots=True)
class DeleteVersion:
    """A DELETE of one version; `answer` is "" or a code."""

    version_id: str
    conditions: Conditions
    answer: str

    def apply(self, versions: Versions, keeping: Keeping) -> Versions | None:
        named = _named(versions, self.version_id)
        refused = named is not None and not _matches(named, self.conditions.match)
        if refused:
            return versions if self.answer == FAILED else None
        if self.answer:
            return None
        return tuple(entry for entry in versions if entry.version_id != self.version_id)


@dataclass(frozen=True, slots=True)
class Get:
    """A GET or HEAD of the key (version_id "") or of a version; `answer` is what was found, a
    delete marker included, None for nothing."""

    version_id: str
    answer: Entry | None

    def apply(self, versions: Versions, keeping: Keeping) -> Versions | None:
        if self.version_id:
            found = _named(versions, self.version_id)
        else:
            found = versions[-1] if versions else None
        return versions if found == self.answer else None


@dataclass(frozen=True, slots=True)
class List:
    """ListObjectVersions of the key: everything, oldest first."""

    answer: Versions

    def apply(self, versions: Versions, keeping: Keeping) -> Versions | None:
        return versions if versions == self.answer else None


Operation = Put | Delete | DeleteVersion | Get | List


def _current(versions: Versions) -> Entry | None:
    return versions[-1] if versions and versions[-1].etag is not None else None


def _named(versions: Versions, version_id: str) -> Entry | None:
    return next((entry for entry in versions if entry.version_id == version_id), None)


def _refusal_of_write(current: Entry | None, conditions: Conditions) -> str:
    if conditions.match is not None:
        if current is None:
            return MISSING
        if not _matches(current, conditions.match):
            return FAILED
    if conditions.none_match is not None and current is not None:
        return FAILED if _matches(current, conditions.none_match) else ""
    return ""


def _matches(entry: Entry, etag: str | None) -> bool:
    return etag in (None, "*", entry.etag)


def _with(versions: Versions, entry: Entry, keeping: Keeping) -> Versions | None:
    """None where the id is not one that this write may have been given."""
    if (entry.version_id == NULL) != (keeping is not Keeping.ENABLED):
        return None
    kept = tuple(one for one in versions if one.version_id != entry.version_id)
    if keeping is Keeping.ENABLED and len(kept) != len(versions):
        return None
    return (*kept, entry)
