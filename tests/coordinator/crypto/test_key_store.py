"""The file of keys: private, whole, never overwritten, and the same after a restart."""

import asyncio
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.crypto import (
    KeyExists,
    KeyFileError,
    KeyStore,
    NamedKey,
    UnknownKey,
    is_key_id,
    open_key_store,
)


def opened(path: Path) -> KeyStore:
    return open_key_store(path, clock_ms=lambda: 1_700_000_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deeper" / "keys.json"


async def test_the_keys_outlive_the_process(path: Path) -> None:
    store = opened(path)
    made = await store.create("testkey-1")
    assert made == NamedKey("testkey-1", 1_700_000_000_000)
    again = opened(path)
    assert again.current_master() == store.current_master()
    assert again.named("testkey-1") == store.named("testkey-1")
    assert again.named_keys() == [made]
    assert again.master(again.current_master()[0]) == again.current_master()[1]


def test_only_the_owner_can_read_the_file(path: Path) -> None:
    store = opened(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    asyncio.run(store.create("one"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="0640"):
        opened(path)


async def test_keys_are_random_and_kinds_do_not_mix(path: Path) -> None:
    store = opened(path)
    await store.create("one")
    await store.create("two")
    assert len({store.named("one"), store.named("two"), store.current_master()[1]}) == 3
    with pytest.raises(UnknownKey):
        store.named(store.current_master()[0])
    with pytest.raises(UnknownKey):
        store.master("one")


async def test_a_key_is_never_replaced(path: Path) -> None:
    store = opened(path)
    answers = await asyncio.gather(
        *(store.create("same") for _ in range(5)),
        *(store.create(f"other-{number}") for number in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, KeyExists) for answer in answers) == 4
    again = opened(path)
    assert len(again.named_keys()) == 6
    assert again.named("same") == store.named("same")


def test_a_key_that_can_not_be_written_is_not_used(path: Path) -> None:
    store = opened(path)
    kept = path.read_bytes()
    path.unlink()
    path.mkdir()
    with pytest.raises(KeyFileError):
        asyncio.run(store.create("one"))
    with pytest.raises(UnknownKey):
        store.named("one")
    path.rmdir()
    path.write_bytes(kept)
    path.chmod(0o600)
    assert asyncio.run(store.create("one")) in opened(path).named_keys()


def damaged(path: Path, text: bytes) -> str:
    """What the refusal says; the file stays as it is."""
    path.write_bytes(text)
    with pytest.raises(KeyFileError) as caught:
        opened(path)
    assert path.read_bytes() == text
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_a_damaged_file_is_refused_and_kept(path: Path) -> None:
    opened(path)
    whole = path.read_bytes()
    document = json.loads(whole)
    master = next(iter(document["masters"].values()))
    changed: list[object] = [
        {**document, "format": 2},
        {**document, "current": "another"},
        {**document, "named": []},
        {**document, "named": {"one": {"key": "c2hvcnQ=", "created_at_ms": 1}}},
        {**document, "named": {"one": {"key": 7, "created_at_ms": 1}}},
        {**document, "named": {"one": {"key": master["key"]}}},
        [],
        None,
    ]
    for text in (b"", whole[:-9], b"\xff", *(json.dumps(each).encode() for each in changed)):
        assert master["key"] not in damaged(path, text)


@given(st.binary(max_size=200))
def test_what_is_no_key_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, text: bytes
) -> None:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    path.touch(mode=0o600)
    damaged(path, text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("testkey-1", True),
        ("aws/s3", True),
        ("alias/my_key", True),
        ("arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", True),
        ("a" * 256, True),
        ("a" * 257, False),
        ("", False),
        (" a", False),
        ("-a", False),
        ("a b", False),
        ("a\n", False),
        ("ä", False),
    ],
)
def test_names_of_keys(text: str, is_one: bool) -> None:
    assert is_key_id(text) is is_one
