"""Policy documents: what may be put, and how much of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.iam.documents import check_document, check_inline, check_managed, quoted
from coordinator.iam.entities import Kind
from coordinator.iam.errors import IamError
from tests.coordinator.iam.sts_support import policy

STATEMENT = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def document(*statements: object, version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"Version": "2012-10-17"}),
        document(),
        document(STATEMENT, version="2010-10-17"),
        document({**STATEMENT, "Sid": "x"}, {**STATEMENT, "Sid": "x"}),
        document({**STATEMENT, "Principal": "arn:aws:iam:::username"}),
        document({**STATEMENT, "Principal": {"AWS": "arn:aws:iam::a:root"}}),
        document({**STATEMENT, "Effect": "Perhaps"}),
        document({**STATEMENT, "Condition": {"NoSuchOperator": {"aws:username": "x"}}}),
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(IamError) as raised:
        check_document(text)
    assert raised.value.code == "MalformedPolicyDocument"


def test_what_is_understood() -> None:
    check_document(policy("iam:*"))
    check_document(document({**STATEMENT, "Sid": "x"}, {**STATEMENT, "Sid": "y"}, STATEMENT))


def test_limits_do_not_count_white_space() -> None:
    text = document(*[STATEMENT] * 60)
    short = text.replace(" ", "")
    assert len(short) > 2048
    with pytest.raises(IamError) as raised:
        check_inline(Kind.USER, {"a": text})
    assert raised.value.code == "LimitExceeded"
    check_inline(Kind.GROUP, {"a": text})
    with pytest.raises(IamError):
        check_inline(Kind.GROUP, {"a": text, "b": text})
    check_managed(text + " " * 6144)
    with pytest.raises(IamError):
        check_managed(document(*[STATEMENT] * 200))


def test_quoted_as_aws_does() -> None:
    assert quoted('{"a": "/+"}') == "%7B%22a%22%3A%20%22%2F%2B%22%7D"


@given(st.one_of(st.text(), st.dictionaries(st.text(), st.text()).map(json.dumps)))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with pytest.raises(IamError) as raised:
        check_document(text)
    assert raised.value.code == "MalformedPolicyDocument"
