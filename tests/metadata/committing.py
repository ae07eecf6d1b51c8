"""A process that commits without end and says what was acknowledged: to be killed by a test.

Usage: python -m tests.metadata.committing FILE ROUND
"""

import asyncio
import sys

from metadata import SqliteStore, open_sqlite
from tests.metadata.making import make_part, make_version

WRITERS = 16


async def write(store: SqliteStore, round_name: str, writer: int) -> None:
    number = 0
    while True:
        number += 1
        key = f"{round_name}/{writer}/{number}"
        part_id = f"{round_name}-{writer}-{number}".encode().ljust(16, b".")
        part = make_part(nodes=(key,))
        part = type(part)(part_id, 1, 1, "", 1, 0, 1, (key,), 1)
        version = make_version(key, version_id=f"id of {key}")
        await store.put_version("b", version, [part])
        if number % 3 == 0:  # an overwrite of the one before, whose part must be reclaimed
            again = make_version(f"{round_name}/{writer}/{number - 1}", version_id=f"2nd {key}")
            await store.put_version("b", again, [])
        sys.stdout.write(f"{key}\n")
        sys.stdout.flush()


async def main(path: str, round_name: str) -> None:
    store = await open_sqlite(path)
    await asyncio.gather(*[write(store, round_name, writer) for writer in range(WRITERS)])


asyncio.run(main(sys.argv[1], sys.argv[2]))
