"""minio-py signs and we verify: a second implementation with habits of its own."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from minio.credentials import Credentials
from minio.helpers import queryencode, quote
from minio.signer import presign_v4, sign_v4_s3

from coordinator.auth.verify import identify, verify
from tests.coordinator.auth.requests import ACCESS_KEY, SECRET_KEY, request

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CREDENTIALS = Credentials(ACCESS_KEY, SECRET_KEY)
URLS = [
    "/bucket?location=",
    "/bucket/" + quote("a b/ä+&~(1).txt"),
    f"/bucket?delimiter=%2F&prefix={queryencode('ä b+')}&list-type=2",
]


@pytest.mark.parametrize("url", URLS)
def test_headers(url: str) -> None:
    full = f"http://localhost:9000{url}"
    headers = {
        "Host": "localhost:9000",
        "User-Agent": "MinIO",
        "x-amz-date": NOW.strftime("%Y%m%dT%H%M%SZ"),
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
        "x-amz-meta-a": "two  spaces",
    }
    signed = sign_v4_s3(
        method="GET",
        url=urlsplit(full),
        region="us-east-1",
        headers=headers,
        credentials=CREDENTIALS,
        content_sha256="UNSIGNED-PAYLOAD",
        date=NOW,
    )
    verify(identify(request("GET", full, signed, NOW.timestamp())), SECRET_KEY)


@pytest.mark.parametrize("url", URLS)
def test_presigned(url: str) -> None:
    signed = presign_v4(
        method="PUT",
        url=urlsplit(f"http://localhost:9000{url}"),
        region="eu-west-1",
        credentials=CREDENTIALS,
        date=NOW,
        expires=int(timedelta(days=7).total_seconds()),
    )
    verify(identify(request("PUT", signed.geturl(), {}, NOW.timestamp())), SECRET_KEY)
