"""The form parser: a table, and whatever clients may send."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.iam.errors import IamError
from coordinator.iam.query.form import MAX_MEMBERS, MAX_PARAMETERS, Form, parse_form


def refused(code: str, text: bytes) -> None:
    with pytest.raises(IamError) as raised:
        parse_form(text)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        (b"Action=GetUser", "Action", "GetUser"),
        (b"a=1&b=2", "b", "2"),
        (b"&&a=1&", "a", "1"),
        (b"a=x+y%2Bz", "a", "x y+z"),
        (b"a=%C3%BC", "a", "\u00fc"),
        ("a=\u00fc".encode(), "a", "\u00fc"),
        (b"a%62=c=d", "ab", "c=d"),
        (b"a", "a", ""),
        (b"a=%zz", "a", "%zz"),
    ],
)
def test_a_parameter(text: bytes, name: str, value: str) -> None:
    assert parse_form(text).text(name) == value


def test_what_could_be_read_in_two_ways_is_refused() -> None:
    refused("MalformedQueryString", b"a=1&a=1")
    refused("MalformedQueryString", b"a=1&%61=2")
    refused("MalformedQueryString", b"a=%FF")
    refused("MalformedQueryString", b"\xff=1")
    refused("MalformedQueryString", b"&".join(b"%d" % n for n in range(MAX_PARAMETERS + 1)))


def test_a_signature_is_no_parameter() -> None:
    form = parse_form(b"X-Amz-Date=1&X-Amz-Date=2&a=1")
    assert not form.has("X-Amz-Date")
    assert form.has("a")


def test_what_must_be_there_and_what_need_not() -> None:
    form = parse_form(b"a=1")
    assert form.text("b", "other") == "other"
    with pytest.raises(IamError, match="b is required"):
        form.text("b")


@pytest.mark.parametrize("text", ["0", "1001", "-1", "1.0", "", " 1", "\u0661", "9" * 10])
def test_numbers_have_bounds(text: str) -> None:
    assert Form({"n": "1000"}).number("n", 5, 1, 1000) == 1000
    assert Form({}).number("n", 5, 1, 1000) == 5
    with pytest.raises(IamError) as raised:
        Form({"n": text}).number("n", 5, 1, 1000)
    assert raised.value.code == "ValidationError"


def test_flags() -> None:
    assert Form({"f": "True"}).flag("f")
    assert not Form({"f": "false"}).flag("f")
    assert not Form({}).flag("f")
    with pytest.raises(IamError):
        Form({"f": "yes"}).flag("f")


def test_lists_end_where_a_number_is_missing() -> None:
    form = parse_form(b"K.member.1=a&K.member.2=&K.member.4=d")
    assert form.texts("K") == ["a", ""]
    assert form.texts("L") == []
    tags = parse_form(b"T.member.1.Key=k&T.member.1.Value=v&T.member.2.Key=l&T.member.2.Value=")
    both = ("Key", "Value")
    assert tags.members("T", both) == [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": ""}]
    with pytest.raises(IamError, match="lacks"):
        parse_form(b"T.member.1.Key=k").members("T", both)
    many = "&".join(f"K.member.{number + 1}=x" for number in range(MAX_MEMBERS + 1))
    with pytest.raises(IamError, match="more than"):
        parse_form(many.encode()).texts("K")


PIECES = st.sampled_from(
    [b"Action", b"=", b"&", b"%", b"%2", b"%00", b"%C3", b"+", b".member.1", b".Key", b"X-Amz-"]
)


@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=30).map(b"".join)))
def test_no_form_does_more_than_be_refused(text: bytes) -> None:
    with suppress(IamError):
        form = parse_form(text)
        for read in (
            lambda: form.text("Action"),
            lambda: form.number("Action", 1, 1, 10),
            lambda: form.flag("Action"),
            lambda: form.texts("Action"),
            lambda: form.members("Action", ("Key", "Value")),
        ):
            with suppress(IamError):
                read()
