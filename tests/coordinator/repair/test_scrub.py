"""Scrub: everything is read in its time, damage is found, and a restart loses no ground."""

import pytest

from coordinator.cluster import NodeState, UnknownNode
from coordinator.repair import HealSettings, node_scrub
from coordinator.repair.scrub_round import Round
from node.record import HEADER_SIZE, RecordKey
from tests.coordinator.repair.clinic import BEAT_S, Clinic, clinic_of

PERIOD_S = 100.0
GENTLE = HealSettings(scrub_period_s=PERIOD_S, orphan_grace_s=0.0)


def scrub_of(clinic: Clinic, node_id: str = "node-1"):
    return next(one for one in clinic.healer.status().scrubs if one.node_id == node_id)


def finished_after(clinic: Clinic, began_ms: int, *node_ids: str):
    def condition() -> bool:
        ends = [scrub_of(clinic, node_id).last_finished_at_ms for node_id in node_ids]
        return all(end is not None and end > began_ms for end in ends)

    return condition


async def hurry(clinic: Clinic, node_id: str | None = None) -> int:
    """Ask for a scrub; a time before it that no earlier round ended after."""
    await clinic.tick()
    began_ms = clinic.ids.now_ms()
    clinic.time.now += 1
    await clinic.healer.scrub_now(node_id)
    return began_ms


async def damage(clinic: Clinic, node_id: str = "node-1") -> RecordKey:
    """The last record of the node rots."""
    key = max(clinic.nodes[node_id].records)
    clinic.nodes[node_id].damaged.add(key)
    clinic.nodes[node_id].records[key] = b"rotten"
    assert not (await clinic.audit()).is_whole
    return key


async def test_what_has_rotted_is_found_when_somebody_asks_and_rebuilt_in_place():
    async with clinic_of() as clinic:
        await clinic.put_many(10)
        key = await damage(clinic)
        began_ms = await hurry(clinic)
        assert scrub_of(clinic).is_hurried
        await clinic.until(finished_after(clinic, began_ms, *clinic.nodes))
        assert [scrub_of(clinic, node_id).damaged_records for node_id in clinic.nodes] == [1, 0, 0]
        assert not scrub_of(clinic).is_hurried
        await clinic.until(clinic.is_healed)
        assert key in clinic.nodes["node-1"].records
        assert (await clinic.audit()).is_whole, clinic.findings
        await clinic.read_all()


async def test_and_also_when_nobody_does():
    async with clinic_of(settings=GENTLE) as clinic:
        await clinic.put_many(10)
        await damage(clinic)
        began_s = clinic.time()

        await clinic.tick()
        await clinic.until(lambda: scrub_of(clinic).damaged_records == 1)
        # Records are read in the order of their keys: this one was among the last.
        assert PERIOD_S / 4 < clinic.time() - began_s <= 2.5 * PERIOD_S
        await clinic.until(clinic.is_healed)
        assert (await clinic.audit()).is_whole, clinic.findings


async def test_it_reads_all_of_it_in_its_period_and_not_faster(monkeypatch):
    monkeypatch.setattr(node_scrub, "EMPTY_S", 1.0)
    async with clinic_of(settings=GENTLE) as clinic:
        await clinic.put_many(20)
        await clinic.tick()
        await clinic.until(lambda: scrub_of(clinic).round_bytes > 0)
        total = sum(HEADER_SIZE + len(data) for data in clinic.nodes["node-1"].records.values())
        kept = sum(map(len, clinic.nodes["node-1"].records.values()))
        number, shares = scrub_of(clinic).round_started_at_ms, []
        while scrub_of(clinic).round_started_at_ms == number:
            elapsed_s = (clinic.ids.now_ms() - number) / 1000
            if elapsed_s > PERIOD_S:
                break
            progress = scrub_of(clinic)
            shares.append(progress.share_done)
            allowed = kept * (elapsed_s + 2 * node_scrub.GENTLE_STEP_S) / PERIOD_S
            assert progress.round_bytes <= allowed + HEADER_SIZE + 64
            assert progress.eta_s <= 1.1 * PERIOD_S
            await clinic.tick()
        assert scrub_of(clinic).round_bytes >= kept
        assert total >= kept
        assert shares == sorted(shares)
        assert len(set(shares)) > 3


