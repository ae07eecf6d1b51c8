"""Tags in the query API: given when something is made, set, taken away and listed."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from coordinator.iam import tags
from coordinator.iam.entities import Entity, Kind
from coordinator.iam.query.call import Call
from coordinator.iam.query.finding import subject
from coordinator.iam.query.xml import Result, Value


def given(call: Call) -> dict[str, str]:
    """The request's parameter Tags. Raises IamError."""
    members = call.form.members("Tags", ("Key", "Value"))
    return tags.check_tags([(one["Key"], one["Value"]) for one in members])


def shown(entity: Entity) -> list[Value]:
    """An entity's tags, as answers list them."""
    return [{"Key": key, "Value": value} for key, value in sorted(entity.tags.items())]


Change = Callable[[Call], Awaitable[None]]
Show = Callable[[Call], Awaitable[Result]]


def tagging(kind: Kind) -> tuple[Change, Change, Show]:
    """What sets, removes and lists the tags of a user or a role."""

    async def tag(call: Call) -> None:
        entity, added = await subject(call, kind), given(call)
        await call.directory.change(
            entity, lambda now: replace(now, tags=tags.with_tags(now.tags, added))
        )

    async def untag(call: Call) -> None:
        entity, keys = await subject(call, kind), call.form.texts("TagKeys")
        await call.directory.change(
            entity, lambda now: replace(now, tags=tags.without_tags(now.tags, keys))
        )

    async def list_tags(call: Call) -> Result:
        return {"Tags": shown(await subject(call, kind)), "IsTruncated": False}

    return tag, untag, list_tags
