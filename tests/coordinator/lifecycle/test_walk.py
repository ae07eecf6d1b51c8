"""What is decided about versions, as they come out of a listing."""

from dataclasses import replace

import pytest

from coordinator.lifecycle.rules import Calendar, Filter, Rule
from coordinator.lifecycle.walk import Walk, decide, end
from metadata.model import ListedVersion, Version

DAY = 1000
CALENDAR = Calendar(DAY)


def versions(*names: str) -> list[ListedVersion]:
    """`k1`: key k, written on day 1; `k1m` a delete marker; `k1h` with a legal hold, `k1r` retained
    until day 5. Newest first, as they are listed."""
    listed: list[ListedVersion] = []
    for name in names:
        key, day, kind = name[0], int(name[1]), name[2:]
        version = Version(
            name,
            key,
            10,
            "etag",
            day * DAY,
            "alice",
            is_delete_marker=kind == "m",
            is_null=False,
            legal_hold=kind == "h",
            retention_mode="GOVERNANCE" if kind == "r" else "",
            retain_until_ms=5 * DAY if kind == "r" else 0,
        )
        is_latest = not listed or listed[-1].version.key != key
        listed.append(ListedVersion(version, is_latest))
    return listed


def decided(rules: tuple[Rule, ...], listed: list[ListedVersion], day: int, page: int) -> str:
    walk, found = Walk(), []
    for start in range(0, len(listed), page):
        walk, some = decide(walk, listed[start : start + page], rules, CALENDAR, day * DAY)
        found += some
    last = end(walk, rules, CALENDAR, day * DAY)
    found += [] if last is None else [last]
    return " ".join(f"{due.fate.name[0]}:{due.version.version_id}" for due in found)


EXPIRE = Rule("r", True, Filter(), days=2)
OLD = Rule("r", True, Filter(), noncurrent_days=2)
KEEP = Rule("r", True, Filter(), noncurrent_days=1, newer_kept=2)
MARKERS = Rule("r", True, Filter(), expired_markers=True)
SMALL = Rule("r", True, Filter(smaller_than_bytes=11), days=1, noncurrent_days=1)


@pytest.mark.parametrize("page", [1, 2, 100])
@pytest.mark.parametrize(
    ("rules", "names", "day", "expected"),
    [
        ((EXPIRE,), "a1 b2 c3", 2, ""),
        ((EXPIRE,), "a1 b2 c3", 3, "H:a1"),
        ((EXPIRE,), "a1 b2 c3", 4, "H:a1 H:b2"),
        ((replace(EXPIRE, is_enabled=False),), "a1", 9, ""),
        ((replace(EXPIRE, filter=Filter("b")),), "a1 b1", 9, "H:b1"),
        ((Rule("r", True, Filter(), date_ms=3 * DAY),), "a1 b9", 2, ""),
        ((Rule("r", True, Filter(), date_ms=3 * DAY),), "a1 b9", 3, "H:a1 H:b9"),
        # Noncurrent ones don't expire by age, current ones don't go by being noncurrent
        ((EXPIRE,), "a3 a1", 4, ""),
        ((OLD,), "a3 a1 b1", 4, ""),
        # Its days begin when the next version came
        ((OLD,), "a5 a3 a1", 5, "R:a1"),
        ((OLD,), "a5 a3 a1", 7, "R:a3 R:a1"),
        ((OLD,), "a5 a3m a1", 7, "R:a3m R:a1"),
        ((OLD,), "a5m a1", 7, "R:a1"),
        ((KEEP,), "a5 a4 a3 a2 a1", 9, "R:a2 R:a1"),
        ((KEEP,), "a5 a4 a3 b2 b1", 9, ""),
        # A delete marker is no state to go back to
        ((KEEP,), "a6 a5 a4m a3 a2", 9, "R:a2"),
        # Locked
        ((OLD,), "a3 a1h a1r", 4, ""),
        ((OLD,), "a3 a1h a1r", 5, "R:a1r"),
        ((EXPIRE,), "a1h", 9, "H:a1h"),
        # Markers that are all there is of their key
        ((MARKERS,), "a1m", 1, "R:a1m"),
        ((MARKERS,), "a2m a1 b2m b1m c1m", 2, "R:c1m"),
        ((MARKERS, OLD), "a2m a1", 9, "R:a1"),
        ((EXPIRE,), "a2m b1", 3, "H:b1"),
        ((EXPIRE,), "a2m b1", 4, "R:a2m H:b1"),
        ((EXPIRE,), "a2m a1", 9, ""),
        # A marker has neither size nor tags
        ((SMALL,), "a1m b2 b1m", 9, "H:b2"),
    ],
)
def test_decisions(rules: tuple[Rule, ...], names: str, day: int, expected: str, page: int) -> None:
    assert decided(rules, versions(*names.split()), day, page) == expected


def test_a_version_whose_successor_was_not_seen_stays() -> None:
    listed = versions("a5", "a3", "a1")[1:]
    assert decided((OLD,), listed, 9, 100) == "R:a1"


def test_a_page_that_begins_the_key_anew_counts_anew() -> None:
    listed = versions("a5", "a4", "a3", "a2")
    again = [*listed[:3], *versions("a5", "a4", "a3", "a2", "a1")]
    assert decided((KEEP,), again, 9, 3) == "R:a2 R:a1"
