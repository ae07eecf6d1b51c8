"""Managed policies of an account, their versions, and to whom they are attached."""

from collections.abc import Mapping

from coordinator.iam import managed
from coordinator.iam.documents import check_managed, quoted
from coordinator.iam.entities import Entity, Kind
from coordinator.iam.errors import IamError
from coordinator.iam.names import check_name, check_path, entity_arn
from coordinator.iam.query import tags
from coordinator.iam.query.call import Call
from coordinator.iam.query.finding import page_of, path_prefix
from coordinator.iam.query.xml import Result, Value, moment

MAX_DESCRIPTION_LENGTH = 1000
SCOPES = ("All", "AWS", "Local")


def _described(policy: Entity, attached: int) -> Mapping[str, Value]:
    created = moment(policy.created_at_ms)
    last = max(one.created_at_ms for one in managed.versions(policy))
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.more["default"],
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": created,
        "UpdateDate": moment(last),
    }


def _described_version(policy: Entity, version: managed.Version) -> dict[str, Value]:
    return {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.version_id == policy.more["default"],
        "CreateDate": moment(version.created_at_ms),
    }


async def create_policy(call: Call) -> Result:
    """Make a policy, with a first version."""
    name = check_name(Kind.POLICY, call.form.text("PolicyName"))
    path = check_path(call.form.text("Path", "/"))
    document = call.form.text("PolicyDocument")
    description = call.form.text("Description", "")
    if len(description) > MAX_DESCRIPTION_LENGTH:
        raise IamError(
            "ValidationError", f"Description has at most {MAX_DESCRIPTION_LENGTH} characters"
        )
    account_id = call.sender.account_id
    call.require(entity_arn(Kind.POLICY, account_id, path, name))
    check_managed(document)
    first = managed.dump_versions([managed.Version("v1", document, call.now_ms)], "v1")
    policy = await call.directory.create(
        Kind.POLICY,
        account_id,
        name,
        path,
        tags=tags.given(call),
        more={**first, "description": description},
    )
    return {"Policy": _described(policy, 0)}


async def get_policy(call: Call) -> Result:
    """What there is to a policy but its document."""
    policy = await _policy(call)
    holders = await managed.attached_to(call.directory, call.sender.account_id, policy.arn)
    description = policy.more.get("description")
    return {"Policy": {**_described(policy, len(holders)), "Description": description or None}}


async def delete_policy(call: Call) -> None:
    """Remove a policy that is attached to nobody and has no other versions."""
    policy = await _own(call)
    if await managed.attached_to(call.directory, call.sender.account_id, policy.arn):
        raise IamError("DeleteConflict", "Cannot delete a policy attached to entities.")
    if len(managed.versions(policy)) > 1:
        raise IamError(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete"
            " the policy's versions. The default version is deleted with the policy.",
        )
    await call.directory.remove(policy)


async def list_policies(call: Call) -> Result:
    """AWS's policies and the account's, or some of them."""
    call.require("*")
    account_id, prefix = call.sender.account_id, path_prefix(call)
    scope = call.form.text("Scope", "All")
    if scope not in SCOPES:
        raise IamError("ValidationError", f"Scope must be one of {', '.join(SCOPES)}")
    found = [] if scope == "Local" else [managed.built_in(name) for name in managed.BUILT_IN]
    if scope != "AWS":
        found += await call.directory.all(Kind.POLICY, account_id)
    counts = await managed.attachment_counts(call.directory, account_id)
    wanted = [
        policy
        for policy in found
        if policy.path.startswith(prefix)
        and (counts[policy.arn] or not call.form.flag("OnlyAttached"))
    ]
    page, end = page_of(call, wanted, lambda policy: f"{policy.name.lower()} {policy.arn}")
    return {"Policies": [_described(policy, counts[policy.arn]) for policy in page], **end}


async def list_entities_for_policy(call: Call) -> Result:
    """Who has a policy attached."""
    policy, prefix = await _policy(call), path_prefix(call)
    holders = await managed.attached_to(call.directory, call.sender.account_id, policy.arn)
    wanted = [holder for holder in holders if holder.path.startswith(prefix)]
    page, end = page_of(call, wanted, lambda holder: holder.arn)
    users = [one for one in page if one.kind in (Kind.USER, Kind.ACCOUNT)]
    return {
        "PolicyUsers": [{"UserName": one.name, "UserId": one.id} for one in users],
        "PolicyGroups": [
            {"GroupName": one.name, "GroupId": one.id} for one in page if one.kind is Kind.GROUP
        ],
        "PolicyRoles": [
            {"RoleName": one.name, "RoleId": one.id} for one in page if one.kind is Kind.ROLE
        ],
        **end,
    }


async def create_policy_version(call: Call) -> Result:
    """Add a version, which may become the one that counts."""
    policy, document = await _own(call), call.form.text("PolicyDocument")
    make_default = call.form.flag("SetAsDefault")
    check_managed(document)
    changed = await call.directory.change(
        policy,
        lambda former: managed.with_version(
            former, document, call.now_ms, make_default=make_default
        ),
    )
    return {"PolicyVersion": _described_version(changed, managed.versions(changed)[-1])}


async def get_policy_version(call: Call) -> Result:
    """A version with its document."""
    policy = await _policy(call)
    version = managed.version(policy, call.form.text("VersionId"))
    described = _described_version(policy, version)
    return {"PolicyVersion": {**described, "Document": quoted(version.document)}}


async def list_policy_versions(call: Call) -> Result:
    """A policy's versions, the newest first."""
    policy = await _policy(call)
    versions = reversed(managed.versions(policy))
    return {
        "Versions": [_described_version(policy, version) for version in versions],
        "IsTruncated": False,
    }


async def delete_policy_version(call: Call) -> None:
    """Remove a version that does not count."""
    policy, version_id = await _own(call), call.form.text("VersionId")
    await call.directory.change(policy, lambda former: managed.without_version(former, version_id))


async def set_default_policy_version(call: Call) -> None:
    """Let another version count."""
    policy, version_id = await _own(call), call.form.text("VersionId")
    await call.directory.change(policy, lambda former: managed.with_default(former, version_id))


async def _policy(call: Call) -> Entity:
    """The policy that the call names. Raises IamError AccessDenied, NoSuchEntity, InvalidInput."""
    arn = call.form.text("PolicyArn")
    call.require(arn)
    return await managed.find(call.directory, call.sender.account_id, arn)


async def _own(call: Call) -> Entity:
    """The same, where it is the account's own."""
    policy = await _policy(call)
    if policy.account_id != call.sender.account_id:
        raise IamError("AccessDenied", f"Policy {policy.arn} is not this account's to change.")
    return policy
