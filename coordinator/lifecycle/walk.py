"""What lifecycle rules decide about the versions of a bucket, seen in the order of their listing.

Rules: pure. By key, newest first, as `list_versions` has them; decisions follow from what was seen,
and where that isn't enough (the walk began within a key) a version stays. An older version never
appears below one that was the oldest: that a delete marker is alone stays true.
"""

from collections.abc import Iterable
from enum import Enum, auto
from typing import NamedTuple

from coordinator.lifecycle.rules import Calendar, Rule, Rules, expires_at
from metadata.model import ListedVersion, Version


class Fate(Enum):
    """HIDE: what deleting the key does (a delete marker, where versions are kept). REMOVE: that
    version itself goes."""

    HIDE = auto()
    REMOVE = auto()


class Due(NamedTuple):
    """A version whose time has come."""

    fate: Fate
    version: Version


class Walk(NamedTuple):
    """How far a walk is: the last version seen, how many noncurrent versions of its key were seen,
    and the delete marker that is the only one of its key so far."""

    last: Version | None = None
    noncurrent: int = 0
    marker: Version | None = None


def step(
    walk: Walk, listed: ListedVersion, rules: Rules, calendar: Calendar, now_ms: int
) -> tuple[Walk, Due | None, Due | None]:
    """The walk after one more version; what is due of the marker before it, and of the version."""
    version, is_latest = listed
    is_same_key = walk.last is not None and walk.last.key == version.key
    earlier = None if is_same_key else end(walk, rules, calendar, now_ms)
    if is_latest:
        if version.is_delete_marker:
            return Walk(version, 0, version), earlier, None
        due = any(
            rule.is_enabled
            and _has_expired(rule, version, calendar, now_ms)
            and rule.filter.fits(version)
            for rule in rules
        )
        return Walk(version), earlier, Due(Fate.HIDE, version) if due else None
    if not is_same_key or walk.last is None:
        return Walk(version), earlier, None
    since_ms = max(walk.last.created_at_ms, version.created_at_ms)
    seen = walk.noncurrent
    due = not is_held(version, now_ms) and any(
        rule.is_enabled
        and rule.noncurrent_days is not None
        and seen >= rule.newer_kept
        and calendar.after(since_ms, rule.noncurrent_days) <= now_ms
        and rule.filter.fits(version)
        for rule in rules
    )
    # Markers don't count: what is kept are so many states of the object
    counted = seen if version.is_delete_marker else seen + 1
    return Walk(version, counted), None, Due(Fate.REMOVE, version) if due else None


def end(walk: Walk, rules: Rules, calendar: Calendar, now_ms: int) -> Due | None:
    """What is due of a marker after which no older version of its key came."""
    marker = walk.marker
    if marker is None:
        return None
    due = any(
        rule.is_enabled
        and (rule.expired_markers or _has_expired(rule, marker, calendar, now_ms))
        and rule.filter.fits(marker)
        for rule in rules
    )
    return Due(Fate.REMOVE, marker) if due else None


def decide(
    walk: Walk, page: Iterable[ListedVersion], rules: Rules, calendar: Calendar, now_ms: int
) -> tuple[Walk, list[Due]]:
    """`step` for a page of versions."""
    found = []
    for listed in page:
        walk, *due = step(walk, listed, rules, calendar, now_ms)
        found += [each for each in due if each is not None]
    return walk, found


def is_held(version: Version, now_ms: int) -> bool:
    """Whether it may not be removed; what the database says in the end."""
    return version.legal_hold or (version.retention_mode != "" and version.retain_until_ms > now_ms)


def _has_expired(rule: Rule, version: Version, calendar: Calendar, now_ms: int) -> bool:
    at_ms = expires_at(rule, version.created_at_ms, calendar)
    return at_ms is not None and at_ms <= now_ms
