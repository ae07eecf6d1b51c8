"""Sessions: keys that end, what they are given as, and whom they act for.

Rules:
1. A session is an access key with a token and an end. Beside it stands who it acts for, not what he
   may do: that is looked up when the session is used, so what changes for a role changes for its
   sessions too. Kept with it are only its own policies, which take away, and what was said of who
   plays the role: his session tags, what his identity provider calls him.
2. The session of a role that is gone, or was made anew under the same name, may do nothing.
3. What a session was given for hours it can't make last: none of GetSessionToken's may call IAM.
4. Secret and token are told once, in the answer that gives the session.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from coordinator.access import Identity, IdentityPolicy, Statement, member
from coordinator.auth.times import iso_time
from coordinator.iam.documents import check_document, parsed
from coordinator.iam.entities import ROOT_ID, Entity, Kind, load
from coordinator.iam.errors import IamError
from coordinator.iam.keys import KEY_ALPHABET, KEY_LENGTH, SECRET_BYTES
from coordinator.iam.names import arn_account
from coordinator.iam.tags import without_tags
from metadata import ACTIVE, AccessKey, MetadataStore, User

KEY_PREFIX: Final = "ASIA"
"""What AWS's keys of sessions begin with."""

TOKEN_BYTES: Final = 96
"""128 characters of base64."""

KEEP_ENDED_MS: Final = 3600 * 1000
"""How long a session that ended is still told so, instead of being unknown."""

NOT_LASTING: Final = parsed(
    '{"Statement": {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}}'
).statements
"""What sessions of GetSessionToken are confined to. (AWS lets them call IAM if they showed MFA.)"""

MAX_POLICY_LENGTH: Final = 2048
"""Characters of all policies of a session together."""


class Identities(Protocol):
    """Who signs with lasting keys, and what entities may do."""

    @property
    def metadata(self) -> MetadataStore:
        """Where roles are kept."""
        ...

    async def __call__(self, user: User, key: AccessKey) -> Identity:
        """The account or its user."""
        ...

    async def policies_of(self, entity: Entity) -> tuple[IdentityPolicy, ...]:
        """All policies that count for it."""
        ...


@dataclass(frozen=True, slots=True)
class RoleSession:
    """That a session plays a role: under which name, confined to which policies, and as whom.

    `tags` are session tags (each may have several values), `transitive` the keys of those that
    go on to sessions that this one asks for; `claims` are further condition keys."""

    role_id: str
    name: str
    policies: tuple[str, ...] = ()
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()
    claims: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def told(self) -> dict[str, Sequence[str]]:
        """The condition keys that follow from tags and claims."""
        told = {**self.claims, **{f"aws:principaltag/{key}": self.tags[key] for key in self.tags}}
        if self.tags:
            told["aws:tagkeys"] = tuple(self.tags)
        return told


def role_session_arn(role: Entity, name: str) -> str:
    """The name of a role's session in policies."""
    return f"arn:aws:sts::{arn_account(role.account_id)}:assumed-role/{role.name}/{name}"


def _role_names(role: Entity) -> frozenset[str]:
    """What a policy may call all sessions of the role. What is the store's may be called with
    root's account too."""
    full = f"arn:aws:iam::{role.account_id}:role{role.path}{role.name}"
    return frozenset({role.arn, full})


def _session_names(role: Entity, name: str) -> frozenset[str]:
    """What a policy may call one session of the role; one of the store's role also as Ceph does."""
    own = role_session_arn(role, name)
    if role.account_id != ROOT_ID:
        return frozenset({own})
    session = f"assumed-role/{role.name}/{name}"
    return frozenset({own, f"arn:aws:sts::{ROOT_ID}:{session}", f"arn:aws:iam:::{session}"})


def check_session_policies(texts: Sequence[str]) -> tuple[str, ...]:
    """Policies as a session may have them. Raises IamError MalformedPolicyDocument,
    PackedPolicyTooLarge."""
    if sum(map(len, texts)) > MAX_POLICY_LENGTH:
        raise IamError(
            "PackedPolicyTooLarge",
            f"the policies of a session have at most {MAX_POLICY_LENGTH} characters together",
        )
    for text in texts:
        check_document(text)
    return tuple(texts)


