-- What a GET needs of a current version of one part stands in its row in `objects`: one look-up
-- instead of four. `record` is NULL where the other tables have to be asked, as for all there is
-- now; else a JSON array: the part's nodes, id (hex), size, k, m, unit_size, plain_size and
-- stored_md5, the version's headers and user headers. What the row or the usual version says is
-- left out: metadata/statements/records.py. It is the last column: listings end before it.

ALTER TABLE objects ADD COLUMN record TEXT;

-- Of a version only what no record holds may change (tags, ACL, locks), so there is none then.
CREATE TRIGGER version_changed AFTER UPDATE ON versions BEGIN
    UPDATE objects SET record = NULL
    WHERE bucket_id = NEW.bucket_id AND key = NEW.key AND sequence = NEW.sequence;
END;
-- Of a version's part only the nodes may change; the record of a healed object is still one.
CREATE TRIGGER part_moved AFTER UPDATE OF nodes ON parts BEGIN
    UPDATE objects SET record = json_set(record, '$[0]', NEW.nodes)
    WHERE (bucket_id, key, sequence) = (
        SELECT bucket_id, key, sequence FROM versions WHERE version_id = NEW.version_id)
      AND record IS NOT NULL;
END;
