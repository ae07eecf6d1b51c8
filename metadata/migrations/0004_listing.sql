-- What a listing tells of a current version stands beside its key: a page of a thousand keys is then
-- one walk over neighbours, instead of a look-up of each version at a place of its own. Columns are
-- named like those of `versions`, which they repeat; `storage_class` is the header in `attributes`,
-- `checksums` what stands there by that name, and both are '' without.

ALTER TABLE objects RENAME TO former_objects;

CREATE TABLE objects (
    bucket_id     INTEGER NOT NULL,
    key           BLOB NOT NULL,
    sequence      INTEGER NOT NULL,
    version_id    TEXT NOT NULL,
    size          INTEGER NOT NULL,
    etag          TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    owner_id      TEXT NOT NULL,
    is_null       INTEGER NOT NULL,
    storage_class TEXT NOT NULL,
    checksums     TEXT NOT NULL,
    encryption    TEXT NOT NULL,
    PRIMARY KEY (bucket_id, key)
) STRICT, WITHOUT ROWID;

INSERT INTO objects
SELECT o.bucket_id, o.key, o.sequence, v.version_id, v.size, v.etag, v.created_at_ms, v.owner_id,
       v.is_null, coalesce(json_extract(v.attributes, '$.headers."x-amz-storage-class"'), ''),
       coalesce(json_extract(v.attributes, '$.checksums'), ''), v.encryption
FROM former_objects o JOIN versions v ON v.sequence = o.sequence
ORDER BY o.bucket_id, o.key;

-- Its triggers go with it, and none of them runs.
DROP TABLE former_objects;

CREATE TRIGGER object_added AFTER INSERT ON objects BEGIN
    UPDATE totals SET objects = objects + 1;
END;
CREATE TRIGGER object_removed AFTER DELETE ON objects BEGIN
    UPDATE totals SET objects = objects - 1;
END;
