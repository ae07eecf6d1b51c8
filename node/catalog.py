"""The index on disk: a SQLite file that can be thrown away and rebuilt from the segments.

Rules:
1. The file says, in one transaction, what the log says up to `watermark`; at start the log is
   scanned from there. It is therefore never synced per batch. In WAL mode with synchronous=NORMAL
   it is consistent after a crash, only older; after an unclean stop it is checked all the same, and
   anything doubtful means: start empty, scan everything.
2. Before compaction unlinks a segment the change is durable (synchronous=FULL): however far the
   file falls back, it never points into a segment that was removed.
3. `residue` names the segments that still hold dead records of a shard. A tombstone is needed while
   an older segment has residue of its shard, and only then; needed tombstones count as live bytes.
4. Two connections: `find_all` has its own, for whoever looks up; all else belongs to the
   maintenance thread.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from node.errors import NodeFailed, NodeFull
from node.overlay import Layer, Location, Shard
from node.record import HEADER_SIZE, RecordKey
from node.schema import connect, open_catalog

KEYS_PER_QUERY: Final = 16
"""Each query locks the file and looks for changes, which costs more than finding a record."""

_PLACE: Final = "segment, offset, length FROM record WHERE part_id = ? AND shard = ? AND stripe = ?"
FIND: Final = f"SELECT {_PLACE}"
_FIND_MANY: Final = [
    " UNION ALL ".join([f"SELECT part_id, shard, stripe, {_PLACE}"] * count)
    for count in range(KEYS_PER_QUERY + 1)
]


class Totals(NamedTuple):
    """Counts over the whole index."""

    records: int
    shards: int
    live_bytes: int


class ShardListing(NamedTuple):
    """A shard in the inventory: how many units it has here and their bytes, headers included."""

    part_id: bytes
    shard: int
    records: int
    stored_bytes: int


class Catalog:
    """See the module's rules. Opens the file at `path`, made anew if it is not usable."""

    def __init__(self, path: Path, store_id: str) -> None:
        self.writer = open_catalog(path, store_id)
        self._reader = connect(path)
        self._reader_lock = threading.Lock()
        self._is_doubtful = False
        self.durable_commits = 0
        """Until the next one the file may fall back to what it was at any time since the last."""

    def close(self, *, clean: bool) -> None:
        """Release the file; `clean` (it holds all the log says) spares the check at start."""
        try:
            if clean and not self._is_doubtful:
                with self.transaction(durable=True):
                    self.writer.execute("UPDATE meta SET clean = 1")
        finally:
            self._reader.close()
            self.writer.close()

    # looking up -------------------------------------------------------------------------------
    def find_all(self, keys: Sequence[RecordKey]) -> dict[tuple[bytes, int, int], Location]:
        """Where those of the records lie that live. Raises NodeFailed."""
        rows: list[Any] = []
        for start in range(0, len(keys), KEYS_PER_QUERY):
            asked = keys[start : start + KEYS_PER_QUERY]
            fields = [field for key in asked for field in key]
            try:
                with self._reader_lock:
                    rows += self._reader.execute(_FIND_MANY[len(asked)], fields)
            except sqlite3.Error as error:
                raise self._mapped(error) from error
        return {row[:3]: Location(*row[3:]) for row in rows}

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        """All rows of one statement. Raises NodeFull, NodeFailed."""
        try:
            return self.writer.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._mapped(error) from error

    def _mapped(self, error: sqlite3.Error) -> NodeFull | NodeFailed:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return NodeFull("disk full while writing the index")
        # Not marked clean, the file is checked at the next start, and rebuilt if need be.
        self._is_doubtful = True
        return NodeFailed(f"the index failed: {error}")

    @property
    def watermark(self) -> tuple[int, int]:
        """The log position (segment id, offset) up to which the file is valid."""
        ((segment, offset),) = self.query("SELECT segment, offset FROM meta")
        return segment, offset

    def live_bytes(self) -> dict[int, int]:
        """Live bytes (records and needed tombstones) of each segment with records up to the
        watermark; one whose records are all dead is there with 0."""
        return dict(self.query("SELECT id, live_bytes FROM segment"))

    def totals(self) -> Totals:
        """As of the last `apply`."""
        (row,) = self.query(
            "SELECT records, shards, (SELECT coalesce(sum(live_bytes), 0) FROM segment) FROM meta"
        )
        return Totals(*row)

    def shards_after(self, after: Shard | None, limit: int) -> list[ShardListing]:
        """Shards in order, as of the last `apply`."""
        rows = self.query(
            "SELECT part_id, shard, count(*), sum(length) FROM record"
            " WHERE (part_id, shard) > (?, ?) GROUP BY part_id, shard"
            " ORDER BY part_id, shard LIMIT ?",
            (*(after or (b"", -1)), limit),
        )
        return [ShardListing(*row) for row in rows]

    def records_after(
        self, after: RecordKey | None, limit: int
    ) -> Iterator[tuple[RecordKey, Location]]:
        """Records in key order, as of the last `apply`."""
        start = (after.part_id, after.shard, after.stripe) if after else (b"", -1, -1)
        rows = self.query(
            "SELECT part_id, shard, stripe, segment, offset, length FROM record"
            " WHERE (part_id, shard, stripe) > (?, ?, ?)"
            " ORDER BY part_id, shard, stripe LIMIT ?",
            (*start, limit),
        )
        for part_id, shard, stripe, *location in rows:
            yield RecordKey(part_id, shard, stripe), Location(*location)

    # following the log ------------------------------------------------------------------------
    def apply(self, layer: Layer, watermark: tuple[int, int]) -> None:
        """Take the layer over, and with it the log up to `watermark`, or change nothing.

        Raises NodeFull, NodeFailed.
        """
        if not layer.size and watermark == self.watermark:
            return
        with self.transaction():
            self._write_layer(layer)
            self.writer.execute("UPDATE meta SET segment = ?, offset = ?", watermark)

    def _write_layer(self, layer: Layer) -> None:
        run, many = self.writer.execute, self.writer.executemany
        many("INSERT INTO touched VALUES (?, ?)", layer.shards)
        many(
            "INSERT INTO deleted VALUES (?, ?)",
            (shard for shard, changes in layer.shards.items() if changes.deleted),
        )
        many(
            "INSERT INTO incoming VALUES (?, ?, ?, ?, ?, ?)",
            (
                (*shard, stripe, *location)
                for shard, changes in layer.shards.items()
                for stripe, location in changes.stripes.items()
            ),
        )
        self.add_live((segment, 0) for segment in layer.segments)
        shards_before = self._count_touched()
        many("INSERT OR IGNORE INTO residue VALUES (?, ?, ?)", layer.residues)
        gone = self._retire("deleted CROSS JOIN record r USING (part_id, shard)")
        many(
            "DELETE FROM record WHERE part_id = ? AND shard = ?",
            run("SELECT * FROM deleted").fetchall(),
        )
        gone += self._retire("incoming i CROSS JOIN record r USING (part_id, shard, stripe)")
        run("INSERT OR REPLACE INTO record SELECT * FROM incoming")
        added = run("SELECT segment, count(*), sum(length) FROM incoming GROUP BY 1").fetchall()
        self.add_live((segment, size) for segment, _, size in added)
        self.add_tombstones(layer.tombstones)
        run(
            "UPDATE meta SET records = records + ?, shards = shards + ?",
            (sum(count for _, count, _ in added) - gone, self._count_touched() - shards_before),
        )
        for table in ("touched", "deleted", "incoming"):
            run(f"DELETE FROM {table}")

    def _count_touched(self) -> int:
        (count,) = self.writer.execute(
            "SELECT count(*) FROM touched t WHERE EXISTS (SELECT 1 FROM record r"
            " WHERE r.part_id = t.part_id AND r.shard = t.shard)"
        ).fetchone()
        return int(count)

    def _retire(self, dying: str) -> int:
        """Note the residue and the lost live bytes of records about to go; how many they are."""
        run = self.writer.execute
        run(f"INSERT OR IGNORE INTO residue SELECT part_id, shard, r.segment FROM {dying}")
        lost = run(
            f"SELECT r.segment, count(*), sum(r.length) FROM {dying} GROUP BY r.segment"
        ).fetchall()
        self.add_live((segment, -size) for segment, _, size in lost)
        return sum(count for _, count, _ in lost)

    def add_live(self, changes: Iterable[tuple[int, int]]) -> None:
        self.writer.executemany(
            "INSERT INTO segment VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET live_bytes = live_bytes + excluded.live_bytes",
            changes,
        )

    def add_tombstones(self, tombstones: Iterable[tuple[bytes, int, int]]) -> None:
        """Remember those that are needed: an older segment holds dead records of the shard."""
        run = self.writer.execute
        self.writer.executemany("INSERT INTO fresh VALUES (?, ?, ?)", tombstones)
        needed = run(
            "INSERT OR IGNORE INTO tombstone SELECT * FROM fresh f WHERE EXISTS (SELECT 1"
            " FROM residue r WHERE r.part_id = f.part_id AND r.shard = f.shard"
            " AND r.segment < f.segment) RETURNING segment"
        ).fetchall()
        self.add_live((segment, HEADER_SIZE) for (segment,) in needed)
        run("DELETE FROM fresh")

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        writer = self.writer
        try:
            if durable:
                writer.execute("PRAGMA synchronous = FULL")
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
            self.durable_commits += durable
        except sqlite3.Error as error:
            raise self._mapped(error) from error
        finally:
            if durable:
                writer.execute("PRAGMA synchronous = NORMAL")
