"""Groups of an account, and who is in them."""

from collections.abc import Mapping
from dataclasses import replace

from coordinator.iam import grants
from coordinator.iam.entities import Entity, Kind
from coordinator.iam.names import check_name, check_path, entity_arn
from coordinator.iam.query.call import Call
from coordinator.iam.query.finding import max_items, page_end, page_of, path_prefix, subject
from coordinator.iam.query.users import described as described_user
from coordinator.iam.query.xml import Result, Value, moment


def described(group: Entity) -> Mapping[str, Value]:
    """A group as answers describe one."""
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": moment(group.created_at_ms),
    }


async def create_group(call: Call) -> Result:
    """Make an empty group."""
    name = check_name(Kind.GROUP, call.form.text("GroupName"))
    path = check_path(call.form.text("Path", "/"))
    account_id = call.sender.account_id
    call.require(entity_arn(Kind.GROUP, account_id, path, name))
    return {"Group": described(await call.directory.create(Kind.GROUP, account_id, name, path))}


async def get_group(call: Call) -> Result:
    """A group and its users."""
    group = await subject(call, Kind.GROUP)
    members = await grants.members(call.directory, group)
    page, end = page_of(call, members, lambda user: user.name.lower())
    return {"Group": described(group), "Users": [described_user(user) for user in page], **end}


async def update_group(call: Call) -> None:
    """Give a group another name or path."""
    group = await subject(call, Kind.GROUP)
    name = check_name(Kind.GROUP, call.form.text("NewGroupName", group.name))
    path = check_path(call.form.text("NewPath", group.path))
    call.require(entity_arn(Kind.GROUP, group.account_id, path, name))
    await call.directory.change(group, lambda former: replace(former, name=name, path=path))


async def delete_group(call: Call) -> None:
    """Remove a group without users and policies."""
    await grants.delete_group(call.directory, await subject(call, Kind.GROUP))


async def list_groups(call: Call) -> Result:
    """The account's groups."""
    prefix = path_prefix(call)
    call.require(entity_arn(Kind.GROUP, call.sender.account_id, prefix, ""))
    groups, after = await call.directory.page(
        Kind.GROUP,
        call.sender.account_id,
        path_prefix=prefix,
        after=call.form.text("Marker", ""),
        limit=max_items(call),
    )
    return {"Groups": [described(group) for group in groups], **page_end(after)}


async def add_user_to_group(call: Call) -> None:
    """Make a user a member; once, however often asked."""
    group = await subject(call, Kind.GROUP)
    await grants.join(call.directory, await _user(call, group), group)


async def remove_user_from_group(call: Call) -> None:
    """End a membership."""
    group = await subject(call, Kind.GROUP)
    await grants.leave(call.directory, await _user(call, group), group)


async def _user(call: Call, group: Entity) -> Entity:
    """The user in question: as in AWS, the right to change the group is enough."""
    name = call.form.text("UserName")
    found = await call.directory.look_up(Kind.USER, group.account_id, name)
    return await subject(call, Kind.USER) if found is None else found


async def list_groups_for_user(call: Call) -> Result:
    """The groups that a user is in."""
    user = await subject(call, Kind.USER)
    found = [
        await call.directory.by_id(Kind.GROUP, user.account_id, group_id)
        for group_id in user.groups
    ]
    groups = [group for group in found if group is not None]
    page, end = page_of(call, groups, lambda group: group.name.lower())
    return {"Groups": [described(group) for group in page], **end}
