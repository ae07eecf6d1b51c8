"""URLs of identity providers: which may be registered, and which are ever asked.

Rules: a provider is asked by https, or on this very machine by http. Others may be registered, as
Ceph lets them, but nothing that they sign counts.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from coordinator.iam.errors import IamError

MAX_URL_LENGTH: Final = 255

_URL = re.compile(r"https?://([A-Za-z0-9.-]+)(:[0-9]{1,5})?(/[!-~]*)?")


def check_url(url: str) -> str:
    """A provider's URL as it is kept: to the letter, for so its tokens name it. Raises IamError
    InvalidInput."""
    if not _URL.fullmatch(url) or len(url) > MAX_URL_LENGTH or set("?#*%{}$\\") & set(url):
        raise IamError(
            "InvalidInput",
            "Url must begin with https:// (http:// on this machine), and have a host and neither"
            f" query nor fragment, in at most {MAX_URL_LENGTH} characters",
        )
    return url


def without_scheme(url: str) -> str:
    """What the provider's ARN and the keys of conditions have of it."""
    return url.partition("://")[2]


def may_fetch(url: str) -> bool:
    """Whether it may be asked for a provider's documents."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or not url.isascii() or not url.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host))


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
