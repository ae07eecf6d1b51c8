"""Many shards in one statement.

Rules: a batch reaches SQLite as two values, so that one statement serves however many shards it
has. Run one by one in a thread, each would give the interpreter lock away and wait to get it back,
and a thousand of them would hold up every write for as long.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

PART_ID_BYTES: Final = 16


def table_of(*columns: str) -> str:
    """The batch as a table `n` in a FROM clause: `part_id` and these columns."""
    values = [f"json_extract(value, '$[{i}]') AS {name}" for i, name in enumerate(columns)]
    part_id = f"substr(:part_ids, key * {PART_ID_BYTES} + 1, {PART_ID_BYTES}) AS part_id"
    return f"(SELECT {', '.join([part_id, *values])} FROM json_each(:values)) AS n"


def batch_of(part_ids: Iterable[bytes], values: Sequence[Sequence[Any]]) -> dict[str, object]:
    """The parameters of `table_of`: for each shard its part's id, and a value for each column."""
    joined = b"".join(part_ids)
    assert len(joined) == PART_ID_BYTES * len(values), "a part id is 16 bytes"
    return {"part_ids": joined, "values": orjson.dumps(values).decode()}
