"""Small makers that the node's tests share."""

from collections.abc import Sequence
from pathlib import Path

from node.batch import append_of, delete_of
from node.disk import Disk
from node.protocol import Outcome, pack_answer_head, unpack_answers
from node.record import HEADER_SIZE, RecordKey, ShardKey, encode_header
from node.store import Store, StoreOptions

STORE_ID = "store-of-the-test"


def key(number: int, shard: int = 0, stripe: int = 0) -> RecordKey:
    return RecordKey(number.to_bytes(16, "big"), shard, stripe)


def record(record_key: RecordKey, payload: bytes = b"payload") -> bytes:
    return encode_header(record_key, payload) + payload


def open_store(disk: Disk, directory: Path, **options: object) -> Store:
    defaults = {"segment_size_bytes": 4096, "padding_bytes": 256, "free_floor_bytes": 0}
    return Store(disk, directory / "index.db", STORE_ID, StoreOptions(**defaults | options))


def put(store: Store, record_key: RecordKey, payload: bytes = b"payload") -> None:
    assert store.commit([append_of(record(record_key, payload))]) == [None]


def delete(store: Store, record_key: RecordKey) -> None:
    assert store.commit([delete_of([ShardKey(record_key.part_id, record_key.shard)])]) == [None]


def get(store: Store, record_key: RecordKey) -> bytes | Outcome:
    body = store.reader.fill(store.reader.locate([record_key]))
    (answer,) = unpack_answers(body, 1)
    return answer if isinstance(answer, Outcome) else bytes(answer[HEADER_SIZE:])


def answer_body(answers: Sequence[bytes | Outcome]) -> bytes:
    """What a node answers to a read: a whole record stands for FOUND."""
    return b"".join(
        pack_answer_head(answer)
        if isinstance(answer, Outcome)
        else pack_answer_head(Outcome.FOUND, len(answer)) + answer
        for answer in answers
    )


def abandon(store: Store) -> None:
    """What a killed process leaves: the index file as it is, unflushed."""
    store.index.catalog.close(clean=False)


def compact(store: Store) -> int:
    """Compact until nothing is worth it; how many runs were rewritten."""
    count = 0
    while run := store.compactor.choose():
        for _ in store.compactor.rewrite(run):
            pass
        count += 1
        assert count < 100
    return count
