"""Fetches a provider's documents: bounded in time and size, from whom the certificates vouch for.

    the system's certificate authorities know the server           -> fine
    they don't, and a thumbprint is that of the last certificate
    that the server shows (the top of its chain)                   -> asked again, and believed
                                                                      only what this one signed
    otherwise                                                      -> InvalidIdentityToken

Source: "Obtain the thumbprint for an OpenID Connect identity provider" in the IAM User Guide.

Rules: showing a certificate proves nothing, so a thumbprint only chooses the anchor for a second,
verified connection. Neither redirects nor proxies nor compression: nobody else is asked, and what
arrives is what is counted. Errors hold neither the answer nor more of the URL than its host.
"""

import asyncio
import hashlib
import ssl
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import httpx

from coordinator.iam.errors import IamError
from coordinator.iam.oidc.key_sets import unusable

FETCH_TIMEOUT_S: Final = 5.0
"""For one document, whatever it takes, waiting for others included."""

MAX_DOCUMENT_BYTES: Final = 256 * 1024
MAX_FETCHES: Final = 8
"""Documents that are fetched at once."""

HTTPS_PORT: Final = 443
ENCODING_DER: Final = 2


class DocumentFetcher:
    """A `keyring.Fetch`."""

    def __init__(self, timeout_s: float = FETCH_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(MAX_FETCHES)

    async def __call__(self, url: str, thumbprints: Sequence[str]) -> bytes:
        """The document. Raises IamError IDPCommunicationError, InvalidIdentityToken."""
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(self._timeout_s), self._slots:
                return await _fetch(url, parts, thumbprints)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            raise unusable(f"{parts.hostname} does not answer") from error


async def _fetch(url: str, parts: SplitResult, thumbprints: Sequence[str]) -> bytes:
    try:
        return await _get(url, _system_context())
    except httpx.ConnectError as error:
        if not _is_about_the_certificate(error):
            raise
    top = await _top_of_chain(parts)
    if not _is_expected(top, thumbprints):
        raise _unexpected()
    try:
        return await _get(url, _anchored(top))
    except httpx.ConnectError as error:
        if not _is_about_the_certificate(error):
            raise
        raise _unexpected() from error


async def _get(url: str, context: ssl.SSLContext) -> bytes:
    connections: list[Any] = []

    async def note(event: str, details: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            connections.append(details["return_value"])

    try:
        return await _read(url, context, {"trace": note})
    finally:
        # httpx forgets one whose TLS handshake was given up: who never answers would keep it open.
        for connection in connections:
            await connection.aclose()


async def _read(url: str, context: ssl.SSLContext, extensions: dict[str, Any]) -> bytes:
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    async with (
        httpx.AsyncClient(verify=context, trust_env=False, timeout=FETCH_TIMEOUT_S) as client,
        client.stream("GET", url, headers=headers, extensions=extensions) as answer,
    ):
        if answer.status_code != httpx.codes.OK or "content-encoding" in answer.headers:
            raise unusable(f"{urlsplit(url).hostname} answers {answer.status_code}")
        document = bytearray()
        async for piece in answer.aiter_raw():
            document += piece
            if len(document) > MAX_DOCUMENT_BYTES:
                raise unusable(f"{urlsplit(url).hostname} answers more than a provider has to say")
        return bytes(document)


def _is_about_the_certificate(error: BaseException | None) -> bool:
    """Whether that is what httpx made its error from."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


async def _top_of_chain(parts: SplitResult) -> bytes:
    """The last certificate (DER) that the server shows, unproven."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection(
        parts.hostname, parts.port or HTTPS_PORT, ssl=context, server_hostname=parts.hostname
    )
    try:
        return _shown_chain(writer.get_extra_info("ssl_object"))[-1]
    finally:
        writer.transport.abort()


def _shown_chain(connection: Any) -> list[bytes]:
    if sys.version_info >= (3, 13):
        chain: list[bytes] = connection.get_unverified_chain()
        return chain
    # Before Python 3.13 only what is below the connection knows it.
    below = connection._sslobj
    return [certificate.public_bytes(ENCODING_DER) for certificate in below.get_unverified_chain()]


def _is_expected(certificate: bytes, thumbprints: Sequence[str]) -> bool:
    found = hashlib.sha1(certificate, usedforsecurity=False).hexdigest()
    return found in {one.lower() for one in thumbprints}


@cache
def _system_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _anchored(certificate: bytes) -> ssl.SSLContext:
    """Believes what this certificate signed, be it an intermediate one, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


def _unexpected() -> IamError:
    return IamError(
        "InvalidIdentityToken",
        "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
    )
