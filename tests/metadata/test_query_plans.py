"""Every statement finds its rows by an index."""

import asyncio
from dataclasses import replace

from metadata import (
    UNCONDITIONAL,
    AccessKey,
    MetadataStore,
    MoveShard,
    NodeRecord,
    Part,
    PutOff,
    ShardMove,
    ShardName,
    SqliteStore,
    User,
    VersionChange,
    Versioning,
    WriteCondition,
)
from tests.metadata.making import (
    make_marker,
    make_part,
    make_version,
    missing,
    new_id,
    put,
    reclaims_of,
    start_upload,
)

WHOLE_TABLES = ("FROM users u ORDER BY", "FROM nodes ORDER BY")
"""Listings of everything there is, which is little."""


async def exercise(store: MetadataStore) -> None:
    """One call of each kind that objects need."""
    condition = WriteCondition(must_match_etag="etag")
    parts = [make_part(number) for number in (1, 2)]
    _, part = await put(store, "k")
    version = make_version("k")
    for _ in range(2):
        await store.put_version("b", version, parts, condition=condition)
    for version_id in (None, "null", version.version_id):
        await asyncio.gather(
            store.version("b", "k", version_id), store.bucket("b"), return_exceptions=True
        )
    await store.parts(version.version_id, offset=5)
    await store.version_parts(version.version_id, after_number=1)
    await store.part_by_number(version.version_id, 1)
    await store.list_current("b", prefix="k", delimiter="/", after="a", limit=5)
    uploaded = [make_part(1), make_part(1), make_part(2), make_part(3)]
    upload = await start_upload(store, "k", *uploaded)
    await store.upload("b", "k", upload.upload_id)
    await store.upload_parts(upload.upload_id)
    await store.list_uploads("b", prefix="k", delimiter="/", after_key="a", limit=5)
    completed = make_version("k", version_id=upload.upload_id)
    await store.complete_upload("b", completed, [uploaded[1].part_id, uploaded[2].part_id])
    upload = await start_upload(store, "k", make_part())
    await store.abort_upload("b", "k", upload.upload_id)
    await exercise_healing(store, uploaded[1])
    await store.reclaims("n1", before_ms=10**12, limit=5)
    await store.forget_reclaims(reclaims_of(part, 1_000))
    await exercise_versioning(store)
    await store.buckets(None, prefix="b")
    await store.buckets("owner", after="a")
    await store.put_user(User("u", "U", False, 1), [AccessKey("K", "S")])
    await store.put_access_key(AccessKey("K2", "S", "u"))
    await store.find_access_key("K")
    await store.access_keys("u")
    await store.users()
    await exercise_iam(store)
    await store.delete_access_key("K")
    await store.delete_user("u")
    await store.put_node(NodeRecord("n", "http://h", "z", 1.0))
    await store.nodes()
    await store.remove_node("n")
    await store.cluster_id("c")
    await store.totals()
    await store.create_bucket("empty", "owner", "", 1)
    await store.delete_bucket("empty")


async def exercise_versioning(store: MetadataStore) -> None:
    """One call of each kind that versions, locks and settings need."""
    await store.put_bucket_setting("b", "cors", "1")
    await store.bucket_settings("b")
    await store.buckets_with_setting("cors", after="a")
    await store.delete_bucket_setting("b", "cors")
    conditions = [
        UNCONDITIONAL,
        WriteCondition(must_match_size=10),
        WriteCondition(must_exist=True),
    ]
    for state in (None, Versioning.SUSPENDED, Versioning.ENABLED):
        if state is not None:
            await store.set_versioning("b", state)
        for condition in conditions:
            tagged = replace(make_version("k"), tags={"a": "b"})
            await store.put_version("b", make_version("k"), [make_part()])
            await store.put_version("b", make_version("k"), [], condition=condition)
            await store.put_version("b", tagged, [make_part()])
            await store.put_version(
                "b", replace(tagged, version_id=new_id()), [], condition=condition
            )
            for version_id in (None, "null", tagged.version_id):
                await asyncio.gather(
                    store.update_version("b", "k", version_id, VersionChange(acl="{}")),
                    return_exceptions=True,
                )
            for after in ("", "null", tagged.version_id):
                for delimiter in ("", "/"):
                    await store.list_versions(
                        "b", delimiter=delimiter, after_key="k", after_version_id=after, limit=3
                    )
            await store.list_versions(
                "b", delimiter="k", after_key="kk", after_version_id="x", limit=3
            )
            await store.delete_key("b", "k", make_marker("k"), condition=condition)
            for version_id in ("null", tagged.version_id, "nope"):
                await asyncio.gather(
                    store.delete_version("b", "k", version_id, condition=condition),
                    return_exceptions=True,
                )
    await store.delete_keys("b", [(key, make_marker(key)) for key in ("k", "nope")])
    await store.enable_object_lock("b")
    held = await store.put_version("b", replace(make_version("k"), legal_hold=True), [])
    await asyncio.gather(store.delete_version("b", "k", held.version_id), return_exceptions=True)