async def test_a_restart_goes_on_where_it_was(monkeypatch):
    monkeypatch.setattr(node_scrub, "EMPTY_S", 1.0)
    async with clinic_of(settings=GENTLE) as clinic:
        await clinic.put_many(20)
        await clinic.tick()
        await clinic.until(lambda: scrub_of(clinic).share_done > 0.5)
        await clinic.until(lambda: scrub_of(clinic).share_done < 1)
        await clinic.tick(int(2 * node_scrub.SAVE_S / BEAT_S))
        before = scrub_of(clinic)
        await clinic.restart()
        await clinic.tick(2)
        after = scrub_of(clinic)
        assert after.round_started_at_ms == before.round_started_at_ms
        assert after.round_bytes >= before.round_bytes / 2


async def test_a_scrub_asked_for_is_not_forgotten_in_a_restart():
    async with clinic_of() as clinic:
        await clinic.put_many(5)
        await damage(clinic)
        await clinic.healer.scrub_now("node-1")
        await clinic.restart()
        await clinic.tick(3)
        await clinic.until(lambda: scrub_of(clinic).last_finished_at_ms is not None)
        await clinic.until(clinic.is_healed)
        assert (await clinic.audit()).is_whole


async def test_a_node_that_is_away_is_scrubbed_when_it_is_back():
    async with clinic_of() as clinic:
        await clinic.put_many(5)
        await damage(clinic)
        clinic.nodes["node-1"].die()
        await clinic.until(lambda: clinic.cluster.state("node-1") is NodeState.DOWN)
        began_ms = await hurry(clinic)
        await clinic.until(finished_after(clinic, began_ms, "node-2", "node-3"))
        assert scrub_of(clinic).is_hurried
        clinic.nodes["node-1"].return_()
        await clinic.until(finished_after(clinic, began_ms, "node-1"))
        await clinic.until(clinic.is_healed)
        assert (await clinic.audit()).is_whole


async def test_a_round_ends_with_a_comparison():
    async with clinic_of(settings=GENTLE) as clinic:
        parts = await clinic.put_many(10)
        clinic.lose(parts[3], 0)
        stray = RecordKey((clinic.ids.now_ms() - 1000).to_bytes(6, "big") + b"0123456789", 0, 0)
        clinic.nodes["node-2"].records[stray] = b"x"
        began_ms = await hurry(clinic)
        await clinic.until(finished_after(clinic, began_ms, *clinic.nodes))
        await clinic.until(clinic.is_healed)
        assert (await clinic.audit()).is_whole
        assert clinic.strays(await clinic.parts()) == []


async def test_asked_twice_it_starts_twice(monkeypatch):
    monkeypatch.setattr(node_scrub, "STEP_BYTES", 300)
    async with clinic_of() as clinic:
        await clinic.put_many(10)
        scrub, asked = clinic.nodes["node-1"].scrub, []

        async def ask_again(cursor, max_bytes):
            told = await scrub(cursor, max_bytes)
            asked.append(cursor)
            if len(asked) == 3:
                await clinic.healer.scrub_now("node-1")
            return told

        await clinic.tick()
        clinic.nodes["node-1"].scrub = ask_again
        began_ms = await hurry(clinic, "node-1")
        await clinic.until(finished_after(clinic, began_ms, "node-1"))
        assert [at for at, cursor in enumerate(asked) if cursor == ""] == [0, 3]
        size = sum(HEADER_SIZE + len(data) for data in clinic.nodes["node-1"].records.values())
        assert scrub_of(clinic).round_bytes == size


async def test_an_unknown_node_is_refused():
    async with clinic_of() as clinic:
        with pytest.raises(UnknownNode):
            await clinic.healer.scrub_now("node-9")


async def test_of_a_node_that_was_removed_nothing_is_remembered():
    async with clinic_of(count=4) as clinic:
        await clinic.healer.scrub_now("node-4")
        await clinic.tick(3)
        assert await clinic.metadata.notes("scrub/node-4/")
        await clinic.cluster.remove("node-4")
        await clinic.tick(3)
        assert not await clinic.metadata.notes("scrub/node-4/")
        assert [one.node_id for one in clinic.healer.status().scrubs] == [
            "node-1",
            "node-2",
            "node-3",
        ]


@pytest.mark.parametrize("note", [None, "", "{", "[]", '{"colour": "red"}', "7"])
def test_a_note_that_cannot_be_read_is_a_fresh_start(note):
    assert Round.from_note(note) == Round()


def test_a_note_says_all_there_is_to_say():
    its = Round()
    its.begin(1000, hurried=True)
    its.cursor, its.bytes = "ab", 7
    assert Round.from_note(its.to_note()) == its
