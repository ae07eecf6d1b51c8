"""Roles in the query API. Their policies are dealt with in `policies`, as those of users are.

Source: "CreateRole" and its neighbours in the IAM API Reference.
"""

from dataclasses import replace

from coordinator.iam.documents import quoted
from coordinator.iam.entities import Entity, Kind
from coordinator.iam.errors import IamError
from coordinator.iam.grants import refuse_with_policies
from coordinator.iam.names import check_name, check_path, entity_arn
from coordinator.iam.query import tags
from coordinator.iam.query.call import Call
from coordinator.iam.query.finding import max_items, page_end, path_prefix, subject
from coordinator.iam.query.xml import Result, moment
from coordinator.iam.roles import (
    DESCRIPTION,
    LONGEST_MAX_SESSION_S,
    MAX_SESSION_S,
    SHORTEST_MAX_SESSION_S,
    TRUST,
    check_description,
    check_trust,
    longest_session_s,
)

tag_role, untag_role, list_role_tags = tags.tagging(Kind.ROLE)


async def create_role(call: Call) -> Result:
    """Make a role that says who may play it."""
    name = check_name(Kind.ROLE, call.form.text("RoleName"))
    path = check_path(call.form.text("Path", "/"))
    call.require(entity_arn(Kind.ROLE, call.sender.account_id, path, name))
    if call.form.has("PermissionsBoundary"):
        raise IamError("NotImplemented", "Permissions boundaries are not implemented")
    more = {
        TRUST: check_trust(call.form.text("AssumeRolePolicyDocument")),
        DESCRIPTION: check_description(call.form.text("Description", "")),
        MAX_SESSION_S: str(_max_session_s(call, SHORTEST_MAX_SESSION_S)),
    }
    role = await call.directory.create(
        Kind.ROLE, call.sender.account_id, name, path, tags=tags.given(call), more=more
    )
    return {"Role": _shown(role)}


async def get_role(call: Call) -> Result:
    """One role."""
    return {"Role": _shown(await subject(call, Kind.ROLE))}


async def list_roles(call: Call) -> Result:
    """The account's roles by name, as far as their paths begin so."""
    prefix = path_prefix(call)
    call.require(entity_arn(Kind.ROLE, call.sender.account_id, prefix, ""))
    roles, after = await call.directory.page(
        Kind.ROLE,
        call.sender.account_id,
        path_prefix=prefix,
        after=call.form.text("Marker", ""),
        limit=max_items(call),
    )
    return {"Roles": [_shown(role, with_tags=False) for role in roles], **page_end(after)}


async def update_role(call: Call) -> Result:
    """Change what a role is for and how long its sessions last; what is not given stays."""
    role = await subject(call, Kind.ROLE)
    description = call.form.text("Description", role.more[DESCRIPTION])
    changed = {
        DESCRIPTION: check_description(description),
        MAX_SESSION_S: str(_max_session_s(call, longest_session_s(role))),
    }
    await call.directory.change(role, lambda now: replace(now, more={**now.more, **changed}))
    return {}


async def update_role_description(call: Call) -> Result:
    """Change what a role is for."""
    role = await subject(call, Kind.ROLE)
    text = check_description(call.form.text("Description"))
    role = await call.directory.change(
        role, lambda now: replace(now, more={**now.more, DESCRIPTION: text})
    )
    return {"Role": _shown(role)}


async def update_assume_role_policy(call: Call) -> None:
    """Change who may play a role."""
    role = await subject(call, Kind.ROLE)
    text = check_trust(call.form.text("PolicyDocument"))
    await call.directory.change(role, lambda now: replace(now, more={**now.more, TRUST: text}))


async def delete_role(call: Call) -> None:
    """Remove a role that has no policies. Its sessions may do nothing from then on."""
    role = await subject(call, Kind.ROLE)
    refuse_with_policies(role)
    await call.directory.remove(role)


def _max_session_s(call: Call, default: int) -> int:
    return call.form.number(
        "MaxSessionDuration", default, SHORTEST_MAX_SESSION_S, LONGEST_MAX_SESSION_S
    )


def _shown(role: Entity, *, with_tags: bool = True) -> Result:
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": moment(role.created_at_ms),
        "AssumeRolePolicyDocument": quoted(role.more[TRUST]),
        "Description": role.more[DESCRIPTION] or None,
        "MaxSessionDuration": longest_session_s(role),
        "Tags": tags.shown(role) if with_tags and role.tags else None,
    }
