"""Wildcards and variables in policies."""

import fnmatch
import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coordinator.access.errors import PolicyError
from coordinator.access.patterns import glob, template

KEYS = {"aws:username": ["alice"], "aws:principaltag/Team": ["red*"], "aws:many": ["a", "b"]}


def lookup(key: str) -> list[str] | None:
    return KEYS.get(key)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "a/b\nc", True),
        ("a*", "a", True),
        ("*a", "ba", True),
        ("*a", "ab", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "aXcYb", False),
        ("*b*", "abc", True),
        ("**", "x", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("?", "\n", True),
        ("a*?c", "abc", True),
        ("a*?c", "ac", False),
        ("a.c", "abc", False),
        ("a[bc]", "ab", False),
        ("s3:get*", "s3:getobject", True),
        ("*?x?*", "aaxaa", True),
    ],
)
def test_wildcards(pattern: str, text: str, matches: bool) -> None:
    assert glob(pattern).matches(text) is matches


@given(st.text("ab*?.", max_size=8), st.text("ab.", max_size=8))
@example("*a*a*a*a", "aaa")
def test_wildcards_are_those_of_the_shell(pattern: str, text: str) -> None:
    expected = re.fullmatch(fnmatch.translate(pattern), text) is not None
    assert glob(pattern).matches(text) is expected


def test_hostile_patterns_take_no_time() -> None:
    assert not glob("*a" * 500 + "b").matches("a" * 1024)
    assert not glob("*?a" * 300).matches("b" * 1024)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("home/${aws:username}/*", "home/alice/x", True),
        ("home/${aws:UserName}/*", "home/alice/x", True),
        ("home/${aws:username}/*", "home/bob/x", False),
        # what is filled in has no wildcards
        ("${aws:PrincipalTag/Team}", "red*", True),
        ("${aws:PrincipalTag/Team}", "redder", False),
        ("${aws:PrincipalTag/Group}", "", False),
        ("${aws:PrincipalTag/Group, 'all'}", "all", True),
        ("${aws:many}", "a", False),
        ("${*}", "*", True),
        ("${*}", "x", False),
        ("${?}${$}", "?$", True),
    ],
)
def test_variables(pattern: str, text: str, matches: bool) -> None:
    assert template(pattern).matches(text, lookup) is matches


def test_a_tag_of_the_sender_may_have_several_values() -> None:
    keys = {"aws:principaltag/Team": ["red", "b*"], "aws:principaltag/None": []}
    pattern = template("${aws:PrincipalTag/Team}/${aws:PrincipalTag/Team}")
    for text, matches in (("red/b*", True), ("b*/red", True), ("red/blue", False), ("red/", False)):
        assert pattern.matches(text, keys.get) is matches
    assert pattern.text(keys.get) is None
    assert len(pattern.filled(keys.get)) == 4
    assert not template("*${aws:PrincipalTag/None}").matches("", keys.get)
    # Nobody's tags make a pattern costly.
    assert not template("${aws:PrincipalTag/Team}" * 7).matches("red" * 7, keys.get)


def test_without_variables_their_text_is_plain() -> None:
    assert template("${aws:username}", with_variables=False).matches("${aws:username}", lookup)


@pytest.mark.parametrize("text", ["${}", "${username}", "${aws:x, all}", "${aws:x,'}", "${a b}"])
def test_what_is_no_variable(text: str) -> None:
    with pytest.raises(PolicyError):
        template(text)


@given(st.text("$`{}'*?,:aA/", max_size=20), st.text(max_size=5))
def test_nothing_else_is_raised(pattern: str, text: str) -> None:
    with suppress(PolicyError):
        template(pattern).matches(text, lookup)
