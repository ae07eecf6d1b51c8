"""Every setting's document: what botocore sends, what comes back, and what nobody should send."""

from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.access.bucket import Ownership
from coordinator.access.public_access import PublicAccessBlock
from coordinator.s3.errors import S3Error
from coordinator.s3.settings import SETTINGS, Setting
from coordinator.s3.settings.access import parse_ownership, parse_public_access_block
from coordinator.s3.settings.access_logs import KeyForm, LogGrant, parse_logging
from coordinator.s3.settings.echoes import parse_accelerate, parse_request_payment
from coordinator.s3.settings.encryption import DefaultEncryption, parse_encryption
from coordinator.s3.settings.notification import Notification, parse_notification

S3 = botocore.session.get_session().get_service_model("s3")
ROWS = {setting.name: setting for setting in SETTINGS}

LOGGING = {
    "LoggingEnabled": {
        "TargetBucket": "logs",
        "TargetPrefix": "a/b&<c>",
        "TargetGrants": [
            {"Grantee": {"Type": "CanonicalUser", "ID": "someone"}, "Permission": "READ"}
        ],
        "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}},
    }
}
NOTIFICATION = {
    "TopicConfigurations": [
        {
            "Id": "one",
            "TopicArn": "arn:aws:sns:us-east-1:1:topic",
            "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a/"}]}},
        }
    ],
    "QueueConfigurations": [
        {"Id": "two", "QueueArn": "arn:aws:sqs:us-east-1:1:q", "Events": ["s3:TestEvent"]}
    ],
    "LambdaFunctionConfigurations": [
        {"Id": "three", "LambdaFunctionArn": "arn:aws:lambda:x:1:f", "Events": ["s3:Replication:*"]}
    ],
    "EventBridgeConfiguration": {},
}
RULES = [{"HostName": "b", "HttpRedirectCode": "302", "ReplaceKeyWith": "c"}]

SENT: list[tuple[str, str, str, dict[str, Any]]] = [
    ("accelerate", "BucketAccelerateConfiguration", "AccelerateConfiguration",
     {"Status": "Enabled"}),
    ("cors", "BucketCors", "CORSConfiguration",
     {"CORSRules": [{"ID": "a", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"],
                     "AllowedHeaders": ["x"], "ExposeHeaders": ["y"], "MaxAgeSeconds": 7}]}),
    ("encryption", "BucketEncryption", "ServerSideEncryptionConfiguration",
     {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms",
                                                        "KMSMasterKeyID": "k"},
                 "BucketKeyEnabled": True}]}),
    ("logging", "BucketLogging", "BucketLoggingStatus", LOGGING),
    ("notification", "BucketNotificationConfiguration", "NotificationConfiguration", NOTIFICATION),
    ("ownershipControls", "BucketOwnershipControls", "OwnershipControls",
     {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}),
    ("publicAccessBlock", "PublicAccessBlock", "PublicAccessBlockConfiguration",
     {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True,
      "RestrictPublicBuckets": False}),
    ("requestPayment", "BucketRequestPayment", "RequestPaymentConfiguration",
     {"Payer": "Requester"}),
    ("tagging", "BucketTagging", "Tagging", {"TagSet": [{"Key": "a", "Value": "b"}]}),
    ("website", "BucketWebsite", "WebsiteConfiguration",
     {"IndexDocument": {"Suffix": "i"}, "ErrorDocument": {"Key": "e"},
      "RoutingRules": [{"Condition": {"KeyPrefixEquals": "a"}, "Redirect": RULES[0]}]}),
]  # fmt: skip


def sent(operation: str, **parameters: Any) -> bytes:
    serializer = create_serializer("rest-xml", include_validation=False)
    body = serializer.serialize_to_request(parameters, S3.operation_model(operation))["body"]
    return body if isinstance(body, bytes) else body.encode()


def read(operation: str, body: bytes) -> dict[str, Any]:
    shape = S3.operation_model(operation).output_shape
    parsed: dict[str, Any] = create_parser("rest-xml").parse(
        {"status_code": 200, "headers": {}, "body": body}, shape
    )
    parsed.pop("ResponseMetadata")
    return parsed


@pytest.mark.parametrize(("name", "operation", "field", "value"), SENT)
def test_what_a_client_sets_it_gets_back(
    name: str, operation: str, field: str, value: dict[str, Any]
) -> None:
    row: Setting[Any] = ROWS[name]
    body = sent(f"Put{operation}", Bucket="b", **{field: value})
    kept = row.decode(row.encode(row.parse(body), 1_700_000_000_000))
    assert kept.changed_at_ms == (1_700_000_000_000 if row.keeps_time else 0)
    answer = read(f"Get{operation}", row.render(kept.value))
    # Some documents are the whole answer, others stand below their own name.
    assert answer.get(field, answer) == value


def test_every_setting_is_tried_here() -> None:
    assert {name for name, *_ in SENT} | {"lifecycle", "object-lock"} >= ROWS.keys()


def test_values_are_what_the_documents_say() -> None:
    target = parse_logging(sent("PutBucketLogging", Bucket="b", BucketLoggingStatus=LOGGING))
    assert target is not None
    assert target.form is KeyForm.BY_EVENT
    assert target.grants == (LogGrant("CanonicalUser", "someone", "READ"),)
    assert parse_logging(b"<BucketLoggingStatus/>") is None
    assert parse_notification(b"<NotificationConfiguration/>") == Notification()
    assert parse_ownership(
        b"<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>"
        b"</OwnershipControls>"
    ) is Ownership("ObjectWriter")
    assert parse_public_access_block(b"<PublicAccessBlockConfiguration/>") == PublicAccessBlock()
    assert parse_encryption(
        b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
        b"<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
        b"</ServerSideEncryptionConfiguration>"
    ) == DefaultEncryption("AES256")


