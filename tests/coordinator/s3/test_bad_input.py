"""Any request to any operation: answered or refused in S3's own words, and refused means unchanged.

Rules: requests are nearly right ones, because nonsense gets no further than the first check. What
each family refuses, and with which code, stands in the tests of the family.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.crypto import Keyring, open_key_store
from coordinator.objects import ObjectKeys
from coordinator.s3.routing import COPY, TABLE
from tests.coordinator.s3.support import BUCKET, Stand
from tests.coordinator.s3.test_bucket_settings import DOCUMENTS

ETAG = '"5d41402abc4b2a76b9719d911017c592"'
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["s3:GetObject", "s3:Put*"],
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
            "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        }
    ],
}
LOCKED = (
    b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
    b"<DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
    b"</ObjectLockConfiguration>"
)
BODIES = {
    **DOCUMENTS,
    "policy": json.dumps(POLICY).encode(),
    "object-lock": LOCKED,
    "versioning": b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    "retention": b"<Retention><Mode>COMPLIANCE</Mode>"
    b"<RetainUntilDate>2027-02-01T00:00:00Z</RetainUntilDate></Retention>",
    "legal-hold": b"<LegalHold><Status>ON</Status></LegalHold>",
    "tagging": b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
    "delete": b"<Delete><Object><Key>key</Key><VersionId>null</VersionId></Object></Delete>",
    "uploadId": b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
    b"<ETag>e</ETag></Part></CompleteMultipartUpload>",
    "acl": b"<AccessControlPolicy><Owner><ID>alice</ID></Owner><AccessControlList><Grant><Grantee "
    b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>bob</ID>'
    b"</Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
    "": b"hello",
}
HEADERS: Mapping[str, list[str]] = {
    "content-md5": ["XUFAKrxLKna5cZ2REBfFkg=="],
    "content-type": ["text/plain", "multipart/form-data; boundary=b"],
    "content-encoding": ["gzip", "aws-chunked"],
    "range": ["bytes=0-1", "bytes=-1", "bytes=9-"],
    "if-match": [ETAG, "*"],
    "if-none-match": [ETAG, "*"],
    "if-modified-since": ["Fri, 15 Jan 2027 08:00:00 GMT"],
    "if-unmodified-since": ["Fri, 15 Jan 2027 08:00:00 GMT"],
    "x-amz-acl": ["private", "public-read"],
    "x-amz-bypass-governance-retention": ["true"],
    "x-amz-bucket-object-lock-enabled": ["true"],
    "x-amz-checksum-algorithm": ["CRC32", "SHA256"],
    "x-amz-checksum-crc32": ["NhCmhg=="],
    "x-amz-checksum-mode": ["ENABLED"],
    "x-amz-checksum-type": ["COMPOSITE", "FULL_OBJECT"],
    "x-amz-copy-source": [f"{BUCKET}/key", f"/{BUCKET}/key?versionId=null"],
    "x-amz-copy-source-if-match": [ETAG],
    "x-amz-copy-source-if-modified-since": ["Fri, 15 Jan 2027 08:00:00 GMT"],
    "x-amz-copy-source-range": ["bytes=0-1"],
    "x-amz-copy-source-server-side-encryption-customer-algorithm": ["AES256"],
    "x-amz-decoded-content-length": ["5"],
    "x-amz-expected-bucket-owner": ["alice"],
    "x-amz-grant-read": ['id="bob"'],
    "x-amz-max-parts": ["1"],
    "x-amz-meta-a": ["b"],
    "x-amz-metadata-directive": ["COPY", "REPLACE"],
    "x-amz-mp-object-size": ["5"],
    "x-amz-object-attributes": ["ETag,ObjectSize", "Checksum,ObjectParts"],
    "x-amz-object-lock-legal-hold": ["ON"],
    "x-amz-object-lock-mode": ["GOVERNANCE"],
    "x-amz-object-lock-retain-until-date": ["2027-02-01T00:00:00Z", "2020-01-01T00:00:00Z"],
    "x-amz-object-ownership": ["ObjectWriter"],
    "x-amz-part-number-marker": ["0"],
    "x-amz-sdk-checksum-algorithm": ["CRC32C"],
    "x-amz-server-side-encryption": ["AES256", "aws:kms"],
    "x-amz-server-side-encryption-aws-kms-key-id": ["testkey-1", "absent"],
    "x-amz-server-side-encryption-customer-algorithm": ["AES256"],
    "x-amz-server-side-encryption-customer-key": ["A" * 43 + "="],
    "x-amz-server-side-encryption-customer-key-md5": ["cLyLgIa8oDbgAsMr1vQ4bw=="],
    "x-amz-storage-class": ["STANDARD", "GLACIER"],
    "x-amz-tagging": ["a=b"],
    "x-amz-tagging-directive": ["REPLACE"],
    "x-amz-trailer": ["x-amz-checksum-crc32"],
    "x-amz-website-redirect-location": ["/elsewhere"],
}
PARAMETERS: Mapping[str, list[str]] = {
    "versionId": ["null", "01" * 16],
    "partNumber": ["1", "0"],
    "list-type": ["2"],
    "max-keys": ["1", "0"],
    "max-parts": ["1"],
    "max-uploads": ["1"],
    "prefix": ["k"],
    "delimiter": ["/"],
    "marker": ["k"],
    "key-marker": ["k"],
    "version-id-marker": ["null"],
    "upload-id-marker": ["x"],
    "part-number-marker": ["0"],
    "continuation-token": ["a2V5"],
    "start-after": ["k"],
    "encoding-type": ["url"],
    "fetch-owner": ["true"],
    "response-content-type": ["text/plain"],
}
NONSENSE = st.text(
    st.characters(min_codepoint=33, max_codepoint=126), max_size=12
) | st.sampled_from(["-1", "9" * 30, "1e3", "%ff", "true", "null", "\xb2"])


def some(table: Mapping[str, list[str]], most: int) -> st.SearchStrategy[dict[str, str]]:
    """A few names, with values as they should be or not."""
    pairs = st.sampled_from(sorted(table)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(table[name]) | NONSENSE)
    )
    return st.lists(pairs, max_size=most).map(dict)


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """The body with some of it left out, said twice, or replaced."""
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(body)))
        stop = draw(st.integers(start, min(start + 20, len(body))))
        middle = draw(st.sampled_from([b"", body[start:stop] * 2]) | st.binary(max_size=6))
        body = body[:start] + middle + body[stop:]
    return body


async def remembered(stand: Stand) -> tuple[Any, ...]:
    """All that is known of the bucket."""
    store = stand.store
    return (
        [bucket.name for bucket in await store.buckets(None, limit=10)],
        await store.bucket_settings(BUCKET),
        (await store.bucket(BUCKET)).versioning,
        await store.list_versions(BUCKET, limit=10),
        await store.list_uploads(BUCKET, limit=10),
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> ObjectKeys:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    return ObjectKeys(Keyring(open_key_store(path, clock_ms=lambda: 1)))


async def prepared(keys: ObjectKeys, is_locked: bool) -> tuple[Stand, str]:
    """An endpoint whose bucket holds an object and an upload, and the upload's id."""
    stand = await Stand().start()
    stand.objects.keys = keys
    if is_locked:
        await stand.call("DELETE", f"/{BUCKET}")
        headers = {"x-amz-bucket-object-lock-enabled": "true"}
        assert (await stand.call("PUT", f"/{BUCKET}", headers=headers)).status == 200
    assert (await stand.call("PUT", body="hello")).status == 200
    upload = await stand.call("POST", query={"uploads": ""})
    return stand, upload.text("UploadId")


