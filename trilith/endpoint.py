"""Where a cluster is, and how each request to it is authorised.

Rules: HTTP Basic carries the secret itself, so it is used over TLS and to loopback only; anywhere
else requests are signed (SigV4 with an unsigned payload), and the secret stays here.
"""

import base64
import ipaddress
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from trilith.errors import UsageError
from trilith.protocol import Operation


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A cluster's base URL and the keys to use there."""

    url: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"the endpoint must be http://host:port or https://..., not {self.url!r}"
            )

    @property
    def is_tls(self) -> bool:
        """Whether connections are encrypted."""
        return urlsplit(self.url).scheme == "https"

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine: no proxy may come between, nor see what is sent."""
        return _is_loopback(urlsplit(self.url).hostname or "")

    def target(self, operation: Operation[object]) -> str:
        """The URL to request."""
        query = f"?{urlencode(operation.params)}" if operation.params else ""
        return self.url.rstrip("/") + operation.path + query

    def headers(self, operation: Operation[object]) -> dict[str, str]:
        """The operation's headers with the authorisation, made anew for each try, as signatures
        age. Values are UTF-8 seen as latin-1: the bytes that travel are the ones that are signed.
        """
        headers: dict[str, str] = {}
        for name, value in operation.headers.items():
            if any(ord(sign) < 32 or ord(sign) == 127 for sign in name + value):
                raise UsageError(f"the value of {name} has control characters in it")
            headers[name] = value.encode().decode("latin-1")
        if not self.access_key:
            return headers
        if self.is_tls or self.is_loopback:
            pair = f"{self.access_key}:{self.secret_key}".encode()
            basic = "Basic " + base64.b64encode(pair).decode()
            return {**headers, "authorization": basic}
        return self._signed(operation, headers)

    def _signed(self, operation: Operation[object], headers: Mapping[str, str]) -> dict[str, str]:
        from coordinator.auth.signer import sign_headers

        return sign_headers(
            method=operation.method,
            url=self.target(operation),
            headers=headers,
            access_key=self.access_key,
            secret_key=self.secret_key,
            now=self.clock(),
            region=self.region,
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
