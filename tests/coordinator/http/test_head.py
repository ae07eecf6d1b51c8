"""Response heads."""

import pytest

from coordinator.http.head import render, seal


def head(headers, status=200, date=b"") -> bytes:
    lines, *_ = render(status, headers, date)
    return seal(lines)


def test_names_are_lower_cased_and_the_date_is_added():
    made = head([(b"ETag", b'"a"'), (b"Content-Length", b"3")], date=b"now")
    assert made == b'HTTP/1.1 200 OK\r\netag: "a"\r\ncontent-length: 3\r\ndate: now\r\n\r\n'


def test_a_date_of_the_app_wins():
    assert head([(b"date", b"then")], date=b"now").count(b"date") == 1


def test_framing_is_read_and_left_to_the_exchange():
    lines, *framing = render(
        200, [(b"Connection", b"Close"), (b"Transfer-Encoding", b"chunked")], b""
    )
    assert framing == [None, True, True]
    assert lines == [b"HTTP/1.1 200 OK"]


@pytest.mark.parametrize(
    "value",
    [
        b"a\r\nset-cookie: b",
        b"a\nb",
        b"a\rb",
        b"a\r\n",
        b"\r\n",
        b"a\0b",
        b"a\x7f",
        b"\x1b[2J",
    ],
)
def test_a_value_of_more_than_one_line_of_text_is_refused(value):
    with pytest.raises(ValueError, match="control character"):
        head([(b"x-amz-meta-a", value)])


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\n", "é".encode(), b"a\0"])
def test_a_name_that_is_no_token_is_refused(name):
    with pytest.raises(ValueError, match="invalid header name"):
        head([(name, b"v")])


def test_tabs_and_bytes_above_ascii_pass_in_values():
    assert b"a\tb\xff" in head([(b"x-amz-meta-a", b"a\tb\xff")])


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"-1")],
        [(b"content-length", b"")],
        [(b"content-length", b"1"), (b"content-length", b"1")],
        [(b"transfer-encoding", b"gzip")],
    ],
)
def test_wrong_framing_is_refused(headers):
    with pytest.raises(ValueError):
        head(headers)


@pytest.mark.parametrize("status", [0, 100, 600])
def test_only_final_statuses(status):
    with pytest.raises(ValueError, match="final"):
        head([], status=status)


def test_names_from_clients_do_not_fill_the_memory():
    from coordinator.http.head import _KNOWN_NAMES_LIMIT, _known_names

    for number in range(2 * _KNOWN_NAMES_LIMIT):
        head([(b"x-amz-meta-%d" % number, b"v")])
    assert len(_known_names) <= _KNOWN_NAMES_LIMIT
