"""Ids are unique, from whatever thread they are asked for."""

from concurrent.futures import ThreadPoolExecutor

from coordinator.objects import Ids
from coordinator.objects.ids import BLOCK_BYTES, RANDOM_BYTES

COUNT = 3 * BLOCK_BYTES // RANDOM_BYTES
"""Beyond what is drawn at once."""


def make(ids: Ids) -> list[bytes]:
    return [ids.part_id() for _ in range(COUNT)]


def test_random_bytes_are_given_out_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [part_id for run in pool.map(make, [Ids()] * 4) for part_id in run]
    made += make(Ids())
    assert {len(part_id) for part_id in made} == {6 + RANDOM_BYTES}
    assert len({part_id[6:] for part_id in made}) == 5 * COUNT


def test_an_id_begins_with_its_time() -> None:
    ids = Ids(clock=lambda: 1_700_000_000.123, random_bytes=lambda count: bytes(count))
    assert ids.part_id() == (1_700_000_000_123).to_bytes(6, "big") + bytes(10)
    assert ids.version_id() == ids.part_id().hex()
