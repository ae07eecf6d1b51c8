-- The first schema. Rules: keys are BLOBs holding UTF-8, so that they compare byte by byte and may
-- hold any character; times are milliseconds; a reference is a plain column, and the conformance
-- suite and the state machine check that none dangles.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE nodes (
    node_id  TEXT PRIMARY KEY,
    url      TEXT NOT NULL,
    zone     TEXT NOT NULL,
    weight   REAL NOT NULL,
    store_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    user_id       TEXT PRIMARY KEY,
    display_name  TEXT NOT NULL,
    is_root       INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE access_keys (
    access_key    TEXT PRIMARY KEY,
    secret_key    TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_keys_of_user ON access_keys (user_id, access_key);

-- AUTOINCREMENT: an id that was given out is never given out again.
CREATE TABLE buckets (
    bucket_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    owner_id      TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    region        TEXT NOT NULL
) STRICT;
CREATE INDEX buckets_of_owner ON buckets (owner_id, name);

-- `attributes` is JSON: {"headers": {}, "user": {}, "checksums": {}}, empty ones left out.
CREATE TABLE versions (
    sequence         INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id       TEXT NOT NULL UNIQUE,
    bucket_id        INTEGER NOT NULL,
    key              BLOB NOT NULL,
    size             INTEGER NOT NULL,
    etag             TEXT NOT NULL,
    created_at_ms    INTEGER NOT NULL,
    owner_id         TEXT NOT NULL,
    attributes       TEXT NOT NULL,
    part_count       INTEGER NOT NULL,
    is_delete_marker INTEGER NOT NULL,
    is_null          INTEGER NOT NULL
) STRICT;
CREATE INDEX versions_of_key ON versions (bucket_id, key, sequence);
-- Finds the one null version of a key without walking its history.
CREATE INDEX null_version_of_key ON versions (bucket_id, key) WHERE is_null = 1;

-- The current version of each key, unless that is a delete marker: listing and look-ups seek here.
CREATE TABLE objects (
    bucket_id INTEGER NOT NULL,
    key       BLOB NOT NULL,
    sequence  INTEGER NOT NULL,
    PRIMARY KEY (bucket_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE uploads (
    upload_id     TEXT PRIMARY KEY,
    bucket_id     INTEGER NOT NULL,
    key           BLOB NOT NULL,
    owner_id      TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    attributes    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX uploads_of_key ON uploads (bucket_id, key, upload_id);

-- `version_id` is that of a version or of an upload: completing an upload moves no part.
-- `nodes` is the comma-joined ids of the nodes in shard order: the only record of where shards are.
-- `checksums` is a JSON object, or '' for none.
CREATE TABLE parts (
    part_id       BLOB PRIMARY KEY,
    version_id    TEXT NOT NULL,
    number        INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    etag          TEXT NOT NULL,
    k             INTEGER NOT NULL,
    m             INTEGER NOT NULL,
    unit_size     INTEGER NOT NULL,
    nodes         TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    "offset"      INTEGER NOT NULL,
    checksums     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX parts_of_version ON parts (version_id, number);
-- Where a range read starts in a version of many parts; a plain object costs nothing here.
CREATE INDEX later_parts_by_offset ON parts (version_id, "offset", number) WHERE "offset" > 0;

CREATE TABLE repairs (
    part_id       BLOB NOT NULL,
    shard         INTEGER NOT NULL,
    reason        TEXT NOT NULL,
    state         TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (part_id, shard)
) STRICT, WITHOUT ROWID;
CREATE INDEX repairs_by_age ON repairs (state, created_at_ms, part_id, shard);

CREATE TABLE reclaims (
    node_id       TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    part_id       BLOB NOT NULL,
    shard         INTEGER NOT NULL,
    PRIMARY KEY (node_id, created_at_ms, part_id, shard)
) STRICT, WITHOUT ROWID;

-- One row of counts, kept by the triggers below: no mutation can forget them.
CREATE TABLE totals (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    buckets       INTEGER NOT NULL DEFAULT 0,
    objects       INTEGER NOT NULL DEFAULT 0,
    bytes         INTEGER NOT NULL DEFAULT 0,
    uploads       INTEGER NOT NULL DEFAULT 0,
    repair_queued INTEGER NOT NULL DEFAULT 0,
    repair_dead   INTEGER NOT NULL DEFAULT 0,
    reclaims      INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO totals (id) VALUES (1);

CREATE TRIGGER bucket_added AFTER INSERT ON buckets BEGIN
    UPDATE totals SET buckets = buckets + 1;
END;
CREATE TRIGGER bucket_removed AFTER DELETE ON buckets BEGIN
    UPDATE totals SET buckets = buckets - 1;
END;
CREATE TRIGGER object_added AFTER INSERT ON objects BEGIN
    UPDATE totals SET objects = objects + 1;
END;
CREATE TRIGGER object_removed AFTER DELETE ON objects BEGIN
    UPDATE totals SET objects = objects - 1;
END;
CREATE TRIGGER version_added AFTER INSERT ON versions BEGIN
    UPDATE totals SET bytes = bytes + NEW.size;
END;
CREATE TRIGGER version_removed AFTER DELETE ON versions BEGIN
    UPDATE totals SET bytes = bytes - OLD.size;
END;
CREATE TRIGGER upload_added AFTER INSERT ON uploads BEGIN
    UPDATE totals SET uploads = uploads + 1;
END;
CREATE TRIGGER upload_removed AFTER DELETE ON uploads BEGIN
    UPDATE totals SET uploads = uploads - 1;
END;
CREATE TRIGGER repair_added AFTER INSERT ON repairs BEGIN
    UPDATE totals SET repair_queued = repair_queued + (NEW.state = 'queued'),
                      repair_dead = repair_dead + (NEW.state = 'dead');
END;
CREATE TRIGGER repair_removed AFTER DELETE ON repairs BEGIN
    UPDATE totals SET repair_queued = repair_queued - (OLD.state = 'queued'),
                      repair_dead = repair_dead - (OLD.state = 'dead');
END;
CREATE TRIGGER repair_changed AFTER UPDATE OF state ON repairs BEGIN
    UPDATE totals SET
        repair_queued = repair_queued + (NEW.state = 'queued') - (OLD.state = 'queued'),
        repair_dead = repair_dead + (NEW.state = 'dead') - (OLD.state = 'dead');
END;
CREATE TRIGGER reclaim_added AFTER INSERT ON reclaims BEGIN
    UPDATE totals SET reclaims = reclaims + 1;
END;
CREATE TRIGGER reclaim_removed AFTER DELETE ON reclaims BEGIN
    UPDATE totals SET reclaims = reclaims - 1;
END;
