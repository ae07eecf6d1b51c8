"""SigV4 for our own clients: sign a request's headers, or make a presigned URL."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from coordinator.auth.canonical import (
    ALGORITHM,
    SCOPE_END,
    SERVICE,
    canonical_path,
    canonical_query_string,
    canonical_request,
    sign,
    signing_key,
    string_to_sign,
)
from coordinator.auth.credentials import PayloadMode
from coordinator.auth.dates import format_amz_date

_ALSO_SIGNED = ("content-md5", "content-type", "host")


def sign_headers(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    access_key: str,
    secret_key: str,
    now: float,
    payload_hash: str = PayloadMode.UNSIGNED.value,
    region: str = "us-east-1",
) -> dict[str, str]:
    """All headers to send: `headers` in lower case with host, x-amz-date, x-amz-content-sha256
    and authorization added.

    `url` is what will be requested, percent-encoded. `payload_hash` is the SHA-256 of the body in
    hex, or one of S3's names for other payloads. `host` and every x-amz-* header get signed, and
    content-type and content-md5, nothing else (so a proxy or library may add headers).
    """
    parts = urlsplit(url)
    timestamp = format_amz_date(int(now))
    scope = f"{timestamp[:8]}/{region}/{SERVICE}/{SCOPE_END}"
    signed = {name.lower(): value for name, value in headers.items()}
    signed.setdefault("host", parts.netloc)
    signed["x-amz-date"] = timestamp
    signed["x-amz-content-sha256"] = payload_hash
    names = ";".join(
        sorted(name for name in signed if name.startswith("x-amz-") or name in _ALSO_SIGNED)
    )
    document = canonical_request(
        method=method,
        path=canonical_path(parts.path or "/"),
        query=canonical_query_string(parts.query),
        headers=signed,
        signed_headers=names,
        payload_hash=payload_hash,
    )
    key = signing_key(secret_key, timestamp[:8], region, SERVICE)
    signature = sign(key, string_to_sign(timestamp, scope, document))
    signed["authorization"] = (
        f"{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return signed


def presign(
    *,
    method: str,
    url: str,
    access_key: str,
    secret_key: str,
    now: float,
    expires_s: int = 3600,
    headers: Mapping[str, str] | None = None,
    region: str = "us-east-1",
) -> str:
    """The URL with a signature in its query, good for `expires_s` seconds. `headers` must then be
    sent with exactly these values."""
    parts = urlsplit(url)
    timestamp = format_amz_date(int(now))
    scope = f"{timestamp[:8]}/{region}/{SERVICE}/{SCOPE_END}"
    signed = {name.lower(): value for name, value in (headers or {}).items()}
    signed.setdefault("host", parts.netloc)
    names = ";".join(sorted(signed))
    added = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{access_key}/{scope}",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(expires_s),
        "X-Amz-SignedHeaders": names,
    }
    query = "&".join(f"{name}={quote(value, safe='~')}" for name, value in added.items())
    if parts.query:
        query = f"{parts.query}&{query}"
    document = canonical_request(
        method=method,
        path=canonical_path(parts.path or "/"),
        query=canonical_query_string(query),
        headers=signed,
        signed_headers=names,
        payload_hash=PayloadMode.UNSIGNED.value,
    )
    key = signing_key(secret_key, timestamp[:8], region, SERVICE)
    signature = sign(key, string_to_sign(timestamp, scope, document))
    return parts._replace(query=f"{query}&X-Amz-Signature={signature}").geturl()
