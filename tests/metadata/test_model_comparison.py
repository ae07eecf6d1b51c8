"""SQLite does whatever the reference model does, whatever is asked in whatever order."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, rule

from metadata import (
    COMPLIANCE,
    GOVERNANCE,
    NULL_VERSION,
    UNCONDITIONAL,
    Attributes,
    MissingShard,
    Retention,
    Upload,
    VersionChange,
    Versioning,
    WriteCondition,
)
from tests.metadata.comparing import SETTINGS, Comparison, in_order
from tests.metadata.making import NODES, make_marker, make_part, make_version, new_id, part_of

BUCKETS = st.sampled_from(["b", "b", "b", "c", "locking", "locking", "nope"])
NASTY = ["a", "b", "/", "//", ".", "\x00", "\x01", "\x7f", "ü", "\ue000", "🗿", "\U0010ffff"]
KEYS = st.one_of(
    st.sampled_from(["a", "a/b", "a//b", "../x", "a/", "a\x00", "\ue000/1", "🗿/1", "\U0010ffff"]),
    st.lists(st.sampled_from(NASTY), min_size=1, max_size=4).map("".join),
)
MARKERS = st.one_of(st.just(""), KEYS)
DELIMITERS = st.sampled_from(["", "/", "/", "//", "\U0010ffff", "\x7f", "a"])
LIMITS = st.integers(0, 5)
ETAGS = st.sampled_from(["one", "two"])
CONDITIONS = st.builds(
    WriteCondition,
    must_not_exist=st.sampled_from([False, False, True]),
    must_match_etag=st.sampled_from([None, None, "one", "two", "*"]),
    must_not_match_etag=st.sampled_from([None, None, "one", "*"]),
    must_match_size=st.sampled_from([None, None, None, 0, 1]),
    must_match_modified_s=st.sampled_from([None, None, None, 0, 1]),
    must_exist=st.sampled_from([False, False, True]),
)
ATTRIBUTES = st.sampled_from(
    [
        Attributes(),
        Attributes({"x-amz-storage-class": "STANDARD_IA"}, {"a": "b"}, {"crc32": "x"}),
        Attributes({"content-type": '"ü\\'}, {}, {"sha1": "y-2", "type": "COMPOSITE"}),
    ]
)
LOCKS = st.sampled_from([("", 0, False)] * 4 + [(GOVERNANCE, 1_010, False), ("", 0, True)])
RETENTIONS = st.builds(
    Retention, st.sampled_from([GOVERNANCE, COMPLIANCE, COMPLIANCE]), st.integers(995, 1_020)
)
CHANGES = st.builds(
    VersionChange,
    tags=st.sampled_from([None, {}, {"a": "b"}]),
    acl=st.sampled_from([None, "", "{}"]),
    retention=st.one_of(st.none(), RETENTIONS, st.just(Retention("", 0))),
    legal_hold=st.sampled_from([None, None, False, True]),
)


class ObjectsComparison(Comparison):
    """Versions, uploads and listings."""

    version_ids = Bundle("version_ids")
    upload_ids = Bundle("upload_ids")
    part_ids = Bundle("part_ids")

    def __init__(self):
        super().__init__()
        self.both(lambda store: store.create_bucket("locking", "owner", "", 1, object_lock=True))

    @rule(
        target=version_ids,
        bucket=BUCKETS,
        key=KEYS,
        etag=ETAGS,
        attributes=ATTRIBUTES,
        sizes=st.lists(st.integers(0, 3), max_size=3),
        condition=CONDITIONS,
        is_degraded=st.booleans(),
        lock=LOCKS,
        is_plain=st.booleans(),
    )
    def put_version(
        self, bucket, key, etag, attributes, sizes, condition, is_degraded, lock, is_plain
    ):
        if is_plain:
            sizes = sizes[:1] or [1]
        parts = [make_part(number, size) for number, size in enumerate(sizes, start=1)]
        missing = [MissingShard(part.part_id, 1, "down") for part in parts] if is_degraded else []
        version = make_version(key, size=sum(sizes), etag=etag, attributes=attributes)
        if is_plain:
            parts = [part_of(version, part) for part in parts]
        mode, until_ms, hold = lock
        version = replace(version, retention_mode=mode, retain_until_ms=until_ms, legal_hold=hold)
        self.both(
            lambda store: store.put_version(
                bucket, version, parts, condition=condition, missing=missing
            )
        )
        return version.version_id

    @rule(
        target=version_ids,
        bucket=BUCKETS,
        key=KEYS,
        condition=CONDITIONS,
        is_retried=st.booleans(),
    )
    def delete_key(self, bucket, key, condition, is_retried):
        marker = make_marker(key)
        for _ in range(1 + is_retried):
            self.both(lambda store: store.delete_key(bucket, key, marker, condition=condition))
        return marker.version_id

    @rule(
        bucket=BUCKETS,
        key=KEYS,
        version_id=st.one_of(st.just(NULL_VERSION), version_ids),
        condition=CONDITIONS,
    )
    def delete_version(self, bucket, key, version_id, condition):
        self.both(lambda store: store.delete_version(bucket, key, version_id, condition=condition))

    @rule(
        version_id=version_ids,
        is_conditional=st.booleans(),
        condition=CONDITIONS,
        bypass=st.booleans(),
    )
    def delete_by_id(self, version_id, is_conditional, condition, bypass):
        """Keys and ids drawn apart seldom meet: so this one looks the key up."""
        bucket_id, version = self.model._versions.get(version_id, (0, None))
        if version is not None:
            bucket = self.name_of(bucket_id)
            condition = condition if is_conditional else UNCONDITIONAL
            self.both(
                lambda store: store.delete_version(
                    bucket, version.key, version_id, condition=condition, bypass_governance=bypass
                )
            )

    @rule(bucket=BUCKETS, key=KEYS, change=CHANGES)
    def change_what_was_just_written(self, bucket, key, change):
        version = make_version(key)
        part = part_of(version, make_part())
        self.both(lambda store: store.put_version(bucket, version, [part]))
        self.both(lambda store: store.update_version(bucket, key, None, change))

    @rule(version_id=version_ids, is_named=st.booleans(), change=CHANGES, bypass=st.booleans())
    def update_version(self, version_id, is_named, change, bypass):
        bucket_id, version = self.model._versions.get(version_id, (0, None))
        if version is not None:
            bucket = self.name_of(bucket_id)
            named = version_id if is_named else None
            self.both(
                lambda store: store.update_version(
                    bucket, version.key, named, change, bypass_governance=bypass
                )
            )

    @rule(version_id=version_ids, is_the_one=st.booleans())
    def write_if_it_still_is(self, version_id, is_the_one):
        """What a worker does that saw this version, or that is sure that it is another."""
        bucket_id, version = self.model._versions.get(version_id, (0, None))
        if version is not None:
            bucket = self.name_of(bucket_id)
            wanted = version_id if is_the_one else new_id()
            condition = WriteCondition(must_match_version_id=wanted)
            marker = make_marker(version.key)
            self.both(
                lambda store: store.delete_key(bucket, version.key, marker, condition=condition)
            )

    @rule(bucket=BUCKETS, keys=st.lists(KEYS, max_size=4))
    def delete_keys(self, bucket, keys):
        named = [(key, make_marker(key)) for key in keys]
        self.both(lambda store: store.delete_keys(bucket, named))

    @rule(bucket=BUCKETS, is_enabled=st.booleans())
    def set_versioning(self, bucket, is_enabled):
        state = Versioning.ENABLED if is_enabled else Versioning.SUSPENDED
        self.both(lambda store: store.set_versioning(bucket, state))

    @rule(bucket=st.sampled_from(["c", "nope"]))
    def enable_object_lock(self, bucket):
        self.both(lambda store: store.enable_object_lock(bucket))

    @rule(bucket=BUCKETS, name=st.sampled_from("xy"), document=st.sampled_from([None, "1", "2"]))
    def change_setting(self, bucket, name, document):
        if document is None:
            self.both(lambda store: store.delete_bucket_setting(bucket, name))
        else:
            self.both(lambda store: store.put_bucket_setting(bucket, name, document))
        self.both(lambda store: store.bucket_settings(bucket))
        self.both(lambda store: store.buckets_with_setting(name))

    @rule(version_id=version_ids, offset=st.integers(0, 8), number=st.integers(1, 3))
    def read_parts(self, version_id, offset, number):
        self.both(lambda store: store.parts(version_id, offset=offset, limit=2))
        self.both(lambda store: store.version_parts(version_id, after_number=number - 1))
        self.both(lambda store: store.part_by_number(version_id, number))

    @rule(
        bucket=BUCKETS,
        prefix=MARKERS,
        delimiter=DELIMITERS,
        after=MARKERS,
        after_id=st.one_of(st.just(""), upload_ids),
        version_id=st.one_of(st.just(""), st.just(NULL_VERSION), version_ids),
        limit=LIMITS,
    )
    def list_pages(self, bucket, prefix, delimiter, after, after_id, version_id, limit):
        self.both(
            lambda store: store.list_versions(
                bucket,
                prefix=prefix,
                delimiter=delimiter,
                after_key=after,
                after_version_id=version_id,
                limit=limit,
            )
        )
        self.both(
            lambda store: store.list_current(
                bucket, prefix=prefix, delimiter=delimiter, after=after, limit=limit
            )
        )
        self.both(
            lambda store: store.list_uploads(
                bucket,
                prefix=prefix,
                delimiter=delimiter,
                after_key=after,
                after_upload_id=after_id,
                limit=limit,
            )
        )

    @rule(
        version_id=version_ids,
        prefix_length=st.integers(0, 2),
        delimiter=DELIMITERS,
        limit=LIMITS,
    )
    def list_versions_after(self, version_id, prefix_length, delimiter, limit):
        """From a version that there is, or was."""
        bucket_id, version = self.model._versions.get(version_id, (0, None))
        if version is not None:
            bucket = self.name_of(bucket_id)
            self.both(
                lambda store: store.list_versions(
                    bucket,
                    prefix=version.key[:prefix_length],
                    delimiter=delimiter,
                    after_key=version.key,
                    after_version_id=version.public_id,
                    limit=limit,
                )
            )

    @rule(target=upload_ids, bucket=BUCKETS, key=KEYS, lock=LOCKS)
    def create_upload(self, bucket, key, lock):
        mode, until_ms, hold = lock
        upload = Upload(
            new_id(),
            key,
            "owner",
            3,
            tags={"of": "the upload"},
            retention_mode=mode,
            retain_until_ms=until_ms,
            legal_hold=hold,
        )
        self.both(lambda store: store.create_upload(bucket, upload))
        return upload.upload_id

    @rule(
        target=part_ids,
        upload_id=upload_ids,
        number=st.integers(1, 3),
        size=st.integers(0, 3),
        is_retried=st.booleans(),
    )
    def put_part(self, upload_id, number, size, is_retried):
        part = make_part(number, size)
        for _ in range(1 + is_retried):
            self.both(lambda store: store.put_part(upload_id, part))
        return part.part_id

    @rule(upload_id=upload_ids, after=st.integers(0, 2), limit=LIMITS)
    def upload_parts(self, upload_id, after, limit):
        self.both(lambda s: s.upload_parts(upload_id, after_number=after, limit=limit))

    @rule(
        target=version_ids,
        upload_id=upload_ids,
        chosen=st.sets(st.integers(0, 2)),
        strangers=st.lists(part_ids, max_size=1),
        etag=ETAGS,
        condition=CONDITIONS,
    )
    def complete_upload(self, upload_id, chosen, strangers, etag, condition):
        held = self.model._uploads.get(upload_id)
        if held is None:
            return multiple()
        bucket = self.name_of(held[0])
        version = make_version(held[1].key, etag=etag, version_id=upload_id)
        uploaded = self.model._parts_of(upload_id)
        ids = [part.part_id for i, part in enumerate(uploaded) if i in chosen] + strangers
        self.both(lambda store: store.complete_upload(bucket, version, ids, condition=condition))
        return upload_id

    @rule(upload_id=upload_ids)
    def abort_upload(self, upload_id):
        held = self.model._uploads.get(upload_id)
        bucket = self.name_of(held[0]) if held else "b"
        key = held[1].key if held else "k"
        self.both(lambda store: store.abort_upload(bucket, key, upload_id))

    @rule(bucket=st.sampled_from(["b", "c"]))
    def recreate_bucket(self, bucket):
        """Only an empty bucket goes, and comes back with another id, unversioned."""
        self.both(lambda store: store.delete_bucket(bucket))
        self.both(lambda store: store.create_bucket(bucket, "owner", "", 1))

    def name_of(self, bucket_id):
        (name,) = [b.name for b in self.model._buckets.values() if b.bucket_id == bucket_id]
        return name

    @rule(part_id=part_ids, shard=st.integers(0, 2))
    def add_repairs(self, part_id, shard):
        missing = [MissingShard(part_id, shard, "lost")]
        self.both(lambda store: store.add_repairs(missing, self.clock.now_ms))

    @rule(limit=LIMITS)
    def forget_reclaims(self, limit):
        due = self.both(
            lambda store: store.reclaims(NODES[0], before_ms=self.clock.now_ms, limit=limit)
        )
        self.both(lambda store: store.forget_reclaims(due))

    @invariant()
    def same_state(self):
        for bucket_id, version in list(self.model._versions.values()):
            bucket = self.name_of(bucket_id)
            self.both(lambda store, b=bucket, v=version: store.version(b, v.key))
            self.both(lambda store, b=bucket, v=version: store.version(b, v.key, v.version_id))
        for bucket in ("b", "c", "locking"):
            self.both(lambda store, b=bucket: store.bucket(b))
            self.both(lambda store, b=bucket: store.list_versions(b, limit=1_000))
            self.both(lambda store, b=bucket: in_order(store, b))


ObjectsComparison.TestCase.settings = SETTINGS
TestObjectsComparison = ObjectsComparison.TestCase