def test_a_destination_without_an_id_gets_the_same_one_again() -> None:
    body = sent(
        "PutBucketNotificationConfiguration",
        Bucket="b",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": "arn:aws:sqs:x:1:q", "Events": ["s3:TestEvent"]}]
        },
    )
    first, second = parse_notification(body), parse_notification(body)
    assert first == second
    assert first.destinations[0].destination_id


def logging_of(content: str) -> bytes:
    return (
        f"<BucketLoggingStatus><LoggingEnabled>{content}</LoggingEnabled></BucketLoggingStatus>"
    ).encode()


TARGET = "<TargetBucket>b</TargetBucket><TargetPrefix>p</TargetPrefix>"


@pytest.mark.parametrize(
    ("parse", "body", "code"),
    [
        (parse_accelerate, b"<AccelerateConfiguration/>", "MalformedXML"),
        (parse_request_payment, b"<RequestPaymentConfiguration><Payer>Me</Payer>"
                                b"</RequestPaymentConfiguration>", "MalformedXML"),
        (parse_ownership, b"<OwnershipControls/>", "MalformedXML"),
        (parse_ownership, b"<OwnershipControls><Rule><ObjectOwnership>Mine</ObjectOwnership>"
                          b"</Rule></OwnershipControls>", "MalformedXML"),
        (parse_public_access_block, b"<PublicAccessBlockConfiguration><BlockPublicAcls>maybe"
                                    b"</BlockPublicAcls></PublicAccessBlockConfiguration>",
         "MalformedXML"),
        (parse_encryption, b"<ServerSideEncryptionConfiguration/>", "MalformedXML"),
        (parse_encryption, b"<ServerSideEncryptionConfiguration><Rule>"
                           b"<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256"
                           b"</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>"
                           b"</ApplyServerSideEncryptionByDefault></Rule>"
                           b"</ServerSideEncryptionConfiguration>", "InvalidArgument"),
        (parse_encryption, b"<ServerSideEncryptionConfiguration><Rule>"
                           b"<ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms:dsse"
                           b"</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
                           b"</ServerSideEncryptionConfiguration>", "NotImplemented"),
        (parse_logging, logging_of(""), "MalformedXML"),
        (parse_logging, logging_of("<TargetBucket>b</TargetBucket>"), "MalformedXML"),
        (parse_logging, logging_of(TARGET + "<LoggingType>Journal</LoggingType>"), "MalformedXML"),
        (parse_logging, logging_of(TARGET.replace(">p<", f">{'p' * 513}<")), "InvalidArgument"),
        (parse_logging, logging_of(TARGET + "<TargetObjectKeyFormat/>"), "MalformedXML"),
        (parse_logging, logging_of(
            TARGET + "<TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>kaboom"
            "</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat>"), "MalformedXML"),
        (parse_logging, logging_of(TARGET + "<TargetGrants><Grant/></TargetGrants>"),
         "MalformedXML"),
        (parse_notification, b"<NotificationConfiguration><QueueConfiguration><Event>s3:x</Event>"
                             b"</QueueConfiguration></NotificationConfiguration>",
         "InvalidArgument"),
        (parse_notification, b"<NotificationConfiguration><QueueConfiguration><Queue>arn:q</Queue>"
                             b"</QueueConfiguration></NotificationConfiguration>",
         "InvalidArgument"),
        (parse_notification, b"<NotificationConfiguration><Surprise/></NotificationConfiguration>",
         "MalformedXML"),
    ],
)  # fmt: skip
def test_documents_that_are_refused(parse: Any, body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as refused:
        parse(body)
    assert refused.value.code == code


ROOTS = {
    name: sent(f"Put{operation}", Bucket="b", **{field: value})[1:].decode().split(" ")[0]
    for name, operation, field, value in SENT
}
NAMES = sorted(
    {
        piece.rstrip("/")
        for row in SETTINGS
        for name, operation, field, value in SENT
        if name == row.name
        for piece in sent(f"Put{operation}", Bucket="b", **{field: value})
        .decode()
        .replace("</", "<")
        .replace(">", "<")
        .split("<")
        if piece and " " not in piece
    }
)


def trees() -> st.SearchStrategy[str]:
    def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.builds(
            lambda name, children: f"<{name}>{''.join(children)}</{name}>",
            st.sampled_from([name for name in NAMES if name.isalnum()]),
            st.lists(inner, max_size=4),
        )

    return st.recursive(st.sampled_from([*NAMES, "0", "-1", "", "*"]), nested, max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([ROWS[name] for name in ROOTS]), trees(), st.binary(max_size=20))
def test_nothing_but_s3s_own_errors(row: Setting[Any], content: str, noise: bytes) -> None:
    root = ROOTS[row.name]
    for body in (noise, f"<{root}>{content}</{root}>".encode("utf-8", "replace")):
        try:
            value = row.parse(body)
        except S3Error:
            continue
        assert row.parse(row.render(value)) == value


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SENT), st.data())
def test_a_damaged_document_is_refused_or_means_something(
    one: tuple[str, str, str, dict[str, Any]], data: st.DataObject
) -> None:
    name, operation, field, value = one
    row = ROWS[name]
    body = bytearray(sent(f"Put{operation}", Bucket="b", **{field: value}))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    try:
        parsed = row.parse(bytes(body))
    except S3Error:
        return
    assert row.parse(row.render(parsed)) == parsed
