-- Healing. A task knows its holder and what its part can spare, so that the most endangered shards
-- of a node are one seek away; counts by holder replace the two totals of tasks. Tasks that stood
-- are kept, but for those of shards that no part has: they could never be done.

ALTER TABLE nodes ADD COLUMN standing TEXT NOT NULL DEFAULT 'member';
ALTER TABLE nodes ADD COLUMN is_draining INTEGER NOT NULL DEFAULT 0;

-- What workers remember over a restart.
CREATE TABLE notes (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A shard that moved leaves its former copy behind while its part lives on: the index finds those,
-- and the many reclaims of dropped parts cost it nothing.
ALTER TABLE reclaims ADD COLUMN is_moved INTEGER NOT NULL DEFAULT 0;
CREATE INDEX reclaims_of_moved ON reclaims (part_id, shard, node_id) WHERE is_moved = 1;

ALTER TABLE repairs RENAME TO former_repairs;

-- `node_id` is the holder, parts.nodes[shard]; `target` where a 'move' goes, '' for a 'rebuild';
-- `spare` is m less the part's rebuilds; `bytes` what the shard takes.
CREATE TABLE repairs (
    part_id       BLOB NOT NULL,
    shard         INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    node_id       TEXT NOT NULL,
    target        TEXT NOT NULL,
    reason        TEXT NOT NULL,
    state         TEXT NOT NULL,
    spare         INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    PRIMARY KEY (part_id, shard)
) STRICT, WITHOUT ROWID;

INSERT INTO repairs (part_id, shard, kind, node_id, target, reason, state, spare, attempts,
                     created_at_ms, not_before_ms, bytes)
SELECT part_id, shard, 'rebuild', node_id, '', reason, state,
       m - count(*) OVER (PARTITION BY part_id), attempts, created_at_ms, 0, bytes
FROM (
    SELECT r.part_id, r.shard, r.reason, r.state, r.attempts, r.created_at_ms, p.m,
           (p.size + p.k - 1) / p.k AS bytes,
           json_extract('["' || replace(p.nodes, ',', '","') || '"]', '$[' || r.shard || ']')
               AS node_id
    FROM former_repairs r JOIN parts p ON p.part_id = r.part_id
    WHERE p.size > 0)
WHERE node_id IS NOT NULL;

DROP TABLE former_repairs;

-- Within each number of spare shards: what may be tried first.
CREATE INDEX repairs_due
    ON repairs (node_id, spare, not_before_ms, created_at_ms, part_id, shard)
    WHERE state = 'queued';
CREATE INDEX repairs_by_danger ON repairs (state, spare, created_at_ms, part_id, shard);
CREATE INDEX repairs_put_off ON repairs (not_before_ms) WHERE not_before_ms > 0;

-- Kept by the triggers below. Rows stay when they reach 0: there are few nodes.
CREATE TABLE repair_counts (
    node_id TEXT NOT NULL,
    kind    TEXT NOT NULL,
    state   TEXT NOT NULL,
    tasks   INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (node_id, kind, state)
) STRICT, WITHOUT ROWID;

INSERT INTO repair_counts (node_id, kind, state, tasks, bytes)
SELECT node_id, kind, state, count(*), sum(bytes) FROM repairs GROUP BY node_id, kind, state;

ALTER TABLE totals DROP COLUMN repair_queued;
ALTER TABLE totals DROP COLUMN repair_dead;

CREATE TRIGGER repair_added AFTER INSERT ON repairs BEGIN
    INSERT INTO repair_counts (node_id, kind, state, tasks, bytes)
    VALUES (NEW.node_id, NEW.kind, NEW.state, 1, NEW.bytes)
    ON CONFLICT (node_id, kind, state) DO UPDATE SET
        tasks = tasks + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER repair_removed AFTER DELETE ON repairs BEGIN
    UPDATE repair_counts SET tasks = tasks - 1, bytes = bytes - OLD.bytes
    WHERE node_id = OLD.node_id AND kind = OLD.kind AND state = OLD.state;
END;
CREATE TRIGGER repair_changed AFTER UPDATE OF kind, state ON repairs
WHEN NEW.kind <> OLD.kind OR NEW.state <> OLD.state BEGIN
    UPDATE repair_counts SET tasks = tasks - 1, bytes = bytes - OLD.bytes
    WHERE node_id = OLD.node_id AND kind = OLD.kind AND state = OLD.state;
    INSERT INTO repair_counts (node_id, kind, state, tasks, bytes)
    VALUES (NEW.node_id, NEW.kind, NEW.state, 1, NEW.bytes)
    ON CONFLICT (node_id, kind, state) DO UPDATE SET
        tasks = tasks + 1, bytes = bytes + excluded.bytes;
END;

-- A rebuild more or less changes what the part's other tasks know of it. A new row that is the
-- part's only one, as most are, brings the right number along and is written once.
CREATE TRIGGER rebuild_added AFTER INSERT ON repairs
WHEN NEW.kind = 'rebuild'
    AND EXISTS (SELECT 1 FROM repairs WHERE part_id = NEW.part_id AND shard <> NEW.shard) BEGIN
    UPDATE repairs SET spare = (SELECT m FROM parts WHERE part_id = NEW.part_id)
        - (SELECT count(*) FROM repairs WHERE part_id = NEW.part_id AND kind = 'rebuild')
    WHERE part_id = NEW.part_id;
END;
CREATE TRIGGER move_became_rebuild AFTER UPDATE OF kind ON repairs
WHEN NEW.kind <> OLD.kind BEGIN
    UPDATE repairs SET spare = spare - 1 WHERE part_id = NEW.part_id;
END;
CREATE TRIGGER rebuild_removed AFTER DELETE ON repairs WHEN OLD.kind = 'rebuild' BEGIN
    UPDATE repairs SET spare = spare + 1 WHERE part_id = OLD.part_id;
END;
