"""Signs requests as AWS Signature Version 4 asks, in headers, with the day's key cached.

Rules: three headers are signed always (host, x-amz-content-sha256, x-amz-date) and whatever else
the caller names; a path and a query arrive in canonical form already (percent-encoded, sorted).
The benchmarks speak to a server as a stranger would, so nothing of the coordinator is used here.
"""

import hmac
import time
from collections.abc import Callable, Mapping
from hashlib import sha256

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = sha256(b"").hexdigest()


class Signer:
    """One access key in one region. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        access_key: str,
        secret_key: str,
        region: str = "us-east-1",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._region = region
        self._clock = clock
        self._second = -1
        self._timestamp = ""
        self._scope = ""
        self._key = b""

    def headers(
        self,
        method: str,
        host: str,
        path: str,
        query: str = "",
        payload_sha256: str = EMPTY_SHA256,
        extra: Mapping[str, str] | None = None,
    ) -> str:
        """The header lines to send, each closed by CRLF: host, the two of AWS, `extra` (names in
        lower case) and the authorization."""
        second = int(self._clock())
        if second != self._second:
            self._turn_clock(second)
        signed = {
            "host": host,
            "x-amz-content-sha256": payload_sha256,
            "x-amz-date": self._timestamp,
        }
        if extra:
            signed = dict(sorted({**signed, **extra}.items()))
        names = ";".join(signed)
        lines = "".join([f"{name}:{value.strip()}\n" for name, value in signed.items()])
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{payload_sha256}"
        digest = sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{self._timestamp}\n{self._scope}\n{digest}"
        signature = hmac.digest(self._key, to_sign.encode(), "sha256").hex()
        sent = "".join([f"{name}: {value}\r\n" for name, value in signed.items()])
        return (
            f"{sent}authorization: AWS4-HMAC-SHA256 Credential={self._access_key}/{self._scope}, "
            f"SignedHeaders={names}, Signature={signature}\r\n"
        )

    def _turn_clock(self, second: int) -> None:
        """The timestamp changes each second, the signing key each day."""
        timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        scope = f"{timestamp[:8]}/{self._region}/s3/aws4_request"
        if scope != self._scope:
            key = f"AWS4{self._secret_key}".encode()
            for step in scope.split("/"):
                key = hmac.digest(key, step.encode(), "sha256")
            self._key, self._scope = key, scope
        self._second, self._timestamp = second, timestamp
