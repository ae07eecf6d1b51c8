"""Objects' keys: wrapped, bound to their place, derived for parts, and shown nowhere."""

import base64
import hashlib
import itertools
import os
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.crypto import (
    CryptoError,
    CustomerKey,
    DataKey,
    KeyNeeded,
    KeyNotWanted,
    Keyring,
    KeyStore,
    LostKey,
    Place,
    Protection,
    Scheme,
    Tampered,
    UnknownKey,
    WrongKey,
    open_key_store,
)

PLACE = Place("bucket", "key")
PART_ID = bytes(16)
CUSTOMERS = CustomerKey(b"customer's key with 32 bytes....")
PROTECTIONS = {
    Scheme.STORE: Protection(Scheme.STORE),
    Scheme.NAMED: Protection(Scheme.NAMED, "named", context="e30="),
    Scheme.CUSTOMER: Protection(Scheme.CUSTOMER, customer_key=CUSTOMERS),
}


@pytest.fixture
async def store(tmp_path: Path) -> KeyStore:
    store = open_key_store(tmp_path / "keys.json", clock_ms=lambda: 5)
    await store.create("named")
    return store


@pytest.fixture
def keyring(store: KeyStore) -> Keyring:
    return Keyring(store)


def brought(scheme: Scheme) -> CustomerKey | None:
    return CUSTOMERS if scheme is Scheme.CUSTOMER else None


def same(one: DataKey | None, other: DataKey | None) -> bool:
    assert one is not None
    assert other is not None
    sealed = one.part(PART_ID, 1).seal(0, b"data", is_end=True)
    try:
        return other.part(PART_ID, 1).open(0, sealed, is_end=True) == [b"data"]
    except Tampered:
        return False


@pytest.mark.parametrize("scheme", Scheme)
def test_a_key_is_found_again(keyring: Keyring, scheme: Scheme) -> None:
    encryption, made = keyring.protect(PROTECTIONS[scheme], PLACE)
    assert same(made, keyring.find(encryption, PLACE, brought(scheme)))
    _, another = keyring.protect(PROTECTIONS[scheme], PLACE)
    assert not same(made, another)


def test_what_is_not_encrypted_has_no_key(keyring: Keyring) -> None:
    assert keyring.find({}, PLACE) is None
    with pytest.raises(KeyNotWanted):
        keyring.find({}, PLACE, CUSTOMERS)


@pytest.mark.parametrize("scheme", [Scheme.STORE, Scheme.NAMED])
def test_a_customers_key_is_not_taken_for_other_schemes(keyring: Keyring, scheme: Scheme) -> None:
    encryption, _ = keyring.protect(PROTECTIONS[scheme], PLACE)
    with pytest.raises(KeyNotWanted):
        keyring.find(encryption, PLACE, CUSTOMERS)


def test_only_the_customers_own_key_opens(keyring: Keyring) -> None:
    encryption, _ = keyring.protect(PROTECTIONS[Scheme.CUSTOMER], PLACE)
    with pytest.raises(KeyNeeded):
        keyring.find(encryption, PLACE)
    other = CustomerKey(bytes(32))
    with pytest.raises(WrongKey):
        keyring.find(encryption, PLACE, other)
    # The remembered MD5 is a help for good error messages, not the lock.
    with pytest.raises(WrongKey):
        keyring.find({**encryption, "md5": other.md5}, PLACE, other)


def test_an_unknown_named_key_is_refused(keyring: Keyring) -> None:
    with pytest.raises(UnknownKey, match="nobody"):
        keyring.protect(Protection(Scheme.NAMED, "nobody"), PLACE)
    encryption, _ = keyring.protect(PROTECTIONS[Scheme.NAMED], PLACE)
    with pytest.raises(UnknownKey):
        keyring.find({**encryption, "key": "gone"}, PLACE)


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize(
    "place", [Place("bucket", "other"), Place("other", "key"), Place("bucketk", "ey")]
)
def test_a_wrapped_key_opens_at_its_own_place_only(
    keyring: Keyring, scheme: Scheme, place: Place
) -> None:
    encryption, _ = keyring.protect(PROTECTIONS[scheme], PLACE)
    with pytest.raises((WrongKey, LostKey)):
        keyring.find(encryption, place, brought(scheme))


