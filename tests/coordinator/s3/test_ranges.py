"""Ranges: what S3 honours, ignores and refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.s3.errors import S3Error
from coordinator.s3.ranges import ByteRange, parse_copy_source_range, parse_range

SIZE = 100


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-99", (0, 100)),
        ("bytes=0-100", (0, 100)),
        ("bytes=0-", (0, 100)),
        ("bytes=99-", (99, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=10-" + "9" * 5000, (10, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-100", (0, 100)),
        ("bytes=-101", (0, 100)),
        ("Bytes = 10 - 19", (10, 20)),
        # ignored
        (None, None),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=19-10", None),
        ("bytes=a-b", None),
        ("bytes=0x1-5", None),
        ("bytes=1-2-3", None),
        ("bytes=0-1,5-6", None),
        ("bytes=--1", None),
        ("lines=0-1", None),
        ("bytes 0-1", None),
        ("bytes=\u0661-5", None),
    ],
)
def test_ranges(header: str | None, found: tuple[int, int] | None) -> None:
    assert parse_range(header, SIZE) == (ByteRange(*found) if found else None)


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=100-", 100),
        ("bytes=100-200", 100),
        ("bytes=" + "9" * 5000 + "-", 100),
        ("bytes=-0", 100),
        ("bytes=0-", 0),
        ("bytes=0-0", 0),
        ("bytes=-5", 0),
    ],
)
def test_unsatisfiable_ranges(header: str, size: int) -> None:
    with pytest.raises(S3Error) as caught:
        parse_range(header, size)
    assert (caught.value.code, caught.value.status) == ("InvalidRange", 416)
    assert caught.value.headers == {"content-range": f"bytes */{size}"}
    assert caught.value.extra["ActualObjectSize"] == str(size)


def test_byte_range() -> None:
    found = ByteRange(10, 20)
    assert (found.length, found.content_range(100)) == (10, "bytes 10-19/100")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=0-99", ByteRange(0, 100)),
        ("bytes=0-100", "InvalidRange"),
        ("bytes=100-200", "InvalidRange"),
        ("bytes=0-", "InvalidArgument"),
        ("bytes=-5", "InvalidArgument"),
        ("bytes=2-1", "InvalidArgument"),
        ("bytes=hello-world", "InvalidArgument"),
        ("bytes=0 - 1", "InvalidArgument"),
        ("0-2", "InvalidArgument"),
        ("bytes=0", "InvalidArgument"),
        ("", "InvalidArgument"),
        ("bytes=0-" + "9" * 5000, "InvalidArgument"),
    ],
)
def test_copy_source_ranges(header: str, found: ByteRange | str) -> None:
    if isinstance(found, ByteRange):
        assert parse_copy_source_range(header, SIZE) == found
    else:
        with pytest.raises(S3Error, match=found):
            parse_copy_source_range(header, SIZE)


@given(st.text(max_size=30) | st.from_regex(r"bytes=\d*-\d*"), st.integers(0, 50))
def test_nonsense_raises_our_error_only(header: str, size: int) -> None:
    for parse in (parse_range, parse_copy_source_range):
        try:
            found = parse(header, size)
        except S3Error:
            continue
        assert found is None or 0 <= found.start < found.stop <= size
