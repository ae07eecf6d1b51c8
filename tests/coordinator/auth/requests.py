"""Requests for the tests: built by hand, or signed by botocore as a server sees them."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from coordinator.auth.request import SignedRequest

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CREDENTIALS = Credentials(ACCESS_KEY, SECRET_KEY)


def request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    now: float,
    virtual_bucket: str = "",
) -> SignedRequest:
    """The request as it arrives; the Host header comes from the URL unless given."""
    parts = urlsplit(url)
    lower = {"host": parts.netloc, **{name.lower(): value for name, value in headers.items()}}
    path = (parts.path or "/").encode("latin-1")
    return SignedRequest(method, path, parts.query, lower, now, virtual_bucket)


def received(signed: AWSRequest, now: float, virtual_bucket: str = "") -> SignedRequest:
    """What arrives of a request that botocore prepared and signed."""
    prepared = signed.prepare()
    headers = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in prepared.headers.items()
    }
    return request(prepared.method, prepared.url, headers, now, virtual_bucket)