async def test_a_wrapped_key_is_bound_to_what_is_remembered_with_it(keyring: Keyring) -> None:
    await keyring.store.create("other")
    encryption, _ = keyring.protect(PROTECTIONS[Scheme.NAMED], PLACE)
    for change in ({"key": "other"}, {"context": "e31="}, {"md5": "x"}):
        with pytest.raises(LostKey):
            keyring.find({**encryption, **change}, PLACE)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_flipped_bit_of_a_wrapped_key_is_noticed(choose: st.DataObject) -> None:
    key = DataKey(os.urandom(32), hides_md5=True)
    raw = bytearray(base64.b64decode(key.wrap(bytes(32), b"place", os.urandom)))
    bit = choose.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(WrongKey):
        DataKey.unwrap(base64.b64encode(raw).decode(), bytes(32), b"place", hides_md5=True)


@given(st.text(max_size=120))
def test_a_damaged_wrapped_key_is_a_wrong_key(text: str) -> None:
    with pytest.raises(WrongKey):
        DataKey.unwrap(text, bytes(32), b"place", hides_md5=True)


@given(st.lists(st.text(max_size=8), min_size=4, max_size=4))
def test_no_two_places_bind_alike(texts: list[str]) -> None:
    bound = Place(texts[0], texts[1]).bind(texts[2], texts[3])
    for joined in itertools.permutations(texts):
        same_texts = list(joined) == texts
        assert (Place(joined[0], joined[1]).bind(joined[2], joined[3]) == bound) is same_texts
    assert Place(texts[0] + texts[1], "").bind(texts[2], texts[3]) != bound or not texts[1]


def test_parts_share_nothing() -> None:
    key = DataKey(os.urandom(32), hides_md5=False)
    sealed = key.part(PART_ID, 1).seal(0, b"data", is_end=True)
    for part_id, number in ((bytes(15) + b"\x01", 1), (PART_ID, 2)):
        with pytest.raises(Tampered):
            key.part(part_id, number).open(0, sealed, is_end=True)


def test_etags() -> None:
    md5 = hashlib.md5(b"data").hexdigest()
    assert DataKey(bytes(32), hides_md5=False).etag(md5) == md5
    hidden = DataKey(bytes(32), hides_md5=True).etag(md5)
    assert len(bytes.fromhex(hidden)) == 16
    assert hidden != md5
    assert hidden == DataKey(bytes(32), hides_md5=True).etag(md5)
    assert hidden != DataKey(bytes(31) + b"\x01", hides_md5=True).etag(md5)


@pytest.mark.parametrize("scheme", Scheme)
def test_no_key_is_shown(keyring: Keyring, scheme: Scheme) -> None:
    secrets_seen: list[bytes] = []

    def random(size: int) -> bytes:
        secrets_seen.append(os.urandom(size))
        return secrets_seen[-1]

    watched = Keyring(keyring.store, random)
    protection = PROTECTIONS[scheme]
    encryption, key = watched.protect(protection, PLACE)
    hidden = [secrets_seen[0], CUSTOMERS.secret, keyring.store.current_master()[1]]
    hidden.append(keyring.store.named("named"))
    told = [repr(thing) for thing in (encryption, key, protection, watched, keyring.store)]
    told.append(repr(vars(keyring.store)))
    told += refusals(watched, encryption)
    for secret in hidden:
        assert_untold(secret, "\n".join(told))


def refusals(keyring: Keyring, encryption: Mapping[str, str]) -> list[str]:
    """Everything that errors say, with their causes and the values that tracebacks show."""
    told = []
    for broken in (encryption, {**encryption, "wrapped": "!"}, {**encryption, "key": "gone"}):
        for customers in (None, CUSTOMERS, replace(CUSTOMERS, secret=bytes(32))):
            try:
                keyring.find(broken, Place("other", "place"), customers)
            except CryptoError as error:
                told.append("".join(traceback.format_exception(error)))
    assert told
    return told


def assert_untold(secret: bytes, text: str) -> None:
    for form in (
        repr(secret)[2:-1],
        secret.hex(),
        base64.b64encode(secret).decode(),
        base64.urlsafe_b64encode(secret).decode(),
    ):
        assert form not in text
