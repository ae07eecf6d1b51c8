"""Incidents: what happened to a node, and when it was over."""

from coordinator.repair.incidents import KEPT
from tests.coordinator.repair.clinic import BEAT_S, DOWN_AFTER_S, Clinic, clinic_of


def incidents(clinic: Clinic):
    return clinic.healer.status().incidents


def is_over(clinic: Clinic):
    return lambda: bool(incidents(clinic)) and all(one.whole_at_ms for one in incidents(clinic))


async def test_an_outage_from_failure_to_full_redundancy():
    async with clinic_of() as clinic:
        await clinic.put_many(5)
        await clinic.tick(3)
        failed_ms = clinic.ids.now_ms()
        clinic.nodes["node-2"].die()
        await clinic.until(lambda: bool(incidents(clinic)))
        (one,) = incidents(clinic)
        assert (one.node_id, one.kind) == ("node-2", "open")
        assert abs(one.failed_at_ms - failed_ms) <= 2 * BEAT_S * 1000
        assert one.detected_at_ms - one.failed_at_ms <= (DOWN_AFTER_S + 2 * BEAT_S) * 1000
        assert (one.returned_at_ms, one.whole_at_ms) == (None, None)
        await clinic.put_many(3)
        returned_ms = clinic.ids.now_ms()
        clinic.nodes["node-2"].return_()
        await clinic.until(is_over(clinic))
        (one,) = incidents(clinic)
        assert one.kind == "outage"
        assert one.returned_at_ms >= returned_ms
        assert one.whole_at_ms >= one.returned_at_ms
        assert (await clinic.audit()).is_whole


async def test_a_quick_replacement_is_an_incident_too():
    async with clinic_of() as clinic:
        await clinic.put_many(5)
        clinic.nodes["node-2"].wipe()
        heard_ms = clinic.ids.now_ms()
        await clinic.tick()
        assert [one.kind for one in incidents(clinic)] == ["replaced"]
        await clinic.until(is_over(clinic))
        (one,) = incidents(clinic)
        assert one.failed_at_ms <= heard_ms <= one.detected_at_ms == one.returned_at_ms
        assert (await clinic.audit()).is_whole


async def test_a_restart_forgets_none_and_opens_none_twice():
    async with clinic_of() as clinic:
        await clinic.put_many(5)
        clinic.nodes["node-1"].die()
        await clinic.until(lambda: bool(incidents(clinic)))
        await clinic.tick()
        (before,) = incidents(clinic)
        await clinic.restart()
        await clinic.tick(10)
        assert incidents(clinic) == (before,)
        await clinic.stop()
        clinic.nodes["node-1"].return_()
        await clinic.start()
        await clinic.until(is_over(clinic))
        (one,) = incidents(clinic)
        assert (one.kind, one.failed_at_ms) == ("outage", before.failed_at_ms)


async def test_one_that_never_returns_is_over_when_all_is_elsewhere():
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(20)
        clinic.nodes["node-1"].die()
        await clinic.until(lambda: clinic.cluster.is_lost("node-1"))
        await clinic.until(is_over(clinic))
        (one,) = incidents(clinic)
        assert (one.kind, one.returned_at_ms) == ("open", None)
        assert (await clinic.audit()).is_whole, clinic.findings


async def test_two_failures_before_it_was_whole_end_together():
    async with clinic_of() as clinic:
        await clinic.put_many(5)
        clinic.nodes["node-1"].die()
        await clinic.until(lambda: bool(incidents(clinic)))
        clinic.nodes["node-1"].only_heartbeats()  # it comes back, but nothing can be compared
        await clinic.until(lambda: incidents(clinic)[0].returned_at_ms is not None)
        clinic.nodes["node-1"].wipe()
        clinic.nodes["node-1"].die()
        await clinic.until(lambda: len(incidents(clinic)) == 2)
        clinic.nodes["node-1"].return_()
        await clinic.until(is_over(clinic))
        assert [one.kind for one in incidents(clinic)] == ["replaced", "outage"]
        assert len({one.whole_at_ms for one in incidents(clinic)}) == 1
        assert (await clinic.audit()).is_whole


async def test_only_so_many_are_kept():
    async with clinic_of() as clinic:
        for _ in range(KEPT + 5):
            clinic.nodes["node-1"].wipe()
            await clinic.tick()
        assert len(incidents(clinic)) <= KEPT
