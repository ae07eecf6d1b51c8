"""Groups and policies of the store: what its users may do beside what they own.

Rules: root's business, all of it. Groups and managed policies are those of root's account, as IAM
calls it, and the users in them those of the store, each of whom is an account of his own. What a
policy here allows counts for everybody's buckets. Accounts give policies to users of their own by
way of IAM.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, StringConstraints

from coordinator.api.models import Given
from coordinator.api.names import decode
from coordinator.api.services import GivenRoot, GivenServices, Services
from coordinator.iam import grants, managed
from coordinator.iam.directory import no_such_entity
from coordinator.iam.documents import check_managed
from coordinator.iam.entities import ROOT_ID, Entity, Kind
from coordinator.iam.errors import IamError
from coordinator.iam.names import MAX_NAME_LENGTHS

NAME = r"^[A-Za-z0-9_+=,.@-]+$"

GroupName = Annotated[str, StringConstraints(pattern=NAME, max_length=MAX_NAME_LENGTHS[Kind.GROUP])]
PolicyName = Annotated[
    str, StringConstraints(pattern=NAME, max_length=MAX_NAME_LENGTHS[Kind.POLICY])
]

router = APIRouter(tags=["groups and policies"])


class PolicyDocument(Given):
    """A policy, in IAM's grammar."""

    document: dict[str, Any]


class NewPolicy(PolicyDocument):
    """A managed policy to be made."""

    name: PolicyName


class NewGroup(Given):
    """A group to be made."""

    name: GroupName


class PolicyEntry(BaseModel):
    """A managed policy. `is_built_in`: one of AWS's own, by AWS's name."""

    name: str
    arn: str
    is_built_in: bool


class PolicyEntries(BaseModel):
    """Managed policies, by name."""

    policies: list[PolicyEntry]


class PolicyText(BaseModel):
    """A policy and its document."""

    name: str
    document: dict[str, Any]


class Granted(BaseModel):
    """The policies of a user or group: the names of its own ones and of managed ones."""

    policies: list[str]
    attached: list[str]


class GroupEntry(Granted):
    """A group, and the ids of its users."""

    name: str
    created_at_ms: int
    users: list[str]


class GroupList(BaseModel):
    """All groups, by name."""

    groups: list[GroupEntry]


GivenName = Annotated[str, Path(description="the name")]
GivenPolicy = Annotated[str, Path(description="the policy's name")]

Find = Callable[[Services, str], Awaitable[Entity]]


async def _user(services: Services, encoded: str) -> Entity:
    """A user of the store. Raises NoSuchUser, IamError."""
    user = await services.metadata.user(decode(encoded))
    return await services.directory.account(user.user_id)


async def _group(services: Services, encoded: str) -> Entity:
    return await services.directory.find(Kind.GROUP, ROOT_ID, decode(encoded))


async def _policy(services: Services, encoded: str) -> Entity:
    """A policy of root's, or one of AWS's own."""
    name = decode(encoded)
    found = await services.directory.look_up(Kind.POLICY, ROOT_ID, name)
    if found is None and name in managed.BUILT_IN:
        return managed.built_in(name)
    if found is None:
        raise no_such_entity(Kind.POLICY, name)
    return found


def _granted(entity: Entity) -> Granted:
    attached = [managed.policy_of(arn)[1] for arn in entity.attached]
    return Granted(policies=sorted(entity.policies), attached=sorted(attached))


def _add_holder_routes(kind: str, find: Find) -> None:
    """The policies of users, and those of groups: the same at two places."""
    path = f"/{kind}s/{{name}}"

    async def list_policies(name: GivenName, services: GivenServices, root: GivenRoot) -> Granted:
        """The policies that it has."""
        return _granted(await find(services, name))

    async def get_policy(
        name: GivenName, policy: GivenPolicy, services: GivenServices, root: GivenRoot
    ) -> PolicyText:
        """One of its own policies."""
        entity, policy_name = await find(services, name), decode(policy)
        document = grants.inline(entity, policy_name)
        return PolicyText(name=policy_name, document=json.loads(document))

    async def put_policy(
        name: GivenName,
        policy: GivenPolicy,
        new: PolicyDocument,
        services: GivenServices,
        root: GivenRoot,
    ) -> None:
        """Give it a policy of its own, or replace one."""
        entity, document = await find(services, name), json.dumps(new.document)
        await grants.put_policy(services.directory, entity, decode(policy), document)

    async def delete_policy(
        name: GivenName, policy: GivenPolicy, services: GivenServices, root: GivenRoot
    ) -> None:
        """Take one of its own policies back."""
        await grants.delete_policy(services.directory, await find(services, name), decode(policy))

    async def attach_policy(
        name: GivenName, policy: GivenPolicy, services: GivenServices, root: GivenRoot
    ) -> None:
        """Attach a managed policy."""
        entity, attached = await find(services, name), await _policy(services, policy)
        await grants.attach(services.directory, entity, attached.arn)

    async def detach_policy(
        name: GivenName, policy: GivenPolicy, services: GivenServices, root: GivenRoot
    ) -> None:
        """Detach a managed policy."""
        entity, attached = await find(services, name), await _policy(services, policy)
        await grants.detach(services.directory, entity, attached.arn)

    rows = (
        ("GET", f"{path}/policies", list_policies, f"list_{kind}_policies", 200),
        ("GET", f"{path}/policies/{{policy}}", get_policy, f"get_{kind}_policy", 200),
        ("PUT", f"{path}/policies/{{policy}}", put_policy, f"put_{kind}_policy", 204),
        ("DELETE", f"{path}/policies/{{policy}}", delete_policy, f"delete_{kind}_policy", 204),
        ("PUT", f"{path}/attached/{{policy}}", attach_policy, f"attach_{kind}_policy", 204),
        ("DELETE", f"{path}/attached/{{policy}}", detach_policy, f"detach_{kind}_policy", 204),
    )
    for method, where, operation, route_name, status in rows:
        router.add_api_route(
            where, operation, methods=[method], name=route_name, status_code=status
        )


