"""The framing of batches: what one end packs the other unpacks, and nothing else passes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.errors import RecordDamaged
from node.protocol import (
    ANSWER_HEAD_SIZE,
    KEY_SIZE,
    MAX_BATCH_KEYS,
    Outcome,
    format_cursor,
    pack_answer_head,
    pack_record_keys,
    pack_shard_keys,
    parse_cursor,
    split_records,
    unpack_answers,
    unpack_record_keys,
    unpack_shard_keys,
)
from node.record import HEADER_SIZE, Kind, RecordKey, ShardKey, check_payload, encode_header
from tests.node.records import answer_body

part_ids = st.binary(min_size=16, max_size=16)
shards = st.integers(0, 254)
record_keys = st.builds(RecordKey, part_ids, shards, st.integers(0, 2**32 - 1))
shard_keys = st.builds(ShardKey, part_ids, shards)
payloads = st.binary(max_size=200)
KEY = RecordKey(b"p" * 16, 1, 2)


@settings(max_examples=50)
@given(st.lists(record_keys, max_size=20))
def test_record_keys_come_back(keys):
    body = pack_record_keys(keys)
    assert len(body) == KEY_SIZE * len(keys)
    assert unpack_record_keys(body) == keys


@settings(max_examples=50)
@given(st.lists(shard_keys, max_size=20))
def test_shard_keys_come_back(keys):
    assert unpack_shard_keys(memoryview(pack_shard_keys(keys))) == keys


@pytest.mark.parametrize("unpack", [unpack_record_keys, unpack_shard_keys])
def test_keys_have_a_size_and_a_limit(unpack):
    with pytest.raises(ValueError, match="whole number"):
        unpack(b"x" * (KEY_SIZE + 1))
    with pytest.raises(ValueError, match="at most"):
        unpack(bytes(KEY_SIZE * (MAX_BATCH_KEYS + 1)))


def test_a_shard_key_with_a_stripe_is_refused():
    with pytest.raises(ValueError, match="stripe"):
        unpack_shard_keys(pack_record_keys([KEY]))


@settings(max_examples=50)
@given(shard_keys)
def test_cursors_come_back(key):
    assert parse_cursor(format_cursor(key)) == key


@pytest.mark.parametrize("text", ["", "zz" * 17, "00" * 16, "00" * 18])
def test_bad_cursors(text):
    with pytest.raises(ValueError):
        parse_cursor(text)


@settings(max_examples=50)
@given(st.lists(st.tuples(record_keys, payloads), max_size=8))
def test_records_come_back_without_a_copy(items):
    body = b"".join(encode_header(key, payload) + payload for key, payload in items)
    records = split_records(body)
    assert [(header.key, bytes(payload)) for header, payload in records] == items
    for header, payload in records:
        assert payload.obj is body
        check_payload(header, payload)


@settings(max_examples=100)
@given(payloads, st.data())
def test_a_body_cut_anywhere_but_between_records_is_refused(payload, data):
    record = encode_header(KEY, payload) + payload
    at = data.draw(st.integers(1, len(record) - 1))
    with pytest.raises((RecordDamaged, ValueError)):
        split_records(record + record[:at])


@settings(max_examples=100)
@given(st.integers(0, HEADER_SIZE * 8 - 1))
def test_a_flipped_bit_in_a_header_is_noticed(bit):
    record = bytearray(encode_header(KEY, b"abc") + b"abc")
    record[bit // 8] ^= 1 << bit % 8
    with pytest.raises(RecordDamaged):
        split_records(record)


def test_tombstones_and_endless_batches_are_refused():
    with pytest.raises(ValueError, match="data records"):
        split_records(encode_header(KEY, b"", Kind.TOMBSTONE))
    with pytest.raises(ValueError, match="more than"):
        split_records(encode_header(KEY, b"") * (MAX_BATCH_KEYS + 1))


answers = st.lists(
    st.one_of(payloads, st.sampled_from([Outcome.MISSING, Outcome.DAMAGED])), max_size=10
)


@settings(max_examples=100)
@given(answers)
def test_answers_come_back_without_a_copy(given_answers):
    body = answer_body(given_answers)
    unpacked = unpack_answers(body, len(given_answers))
    assert unpacked == given_answers
    assert all(view.obj is body for view in unpacked if isinstance(view, memoryview))


@settings(max_examples=100)
@given(answers, st.data())
def test_answers_cut_short_or_too_long_or_miscounted_are_refused(given_answers, data):
    body = answer_body(given_answers)
    count = len(given_answers)
    for wrong in (body + b"\0", *([body[:-1]] if body else [])):
        with pytest.raises(ValueError):
            unpack_answers(wrong, count)
    with pytest.raises(ValueError):
        unpack_answers(body, count + 1)
    if count:
        with pytest.raises(ValueError):
            unpack_answers(body, count - 1)


def test_answers_with_an_unknown_or_contradictory_head_are_refused():
    head = bytearray(pack_answer_head(Outcome.MISSING))
    assert len(head) == ANSWER_HEAD_SIZE
    head[0] = 9
    with pytest.raises(ValueError):
        unpack_answers(head, 1)
    with pytest.raises(ValueError, match="carries"):
        unpack_answers(pack_answer_head(Outcome.MISSING, 1) + b"x", 1)
