"""Tokens: which are proven, and that nothing else is."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import jwt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from coordinator.iam.errors import IamError
from coordinator.iam.oidc import tokens
from coordinator.iam.oidc.key_sets import ProviderKey, parse_keys
from tests.coordinator.iam.fake_provider import (
    CURVES,
    NOW_S,
    claims,
    jwk,
    private_key,
    sign,
    token,
)

RSA = ("RS256", "RS384", "RS512")


def keys_of(*entries: dict[str, Any]) -> Sequence[ProviderKey]:
    found = parse_keys(json.dumps({"keys": entries}).encode())
    return [key for keys in found.values() for key in keys]


def proven(text: str, keys: Sequence[ProviderKey], now_s: float = NOW_S) -> tokens.Token:
    """All checks, in their order."""
    parsed = tokens.parse_token(text)
    tokens.check_signature(parsed, keys)
    tokens.check_times(parsed, now_s)
    tokens.check_audience(parsed, ("app",))
    return parsed


def refusal(text: str, keys: Sequence[ProviderKey] | None = None, now_s: float = NOW_S) -> str:
    """The code that it is refused with; its text stands in no error."""
    with pytest.raises(IamError) as raised:
        proven(text, keys_of(jwk("RS256", "k-RS256")) if keys is None else keys, now_s)
    assert len(text) < 20 or text not in raised.value.message
    return raised.value.code


@pytest.mark.parametrize("algorithm", [*RSA, *CURVES])
def test_sound_tokens_are_proven(algorithm: str) -> None:
    # One RSA key serves all three.
    kind = "RS256" if algorithm in RSA else algorithm
    text = jwt.encode(claims(), private_key(kind), algorithm, headers={"kid": "k"})
    parsed = proven(text, keys_of(jwk(kind, "k")))
    assert (tokens.subject_of(parsed), tokens.audiences_of(parsed)) == ("carol", ("app",))
    assert text not in repr(parsed)


@given(
    part=st.integers(0, 2),
    place=st.integers(0, 10_000),
    bit=st.integers(0, 7),
    algorithm=st.sampled_from(["RS256", "ES256", "ES512"]),
)
def test_no_bit_of_a_token_may_change(part: int, place: int, bit: int, algorithm: str) -> None:
    text = sign(claims(), algorithm, "k")
    pieces = [piece.encode() for piece in text.split(".")]
    piece = bytearray(pieces[part])
    piece[place % len(piece)] ^= 1 << bit
    pieces[part] = bytes(piece)
    changed = b".".join(pieces).decode("latin-1")
    assume(changed != text)
    assert refusal(changed, keys_of(jwk(algorithm, "k"))) == "InvalidIdentityToken"


@given(part=st.integers(0, 2), place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_bit_of_what_it_means_may_change(part: int, place: int, bit: int) -> None:
    pieces = token().split(".")
    content = bytearray(base64.urlsafe_b64decode(pieces[part] + "=="))
    content[place % len(content)] ^= 1 << bit
    pieces[part] = base64.urlsafe_b64encode(bytes(content)).rstrip(b"=").decode()
    assert refusal(".".join(pieces)) == "InvalidIdentityToken"


@given(text=st.text("abcAZ09-_.=+/ \n\u00e9", max_size=60))
def test_anything_else_is_no_token(text: str) -> None:
    assert refusal(text) == "InvalidIdentityToken"


@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit"]), st.text() | st.none()),
    body=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
)
def test_json_of_any_shape_is_refused_in_words(header: Any, body: Any) -> None:
    parts = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode()
        for one in (header, body, "x")
    ]
    assert refusal(".".join(parts)) == "InvalidIdentityToken"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "PS256", "EdDSA", "rs256", None])
def test_no_other_algorithm_is_taken(algorithm: str | None) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": "k-RS256"}).encode())
    _, body, signature = token().split(".")
    for end in (signature, ""):
        text = f"{header.rstrip(b'=').decode()}.{body}.{end}"
        assert refusal(text) == "InvalidIdentityToken"


def test_a_public_key_is_no_shared_secret() -> None:
    """The oldest of tricks: the provider's public key as the secret of an HMAC."""
    secret = base64.b64encode(json.dumps(jwk("RS256", "k-RS256")).encode())
    text = jwt.encode(claims(), secret, "HS256", headers={"kid": "k-RS256"})
    assert refusal(text) == "InvalidIdentityToken"


