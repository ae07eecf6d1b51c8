-- The whole dialect: versioning, settings of buckets, what may be changed about a version, locks,
-- documents of IAM. Everything that stood is kept; buckets are unversioned, nothing is locked.

ALTER TABLE buckets ADD COLUMN versioning TEXT NOT NULL DEFAULT '';
ALTER TABLE buckets ADD COLUMN object_lock INTEGER NOT NULL DEFAULT 0;
ALTER TABLE buckets ADD COLUMN settings_version INTEGER NOT NULL DEFAULT 0;

CREATE TABLE bucket_settings (
    bucket_id INTEGER NOT NULL,
    name      TEXT NOT NULL,
    document  TEXT NOT NULL,
    PRIMARY KEY (bucket_id, name)
) STRICT, WITHOUT ROWID;
-- Which buckets a worker has to go through.
CREATE INDEX buckets_with_setting ON bucket_settings (name, bucket_id);

CREATE TRIGGER setting_added AFTER INSERT ON bucket_settings BEGIN
    UPDATE buckets SET settings_version = settings_version + 1 WHERE bucket_id = NEW.bucket_id;
END;
CREATE TRIGGER setting_changed AFTER UPDATE ON bucket_settings BEGIN
    UPDATE buckets SET settings_version = settings_version + 1 WHERE bucket_id = NEW.bucket_id;
END;
CREATE TRIGGER setting_removed AFTER DELETE ON bucket_settings BEGIN
    UPDATE buckets SET settings_version = settings_version + 1 WHERE bucket_id = OLD.bucket_id;
END;
CREATE TRIGGER settings_go_with_their_bucket AFTER DELETE ON buckets BEGIN
    DELETE FROM bucket_settings WHERE bucket_id = OLD.bucket_id;
END;

-- `tags` and `encryption` are JSON objects, or '' for none. An upload's pass to its version.
ALTER TABLE versions ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN acl TEXT NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN retention_mode TEXT NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN retain_until_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE versions ADD COLUMN legal_hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE versions ADD COLUMN encryption TEXT NOT NULL DEFAULT '';

ALTER TABLE uploads ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN acl TEXT NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN retention_mode TEXT NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN retain_until_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN legal_hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN encryption TEXT NOT NULL DEFAULT '';

-- NULL and '': `size` and `etag` say it.
ALTER TABLE parts ADD COLUMN plain_size INTEGER;
ALTER TABLE parts ADD COLUMN stored_md5 TEXT NOT NULL DEFAULT '';

-- All versions are listed by key, newest first.
DROP INDEX versions_of_key;
CREATE INDEX versions_of_key ON versions (bucket_id, key, sequence DESC);

ALTER TABLE users ADD COLUMN path TEXT NOT NULL DEFAULT '/';
ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT '';
CREATE INDEX users_by_email ON users (email, user_id) WHERE email <> '';

-- A user's sessions may be many: their keys are not on the way to the others.
ALTER TABLE access_keys ADD COLUMN status TEXT NOT NULL DEFAULT 'Active';
ALTER TABLE access_keys ADD COLUMN session_token TEXT NOT NULL DEFAULT '';
ALTER TABLE access_keys ADD COLUMN expires_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_keys ADD COLUMN identity TEXT NOT NULL DEFAULT '';
DROP INDEX access_keys_of_user;
CREATE INDEX access_keys_of_user ON access_keys (user_id, session_token, access_key);
CREATE INDEX access_keys_that_end ON access_keys (expires_at_ms) WHERE expires_at_ms > 0;

CREATE TABLE iam (
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- Grows with whatever is derived from users, lasting keys and documents.
CREATE TABLE iam_generation (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    value INTEGER NOT NULL
) STRICT;
INSERT INTO iam_generation (id, value) VALUES (1, 0);

CREATE TRIGGER document_added AFTER INSERT ON iam BEGIN
    UPDATE iam_generation SET value = value + 1;
END;
CREATE TRIGGER document_changed AFTER UPDATE ON iam BEGIN
    UPDATE iam_generation SET value = value + 1;
END;
CREATE TRIGGER document_removed AFTER DELETE ON iam BEGIN
    UPDATE iam_generation SET value = value + 1;
END;
CREATE TRIGGER user_added AFTER INSERT ON users BEGIN
    UPDATE iam_generation SET value = value + 1;
END;
CREATE TRIGGER user_changed AFTER UPDATE ON users BEGIN
    UPDATE iam_generation SET value = value + 1;
END;
CREATE TRIGGER user_removed AFTER DELETE ON users BEGIN
    UPDATE iam_generation SET value = value + 1;
END;
CREATE TRIGGER lasting_key_added AFTER INSERT ON access_keys WHEN NEW.session_token = '' BEGIN
    UPDATE iam_generation SET value = value + 1;
END;
CREATE TRIGGER lasting_key_changed AFTER UPDATE ON access_keys WHEN NEW.session_token = '' BEGIN
    UPDATE iam_generation SET value = value + 1;
END;
CREATE TRIGGER lasting_key_removed AFTER DELETE ON access_keys WHEN OLD.session_token = '' BEGIN
    UPDATE iam_generation SET value = value + 1;
END;
