"""Policy documents: what is taken, and what is refused."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.access import (
    PolicyError,
    parse_bucket_policy,
    parse_identity_policy,
    parse_trust_policy,
)
from coordinator.access.policy import MAX_BUCKET_POLICY_BYTES
from tests.coordinator.access.support import BUCKET, document, statement


@pytest.mark.parametrize(
    "one",
    [
        statement(),
        statement(principal={"AWS": "*"}),
        statement(principal={"AWS": ["arn:aws:iam::bob:root", "alice"]}),
        statement(principal={"AWS": "arn:aws:iam::bob:user/path/x"}),
        statement(principal={"AWS": "arn:aws:sts::bob:assumed-role/x/y"}),
        statement(principal={"CanonicalUser": "testx$98"}),
        statement(principal={"Service": "logging.s3.amazonaws.com"}),
        statement(principal={"Federated": "accounts.example.com", "AWS": "bob"}),
        statement("Deny", None, NotPrincipal={"AWS": "arn:aws:iam::bob:root"}),
        statement(action="*"),
        statement(action=["s3:Get*", "S3:PUTOBJECT"]),
        statement(action=None, NotAction="s3:DeleteObject"),
        statement(resource="arn:aws:s3:::bucket/a/b*"),
        statement(resource="arn:aws:s3:::*"),
        statement(resource="arn:aws:s3:::buck?t/${aws:username}"),
        statement(resource=None, NotResource="arn:aws:s3:::bucket/secret/*"),
        statement(Sid="Allow all of it"),
        statement(Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ],
)
def test_what_a_bucket_may_say(one: dict[str, Any]) -> None:
    assert len(parse_bucket_policy(document(one), BUCKET).statements) == 1


@pytest.mark.parametrize(
    "one",
    [
        "x",
        {},
        statement("allow"),
        statement("Maybe"),
        statement(""),
        statement(principal=None),
        statement(NotPrincipal="*"),
        statement("Allow", None, NotPrincipal={"AWS": "arn:aws:iam::bob:root"}),
        statement(principal="bob"),
        statement(principal={}),
        statement(principal=[]),
        statement(principal={"AWS": []}),
        statement(principal={"AWS": 1}),
        statement(principal={"AWS": "arn:aws:iam::bob:user/*"}),
        statement(principal={"AWS": "arn:aws:s3:::bucket"}),
        statement(principal={"Somebody": "bob"}),
        statement(principal={"Service": "*"}),
        statement(action=None),
        statement(action=[]),
        statement(action=""),
        statement(action="GetObject"),
        statement(action="s3:"),
        statement(action="s3:GetObjects"),
        statement(action="s3:Frob*"),
        statement(action="ec2:*"),
        statement(NotAction="s3:*"),
        statement(action=[1]),
        statement(resource=None),
        statement(resource=[]),
        statement(resource="*"),
        statement(resource="bucket/*"),
        statement(resource="arn:aws:s3:::other/*"),
        statement(resource=["arn:aws:s3:::bucket/*", "arn:aws:s3:::other"]),
        statement(resource="arn:aws:s3:eu::bucket"),
        statement(resource="arn:aws:s3:::bucket/${x}"),
        statement(Sid=1),
        statement(Condition="x"),
        statement(Condition={"StringSounds": {"aws:a": "b"}}),
        statement(Conditions={}),
        statement(Effects="Allow"),
    ],
)
def test_what_a_bucket_may_not_say(one: Any) -> None:
    with pytest.raises(PolicyError):
        parse_bucket_policy(document(one), BUCKET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "null",
        '"x"',
        "{}",
        '{"Statement": []}',
        '{"Statement": "x"}',
        '{"Version": "2013-01-01", "Statement": [{}]}',
        '{"Version": 1, "Statement": [{}]}',
        '{"Statement": [{"Effect": "Allow"}], "Else": 1}',
        '{"Id": 1, "Statement": [{}]}',
        "[" * 100_000,
        '{"Statement": ' * 5000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_policy(text: str | bytes) -> None:
    with pytest.raises(PolicyError):
        parse_bucket_policy(text[:MAX_BUCKET_POLICY_BYTES], BUCKET)


def test_two_readers_read_the_same() -> None:
    one = json.dumps(statement("Deny"))
    doubled = one[:-1] + ', "Effect": "Allow"}'
    with pytest.raises(PolicyError, match="twice"):
        parse_bucket_policy(f'{{"Statement": [{doubled}]}}', BUCKET)


def test_a_policy_has_a_limit() -> None:
    with pytest.raises(PolicyError, match="size"):
        parse_bucket_policy(document(statement(Sid="x" * MAX_BUCKET_POLICY_BYTES)), BUCKET)


def test_an_older_version_has_no_variables() -> None:
    text = document(statement(resource="arn:aws:s3:::bucket/${aws:username}"), version="2008-10-17")
    (one,) = parse_bucket_policy(text, BUCKET).statements
    assert one.resources[0].matches("arn:aws:s3:::bucket/${aws:username}", lambda key: ["x"])


def test_a_single_statement_needs_no_list() -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statement()})
    assert len(parse_bucket_policy(text, BUCKET).statements) == 1


def test_policies_of_users_have_no_principal() -> None:
    text = document(statement(principal=None, action=["iam:*", "s3:NewestThing"], resource="*"))
    assert len(parse_identity_policy(text).statements) == 1
    # Whoever has it is whom it is about, and nobody else.
    (everybody,) = parse_identity_policy(document(statement(principal="*"))).statements
    assert not everybody.principals
    for one in (
        statement(principal={"AWS": "*"}),
        statement(principal={"AWS": "bob"}),
        statement("Deny", None, NotPrincipal="*"),
    ):
        with pytest.raises(PolicyError):
            parse_identity_policy(document(one))


def test_trust_policies_have_no_resource() -> None:
    trust = statement(principal={"AWS": "bob"}, action="sts:AssumeRole", resource=None)
    assert len(parse_trust_policy(document(trust)).statements) == 1
    with pytest.raises(PolicyError):
        parse_trust_policy(document(statement(action="sts:AssumeRole")))


PIECES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(["*", "Allow", "Deny", "s3:*", "arn:aws:s3:::bucket/*", "", "${x}", 1, None])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["AWS", "StringLike", "aws:x", "Effect", "Condition", "Bool"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)
ELEMENTS = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "Resource", "Condition", "X"]


@given(
    st.lists(st.dictionaries(st.sampled_from(ELEMENTS), PIECES, max_size=6) | PIECES, max_size=2)
)
def test_nothing_else_is_raised(statements: Any) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    for parse in (
        lambda text: parse_bucket_policy(text, BUCKET),
        parse_identity_policy,
        parse_trust_policy,
    ):
        try:
            parse(text)
        except PolicyError:
            continue


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_nothing_else_is_raised_for_anything(text: bytes | str) -> None:
    with suppress(PolicyError):
        parse_bucket_policy(text, BUCKET)
