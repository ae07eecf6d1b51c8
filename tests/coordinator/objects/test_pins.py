"""Pins and claims: readers keep a part, and several may clear it of strays at once."""

from coordinator.objects import Pins
from tests.metadata.making import make_part


def test_a_pinned_part_is_not_claimed() -> None:
    pins, part = Pins(), make_part()
    pins.pin([part])
    with pins.claim([part.part_id]) as claimed:
        assert not claimed
    pins.unpin([part])
    with pins.claim([part.part_id]) as claimed:
        assert claimed == {part.part_id}


def test_several_nodes_are_cleared_of_a_part_at_once() -> None:
    pins, part_id = Pins(), make_part().part_id
    with pins.claim([part_id]) as first:
        with pins.claim([part_id]) as second:
            assert first == second == {part_id}
        assert pins.is_claimed(part_id)
    assert not pins.is_claimed(part_id)