_add_holder_routes("user", _user)
_add_holder_routes("group", _group)


@router.get("/groups")
async def list_groups(services: GivenServices, root: GivenRoot) -> GroupList:
    """All groups of the store."""
    directory = services.directory
    users = await directory.all_users(ROOT_ID)
    groups = await directory.all(Kind.GROUP, ROOT_ID)
    return GroupList(
        groups=[
            GroupEntry(
                name=group.name,
                created_at_ms=group.created_at_ms,
                users=sorted(user.name for user in users if group.id in user.groups),
                **_granted(group).model_dump(),
            )
            for group in sorted(groups, key=lambda group: group.name.lower())
        ]
    )


@router.post("/groups", status_code=201)
async def create_group(new: NewGroup, services: GivenServices, root: GivenRoot) -> GroupEntry:
    """Make an empty group."""
    group = await services.directory.create(Kind.GROUP, ROOT_ID, new.name, "/")
    return GroupEntry(
        name=group.name, created_at_ms=group.created_at_ms, users=[], policies=[], attached=[]
    )


@router.delete("/groups/{name}", status_code=204)
async def delete_group(name: GivenName, services: GivenServices, root: GivenRoot) -> None:
    """Remove a group without users and policies."""
    await grants.delete_group(services.directory, await _group(services, name))


@router.put("/groups/{name}/users/{user_id}", status_code=204)
async def join_group(
    name: GivenName, user_id: Annotated[str, Path()], services: GivenServices, root: GivenRoot
) -> None:
    """Make a user a member."""
    group, user = await _group(services, name), await _user(services, user_id)
    await grants.join(services.directory, user, group)


@router.delete("/groups/{name}/users/{user_id}", status_code=204)
async def leave_group(
    name: GivenName, user_id: Annotated[str, Path()], services: GivenServices, root: GivenRoot
) -> None:
    """End a membership."""
    group, user = await _group(services, name), await _user(services, user_id)
    await grants.leave(services.directory, user, group)


@router.get("/policies")
async def list_policies(services: GivenServices, root: GivenRoot) -> PolicyEntries:
    """AWS's policies that this store knows, and those of its own."""
    policies = [managed.built_in(name) for name in managed.BUILT_IN]
    policies += await services.directory.all(Kind.POLICY, ROOT_ID)
    policies.sort(key=lambda policy: policy.name.lower())
    return PolicyEntries(policies=[_entry(policy) for policy in policies])


@router.post("/policies", status_code=201)
async def create_policy(new: NewPolicy, services: GivenServices, root: GivenRoot) -> PolicyEntry:
    """Make a managed policy."""
    document = json.dumps(new.document)
    check_managed(document)
    if new.name in managed.BUILT_IN:
        raise IamError("EntityAlreadyExists", f"{new.name} is one of AWS's own policies")
    now_ms = services.directory.now_ms()
    versions = managed.dump_versions([managed.Version("v1", document, now_ms)], "v1")
    policy = await services.directory.create(Kind.POLICY, ROOT_ID, new.name, "/", more=versions)
    return _entry(policy)


@router.get("/policies/{name}")
async def get_policy(name: GivenName, services: GivenServices, root: GivenRoot) -> PolicyText:
    """A managed policy's document."""
    policy = await _policy(services, name)
    return PolicyText(name=policy.name, document=json.loads(managed.default(policy).document))


@router.delete("/policies/{name}", status_code=204)
async def delete_policy(name: GivenName, services: GivenServices, root: GivenRoot) -> None:
    """Remove a managed policy that nobody has."""
    policy = await services.directory.find(Kind.POLICY, ROOT_ID, decode(name))
    if await managed.attached_to(services.directory, ROOT_ID, policy.arn):
        raise IamError("DeleteConflict", "the policy is still attached to users or groups")
    await services.directory.remove(policy)


def _entry(policy: Entity) -> PolicyEntry:
    return PolicyEntry(name=policy.name, arn=policy.arn, is_built_in=policy.account_id != ROOT_ID)
