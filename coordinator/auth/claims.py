"""What repeats in a client's requests: its Credential and its SignedHeaders, taken apart once.

Rules: both are anyone's text, so what is remembered of them is limited in number and in length, and
tells nothing about whether a signature is right.
"""

import re
from functools import lru_cache
from hmac import HMAC
from typing import Final, NamedTuple

from coordinator.auth.canonical import signing_key

CACHED_CLAIMS: Final = 1024
MAX_CACHED_LENGTH: Final = 512

_CREDENTIAL = re.compile(
    r"(.+)/((\d{8})/([!-.0-~]*)/([a-z0-9]+)/aws4_request)", re.ASCII | re.DOTALL
)


class Claim(NamedTuple):
    """`scope` is "date/region/service/aws4_request", `signed_headers` the list as sent."""

    access_key: str
    scope: str
    date: str
    region: str
    service: str
    signed_headers: str
    signed_names: frozenset[str]

    def signing_key(self, secret: str) -> HMAC:
        """The key that its signature is made with."""
        return signing_key(secret, self.date, self.region, self.service)


def read_claim(credential: str, signed_headers: str) -> Claim | None:
    """None if the Credential is malformed. (The access key in it may have slashes.)"""
    is_short = len(credential) + len(signed_headers) <= MAX_CACHED_LENGTH
    return (_cached if is_short else _read)(credential, signed_headers)


def _read(credential: str, signed_headers: str) -> Claim | None:
    match = _CREDENTIAL.fullmatch(credential)
    if match is None:
        return None
    access_key, scope, date, region, service = match.groups()
    names = frozenset(signed_headers.split(";"))
    return Claim(access_key, scope, date, region, service, signed_headers, names)


_cached = lru_cache(maxsize=CACHED_CLAIMS)(_read)
