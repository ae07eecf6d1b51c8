"""What the catalog has to do when a run of segments is rewritten into one.

Rules:
1. One relocation at a time, on the maintenance thread; `apply` may run between its steps, and a
   record that dies meanwhile has died: only rows that still say what they said are moved.
2. `commit` is one transaction and durable, for the old segments are unlinked right after it.
3. Rows of the relocation wait in scratch tables in memory: some 50 bytes a record.
"""

from collections.abc import Sequence

from node.catalog import FIND, Catalog
from node.overlay import Location, Shard
from node.record import HEADER_SIZE, RecordKey


class Relocation:
    """See the module's rules. `victims` are the ids of the run, in order."""

    def __init__(self, catalog: Catalog, victims: Sequence[int]) -> None:
        self._catalog = catalog
        self._victims = victims
        self.abandon()  # what a failed one may have left

    def is_live(self, key: RecordKey, segment: int, offset: int) -> bool:
        """Whether the record lives exactly there, as of the last `apply`."""
        rows = self._catalog.query(FIND, (key.part_id, key.shard, key.stripe))
        return bool(rows) and rows[0][:2] == (segment, offset)

    def keep_record(self, key: RecordKey, old: Location, new_offset: int) -> None:
        """The record was copied."""
        self._catalog.query(
            "INSERT INTO moved VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key.part_id, key.shard, key.stripe, *old, new_offset),
        )

    def keep_tombstone(self, shard: Shard) -> bool:
        """Whether a tombstone of the shard must be copied: segments before the run hold dead
        records of it, and the run's tombstones so far were not of this shard."""
        added = self._catalog.query(
            "INSERT OR IGNORE INTO kept SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM residue"
            " WHERE part_id = ?1 AND shard = ?2 AND segment < ?3) RETURNING 1",
            (*shard, self._victims[0]),
        )
        return bool(added)

    def abandon(self) -> None:
        """Forget what was noted."""
        self._catalog.query("DELETE FROM moved")
        self._catalog.query("DELETE FROM kept")

    def commit(self, replacement: int | None) -> None:
        """Point everything at the rewritten segment (None: nothing in the run was worth keeping).

        Raises NodeFull, NodeFailed.
        """
        catalog, run = self._catalog, self._catalog.writer.execute
        with catalog.transaction(durable=True):
            cleared = run(
                "SELECT DISTINCT part_id, shard FROM residue WHERE segment BETWEEN ? AND ?",
                (self._victims[0], self._victims[-1]),
            ).fetchall()
            for victim in self._victims:
                run("DELETE FROM residue WHERE segment = ?", (victim,))
                run("DELETE FROM tombstone WHERE segment = ?", (victim,))
            if replacement is not None:
                self._move(replacement)
                kept = run("SELECT part_id, shard FROM kept").fetchall()
                catalog.add_tombstones((*shard, replacement) for shard in kept)
            for victim in self._victims:
                run("DELETE FROM segment WHERE id = ?", (victim,))
            for shard in cleared:
                self._release_tombstones(shard)
            self.abandon()

    def _move(self, replacement: int) -> None:
        run = self._catalog.writer.execute
        # What died while it was copied is dead weight in the new segment.
        run(
            "INSERT OR IGNORE INTO residue SELECT part_id, shard, ? FROM moved m WHERE NOT EXISTS"
            " (SELECT 1 FROM record r WHERE r.part_id = m.part_id AND r.shard = m.shard"
            " AND r.stripe = m.stripe AND r.segment = m.segment AND r.offset = m.offset)",
            (replacement,),
        )
        (live_bytes,) = run(
            "SELECT coalesce(sum(m.length), 0) FROM moved m CROSS JOIN record r"
            " USING (part_id, shard, stripe, segment, offset)"
        ).fetchone()
        run(
            "UPDATE record SET segment = ?, offset = m.new_offset FROM moved m"
            " WHERE record.part_id = m.part_id AND record.shard = m.shard"
            " AND record.stripe = m.stripe AND record.segment = m.segment"
            " AND record.offset = m.offset",
            (replacement,),
        )
        self._catalog.add_live([(replacement, live_bytes)])

    def _release_tombstones(self, shard: Shard) -> None:
        """Stop counting the shard's tombstones that have nothing left to hide."""
        released = self._catalog.writer.execute(
            "DELETE FROM tombstone AS t WHERE part_id = ? AND shard = ? AND NOT EXISTS"
            " (SELECT 1 FROM residue r WHERE r.part_id = t.part_id AND r.shard = t.shard"
            " AND r.segment < t.segment) RETURNING segment",
            shard,
        ).fetchall()
        self._catalog.add_live((segment, -HEADER_SIZE) for (segment,) in released)
