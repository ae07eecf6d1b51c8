"""Users of an account, their access keys, and what an account has altogether."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from coordinator.access.identity import root_arn
from coordinator.iam import keys
from coordinator.iam.directory import QUOTAS
from coordinator.iam.entities import Entity, Kind
from coordinator.iam.errors import IamError
from coordinator.iam.grants import MAX_ATTACHED, MAX_GROUPS_OF_USER, refuse_with_policies
from coordinator.iam.managed import MAX_VERSIONS
from coordinator.iam.names import check_name, check_path, entity_arn
from coordinator.iam.query import tags
from coordinator.iam.query.call import Call
from coordinator.iam.query.finding import (
    max_items,
    page_end,
    page_of,
    path_prefix,
    subject,
    user_or_self,
)
from coordinator.iam.query.xml import Entries, Result, Value, moment
from metadata import ACTIVE, INACTIVE

tag_user, untag_user, list_user_tags = tags.tagging(Kind.USER)

STATUSES: Final = (ACTIVE, INACTIVE)


def described(user: Entity) -> Mapping[str, Value]:
    """A user as answers describe one."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": moment(user.created_at_ms),
    }


async def create_user(call: Call) -> Result:
    """Make a user, who may do nothing yet."""
    name = check_name(Kind.USER, call.form.text("UserName"))
    path = check_path(call.form.text("Path", "/"))
    account_id = call.sender.account_id
    call.require(entity_arn(Kind.USER, account_id, path, name))
    if call.form.has("PermissionsBoundary"):
        raise IamError("NotImplemented", "Permissions boundaries are not implemented")
    given = tags.given(call)
    user = await call.directory.create(Kind.USER, account_id, name, path, tags=given)
    return {"User": {**described(user), "Tags": tags.shown(user) or None}}


async def get_user(call: Call) -> Result:
    """A user, or who asks."""
    user = await user_or_self(call)
    if user.kind is Kind.USER:
        return {"User": {**described(user), "Tags": tags.shown(user) or None}}
    account = await call.metadata.user(user.id)
    told = replace(user, name=account.display_name, created_at_ms=account.created_at_ms)
    return {"User": {**described(told), "Arn": root_arn(account.user_id)}}


async def update_user(call: Call) -> None:
    """Give a user another name or path."""
    user = await _own_user(call)
    name = check_name(Kind.USER, call.form.text("NewUserName", user.name))
    path = check_path(call.form.text("NewPath", user.path))
    call.require(entity_arn(Kind.USER, user.account_id, path, name))
    await call.directory.change(user, lambda former: replace(former, name=name, path=path))


async def delete_user(call: Call) -> None:
    """Remove a user without keys and policies; memberships end with it."""
    user = await _own_user(call)
    refuse_with_policies(user)
    if await keys.keys_of(call.directory, user):
        raise IamError("DeleteConflict", "Cannot delete entity, must delete access keys first.")
    await call.directory.remove(user)


async def list_users(call: Call) -> Result:
    """The account's users."""
    prefix = path_prefix(call)
    call.require(entity_arn(Kind.USER, call.sender.account_id, prefix, ""))
    users, after = await call.directory.page(
        Kind.USER,
        call.sender.account_id,
        path_prefix=prefix,
        after=call.form.text("Marker", ""),
        limit=max_items(call),
    )
    return {"Users": [described(user) for user in users], **page_end(after)}


async def _own_user(call: Call) -> Entity:
    """A user of the caller's account. Raises as `subject`."""
    user = await subject(call, Kind.USER)
    if user.kind is not Kind.USER:
        raise IamError("UnmodifiableEntity", f"{user.id} is a user of the store, not an account's")
    return user


async def create_access_key(call: Call) -> Result:
    """Give a user, or who asks, one more key pair; its secret is told this once."""
    user = await user_or_self(call)
    key = await keys.create_key(call.directory, user, call.directory.random_bytes)
    return {
        "AccessKey": {
            "UserName": user.name,
            "AccessKeyId": key.access_key,
            "Status": key.status,
            "SecretAccessKey": key.secret_key,
            "CreateDate": moment(key.created_at_ms),
        }
    }


async def update_access_key(call: Call) -> None:
    """Let a key work, or not."""
    status = call.form.text("Status")
    if status not in STATUSES:
        raise IamError("ValidationError", f"Status must be one of {', '.join(STATUSES)}")
    access_key = call.form.text("AccessKeyId")
    await keys.set_status(call.directory, await user_or_self(call), access_key, status)


async def delete_access_key(call: Call) -> None:
    """Take a key back."""
    access_key = call.form.text("AccessKeyId")
    await keys.delete_key(call.directory, await user_or_self(call), access_key)


async def list_access_keys(call: Call) -> Result:
    """A user's keys, or those of who asks."""
    user = await user_or_self(call)
    found = await keys.keys_of(call.directory, user)
    page, end = page_of(call, found, lambda key: key.access_key)
    return {
        "UserName": user.name,
        "AccessKeyMetadata": [
            {
                "UserName": user.name,
                "AccessKeyId": key.access_key,
                "Status": key.status,
                "CreateDate": moment(key.created_at_ms),
            }
            for key in page
        ],
        **end,
    }


async def get_account_summary(call: Call) -> Result:
    """How much of everything there is, and may be."""
    call.require("*")
    account_id = call.sender.account_id
    names = {Kind.USER: "Users", Kind.GROUP: "Groups", Kind.ROLE: "Roles", Kind.POLICY: "Policies"}
    summary = {
        "AccessKeysPerUserQuota": keys.MAX_KEYS_OF_USER,
        "AttachedPoliciesPerUserQuota": MAX_ATTACHED,
        "AttachedPoliciesPerGroupQuota": MAX_ATTACHED,
        "AttachedPoliciesPerRoleQuota": MAX_ATTACHED,
        "GroupsPerUserQuota": MAX_GROUPS_OF_USER,
        "VersionsPerPolicyQuota": MAX_VERSIONS,
    }
    for kind, name in names.items():
        summary[name] = await call.directory.count(kind, account_id)
        summary[f"{name}Quota"] = QUOTAS[kind]
    summary["Providers"] = await call.directory.count(Kind.PROVIDER, account_id)
    return {"SummaryMap": Entries(summary)}
