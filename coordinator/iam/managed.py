"""Managed policies: those of accounts, in versions, and a few of AWS's own that stand for all.

Rules: AWS's documents are written anew here, to mean the same for what this store has. A policy of
an account has at most MAX_VERSIONS; `default` says which of them counts.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from coordinator.iam.directory import Directory
from coordinator.iam.entities import Entity, Kind
from coordinator.iam.errors import IamError

MAX_VERSIONS: Final = 5
BUILT_IN_PREFIX: Final = "arn:aws:iam::aws:policy/"

_ARN = re.compile(r"arn:aws:iam::([^:]*):policy(/|/[!-~]*/)([\w+=,.@-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a managed policy's document."""

    version_id: str
    document: str
    created_at_ms: int


def _document(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


BUILT_IN: Final[Mapping[str, str]] = {
    "AdministratorAccess": _document("*"),
    "AmazonS3FullAccess": _document("s3:*"),
    "AmazonS3ReadOnlyAccess": _document("s3:Get*", "s3:List*"),
    "IAMFullAccess": _document("iam:*"),
    "IAMReadOnlyAccess": _document("iam:Get*", "iam:List*"),
}
"""AWS's own policies, by name."""


def policy_of(arn: str) -> tuple[str, str]:
    """Account ("aws" for AWS's own) and name. Raises IamError InvalidInput."""
    match = _match(arn)
    return match[1], match[3]


def path_of(arn: str) -> str:
    """The path in a policy's ARN. Raises IamError InvalidInput."""
    return _match(arn)[2]


def _match(arn: str) -> re.Match[str]:
    match = _ARN.fullmatch(arn)
    if match is None:
        raise IamError("InvalidInput", f"ARN {arn} is not valid.")
    return match


async def find(directory: Directory, account_id: str, arn: str) -> Entity:
    """The policy with that ARN, which must be AWS's or the account's own. Raises IamError
    NoSuchEntity, InvalidInput."""
    owner_id, name = policy_of(arn)
    if owner_id == "aws":
        if arn == BUILT_IN_PREFIX + name and name in BUILT_IN:
            return built_in(name)
    elif owner_id == account_id:
        found = await directory.look_up(Kind.POLICY, account_id, name)
        if found is not None and found.arn == arn:
            return found
    raise IamError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")


def built_in(name: str) -> Entity:
    """One of AWS's own."""
    more = dump_versions([Version("v1", BUILT_IN[name], 0)], "v1")
    return Entity(Kind.POLICY, "aws", f"ANPA{name.upper()}", name, more=more)


def versions(policy: Entity) -> list[Version]:
    """The policy's versions, the oldest first."""
    return [Version(*kept) for kept in json.loads(policy.more["versions"])]


def default(policy: Entity) -> Version:
    """The version that counts."""
    return version(policy, policy.more["default"])


def version(policy: Entity, version_id: str) -> Version:
    """Raises IamError NoSuchEntity."""
    for one in versions(policy):
        if one.version_id == version_id:
            return one
    raise IamError("NoSuchEntity", f"Policy {policy.arn} version {version_id} does not exist.")


def dump_versions(kept: list[Version], default_id: str) -> Mapping[str, str]:
    """What a policy keeps of its versions."""
    rows = [[one.version_id, one.document, one.created_at_ms] for one in kept]
    return {"versions": json.dumps(rows, separators=(",", ":")), "default": default_id}


def with_version(policy: Entity, document: str, now_ms: int, *, make_default: bool) -> Entity:
    """The policy with one more version, the last. Raises IamError LimitExceeded."""
    kept = versions(policy)
    if len(kept) >= MAX_VERSIONS:
        raise IamError("LimitExceeded", f"A managed policy can have up to {MAX_VERSIONS} versions")
    number = int(policy.more.get("last", kept[-1].version_id.removeprefix("v"))) + 1
    kept.append(Version(f"v{number}", document, now_ms))
    chosen = kept[-1].version_id if make_default else policy.more["default"]
    return replace(policy, more={**dump_versions(kept, chosen), "last": str(number)})


def without_version(policy: Entity, version_id: str) -> Entity:
    """The policy without that version. Raises IamError NoSuchEntity, DeleteConflict."""
    gone = version(policy, version_id)
    if version_id == policy.more["default"]:
        raise IamError("DeleteConflict", "Cannot delete the default version of a policy.")
    kept = [one for one in versions(policy) if one != gone]
    return replace(policy, more={**policy.more, **dump_versions(kept, policy.more["default"])})


def with_default(policy: Entity, version_id: str) -> Entity:
    """The policy with another version that counts. Raises IamError NoSuchEntity."""
    version(policy, version_id)
    return replace(policy, more={**policy.more, "default": version_id})


async def attached_to(directory: Directory, account_id: str, arn: str) -> list[Entity]:
    """Users, groups and roles of the account that have the policy."""
    return [one for one in await _holders(directory, account_id) if arn in one.attached]


async def attachment_counts(directory: Directory, account_id: str) -> Counter[str]:
    """How many of them have each policy, by ARN."""
    return Counter(arn for one in await _holders(directory, account_id) for arn in one.attached)


async def _holders(directory: Directory, account_id: str) -> list[Entity]:
    found = await directory.all_users(account_id)
    for kind in (Kind.GROUP, Kind.ROLE):
        found += await directory.all(kind, account_id)
    return found
