"""The arithmetic of stripes: they tile the part, and a range touches just the stripes it needs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erasure import InvalidLayout, Layout

layouts = st.builds(
    Layout,
    part_size=st.integers(0, 5_000),
    unit_size=st.integers(1, 300),
    k=st.integers(1, 20),
)


@settings(max_examples=100, deadline=None)
@given(layouts)
def test_the_stripes_tile_the_part(layout: Layout) -> None:
    offset = 0
    for stripe in range(layout.stripes):
        assert layout.stripe_offset(stripe) == offset
        length = layout.stripe_length(stripe)
        assert 0 < length <= layout.stripe_size
        assert length == layout.stripe_size or stripe == layout.stripes - 1
        unit = layout.unit_length(stripe)
        assert (unit - 1) * layout.k < length <= unit * layout.k
        assert unit <= layout.unit_size
        offset += length
    assert offset == layout.part_size


@settings(max_examples=100, deadline=None)
@given(layouts, st.data())
def test_a_span_is_the_stripes_of_its_bytes(layout: Layout, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, layout.part_size))
    stop = data.draw(st.integers(start, min(layout.part_size, start + 50)))
    expected = {offset // layout.stripe_size for offset in range(start, stop)}
    assert set(layout.span(start, stop)) == expected


@pytest.mark.parametrize(
    ("layout", "stripes", "last_length", "last_unit"),
    [
        (Layout(1, 512, 2), 1, 1, 1),
        (Layout(1023, 512, 2), 1, 1023, 512),
        (Layout(1024, 512, 2), 1, 1024, 512),
        (Layout(1025, 512, 2), 2, 1, 1),
        (Layout(1027, 512, 2), 2, 3, 2),
        (Layout(5 * 2**40, 512 * 1024, 2), 5 * 2**20, 2**20, 512 * 1024),
    ],
)
def test_edges(layout: Layout, stripes: int, last_length: int, last_unit: int) -> None:
    assert layout.stripes == stripes
    assert layout.stripe_length(stripes - 1) == last_length
    assert layout.unit_length(stripes - 1) == last_unit


def test_an_empty_part_has_no_stripes() -> None:
    layout = Layout(0, 512, 2)
    assert layout.stripes == 0
    assert list(layout.span(0, 0)) == []


@pytest.mark.parametrize(("part_size", "unit_size", "k"), [(-1, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_impossible_sizes_are_refused(part_size: int, unit_size: int, k: int) -> None:
    with pytest.raises(InvalidLayout):
        Layout(part_size, unit_size, k)


@pytest.mark.parametrize("stripe", [-1, 2])
def test_stripes_outside_the_part_are_refused(stripe: int) -> None:
    layout = Layout(10, 4, 2)
    for method in (layout.stripe_offset, layout.stripe_length, layout.unit_length):
        with pytest.raises(InvalidLayout):
            method(stripe)


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 2), (0, 11), (11, 11)])
def test_ranges_outside_the_part_are_refused(start: int, stop: int) -> None:
    with pytest.raises(InvalidLayout):
        Layout(10, 4, 2).span(start, stop)
