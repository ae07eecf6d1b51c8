"""The audit knows encrypted parts by what is stored of them: it needs no key."""

from pathlib import Path

from coordinator.audit import Defect
from coordinator.crypto import Keyring, Protection, Scheme, open_key_store
from coordinator.objects import NewObject, ObjectKeys
from node.record import RecordKey
from tests.coordinator.audit.fakes import Md5, Store
from tests.coordinator.objects.fakes import body_of

DATA = bytes(range(251)) * 2


async def secret_store(directory: Path) -> Store:
    """A store with one encrypted object, whose key is lost."""
    store = await Store().start()
    keys = open_key_store(directory / "keys.json", clock_ms=lambda: 1)
    store.objects.keys = ObjectKeys(Keyring(keys))
    secret = NewObject("root", protection=Protection(Scheme.STORE))
    await store.objects.put(store.buckets["photos"], "secret", body_of(DATA), Md5(), secret)
    store.objects.keys = ObjectKeys()
    return store


async def test_what_is_sound(tmp_path: Path) -> None:
    store = await secret_store(tmp_path)
    for deep in (False, True):
        summary = (await store.audit(deep=deep)).summary
        assert (summary.parts, summary.whole) == (1, 1)


async def test_what_is_not_what_was_stored(tmp_path: Path) -> None:
    store = await secret_store(tmp_path)
    part = await store.part("secret")
    for shard in (0, 2):
        record = store.node(part, shard).records[RecordKey(part.part_id, shard, 0)]
        # Changed alike, so that the parity fits.
        store.rewrite(part, shard, 0, bytes([record[0] ^ 1]) + record[1:])
    (found,) = (await store.audit(deep=True)).findings
    assert found.flaw.defect is Defect.WRONG_DATA
