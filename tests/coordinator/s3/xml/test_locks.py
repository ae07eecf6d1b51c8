"""Documents of object lock: what botocore sends and reads, and what nobody should send."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from coordinator.s3.errors import S3Error
from coordinator.s3.settings.object_lock import (
    ObjectLock,
    parse_object_lock,
    render_object_lock,
)
from coordinator.s3.xml import (
    NO_RETENTION,
    legal_hold,
    parse_legal_hold,
    parse_retention,
    retention,
)
from metadata import Retention

S3 = botocore.session.get_session().get_service_model("s3")
NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)
NEW_YEAR_MS = 1_893_456_000_000


def sent(operation: str, **parameters: Any) -> bytes:
    serializer = create_serializer("rest-xml", include_validation=False)
    return serializer.serialize_to_request(parameters, S3.operation_model(operation))["body"]


def read(operation: str, body: bytes) -> Any:
    parsed = create_parser("rest-xml").parse(
        {"status_code": 200, "headers": {}, "body": body},
        S3.operation_model(operation).output_shape,
    )
    del parsed["ResponseMetadata"]
    return parsed


@pytest.mark.parametrize(
    ("lock", "rule"),
    [
        (ObjectLock(), None),
        (ObjectLock("GOVERNANCE", days=1), {"Mode": "GOVERNANCE", "Days": 1}),
        (ObjectLock("COMPLIANCE", years=2), {"Mode": "COMPLIANCE", "Years": 2}),
    ],
)
def test_configurations(lock: ObjectLock, rule: dict[str, Any] | None) -> None:
    shown: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if rule is not None:
        shown["Rule"] = {"DefaultRetention": rule}
    body = sent("PutObjectLockConfiguration", Bucket="b", ObjectLockConfiguration=shown)
    assert parse_object_lock(body) == lock
    assert parse_object_lock(render_object_lock(lock)) == lock
    assert read("GetObjectLockConfiguration", render_object_lock(lock)) == {
        "ObjectLockConfiguration": shown
    }


def test_a_year_has_365_days() -> None:
    assert ObjectLock("GOVERNANCE", years=2).period_days == 730
    assert ObjectLock("GOVERNANCE", days=3).period_days == 3


ENABLED = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"


def ruled(retention: str) -> str:
    return f"{ENABLED}<Rule><DefaultRetention>{retention}</DefaultRetention></Rule>"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "MalformedXML"),
        ("<ObjectLockEnabled>Disabled</ObjectLockEnabled>", "MalformedXML"),
        (f"{ENABLED}<Rule/>", "MalformedXML"),
        (f"{ENABLED}<Colour/>", "MalformedXML"),
        (ruled(""), "MalformedXML"),
        (ruled("<Mode>GOVERNANCE</Mode>"), "MalformedXML"),
        (ruled("<Days>1</Days>"), "MalformedXML"),
        (ruled("<Mode>governance</Mode><Days>1</Days>"), "MalformedXML"),
        (ruled("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>"), "MalformedXML"),
        (ruled("<Mode>GOVERNANCE</Mode><Days>one</Days>"), "MalformedXML"),
        (ruled("<Mode>GOVERNANCE</Mode><Days>1</Days><Hours>1</Hours>"), "MalformedXML"),
        (ruled("<Mode>GOVERNANCE</Mode><Days>0</Days>"), "InvalidRetentionPeriod"),
        (ruled("<Mode>GOVERNANCE</Mode><Years>-1</Years>"), "InvalidRetentionPeriod"),
        (ruled("<Mode>GOVERNANCE</Mode><Days>36501</Days>"), "InvalidRetentionPeriod"),
        (ruled("<Mode>COMPLIANCE</Mode><Years>101</Years>"), "InvalidRetentionPeriod"),
        (ruled(f"<Mode>COMPLIANCE</Mode><Years>{'9' * 50}</Years>"), "MalformedXML"),
    ],
)
def test_bad_configurations(content: str, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_object_lock(f"<ObjectLockConfiguration>{content}</ObjectLockConfiguration>".encode())
    assert caught.value.code == code


def test_retentions() -> None:
    shown = {"Mode": "GOVERNANCE", "RetainUntilDate": NEW_YEAR}
    body = sent("PutObjectRetention", Bucket="b", Key="k", Retention=shown)
    held = Retention("GOVERNANCE", NEW_YEAR_MS)
    assert parse_retention(body) == held
    assert read("GetObjectRetention", retention(held)) == {"Retention": shown}
    assert parse_retention(b"<Retention/>") == NO_RETENTION


DATE = "<RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>"


@pytest.mark.parametrize(
    "content",
    [
        DATE,
        "<Mode>GOVERNANCE</Mode>",
        f"<Mode>abc</Mode>{DATE}",
        f"<Mode>governance</Mode>{DATE}",
        f"<Mode>GOVERNANCE</Mode>{DATE}{DATE}",
        f"<Mode>GOVERNANCE</Mode>{DATE}<Colour/>",
        "<Mode>GOVERNANCE</Mode><RetainUntilDate>tomorrow</RetainUntilDate>",
    ],
)
def test_bad_retentions(content: str) -> None:
    with pytest.raises(S3Error, match="MalformedXML"):
        parse_retention(f"<Retention>{content}</Retention>".encode())


@pytest.mark.parametrize(("is_on", "status"), [(True, "ON"), (False, "OFF")])
def test_legal_holds(is_on: bool, status: str) -> None:
    body = sent("PutObjectLegalHold", Bucket="b", Key="k", LegalHold={"Status": status})
    assert parse_legal_hold(body) is is_on
    assert read("GetObjectLegalHold", legal_hold(is_on)) == {"LegalHold": {"Status": status}}


@pytest.mark.parametrize(
    "content", ["", "<Status>on</Status>", "<Status>ON</Status><Status>ON</Status>", "<State/>"]
)
def test_bad_legal_holds(content: str) -> None:
    with pytest.raises(S3Error, match="MalformedXML"):
        parse_legal_hold(f"<LegalHold>{content}</LegalHold>".encode())


@given(
    st.binary(max_size=80)
    | st.sampled_from(["Retention", "LegalHold", "ObjectLockConfiguration"]).flatmap(
        lambda name: st.text("<>/ModeDaysStu 0123&;", max_size=60).map(
            lambda content: f"<{name}>{content}</{name}>".encode()
        )
    )
)
def test_nonsense_raises_our_error_only(body: bytes) -> None:
    for parse in (parse_retention, parse_legal_hold, parse_object_lock):
        with suppress(S3Error):
            parse(body)