async def issue(
    metadata: MetadataStore,
    account_id: str,
    acting_for: RoleSession | AccessKey,
    *,
    now_ms: int,
    duration_s: int,
    random_bytes: Callable[[int], bytes],
) -> AccessKey:
    """A new session that an account answers for: of its role, or of whoever has that lasting key.
    Those that ended a while ago are forgotten. Raises NoSuchUser."""
    await metadata.forget_expired_keys(now_ms - KEEP_ENDED_MS)
    name = "".join(KEY_ALPHABET[byte % len(KEY_ALPHABET)] for byte in random_bytes(KEY_LENGTH))
    key = AccessKey(
        KEY_PREFIX + name,
        base64.urlsafe_b64encode(random_bytes(SECRET_BYTES)).decode(),
        account_id,
        now_ms,
        ACTIVE,
        base64.urlsafe_b64encode(random_bytes(TOKEN_BYTES)).decode(),
        now_ms + duration_s * 1000,
        _dump(acting_for),
    )
    await metadata.put_access_key(key)
    return key


def _dump(acting_for: RoleSession | AccessKey) -> str:
    if isinstance(acting_for, AccessKey):
        return json.dumps({"key": acting_for.identity})
    return json.dumps(
        {
            "role": acting_for.role_id,
            "name": acting_for.name,
            "policies": acting_for.policies,
            "tags": dict(acting_for.tags),
            "transitive": acting_for.transitive,
            "claims": dict(acting_for.claims),
        }
    )


def role_session(key: AccessKey) -> RoleSession | None:
    """The session of a role that a key is for, None if for something else."""
    kept: Mapping[str, Any] = json.loads(key.identity) if key.session_token else {}
    if "role" not in kept:
        return None
    return RoleSession(
        kept["role"],
        kept["name"],
        tuple(kept["policies"]),
        kept.get("tags", {}),
        tuple(kept.get("transitive", ())),
        kept.get("claims", {}),
    )


async def session_identity(identities: Identities, user: User, key: AccessKey) -> Identity:
    """Who signs with a session's key: `user` is the account that answers for it."""
    told: dict[str, Sequence[str]] = {
        "aws:tokenissuetime": (iso_time(key.created_at_ms // 1000),),
        "aws:multifactorauthpresent": ("false",),
        "sts:authentication": ("true",),
    }
    session = role_session(key)
    if session is not None:
        return await _role_identity(identities, user, session, {**told, **session.told()})
    own_identity: str = json.loads(key.identity)["key"]
    lasting = replace(key, session_token="", expires_at_ms=0, identity=own_identity)
    identity = await identities(user, lasting)
    limits = (*identity.limits, NOT_LASTING)
    return replace(identity, limits=limits, session={**identity.session, **told})


async def _role_identity(
    identities: Identities, user: User, session: RoleSession, told: Mapping[str, Sequence[str]]
) -> Identity:
    document = await identities.metadata.iam(Kind.ROLE, f"{user.user_id}/{session.role_id}")
    user_id = f"{session.role_id}:{session.name}"
    if document is None:
        gone = f"arn:aws:sts::{user.user_id}:assumed-role/{session.role_id}/{session.name}"
        return member(user.user_id, gone, user_id=user_id, kind="AssumedRole", session=told)
    role = load(document)
    limit: tuple[Statement, ...] = tuple(
        statement for text in session.policies for statement in parsed(text).statements
    )
    return member(
        user.user_id,
        role_session_arn(role, session.name),
        user_id=user_id,
        kind="AssumedRole",
        names=_role_names(role),
        session_names=_session_names(role, session.name),
        policies=await identities.policies_of(role),
        limits=(limit,) if session.policies else (),
        tags=without_tags(role.tags, list(session.tags)),
        session={**told, "aws:principalarn": (role.arn,)},
    )
