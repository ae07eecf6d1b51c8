"""Where a scrub goes on: a record key as text."""

from node.record import RecordKey

_SIZE = 21


def format_record_cursor(key: RecordKey) -> str:
    """Part id, shard and stripe in hex: sorts as the keys do."""
    return f"{key.part_id.hex()}{key.shard:02x}{key.stripe:08x}"


def parse_record_cursor(text: str) -> RecordKey:
    """The other way round. Raises ValueError."""
    data = bytes.fromhex(text)
    if len(data) != _SIZE:
        raise ValueError(f"a cursor is {2 * _SIZE} hex digits, got {len(text)}")
    return RecordKey(data[:16], data[16], int.from_bytes(data[17:], "big"))
