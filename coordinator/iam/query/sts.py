"""STS: sessions of roles and users, and who one is. Web identities: `web_identity`.

Source: "AssumeRole", "GetSessionToken" and "GetCallerIdentity" in the AWS STS API Reference.

Rules: what would narrow or mark a session and can't be done here (tags in the request, MFA, a
source identity) is refused, for a session without it would be more than was asked for. That a role
is not there and that it may not be played get the same answer.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

from coordinator.access import AccessRequest, Given
from coordinator.iam import managed
from coordinator.iam.directory import Directory
from coordinator.iam.entities import Entity
from coordinator.iam.errors import IamError
from coordinator.iam.query.call import Call
from coordinator.iam.query.form import Form
from coordinator.iam.query.xml import Result, moment
from coordinator.iam.roles import (
    ASSUME_ROLE,
    find_role,
    longest_session_s,
    may_assume,
    tags_of_resource,
)
from coordinator.iam.sessions import (
    MAX_POLICY_LENGTH,
    RoleSession,
    check_session_policies,
    issue,
    role_session,
    role_session_arn,
)
from metadata import AccessKey

SHORTEST_SESSION_S: Final = 900
ROLE_SESSION_S: Final = 3600
LONGEST_CHAINED_S: Final = 3600
"""How long the session of a role may last that another role's session asked for."""

TOKEN_SESSION_S: Final = 12 * 3600
LONGEST_TOKEN_SESSION_S: Final = 36 * 3600
ROOT_SESSION_S: Final = 3600
"""Longer ones of root's become that, as with AWS."""

MAX_POLICY_ARNS: Final = 10

_NOT_DONE: Final = (
    "Tags.member.1.Key",
    "TransitiveTagKeys.member.1",
    "SerialNumber",
    "TokenCode",
    "SourceIdentity",
    "ProvidedContexts.member.1.ContextAssertion",
)
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)


async def assume_role(call: Call) -> Result:
    """A session of a role."""
    _refuse_what_is_not_done(call)
    arn = call.form.text("RoleArn")
    name = session_name(call.form)
    role = await find_role(call.directory, arn)
    if role is None or not may_assume(role, _request(call, role, name)):
        raise IamError(
            "AccessDenied",
            f"User: {call.sender.arn} is not authorized to perform: {ASSUME_ROLE} on resource:"
            f" {arn}",
        )
    longest_s = longest_session_s(role)
    if call.sender.kind == "AssumedRole":
        longest_s = LONGEST_CHAINED_S
    duration_s = call.form.number("DurationSeconds", ROLE_SESSION_S, SHORTEST_SESSION_S, longest_s)
    policies = await session_policies(call.directory, call.form, role)
    session = RoleSession(role.id, name, policies, **await _inherited(call))
    key = await issue(
        call.metadata,
        role.account_id,
        session,
        now_ms=call.now_ms,
        duration_s=duration_s,
        random_bytes=call.directory.random_bytes,
    )
    return assumed(role, session, key)


class _Inherited(TypedDict, total=False):
    tags: Mapping[str, Sequence[str]]
    transitive: tuple[str, ...]


async def _inherited(call: Call) -> _Inherited:
    """The tags of the asking session that go on to those that it asks for."""
    found = await call.metadata.find_access_key(call.access_key)
    asking = None if found is None else role_session(found[1])
    if asking is None:
        return {}
    kept = {key: asking.tags[key] for key in asking.transitive}
    return {"tags": kept, "transitive": asking.transitive}


def session_name(form: Form) -> str:
    """The parameter RoleSessionName. Raises IamError ValidationError."""
    name = form.text("RoleSessionName")
    if not _SESSION_NAME.fullmatch(name):
        raise IamError("ValidationError", "RoleSessionName has 2 to 64 letters, digits and _+=,.@-")
    return name


def assumed(role: Entity, session: RoleSession, key: AccessKey) -> Result:
    """What the answer says of a role's new session."""
    size = sum(map(len, session.policies))
    return {
        "Credentials": _credentials(key),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.id}:{session.name}",
            "Arn": role_session_arn(role, session.name),
        },
        "PackedPolicySize": -(-size * 100 // MAX_POLICY_LENGTH) if size else None,
    }


async def get_session_token(call: Call) -> Result:
    """A session of whoever asks with lasting keys. It needs no permission, as with AWS: it gives
    nothing that the sender does not have."""
    _refuse_what_is_not_done(call)
    found = await call.metadata.find_access_key(call.access_key)
    if found is None or found[1].session_token:
        raise IamError("AccessDenied", "Cannot call GetSessionToken with session credentials")
    duration_s = call.form.number(
        "DurationSeconds", TOKEN_SESSION_S, SHORTEST_SESSION_S, LONGEST_TOKEN_SESSION_S
    )
    if call.sender.is_root:
        duration_s = min(duration_s, ROOT_SESSION_S)
    key = await issue(
        call.metadata,
        call.account.user_id,
        found[1],
        now_ms=call.now_ms,
        duration_s=duration_s,
        random_bytes=call.directory.random_bytes,
    )
    return {"Credentials": _credentials(key)}


async def get_caller_identity(call: Call) -> Result:
    """Who asks. It needs no permission, as with AWS."""
    sender = call.sender
    return {"UserId": sender.user_id, "Account": sender.account_id, "Arn": sender.arn}


def _refuse_what_is_not_done(call: Call) -> None:
    for name in _NOT_DONE:
        if call.form.has(name):
            parameter = name.partition(".")[0]
            raise IamError("NotImplemented", f"The parameter {parameter} is not implemented")


def _request(call: Call, role: Entity, name: str) -> AccessRequest:
    """What the trust policy is asked."""
    keys = {**call.facts, **tags_of_resource(role), "sts:rolesessionname": (name,)}
    external_id = call.form.text("ExternalId", "")
    if external_id:
        if not _EXTERNAL_ID.fullmatch(external_id):
            raise IamError(
                "ValidationError", "ExternalId has 2 to 1224 letters, digits and _+=,.@:/-"
            )
        keys["sts:externalid"] = (external_id,)
    return AccessRequest(call.sender, ASSUME_ROLE, role.arn, Given(keys))


async def session_policies(directory: Directory, form: Form, role: Entity) -> tuple[str, ...]:
    """What the session is confined to. Managed policies count as they are now. Raises IamError
    MalformedPolicyDocument, NoSuchEntity, PackedPolicyTooLarge, ValidationError."""
    texts = [form.text("Policy")] if form.has("Policy") else []
    arns = [one["arn"] for one in form.members("PolicyArns", ("arn",))]
    if len(arns) > MAX_POLICY_ARNS:
        raise IamError("ValidationError", f"PolicyArns has at most {MAX_POLICY_ARNS} members")
    for arn in arns:
        policy = await managed.find(directory, role.account_id, arn)
        texts.append(managed.default(policy).document)
    return check_session_policies(texts)


def _credentials(key: AccessKey) -> Result:
    return {
        "AccessKeyId": key.access_key,
        "SecretAccessKey": key.secret_key,
        "SessionToken": key.session_token,
        "Expiration": moment(key.expires_at_ms),
    }