@given(
    operation=st.sampled_from(sorted(TABLE)),
    headers=some(HEADERS, 4),
    query=some(PARAMETERS, 2),
    is_locked=st.booleans(),
    data=st.data(),
)
@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_refused_means_unchanged(
    keys: ObjectKeys,
    operation: tuple[str, str, str],
    headers: dict[str, str],
    query: dict[str, str],
    is_locked: bool,
    data: st.DataObject,
) -> None:
    method, level, subresource = operation
    stand, upload_id = await prepared(keys, is_locked)
    names = [name for name in subresource.split("+") if name]
    if COPY in names:
        names.remove(COPY)
        headers = {"x-amz-copy-source": f"{BUCKET}/key", **headers}
    else:
        headers.pop("x-amz-copy-source", None)
    for name in names:
        query[name] = {"uploadId": upload_id, "partNumber": "1"}.get(name, "")
    body = data.draw(damaged(BODIES.get(names[0] if names else "", b"")))
    path = {"service": "/", "bucket": f"/{BUCKET}"}.get(level, f"/{BUCKET}/key")
    before = await remembered(stand)
    answer = await stand.call(method, path, body, query=query, headers=headers)
    asked = (operation, query, headers, body, answer.body)
    assert answer.status < 500 or answer.status == 501, asked
    if answer.status >= 400:
        assert answer.code, asked
        assert await remembered(stand) == before, asked
    await stand.close()
