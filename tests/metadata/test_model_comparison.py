"""SQLite does whatever the reference model does, whatever is asked in whatever order."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, rule

from metadata import NULL_VERSION, MissingShard, Upload, WriteCondition
from tests.metadata.comparing import SETTINGS, Comparison
from tests.metadata.making import NODES, make_part, make_version, new_id

BUCKETS = st.sampled_from(["b", "b", "b", "c", "nope"])
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
    must_match_etag=st.sampled_from([None, None, "one", "two"]),
)


class ObjectsComparison(Comparison):
    """Versions, uploads and listings."""

    version_ids = Bundle("version_ids")
    upload_ids = Bundle("upload_ids")
    part_ids = Bundle("part_ids")

    @rule(
        target=version_ids,
        bucket=BUCKETS,
        key=KEYS,
        etag=ETAGS,
        is_null=st.booleans(),
        sizes=st.lists(st.integers(0, 3), max_size=3),
        condition=CONDITIONS,
        is_degraded=st.booleans(),
    )
    def put_version(self, bucket, key, etag, is_null, sizes, condition, is_degraded):
        parts = [make_part(number, size) for number, size in enumerate(sizes, start=1)]
        missing = [MissingShard(part.part_id, 1, "down") for part in parts] if is_degraded else []
        version = make_version(key, size=sum(sizes), etag=etag, is_null=is_null)
        self.both(
            lambda store: store.put_version(
                bucket, version, parts, condition=condition, missing=missing
            )
        )
        return version.version_id

    @rule(target=version_ids, bucket=BUCKETS, key=KEYS, is_null=st.booleans())
    def put_marker(self, bucket, key, is_null):
        marker = make_version(key, size=0, etag="", is_null=is_null, is_delete_marker=True)
        self.both(lambda store: store.put_version(bucket, marker, []))
        return marker.version_id

    @rule(
        bucket=BUCKETS,
        key=KEYS,
        version_id=st.one_of(st.none(), st.just(NULL_VERSION), version_ids),
        condition=CONDITIONS,
    )
    def delete_version(self, bucket, key, version_id, condition):
        self.both(lambda store: store.delete_version(bucket, key, version_id, condition=condition))

    @rule(version_id=version_ids)
    def delete_by_id(self, version_id):
        """Keys and ids drawn apart seldom meet: so this one looks the key up."""
        bucket_id, version = self.model._versions.get(version_id, (0, None))
        if version is not None:
            bucket = self.name_of(bucket_id)
            self.both(lambda store: store.delete_version(bucket, version.key, version_id))

    @rule(bucket=BUCKETS, keys=st.lists(KEYS, max_size=4))
    def delete_versions(self, bucket, keys):
        self.both(lambda store: store.delete_versions(bucket, keys))

    @rule(version_id=version_ids, offset=st.integers(0, 8), number=st.integers(1, 3))
    def read_parts(self, version_id, offset, number):
        self.both(lambda store: store.parts(version_id, offset=offset, limit=2))
        self.both(lambda store: store.part_by_number(version_id, number))

    @rule(
        bucket=BUCKETS,
        prefix=MARKERS,
        delimiter=DELIMITERS,
        after=MARKERS,
        after_id=st.one_of(st.just(""), upload_ids),
        limit=LIMITS,
    )
    def list_pages(self, bucket, prefix, delimiter, after, after_id, limit):
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

    @rule(target=upload_ids, bucket=BUCKETS, key=KEYS)
    def create_upload(self, bucket, key):
        upload = Upload(new_id(), key, "owner", 3)
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
        is_null=st.booleans(),
        condition=CONDITIONS,
    )
    def complete_upload(self, upload_id, chosen, strangers, etag, is_null, condition):
        held = self.model._uploads.get(upload_id)
        if held is None:
            return multiple()
        bucket = self.name_of(held[0])
        version = make_version(held[1].key, etag=etag, is_null=is_null, version_id=upload_id)
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
        """Only an empty bucket goes, and comes back with another id."""
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


ObjectsComparison.TestCase.settings = SETTINGS
TestObjectsComparison = ObjectsComparison.TestCase
