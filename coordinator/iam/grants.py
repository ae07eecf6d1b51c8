"""Gives policies to users, groups and roles, takes them back, and lets users join groups.

Rules: each is one change of one entity, decided when it is made. Root itself has no policies: it
could lock itself out. Raises IamError throughout.
"""

from dataclasses import replace
from typing import Final

from coordinator.iam import managed
from coordinator.iam.directory import Directory
from coordinator.iam.documents import check_document, check_inline
from coordinator.iam.entities import Entity
from coordinator.iam.errors import IamError
from coordinator.iam.keys import refuse_root
from coordinator.iam.names import check_name

MAX_ATTACHED: Final = 10
MAX_GROUPS_OF_USER: Final = 10


async def put_policy(directory: Directory, entity: Entity, name: str, document: str) -> None:
    """Give it an inline policy, or replace the one of that name."""
    refuse_root(entity)
    check_name("policy", name)
    check_document(document)

    def change(former: Entity) -> Entity:
        policies = {**former.policies, name: document}
        check_inline(former.kind, policies)
        return replace(former, policies=policies)

    await directory.change(entity, change)


def inline(entity: Entity, name: str) -> str:
    """The inline policy of that name. Raises NoSuchEntity."""
    if name not in entity.policies:
        raise IamError("NoSuchEntity", f"The policy with name {name} cannot be found.")
    return entity.policies[name]


async def delete_policy(directory: Directory, entity: Entity, name: str) -> None:
    """Take an inline policy back."""

    def change(former: Entity) -> Entity:
        inline(former, name)
        kept = {key: text for key, text in former.policies.items() if key != name}
        return replace(former, policies=kept)

    await directory.change(entity, change)


async def attach(directory: Directory, entity: Entity, arn: str) -> None:
    """Attach a managed policy of the entity's account, or of AWS; once, however often asked."""
    refuse_root(entity)
    await managed.find(directory, entity.account_id, arn)

    def change(former: Entity) -> Entity:
        if arn in former.attached:
            return former
        if len(former.attached) >= MAX_ATTACHED:
            raise IamError(
                "LimitExceeded", f"Cannot exceed quota for attached policies: {MAX_ATTACHED}"
            )
        return replace(former, attached=(*former.attached, arn))

    await directory.change(entity, change)


async def detach(directory: Directory, entity: Entity, arn: str) -> None:
    """Detach a managed policy."""

    def change(former: Entity) -> Entity:
        if arn not in former.attached:
            raise IamError("NoSuchEntity", f"Policy {arn} was not found.")
        return replace(former, attached=tuple(each for each in former.attached if each != arn))

    await directory.change(entity, change)


async def join(directory: Directory, user: Entity, group: Entity) -> None:
    """Make the user a member of a group of the same account."""
    refuse_root(user)
    if user.account_id != group.account_id:
        raise IamError("NoSuchEntity", f"The user with name {user.name} cannot be found.")

    def change(former: Entity) -> Entity:
        if group.id in former.groups:
            return former
        if len(former.groups) >= MAX_GROUPS_OF_USER:
            raise IamError(
                "LimitExceeded", f"Cannot exceed quota for GroupsPerUser: {MAX_GROUPS_OF_USER}"
            )
        return replace(former, groups=(*former.groups, group.id))

    await directory.change(user, change)


async def leave(directory: Directory, user: Entity, group: Entity) -> None:
    """End the membership."""

    def change(former: Entity) -> Entity:
        if group.id not in former.groups:
            raise IamError("NoSuchEntity", f"{user.name} is not in the group {group.name}.")
        return replace(former, groups=tuple(each for each in former.groups if each != group.id))

    await directory.change(user, change)


async def members(directory: Directory, group: Entity) -> list[Entity]:
    """The group's users, by name."""
    found = [
        user for user in await directory.all_users(group.account_id) if group.id in user.groups
    ]
    return sorted(found, key=lambda user: user.name.lower())


async def delete_group(directory: Directory, group: Entity) -> None:
    """Remove a group that is empty and has no policies. Raises DeleteConflict."""
    refuse_with_policies(group)
    if await members(directory, group):
        raise IamError(
            "DeleteConflict", "Cannot delete entity, must remove users from group first."
        )
    await directory.remove(group)


def refuse_with_policies(entity: Entity) -> None:
    """Raises DeleteConflict for an entity that still has policies."""
    if entity.attached:
        raise IamError("DeleteConflict", "Cannot delete entity, must detach all policies first.")
    if entity.policies:
        raise IamError("DeleteConflict", "Cannot delete entity, must delete policies first.")
