"""Documents of providers, from real servers on loopback: what is taken, and from whom."""

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.iam.errors import IamError
from coordinator.iam.oidc.fetching import FETCH_TIMEOUT_S, MAX_DOCUMENT_BYTES, DocumentFetcher
from tests.coordinator.iam.provider_server import (
    ProviderServer,
    Reply,
    make_authority,
    server_tls,
    serving,
)

DOCUMENT = b'{"keys": []}'


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with serving() as running:
        running.replies["/x"] = Reply(DOCUMENT)
        yield running


async def failure(url: str, *thumbprints: str, timeout_s: float = FETCH_TIMEOUT_S) -> IamError:
    with pytest.raises(IamError) as raised:
        await DocumentFetcher(timeout_s)(url, thumbprints)
    return raised.value


async def test_a_document_by_http(server: ProviderServer) -> None:
    assert await DocumentFetcher()(f"{server.url}/x", ()) == DOCUMENT
    server.replies["/x"] = Reply(b"x" * MAX_DOCUMENT_BYTES)
    assert len(await DocumentFetcher()(f"{server.url}/x", ())) == MAX_DOCUMENT_BYTES


@pytest.mark.parametrize(
    "reply",
    [
        Reply(DOCUMENT, 404),
        Reply(DOCUMENT, 500),
        Reply(DOCUMENT, 204),
        Reply(b"", 302, {"location": "/elsewhere"}),
        Reply(DOCUMENT, headers={"content-length": "100"}),
        Reply(b"x" * (MAX_DOCUMENT_BYTES + 1)),
        Reply(gzip.compress(b"x" * 10_000_000), headers={"content-encoding": "gzip"}),
    ],
)
async def test_an_answer_that_is_not_taken(server: ProviderServer, reply: Reply) -> None:
    server.replies |= {"/x": reply, "/elsewhere": Reply(DOCUMENT)}
    error = await failure(f"{server.url}/x")
    assert error.code == "IDPCommunicationError"
    assert server.asked == ["/x"]
    assert "/x" not in error.message


async def test_nobody_is_there() -> None:
    with serving() as server:
        url = server.url
    assert (await failure(f"{url}/x")).code == "IDPCommunicationError"
    assert (await failure("https://localhost.invalid/x")).code == "IDPCommunicationError"


async def test_who_says_nothing_is_not_waited_for() -> None:
    is_over = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await is_over.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        for scheme in ("http", "https"):
            error = await failure(f"{scheme}://127.0.0.1:{port}/x", timeout_s=0.05)
            assert error.code == "IDPCommunicationError"
        is_over.set()


async def test_a_thumbprint_vouches_for_a_server(tmp_path: Path) -> None:
    authority, other = make_authority(), make_authority("Another")
    with serving(server_tls(authority, tmp_path)) as server:
        server.replies["/x"] = Reply(DOCUMENT)
        url = f"{server.url}/x"
        assert await DocumentFetcher()(url, [other.thumbprint, authority.thumbprint]) == DOCUMENT
        assert await DocumentFetcher()(url, [authority.thumbprint.upper()]) == DOCUMENT
        for thumbprints in ((), (other.thumbprint,), ("x" * 40,)):
            error = await failure(url, *thumbprints)
            assert error.code == "InvalidIdentityToken"
            assert "thumbprint" in error.message
        assert server.asked == ["/x", "/x"]
        # The certificate is for another name than the one that was asked for.
        elsewhere = url.replace("localhost", "127.0.0.1")
        assert (await failure(elsewhere, authority.thumbprint)).code == "InvalidIdentityToken"


async def test_to_show_a_certificate_is_not_to_have_its_signature(tmp_path: Path) -> None:
    """Whoever stands between can show the right authority's certificate behind one of his own."""
    right, wrong = make_authority(), make_authority()
    with serving(server_tls(wrong, tmp_path, shown=right)) as server:
        server.replies["/x"] = Reply(DOCUMENT)
        error = await failure(f"{server.url}/x", right.thumbprint)
        assert error.code == "InvalidIdentityToken"
        assert server.asked == []


async def test_what_is_no_tls_at_all(server: ProviderServer) -> None:
    url = server.url.replace("http", "https")
    assert (await failure(f"{url}/x", "a" * 40)).code == "IDPCommunicationError"