def test_only_the_key_that_fits_counts() -> None:
    text = token()
    for keys in (
        [],
        keys_of(jwk("RS256", "k", number=1)),
        keys_of(jwk("ES256", "k")),
        keys_of(jwk("RS256", "k", alg="RS512")),
    ):
        assert refusal(text, keys) == "InvalidIdentityToken"
    proven(text, keys_of(jwk("RS256", "k", number=1), jwk("RS256", "k", alg="RS256")))
    # A curve of another size than the algorithm's is not that algorithm.
    odd = sign(claims(), "ES256", "k")
    assert refusal(odd, keys_of(jwk("ES384", "k"))) == "InvalidIdentityToken"


@pytest.mark.parametrize(
    ("told", "now_s", "code"),
    [
        ({}, NOW_S + 599, ""),
        ({}, NOW_S + 600, "ExpiredTokenException"),
        ({"exp": NOW_S - 1}, NOW_S, "ExpiredTokenException"),
        ({"exp": NOW_S + 0.5}, NOW_S, ""),
        ({"exp": None}, NOW_S, "InvalidIdentityToken"),
        ({"exp": str(NOW_S + 600)}, NOW_S, "InvalidIdentityToken"),
        ({"exp": True}, NOW_S, "InvalidIdentityToken"),
        ({"exp": float("inf")}, NOW_S, "InvalidIdentityToken"),
        ({"exp": float("nan")}, NOW_S, "InvalidIdentityToken"),
        ({"exp": 10**400}, NOW_S, "InvalidIdentityToken"),
        ({"nbf": -(10**400)}, NOW_S, "InvalidIdentityToken"),
        ({"nbf": NOW_S + 60}, NOW_S, ""),
        ({"nbf": NOW_S + 61}, NOW_S, "InvalidIdentityToken"),
        ({"iat": NOW_S + 61}, NOW_S, "InvalidIdentityToken"),
        ({"iat": None}, NOW_S, ""),
        ({"iat": [NOW_S]}, NOW_S, "InvalidIdentityToken"),
        ({"aud": "other"}, NOW_S, "InvalidIdentityToken"),
        ({"aud": None}, NOW_S, "InvalidIdentityToken"),
        ({"aud": []}, NOW_S, "InvalidIdentityToken"),
        ({"aud": [1, "app"]}, NOW_S, "InvalidIdentityToken"),
        ({"aud": ["other", "app"]}, NOW_S, ""),
        ({"aud": "other", "azp": "app"}, NOW_S, ""),
        ({"aud": "other", "azp": ["app"]}, NOW_S, "InvalidIdentityToken"),
    ],
)
def test_times_and_audience(told: dict[str, Any], now_s: float, code: str) -> None:
    keys = keys_of(jwk("RS256", "k-RS256"))
    if code:
        assert refusal(token(**told), keys, now_s) == code
    else:
        proven(token(**told), keys, now_s)


def test_a_provider_without_clients_leaves_the_audience_to_the_trust_policy() -> None:
    tokens.check_audience(tokens.parse_token(token(aud="anybody")), ())


def test_what_is_too_large_or_asks_for_more_is_refused() -> None:
    assert refusal(token(pad="x" * tokens.MAX_TOKEN_LENGTH)) == "InvalidIdentityToken"
    assert refusal("." * 1_000_000) == "InvalidIdentityToken"
    assert refusal(sign(claims(), key_id=None)) == "InvalidIdentityToken"
    for headers in ({"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}, {"kid": 7}):
        head = {"alg": "RS256", "kid": "k-RS256", **headers}
        coded = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()
        assert refusal(f"{coded}.{token().partition('.')[2]}") == "InvalidIdentityToken"
    deep = base64.urlsafe_b64encode(b"[" * 9000).rstrip(b"=").decode()
    assert refusal(f"{deep}.{deep[:100]}.") == "InvalidIdentityToken"
