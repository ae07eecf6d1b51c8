"""What counts as public."""

from typing import Any

import pytest

from coordinator.access import is_public
from tests.coordinator.access.support import bucket_policy, statement


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (statement(), True),
        (statement(principal={"AWS": "*"}), True),
        (statement(principal={"AWS": ["bob", "*"]}), True),
        (statement("Deny"), False),
        (statement(principal={"AWS": "arn:aws:iam::bob:root"}), False),
        (statement(principal={"Service": "logging.s3.amazonaws.com"}), False),
    ],
)
def test_principals(one: dict[str, Any], expected: bool) -> None:
    assert is_public(bucket_policy(one)) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"]}}, False),
        ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/1"]}}, True),
        ({"IpAddress": {"aws:SourceIp": "2001::/16"}}, True),
        ({"IpAddressIfExists": {"aws:SourceIp": "10.0.0.0/8"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, True),
        ({"StringEquals": {"aws:SourceAccount": "bob"}}, False),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
        ({"StringLike": {"aws:SourceAccount": "bob"}}, False),
        ({"StringLike": {"aws:SourceAccount": "b*"}}, True),
        ({"StringEquals": {"aws:userid": "${aws:username}"}}, True),
        ({"StringNotEquals": {"aws:SourceAccount": "bob"}}, True),
        ({"ForAllValues:StringEquals": {"aws:SourceAccount": "bob"}}, True),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::src"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, True),
        ({"StringEquals": {"aws:Referer": "http://example.com"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
    ],
)
def test_conditions(condition: dict[str, Any], expected: bool) -> None:
    assert is_public(bucket_policy(statement(Condition=condition))) is expected


def test_one_open_statement_is_enough() -> None:
    closed = statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    assert is_public(bucket_policy(closed, statement()))
