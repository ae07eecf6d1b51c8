"""What the logs of a watch say, and when the audit is hurried."""

import math

from benchmarks.admin import Admin, Audit, Told
from benchmarks.mttr_watch import Watch


def a_watch() -> Watch:
    return Watch(Admin(("127.0.0.1", 1), "a", "s"), deep=False)


def told(at_s: float, rebuilt: int, queued: int) -> Told:
    return Told(at_s, rebuilt, rebuilt * 10, queued)


def test_a_node_is_detected_when_its_state_says_so() -> None:
    watch = a_watch()
    watch.states = [
        (1.0, {"node-1": "down", "node-2": "up"}),
        (5.1, {"node-1": "suspect", "node-2": "up"}),
        (7.5, {"node-1": "suspect", "node-2": "down"}),
        (8.0, {"node-1": "replaced", "node-2": "down"}),
    ]
    assert watch.detected_s("node-1", 5.0) == 8.0
    assert watch.detected_s("node-2", 5.0) == 7.5
    assert math.isnan(watch.detected_s("node-3", 5.0))


def test_silent_damage_is_detected_when_there_is_something_to_repair() -> None:
    watch = a_watch()
    watch.told = [told(1, 3, 0), told(4, 3, 0), told(6, 3, 0), told(7, 3, 2), told(8, 5, 0)]
    assert watch.first_trouble_s(5.0) == 7
    # So short that nobody saw it queued.
    watch.told = [told(1, 3, 0), told(6, 3, 0), told(8, 4, 0)]
    assert watch.first_trouble_s(5.0) == 8
    assert math.isnan(watch.first_trouble_s(9.0))


async def test_full_redundancy_is_the_first_whole_pass_that_began_late_enough() -> None:
    watch = a_watch()
    watch.audits = [
        Audit(4.0, 6.0, 10, 0, 0),
        Audit(6.5, 7.0, 0, 10, 0),
        Audit(7.5, 8.0, 9, 0, 1),
        Audit(9.0, 9.5, 10, 0, 0),
    ]
    assert (await watch.until_whole(5.0)).end_s == 9.5
    assert (await watch.until_whole(4.0)).end_s == 6.0


def test_the_audit_is_hurried_when_repair_has_just_finished() -> None:
    watch = a_watch()
    watch.audits = [Audit(5.0, 6.0, 5, 5, 0)]
    assert not watch.is_news()
    for before, now, is_news in ((4, 0, True), (4, 1, False), (0, 0, False), (0, 3, False)):
        watch.told = [told(1.0, 0, 0), told(4.9, 0, before), told(7.0, 5, now)]
        assert watch.is_news() == is_news