async def exercise_iam(store: MetadataStore) -> None:
    """One call of each kind that IAM needs."""
    user = User("u", "V", False, 1, "/", "u@example.org")
    await store.update_user(user)
    await store.user_by_email("u@example.org")
    await store.put_access_key(AccessKey("S", "S", "u", 1, "Active", "token", 5))
    await store.set_access_key_status("K", "Inactive")
    await store.forget_expired_keys(9)
    await store.put_iam("role", "r", "1", must_not_exist=True)
    await store.put_iam("role", "r", "2", must_equal="1")
    await store.put_iam("role", "r", "3")
    await store.iam("role", "r")
    await store.list_iam("role", prefix="r", after="a")
    await store.delete_iam("role", "r")
    await store.delete_iam_below("role", "r/")
    await store.iam_generation()


async def exercise_healing(store: MetadataStore, part: Part) -> None:
    """One call of each kind that repair and its like need."""
    name = ShardName(part.part_id, 0)
    lost = missing(part, 0)
    await store.add_moves([MoveShard(*name, "n9", "ring changed")], 1)
    await store.add_repairs([lost], 1)
    await store.put_off_repairs([PutOff(*name, "later", 5, failed=True)])
    await store.wake_repairs()
    (due,) = await store.due_repairs("n1", now_ms=9, limit=5)
    await store.has_repairs("n1")
    await store.repairs(after=due.task)
    await store.repair_counts()
    for names in ([name], None):
        await store.bury_repairs([lost])
        await store.revive_repairs(names)
    await store.move_shards([ShardMove(*name, "n1", "n9")])
    await store.finish_repairs([name])
    await store.parts_by_id(limit=5)
    await store.find_parts([part.part_id])
    await store.parts_naming("n1")
    await store.save_note("a", "b")
    await store.notes("a")
    await store.forget_notes("a")


async def test_no_statement_scans_a_table(sqlite: SqliteStore) -> None:
    statements: set[str] = set()
    for batches in (sqlite._writes, sqlite._pages):
        await batches.connection.call(lambda db: db.set_trace_callback(statements.add))
    sqlite._lookups.here.set_trace_callback(statements.add)
    await exercise(sqlite)
    words = ("SELECT", "INSERT", "UPDATE", "DELETE")
    queries = [text for text in statements if text.lstrip().startswith(words)]
    assert len(queries) > 50
    for batches in (sqlite._writes, sqlite._pages):
        await batches.connection.call(lambda db: db.set_trace_callback(None))
    sqlite._lookups.here.set_trace_callback(None)
    for query in queries:
        if any(text in query for text in WHOLE_TABLES):
            continue
        plan = await sqlite._pages.connection.call(
            lambda db, q=query: db.execute(f"EXPLAIN QUERY PLAN {q}").fetchall()
        )
        steps = [step[3] for step in plan]
        # The ids named for a completion or in a batch, what is made of them, and a part's nodes
        # are no tables; the counts of repairs are a handful for each node.
        allowed = (
            "SCAN named",
            "SCAN n",
            "SCAN (",
            "SCAN placed",
            "SCAN CONSTANT ROW",
            "SCAN shards",
            "SCAN repair_counts",
            "SCAN json_each",
            "SCAN walked",
        )
        scans = [step for step in steps if step.startswith("SCAN") and not step.startswith(allowed)]
        assert scans == [], f"{query}\n{steps}"
