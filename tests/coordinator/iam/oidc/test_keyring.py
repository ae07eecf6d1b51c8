"""Providers' documents: what is taken from them, and how often they are asked for."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.iam.errors import IamError
from coordinator.iam.oidc import keyring
from coordinator.iam.oidc.key_sets import MAX_KEYS, parse_discovery, parse_keys, unusable
from coordinator.iam.oidc.keyring import MAX_AGE_S, PAUSE_S, Issuer, ProviderKeyring
from coordinator.iam.oidc.urls import check_url, may_fetch
from tests.coordinator.iam.fake_provider import (
    DISCOVERY,
    ISSUER,
    KEYS_URL,
    FakeProvider,
    jwk,
)
from tests.coordinator.s3.support import Clock

ASKED = Issuer(ISSUER, ("a" * 40,))


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider(keys=[jwk("RS256", "one")])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(provider: FakeProvider, clock: Clock) -> ProviderKeyring:
    return ProviderKeyring(provider.fetch, clock)


async def failure(ring: ProviderKeyring, issuer: Issuer = ASKED, key_id: str = "one") -> str:
    with pytest.raises(IamError) as raised:
        await ring.keys(issuer, key_id)
    return raised.value.code


async def test_keys_are_fetched_once_and_remembered(
    provider: FakeProvider, ring: ProviderKeyring, clock: Clock
) -> None:
    assert len(await ring.keys(ASKED, "one")) == 1
    clock.forward(MAX_AGE_S - 1)
    assert len(await ring.keys(ASKED, "one")) == 1
    assert provider.fetched == [DISCOVERY, KEYS_URL]
    assert set(map(tuple, provider.thumbprints)) == {ASKED.thumbprints}
    # A key that the provider took back does not count much longer.
    provider.publish([jwk("RS256", "two", 1)])
    clock.forward(1)
    assert await ring.keys(ASKED, "one") == ()
    assert len(provider.fetched) == 4


async def test_a_new_key_is_found_at_once_and_a_made_up_one_costs_little(
    provider: FakeProvider, ring: ProviderKeyring, clock: Clock
) -> None:
    await ring.keys(ASKED, "one")
    clock.forward(PAUSE_S)
    provider.publish([jwk("RS256", "one"), jwk("RS256", "two", 1)])
    assert len(await ring.keys(ASKED, "two")) == 1
    assert len(provider.fetched) == 4
    for number in range(100):
        assert await ring.keys(ASKED, f"made-up-{number}") == ()
    assert len(provider.fetched) == 4
    clock.forward(PAUSE_S)
    assert await ring.keys(ASKED, "made-up") == ()
    assert len(provider.fetched) == 6


async def test_many_who_wait_ask_once(provider: FakeProvider, clock: Clock) -> None:
    may_answer = asyncio.Event()

    async def slow(url: str, thumbprints: Sequence[str]) -> bytes:
        await may_answer.wait()
        return await provider.fetch(url, thumbprints)

    ring = ProviderKeyring(slow, clock)
    waiting = [asyncio.create_task(ring.keys(ASKED, "one")) for _ in range(50)]
    await asyncio.sleep(0)
    # Who gives up takes nobody else's answer away.
    waiting[0].cancel()
    await asyncio.sleep(0)
    may_answer.set()
    found = await asyncio.gather(*waiting[1:], return_exceptions=True)
    assert all(len(keys) == 1 for keys in found if not isinstance(keys, BaseException))
    assert not [keys for keys in found if isinstance(keys, BaseException)]
    assert provider.fetched == [DISCOVERY, KEYS_URL]


async def test_one_that_is_down_is_asked_again_later(
    provider: FakeProvider, ring: ProviderKeyring, clock: Clock
) -> None:
    provider.error = unusable("down")
    for _ in range(5):
        assert await failure(ring) == "IDPCommunicationError"
    assert provider.fetched == [DISCOVERY]
    clock.forward(PAUSE_S)
    provider.error = None
    assert len(await ring.keys(ASKED, "one")) == 1
    # What is known of it counts on while it is down, for as long as it would have.
    provider.error = unusable("down")
    clock.forward(MAX_AGE_S - 1)
    assert await ring.keys(ASKED, "unknown") == ()
    assert len(await ring.keys(ASKED, "one")) == 1
    clock.forward(PAUSE_S)
    assert await failure(ring) == "IDPCommunicationError"


async def test_how_many_providers_are_remembered(
    provider: FakeProvider, ring: ProviderKeyring
) -> None:
    provider.error = unusable("down")
    for number in range(keyring.MAX_PROVIDERS + 10):
        await failure(ring, Issuer(f"https://{number}.example.com"))
    assert len(ring._known) == keyring.MAX_PROVIDERS


@pytest.mark.parametrize(
    ("issuer", "keys_url"),
    [
        ("https://other.example.com", KEYS_URL),
        (ISSUER + "/", KEYS_URL),
        (ISSUER, "http://keys.example.com/certs"),
        (ISSUER, "http://127.0.0.1:1/certs"),
        (ISSUER, "file:///etc/passwd"),
        (ISSUER, "https://user@keys.example.com/"),
        (ISSUER, "https://keys.example.com:port/"),
        (ISSUER, "https:///certs"),
        (ISSUER, None),
        (ISSUER, 7),
    ],
)
async def test_a_description_that_is_not_gone_by(
    provider: FakeProvider, ring: ProviderKeyring, issuer: str, keys_url: Any
) -> None:
    provider.describe(issuer, keys_url)
    assert await failure(ring) == "IDPCommunicationError"
    assert provider.fetched == [DISCOVERY]


@pytest.mark.parametrize("document", [b"", b"x", b"[]", b"{}", b'{"keys": {}}', b"[" * 100_000])
async def test_keys_that_are_none(
    provider: FakeProvider, ring: ProviderKeyring, clock: Clock, document: bytes
) -> None:
    provider.documents[KEYS_URL] = document
    assert await failure(ring) == "IDPCommunicationError"
    provider.documents[DISCOVERY] = document
    clock.forward(PAUSE_S)
    assert await failure(ring) == "IDPCommunicationError"


def test_only_keys_for_signatures_are_kept() -> None:
    good = jwk("RS256", "good")
    small = {**good, "kid": "small", "n": "u" * 170}
    others = [
        {**good, "kid": "encrypts", "use": "enc"},
        {**good, "kid": "shared", "kty": "oct", "k": "AAAA"},
        {**good, "kid": "private", "d": "AQAB"},
        {**good, "kid": "other", "alg": "PS256"},
        {**good, "kid": "symmetric", "alg": "HS256"},
        {**good, "kid": "odd", "n": 7},
        {**good, "kid": "odd-too", "e": "!"},
        {**jwk("ES256", "curve"), "crv": "secp256k1"},
        {**jwk("ES256", "off-curve"), "x": "A" * 43},
        {name: value for name, value in good.items() if name != "kid"},
        small,
        "no object",
    ]
    found = parse_keys(json.dumps({"keys": [*others, good, jwk("ES384", "e")]}).encode())
    assert sorted(found) == ["e", "good"]
    with pytest.raises(IamError):
        parse_keys(json.dumps({"keys": [good] * (MAX_KEYS + 1)}).encode())


@given(
    kind=st.sampled_from(["RS256", "ES256"]),
    name=st.sampled_from(["kty", "kid", "use", "alg", "n", "e", "x", "y", "crv", "d", "oth"]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("AQAB"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=4,
    ),
)
def test_a_key_of_any_shape_is_one_or_none(kind: str, name: str, value: Any) -> None:
    entries = [{**jwk(kind, "k"), name: value}, jwk(kind, "good")]
    found = parse_keys(json.dumps({"keys": entries}).encode())
    assert "good" in found
    for keys in found.values():
        for key in keys:
            assert key.fits("RS256") or key.fits("ES256") or key.algorithm


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["issuer", "jwks_uri", "keys"]), inner)
        ),
        max_leaves=6,
    )
)
def test_documents_of_any_shape_are_refused_in_words(document: Any) -> None:
    text = json.dumps(document).encode()
    with suppress(IamError):
        parse_keys(text)
    with suppress(IamError):
        parse_discovery(text, ISSUER)


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://idp.example.com/x", True),
        ("https://10.0.0.1:8443", True),
        ("http://localhost:8080/auth/realms/x", True),
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1/x", True),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://10.0.0.1", False),
        ("http://idp.example.com", False),
        ("ftp://localhost", False),
        ("https://", False),
        ("https://a@b", False),
        ("https://idp.example.com/\n", False),
        ("//localhost", False),
    ],
)
async def test_who_is_asked(
    provider: FakeProvider, ring: ProviderKeyring, url: str, may: bool
) -> None:
    assert may_fetch(url) is may
    if not may:
        assert await failure(ring, Issuer(url)) == "IDPCommunicationError"
        assert provider.fetched == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "idp.example.com",
        "ftp://idp.example.com",
        "https://",
        "https:///x",
        "https://a@b/",
        "https://a b/",
        "https://a/?x",
        "https://a/#x",
        "https://a/*",
        "https://a:b/",
        "https://\u00e9/",
        "https://a/${x}",
        "https://a/" + "x" * 246,
    ],
)
def test_urls_that_no_provider_has(url: str) -> None:
    assert check_url("https://a/" + "x" * 245)
    with pytest.raises(IamError) as raised:
        check_url(url)
    assert raised.value.code == "InvalidInput"
