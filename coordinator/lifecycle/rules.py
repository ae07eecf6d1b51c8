"""Lifecycle rules: what they are about, when they are due, and what a client is told of them.

Rules: pure. All that a filter names must hold. A day is a calendar day, so that N days after a
moment ends at the first midnight (UTC) that is not before; where days are made shorter, for tests,
they are counted from the moment itself. What a client is told is always in calendar days.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final
from urllib.parse import quote

from metadata.model import Version

DAY_MS: Final = 24 * 3600 * 1000

_END_OF_CALENDAR_MS: Final = 253_402_300_799_000
"""The end of the year 9999, the last one that a date in a header can say."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which objects. `prefix` is None where none was given; sizes are exclusive bounds."""

    prefix: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    larger_than_bytes: int | None = None
    smaller_than_bytes: int | None = None

    @property
    def is_by_key(self) -> bool:
        """Whether a key alone says if it fits."""
        return not self.tags and self.larger_than_bytes is None and self.smaller_than_bytes is None

    def fits_key(self, key: str) -> bool:
        """Whether the key is one it is about."""
        return key.startswith(self.prefix or "")

    def fits(self, version: Version) -> bool:
        """Whether it is about that version. A delete marker has neither tags nor a size."""
        if not self.fits_key(version.key):
            return False
        if self.is_by_key:
            return True
        if version.is_delete_marker:
            return False
        larger, smaller = self.larger_than_bytes, self.smaller_than_bytes
        return (
            all(version.tags.get(name) == value for name, value in self.tags)
            and (larger is None or version.size > larger)
            and (smaller is None or version.size < smaller)
        )


@dataclass(frozen=True, slots=True)
class Transition:
    """When which storage class was asked for: after days, or (if not noncurrent) at a date."""

    storage_class: str
    days: int | None = None
    date_ms: int | None = None
    newer_kept: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """What was asked for, None where it was not. `has_filter` tells the newer form of the document
    from the older one, whose rules have a prefix of their own.

    `expired_markers`: remove a delete marker that is all there is of its key. `newer_kept`: so many
    of the newest noncurrent versions stay, whatever their age. Transitions are remembered and given
    back, but every object is stored alike: nothing follows from them.
    """

    rule_id: str
    is_enabled: bool
    filter: Filter
    has_filter: bool = True
    days: int | None = None
    date_ms: int | None = None
    expired_markers: bool | None = None
    noncurrent_days: int | None = None
    newer_kept: int = 0
    abort_days: int | None = None
    transitions: tuple[Transition, ...] = ()
    noncurrent_transitions: tuple[Transition, ...] = ()

    @property
    def is_about_versions(self) -> bool:
        """Whether anything but uploads may come to an end by it."""
        return (
            self.days is not None
            or self.date_ms is not None
            or self.noncurrent_days is not None
            or bool(self.expired_markers)
        )


Rules = tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """How long a day is."""

    day_ms: int = DAY_MS

    def after(self, moment_ms: int, days: int) -> int:
        """When that many days after the moment have passed."""
        end_ms = moment_ms + days * self.day_ms
        return end_ms if self.day_ms != DAY_MS else -(-end_ms // DAY_MS) * DAY_MS


def expires_at(rule: Rule, created_at_ms: int, calendar: Calendar) -> int | None:
    """When the rule ends a current version of that age; None for never."""
    if rule.date_ms is not None:
        return rule.date_ms
    return None if rule.days is None else calendar.after(created_at_ms, rule.days)


def expiration_header(rules: Iterable[Rule], version: Version) -> str | None:
    """The value of x-amz-expiration for a current version: the first rule to end it, and when."""
    found = [
        (at_ms, rule.rule_id)
        for rule in rules
        if rule.is_enabled
        and (at_ms := expires_at(rule, version.created_at_ms, Calendar())) is not None
        and rule.filter.fits(version)
    ]
    if not found or (first := min(found))[0] > _END_OF_CALENDAR_MS:
        return None
    date = formatdate(first[0] // 1000, usegmt=True)
    return f'expiry-date="{date}", rule-id="{quote(first[1], safe="")}"'


def abort_headers(rules: Iterable[Rule], key: str, created_at_ms: int) -> Mapping[str, str]:
    """What tells the sender of an upload when it would be aborted, and by which rule."""
    found = [
        (Calendar().after(created_at_ms, rule.abort_days), rule.rule_id)
        for rule in rules
        if rule.is_enabled and rule.abort_days is not None and rule.filter.fits_key(key)
    ]
    if not found or (first := min(found))[0] > _END_OF_CALENDAR_MS:
        return {}
    return {
        "x-amz-abort-date": formatdate(first[0] // 1000, usegmt=True),
        "x-amz-abort-rule-id": quote(first[1], safe=""),
    }


def common_prefix(rules: Iterable[Rule]) -> str:
    """What every key begins with that one of the rules may be about."""
    prefixes = [rule.filter.prefix or "" for rule in rules]
    # All others lie between these two
    first, last = min(prefixes, default=""), max(prefixes, default="")
    length = next(
        (n for n, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]),
        len(first),
    )
    return first[:length]
