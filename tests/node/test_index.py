"""The index: layers before the catalog, and flushes that fail."""

import pytest

from node.catalog import KEYS_PER_QUERY
from node.errors import NodeFailed, NodeFull
from node.overlay import Location
from node.protocol import Outcome
from tests.node.records import abandon, delete, get, key, open_store, put
from tests.node.simulated_disk import SimulatedDisk


@pytest.fixture
def store(tmp_path):
    store = open_store(SimulatedDisk(), tmp_path)
    yield store
    abandon(store)


def test_the_newest_layer_decides(store):
    put(store, key(1, 0, 0), b"a")
    put(store, key(1, 0, 1), b"b")
    store.index.flush()
    delete(store, key(1))
    put(store, key(1, 0, 1), b"c")
    for _ in range(2):
        assert [get(store, key(1, 0, stripe)) for stripe in (0, 1, 2)] == [
            Outcome.MISSING,
            b"c",
            Outcome.MISSING,
        ]
        store.index.flush()
    assert store.index.pending == 0


def test_many_keys_are_found_like_one(store):
    """More than one query takes, some twice; in the catalog, in a layer, deleted, unknown."""
    for number in range(2 * KEYS_PER_QUERY + 3):
        put(store, key(number))
    store.index.flush()
    delete(store, key(3))
    put(store, key(4), b"again")
    put(store, key(1000))
    keys = [key(number) for number in (*range(2 * KEYS_PER_QUERY + 5), 1000, 3, 4, 5)]
    found = store.index.find_all(keys)
    assert found == [(wanted, store.index.find(wanted)) for wanted in keys]
    missing = {wanted for wanted, location in found if location is None}
    assert missing == {key(3), key(2 * KEYS_PER_QUERY + 3), key(2 * KEYS_PER_QUERY + 4)}


def test_a_flush_that_finds_the_disk_full_loses_nothing(store):
    for number in range(10):
        put(store, key(number))
    store.index.flush()
    delete(store, key(3))
    for number in range(10, 300):
        put(store, key(number))
    run = store.index.catalog.writer.execute
    (pages,) = run("PRAGMA page_count").fetchone()
    run(f"PRAGMA max_page_count = {pages}")
    for _ in range(2):
        with pytest.raises(NodeFull):
            store.index.flush()
        put(store, key(1000))
        assert get(store, key(3)) is Outcome.MISSING
        assert get(store, key(299)) == get(store, key(1000)) == b"payload"
    run("PRAGMA max_page_count = 1000000")
    store.index.flush()
    store.index.flush()
    assert store.index.pending == 0
    assert store.stats()["records"] == 300
    assert get(store, key(3)) is Outcome.MISSING


def test_a_broken_index_is_an_error_of_the_node_not_a_missing_record(store):
    put(store, key(1))
    store.index.flush()
    store.index.catalog.writer.execute("DROP TABLE record")
    with pytest.raises(NodeFailed, match="index"):
        get(store, key(1))


def test_an_index_that_broke_while_in_use_is_not_believed_after_a_clean_stop(tmp_path):
    disk = SimulatedDisk()
    store = open_store(disk, tmp_path)
    for number in range(2000):
        put(store, key(number))
    store.close()
    disk.stop()
    path = tmp_path / "index.db"
    data = bytearray(path.read_bytes())
    everything = slice(4096, len(data))
    leaves = slice(len(data) // 4096 // 2 * 4096, len(data))
    for damaged in (everything, leaves):
        broken = bytearray(data)
        broken[damaged] = b"\xa5" * (damaged.stop - damaged.start)
        path.write_bytes(broken)
        store = open_store(disk, tmp_path)
        if damaged is leaves:
            with pytest.raises(NodeFailed):
                store.reader.locate(key(number) for number in range(2000))
        store.close()
        disk.stop()
    store = open_store(disk, tmp_path)
    assert all(get(store, key(number)) == b"payload" for number in range(2000))
    store.close()


def test_counts_follow_overwrites_and_deletes(store):
    for stripe in range(4):
        put(store, key(1, 0, stripe), b"x" * 10)
    put(store, key(1, 0, 3), b"y" * 20)
    put(store, key(2))
    totals = store.stats()
    assert (totals["records"], totals["shards"]) == (5, 2)
    assert totals["live_bytes"] == 3 * 66 + 76 + 63
    delete(store, key(1))
    delete(store, key(77))
    totals = store.stats()
    assert (totals["records"], totals["shards"], totals["live_bytes"]) == (1, 1, 63)
    assert store.index.find(key(2)) == Location(1 << 16, 4 * 66 + 76, 63)
