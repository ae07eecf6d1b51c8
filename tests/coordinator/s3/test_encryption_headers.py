"""What requests say of encryption: asked, refused, and never quoting a key."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.crypto import CustomerKey, Protection, Scheme
from coordinator.s3.encryption_headers import (
    SOURCE_PREFIX,
    answer,
    asked,
    customer_key,
    refuse_on_read,
)
from coordinator.s3.errors import S3Error

METHOD = "x-amz-server-side-encryption"
KEY_ID = f"{METHOD}-aws-kms-key-id"
CONTEXT = f"{METHOD}-context"
ALGORITHM = f"{METHOD}-customer-algorithm"
KEY = f"{METHOD}-customer-key"
MD5 = f"{METHOD}-customer-key-md5"

SECRET = bytes(range(32))
ENCODED = base64.b64encode(SECRET).decode()
SUM = base64.b64encode(hashlib.md5(SECRET).digest()).decode()
CUSTOMERS = {ALGORITHM: "AES256", KEY: ENCODED, MD5: SUM}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "protection"),
    [
        ({}, None),
        ({"content-type": "text/plain"}, None),
        ({f"{METHOD}-bucket-key-enabled": "true"}, None),
        ({METHOD: "AES256"}, Protection(Scheme.STORE)),
        ({METHOD: "aws:kms", KEY_ID: "testkey-1"}, Protection(Scheme.NAMED, "testkey-1")),
        ({METHOD: "aws:kms"}, Protection(Scheme.NAMED, "aws/s3")),
        (
            {METHOD: "aws:kms", KEY_ID: "k", CONTEXT: encoded('{"a": "b"}')},
            Protection(Scheme.NAMED, "k", context=encoded('{"a": "b"}')),
        ),
        (CUSTOMERS, Protection(Scheme.CUSTOMER, customer_key=CustomerKey(SECRET))),
    ],
)
def test_what_is_asked_for(headers: dict[str, str], protection: Protection | None) -> None:
    assert asked(headers) == protection


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({METHOD: "aes:kms"}, "InvalidArgument"),
        ({METHOD: ""}, "InvalidArgument"),
        ({METHOD: "aws:kms:dsse"}, "NotImplemented"),
        ({METHOD: "AES256", KEY_ID: "testkey-1"}, "InvalidArgument"),
        ({METHOD: "AES256", CONTEXT: encoded("{}")}, "InvalidArgument"),
        ({KEY_ID: "testkey-1"}, "InvalidArgument"),
        ({METHOD: "aws:kms", KEY_ID: ""}, "InvalidArgument"),
        ({METHOD: "aws:kms", KEY_ID: "a b"}, "InvalidArgument"),
        ({METHOD: "aws:kms", CONTEXT: "{}"}, "InvalidArgument"),
        ({METHOD: "aws:kms", CONTEXT: encoded("[]")}, "InvalidArgument"),
        ({METHOD: "aws:kms", CONTEXT: encoded('{"a": 1}')}, "InvalidArgument"),
        ({METHOD: "aws:kms", CONTEXT: encoded("[" * 6000)}, "InvalidArgument"),
        ({**CUSTOMERS, METHOD: "AES256"}, "InvalidArgument"),
        ({**CUSTOMERS, METHOD: "aws:kms"}, "InvalidArgument"),
        ({**CUSTOMERS, KEY_ID: "testkey-1"}, "InvalidArgument"),
        ({ALGORITHM: "AES256"}, "InvalidArgument"),
        ({ALGORITHM: "AES256", KEY: ENCODED}, "InvalidArgument"),
        ({ALGORITHM: "AES256", MD5: SUM}, "InvalidArgument"),
        ({KEY: ENCODED, MD5: SUM}, "InvalidArgument"),
        ({**CUSTOMERS, ALGORITHM: "AES192"}, "InvalidEncryptionAlgorithmError"),
        ({**CUSTOMERS, MD5: base64.b64encode(bytes(16)).decode()}, "InvalidArgument"),
        ({**CUSTOMERS, MD5: "\xff"}, "InvalidArgument"),
        ({**CUSTOMERS, KEY: ENCODED[:-4]}, "InvalidArgument"),
        ({**CUSTOMERS, KEY: ENCODED[:-1]}, "InvalidArgument"),
        ({**CUSTOMERS, KEY: SECRET.decode("latin-1")}, "InvalidArgument"),
        ({**CUSTOMERS, KEY: ""}, "InvalidArgument"),
    ],
)
def test_what_is_refused(headers: dict[str, str], code: str) -> None:
    with pytest.raises(S3Error) as caught:
        asked(headers)
    assert caught.value.code == code
    told = f"{caught.value} {caught.value.extra} {caught.value.headers}"
    assert ENCODED[:-4] not in told
    assert repr(SECRET)[2:-1] not in told


def test_the_source_of_a_copy_has_headers_of_its_own() -> None:
    headers = {name.replace(METHOD, SOURCE_PREFIX): value for name, value in CUSTOMERS.items()}
    assert customer_key(headers, SOURCE_PREFIX) == CustomerKey(SECRET)
    assert customer_key(headers) is None
    assert asked(headers) is None


@pytest.mark.parametrize("name", [METHOD, KEY_ID, CONTEXT])
def test_a_read_says_nothing_but_the_customers_key(name: str) -> None:
    refuse_on_read(CUSTOMERS)
    with pytest.raises(S3Error) as caught:
        refuse_on_read({**CUSTOMERS, name: "AES256"})
    assert caught.value.code == "InvalidArgument"


def test_answers() -> None:
    assert answer({}) == []
    assert answer({"scheme": "AES256", "key": "master-1", "wrapped": "x"}) == [
        (b"x-amz-server-side-encryption", b"AES256")
    ]
    assert answer({"scheme": "aws:kms", "key": "testkey-1", "wrapped": "x"}) == [
        (b"x-amz-server-side-encryption", b"aws:kms"),
        (b"x-amz-server-side-encryption-aws-kms-key-id", b"testkey-1"),
    ]
    assert answer({"scheme": "SSE-C", "md5": SUM, "wrapped": "x"}) == [
        (b"x-amz-server-side-encryption-customer-algorithm", b"AES256"),
        (b"x-amz-server-side-encryption-customer-key-md5", SUM.encode()),
    ]


VALUES = st.sampled_from(["AES256", "aws:kms", ENCODED, SUM, encoded("{}")]) | st.text(
    st.characters(max_codepoint=255), max_size=60
)


@given(st.dictionaries(st.sampled_from([METHOD, KEY_ID, CONTEXT, ALGORITHM, KEY, MD5]), VALUES))
def test_whatever_is_sent_is_understood_or_refused(headers: dict[str, str]) -> None:
    refused = []
    for parse in (asked, customer_key, refuse_on_read):
        try:
            parse(headers)
        except S3Error as error:
            refused.append(error)
    assert all(error.status in (400, 501) for error in refused)
    if len(headers.get(KEY, "")) > 20:
        assert not any(headers[KEY] in f"{error} {error.extra}" for error in refused)
