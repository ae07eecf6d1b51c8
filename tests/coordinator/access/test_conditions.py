"""The Condition element, operator by operator."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.access.conditions import parse_conditions
from coordinator.access.errors import PolicyError

MISSING = "aws:nothing"


def holds(operator: str, wanted: Any, *found: str, key: str = "aws:key") -> bool:
    """Whether `{operator: {key: wanted}}` holds for a request with these values."""

    def lookup(name: str) -> list[str] | None:
        assert name == key.lower()
        return list(found) or None

    conditions = parse_conditions({operator: {key: wanted}}, with_variables=True)
    return all(condition.holds(lookup) for condition in conditions)


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringNotEqualsIgnoreCase", "a", "A", False),
        ("StringLike", "a*", "ab", True),
        ("StringLike", ["x", "a?"], "ab", True),
        ("StringNotLike", "a*", "ab", False),
        ("StringNotLike", "a*", "b", True),
        ("stringlike", "a*", "ab", True),
        ("NumericEquals", "10", "10.0", True),
        ("NumericEquals", 10, "10", True),
        ("NumericNotEquals", "10", "11", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "11", True),
        ("NumericGreaterThanEquals", "10", "9", False),
        ("NumericEquals", "10", "ten", False),
        ("DateEquals", "2027-01-15T08:00:00Z", "1800000000", True),
        ("DateNotEquals", "2027-01-15T08:00:00Z", "2027-01-15T08:00:01Z", True),
        ("DateLessThan", "2027-01-15T08:00:00Z", "2027-01-15T07:59:59Z", True),
        ("DateLessThanEquals", "2027-01-15", "2027-01-15T00:00:00Z", True),
        ("DateGreaterThan", "2027-01-15T08:00:00Z", "2027-01-15T08:00:00Z", False),
        ("DateGreaterThanEquals", "2027-01-15T08:00:00+01:00", "2027-01-15T07:00:00Z", True),
        ("DateEquals", "2027-01-15", "soon", False),
        ("Bool", "true", "true", True),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("BinaryEquals", "YWI=", "YWI=", True),
        ("BinaryEquals", "YWI=", "YWE=", False),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", "10.0.0.0/8", "11.1.2.3", False),
        ("IpAddress", ["192.168.0.1", "10.0.0.0/8"], "192.168.0.1", True),
        ("IpAddress", "10.0.0.1/8", "10.9.9.9", True),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
        ("IpAddress", "10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("IpAddress", "10.0.0.0/8", "2001:db8::1", False),
        ("IpAddress", "10.0.0.0/8", "not an address", False),
        ("NotIpAddress", "10.0.0.0/8", "11.1.2.3", True),
        ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
        ("ArnEquals", "arn:aws:s3:::a*", "arn:aws:s3:::ab", True),
        ("ArnLike", "arn:aws:iam::*:user/x", "arn:aws:iam::42:user/x", True),
        ("ArnLike", "arn:*:x", "arn:aws:iam::42:x", False),
        ("ArnNotLike", "arn:aws:iam::42:*", "arn:aws:iam::43:x", True),
        ("ArnNotEquals", "arn:aws:iam::42:*", "arn:aws:iam::42:x", False),
        ("Null", "true", "x", False),
        ("Null", "false", "x", True),
        ("Null", False, "x", True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringEqualsIfExists", "a", "a", True),
    ],
)
def test_one_value(operator: str, wanted: Any, found: str, expected: bool) -> None:
    assert holds(operator, wanted, found) is expected


@pytest.mark.parametrize(
    ("operator", "wanted", "expected"),
    [
        ("StringEquals", "a", False),
        ("StringLike", "*", False),
        ("StringNotEquals", "a", True),
        ("StringNotLike", "*", True),
        ("NumericLessThan", "1", False),
        ("NumericNotEquals", "1", True),
        ("DateGreaterThan", "2027-01-15", False),
        ("Bool", "false", False),
        ("IpAddress", "0.0.0.0/0", False),
        ("NotIpAddress", "10.0.0.0/8", True),
        ("ArnLike", "arn:aws:s3:::*", False),
        ("ArnNotLike", "arn:aws:s3:::*", True),
        ("Null", "true", True),
        ("Null", "false", False),
        ("StringEqualsIfExists", "a", True),
        ("IpAddressIfExists", "10.0.0.0/8", True),
        ("ForAllValues:StringEquals", "a", True),
        ("ForAnyValue:StringEquals", "a", False),
        ("ForAnyValue:StringNotEquals", "a", False),
        ("ForAnyValue:StringEqualsIfExists", "a", True),
    ],
)
def test_missing_key(operator: str, wanted: Any, expected: bool) -> None:
    assert holds(operator, wanted) is expected


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ("a",), True),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "c"), False),
        ("ForAnyValue:StringEquals", ["a", "b"], ("c", "b"), True),
        ("ForAnyValue:StringEquals", ["a", "b"], ("c", "d"), False),
        ("ForAnyValue:StringLike", ["a*"], ("c", "ab"), True),
        ("ForAllValues:StringNotEquals", ["a"], ("b", "c"), True),
        ("ForAllValues:StringNotEquals", ["a"], ("b", "a"), False),
        ("ForAnyValue:StringNotEquals", ["a"], ("b", "a"), True),
        ("StringEquals", "a", ("b", "a"), True),
        ("StringNotEquals", "a", ("b", "a"), False),
    ],
)
def test_several_values(operator: str, wanted: Any, found: tuple[str, ...], expected: bool) -> None:
    assert holds(operator, wanted, *found) is expected


def test_all_must_hold() -> None:
    block = {"StringEquals": {"aws:a": "1", "aws:b": "2"}, "Null": {"aws:c": "true"}}
    conditions = parse_conditions(block, with_variables=True)
    assert [condition.holds({"aws:a": ["1"], "aws:b": ["3"]}.get) for condition in conditions] == [
        True,
        False,
        True,
    ]


def test_variables_in_values() -> None:
    (condition,) = parse_conditions(
        {"StringLike": {"s3:prefix": "home/${aws:username}/*"}}, with_variables=True
    )
    keys = {"s3:prefix": ["home/alice/x"], "aws:username": ["alice"]}
    assert condition.holds(keys.get)
    assert not condition.holds({**keys, "aws:username": ["bob"]}.get)


@pytest.mark.parametrize(
    ("operator", "tags", "expected"),
    [
        ("StringEquals", ["red", "blue"], True),
        ("StringEquals", ["blue", "green"], False),
        ("StringNotEquals", ["red", "blue"], False),
        ("StringNotEquals", ["blue", "green"], True),
        ("StringEquals", [], False),
    ],
)
def test_a_variable_with_several_values(operator: str, tags: list[str], expected: bool) -> None:
    (condition,) = parse_conditions(
        {operator: {"s3:ResourceTag/Team": "${aws:PrincipalTag/Team}"}}, with_variables=True
    )
    keys = {"s3:resourcetag/Team": ["red"], "aws:principaltag/Team": tags}
    assert condition.holds(keys.get) is expected


def test_tag_keys_mind_the_case_and_others_do_not() -> None:
    (condition,) = parse_conditions(
        {"StringEquals": {"S3:ExistingObjectTag/Key": "v"}}, with_variables=True
    )
    assert condition.key == "s3:existingobjecttag/Key"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("IdP.example.com:SUB", None),
        ("IdP.example.com:sub", "idp.example.com:sub"),
        ("IdP.example.com/Realm:sub", "idp.example.com/Realm:sub"),
        ("localhost:8080/Realm/x:app_id", "localhost:8080/Realm/x:app_id"),
        ("127.0.0.1:8080:aud", "127.0.0.1:8080:aud"),
        ("idp.example.com/a:b:azp", "idp.example.com/a:b:azp"),
        ("idp.example.com/x:email", None),
        ("idp.example.com/${x}:sub", None),
        ("idp.example.com:x:sub", None),
        ("idp_example:sub", None),
        ("/x:sub", None),
    ],
)
def test_claims_of_web_identities(name: str, key: str | None) -> None:
    block = {"StringEquals": {name: "carol"}}
    if key is None:
        with pytest.raises(PolicyError):
            parse_conditions(block, with_variables=True)
        return
    (condition,) = parse_conditions(block, with_variables=True)
    assert condition.holds({key: ["dora", "carol"]}.get)
    assert not condition.holds({key: ["dora"]}.get)
    if key.count(":") == 1:
        (condition,) = parse_conditions(
            {"StringEquals": {"aws:a": f"x-${{{name}}}"}}, with_variables=True
        )
        assert condition.holds({key: ["carol"], "aws:a": ["x-carol"]}.get)


@pytest.mark.parametrize(
    "block",
    [
        [],
        "x",
        {"StringEquals": []},
        {"StringEquals": {}},
        {"StringMatches": {"aws:a": "b"}},
        {"NullIfExists": {"aws:a": "true"}},
        {"ForSomeValues:StringEquals": {"aws:a": "b"}},
        {"ForAllValues:Null": {"aws:a": "true"}},
        {"StringEquals": {"a": "b"}},
        {"StringEquals": {"other:a": "b"}},
        {"StringEquals": {"aws:a": None}},
        {"StringEquals": {"aws:a": []}},
        {"StringEquals": {"aws:a": [["b"]]}},
        {"StringEquals": {"aws:a": {"b": "c"}}},
        {"NumericEquals": {"aws:a": "ten"}},
        {"NumericEquals": {"aws:a": "NaN"}},
        {"DateEquals": {"aws:a": "soon"}},
        {"Bool": {"aws:a": "yes"}},
        {"Null": {"aws:a": "yes"}},
        {"IpAddress": {"aws:sourceip": "10.0.0.0/33"}},
        {"BinaryEquals": {"aws:a": "?"}},
    ],
)
def test_what_is_refused(block: Any) -> None:
    with pytest.raises(PolicyError):
        parse_conditions(block, with_variables=True)


OPERATORS = st.sampled_from(
    [
        "StringLike",
        "NumericEquals",
        "DateLessThan",
        "Bool",
        "IpAddress",
        "ArnLike",
        "Null",
        "Binary",
    ]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(OPERATORS, st.dictionaries(st.just("aws:key"), JSON) | JSON, max_size=3),
    st.lists(st.text(max_size=8), max_size=2),
)
def test_nothing_else_is_raised(block: Any, found: list[str]) -> None:
    try:
        conditions = parse_conditions(block, with_variables=True)
    except PolicyError:
        return
    for condition in conditions:
        condition.holds(lambda key: found)
