"""What a bucket's settings come to, and when they are read."""

from dataclasses import replace

from coordinator.access import (
    ANONYMOUS,
    UNSET,
    AccessReader,
    Acl,
    BucketAccess,
    Grant,
    Ownership,
    PublicAccessBlock,
)
from coordinator.access.acl import dump
from coordinator.access.bucket import (
    dump_block,
    dump_policy,
    dump_tags,
    load,
    load_block,
    load_policy,
)
from metadata import Bucket
from tests.coordinator.access.support import BOB, document, statement

PLAIN = Bucket(7, "bucket", "alice", 0)


def test_nothing_set() -> None:
    assert load({}, "bucket", "alice") == UNSET


def test_all_of_it() -> None:
    acl = Acl((Grant("AllUsers", "READ", True),))
    access = load(
        {
            "policy": dump_policy(document(statement()), locks_owner_out=True),
            "acl": dump(acl, "alice"),
            "publicAccessBlock": dump_block(PublicAccessBlock(ignore_acls=True)),
            "ownershipControls": "BucketOwnerPreferred",
            "tagging": dump_tags({"Team": "red"}),
            "cors": "<CORSConfiguration/>",
        },
        "bucket",
        "alice",
    )
    assert access.policy is not None
    assert access.policy_is_public
    assert access.locks_owner_out
    assert access.acl == acl
    assert access.block == PublicAccessBlock(ignore_acls=True)
    assert access.ownership is Ownership.PREFERRED
    assert access.tags == {"Team": "red"}


def test_a_policy_comes_back_to_the_letter() -> None:
    text = ' {"Statement" :\n[]}'
    assert load_policy(dump_policy(text, locks_owner_out=False)) == (text, False)


def test_switches_come_back() -> None:
    block = PublicAccessBlock(True, False, True, False)
    assert load_block(dump_block(block)) == block


def test_whose_a_new_object_is() -> None:
    def owner(ownership: Ownership, *, gives_away: bool = False) -> str:
        access = BucketAccess(ownership=ownership)
        return access.owner_of_new(BOB, "alice", gives_away=gives_away)

    assert owner(Ownership.WRITER) == "bob"
    assert owner(Ownership.WRITER, gives_away=True) == "bob"
    assert owner(Ownership.PREFERRED) == "bob"
    assert owner(Ownership.PREFERRED, gives_away=True) == "alice"
    assert owner(Ownership.ENFORCED) == "alice"
    assert UNSET.owner_of_new(ANONYMOUS, "alice") == "alice"


async def test_settings_are_read_when_they_changed() -> None:
    asked = []

    async def settings(name: str) -> dict[str, str]:
        asked.append(name)
        return {"ownershipControls": "BucketOwnerEnforced"}

    reader = AccessReader(settings)
    assert await reader.of(PLAIN) is UNSET
    assert asked == []
    changed = replace(PLAIN, settings_version=1)
    assert not (await reader.of(changed)).has_acls
    assert not (await reader.of(changed)).has_acls
    assert asked == ["bucket"]
    await reader.of(replace(PLAIN, settings_version=2))
    assert asked == ["bucket"] * 2
