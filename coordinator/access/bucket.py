"""What a bucket says about access: its policy, ACL, public access block, ownership controls, tags.

Rules: parsed from the settings the metadata keeps, by the names below; the settings are checked
before they are kept, so parsing them again finds no error.
"""

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from coordinator.access import acl as acls
from coordinator.access.acl import Acl
from coordinator.access.identity import Identity
from coordinator.access.policy import Policy, parse_bucket_policy
from coordinator.access.public_access import NOTHING_BLOCKED, PublicAccessBlock, is_public
from metadata.model import Bucket

ACL: Final = "acl"
POLICY: Final = "policy"
PUBLIC_ACCESS_BLOCK: Final = "publicAccessBlock"
OWNERSHIP_CONTROLS: Final = "ownershipControls"
TAGGING: Final = "tagging"

MAX_REMEMBERED: Final = 1000
"""Buckets whose settings are kept parsed."""


class Ownership(StrEnum):
    """Whose an object is that somebody else than the bucket's owner writes."""

    WRITER = "ObjectWriter"
    PREFERRED = "BucketOwnerPreferred"
    """The bucket owner's, if the writer gives it away (ACL bucket-owner-full-control)."""
    ENFORCED = "BucketOwnerEnforced"
    """The bucket owner's, and no ACL counts."""


@dataclass(frozen=True, slots=True)
class BucketAccess:
    """See the module. `acl` None: private. `policy_is_public` follows from the policy."""

    policy: Policy | None = None
    policy_is_public: bool = False
    locks_owner_out: bool = False
    """The policy's author confirmed that it may take even its own deletion from the owner."""
    acl: Acl | None = None
    block: PublicAccessBlock = NOTHING_BLOCKED
    ownership: Ownership = Ownership.WRITER
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_acls(self) -> bool:
        """Whether ACLs count in this bucket."""
        return self.ownership is not Ownership.ENFORCED

    def owner_of_new(
        self, writer: Identity, bucket_owner_id: str, *, gives_away: bool = False
    ) -> str:
        """Whose an object is that somebody writes. `gives_away`: with an ACL that gives it to the
        bucket's owner. What nobody in particular writes is the bucket owner's, too: else nobody
        could ever read it."""
        if not self.has_acls or (gives_away and self.ownership is Ownership.PREFERRED):
            return bucket_owner_id
        return writer.account_id or bucket_owner_id


UNSET: Final = BucketAccess()


class AccessReader:
    """Knows what buckets say about access; `settings` looks a bucket's documents up by its name.

    A bucket on which nothing was ever set costs nothing, others one look-up after each change.
    """

    def __init__(self, settings: Callable[[str], Awaitable[Mapping[str, str]]]) -> None:
        self._settings = settings
        self._remembered: OrderedDict[int, tuple[int, BucketAccess]] = OrderedDict()

    def known(self, bucket: Bucket) -> BucketAccess | None:
        """The same if it needs no look-up, else None."""
        if not bucket.settings_version:
            return UNSET
        remembered = self._remembered.get(bucket.bucket_id)
        if remembered is not None and remembered[0] == bucket.settings_version:
            return remembered[1]
        return None

    async def of(self, bucket: Bucket) -> BucketAccess:
        """What this bucket says. Raises NoSuchBucket."""
        known = self.known(bucket)
        if known is not None:
            return known
        # The documents are at least as new as the version that the bucket said
        access = load(await self._settings(bucket.name), bucket.name, bucket.owner_id)
        self._remembered[bucket.bucket_id] = (bucket.settings_version, access)
        self._remembered.move_to_end(bucket.bucket_id)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return access


def load(settings: Mapping[str, str], bucket: str, owner_id: str) -> BucketAccess:
    """What the settings of a bucket come to."""
    policy, locks_owner_out = None, False
    if POLICY in settings:
        document, locks_owner_out = load_policy(settings[POLICY])
        policy = parse_bucket_policy(document, bucket)
    return BucketAccess(
        policy,
        policy is not None and is_public(policy),
        locks_owner_out,
        acls.load(settings[ACL], owner_id) if settings.get(ACL) else None,
        load_block(settings[PUBLIC_ACCESS_BLOCK])
        if PUBLIC_ACCESS_BLOCK in settings
        else NOTHING_BLOCKED,
        Ownership(settings.get(OWNERSHIP_CONTROLS, Ownership.WRITER)),
        load_tags(settings[TAGGING]) if TAGGING in settings else {},
    )


def dump_policy(document: str, *, locks_owner_out: bool) -> str:
    """A policy as it is kept: its text to the letter, and how it was confirmed."""
    return json.dumps({"document": document, "locks_owner_out": locks_owner_out})


def load_policy(kept: str) -> tuple[str, bool]:
    """(the text, whether it was confirmed to lock the owner out)."""
    tree = json.loads(kept)
    return tree["document"], tree["locks_owner_out"]


def dump_block(block: PublicAccessBlock) -> str:
    """The switches as they are kept."""
    return json.dumps([block.block_acls, block.ignore_acls, block.block_policy, block.restrict])


def load_block(kept: str) -> PublicAccessBlock:
    """The switches that were kept."""
    return PublicAccessBlock(*json.loads(kept))


def dump_tags(tags: Mapping[str, str]) -> str:
    """A bucket's tags as they are kept."""
    return json.dumps(dict(tags))


def load_tags(kept: str) -> Mapping[str, str]:
    """The tags that were kept."""
    tags: dict[str, str] = json.loads(kept)
    return tags
