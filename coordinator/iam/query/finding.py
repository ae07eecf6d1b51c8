"""Whom a call is about, and pages of what it lists.

Rules: `UserName` is a user of the caller's account, or, for root and those whom root's policies
allow it, a user of the store. Without it the caller himself is meant. To everybody else a user of
the store is one that does not exist.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from coordinator.access import ANY
from coordinator.access.identity import root_arn
from coordinator.iam.directory import no_such_entity
from coordinator.iam.entities import Entity, Kind, account_arn
from coordinator.iam.errors import IamError
from coordinator.iam.names import check_path_prefix, entity_arn
from coordinator.iam.query.call import Call
from coordinator.iam.query.xml import Value
from metadata import NoSuchUser

NAME_PARAMETERS: Final[Mapping[Kind, str]] = {
    Kind.USER: "UserName",
    Kind.GROUP: "GroupName",
    Kind.ROLE: "RoleName",
}
T = TypeVar("T")

DEFAULT_ITEMS: Final = 100
MAX_ITEMS: Final = 1000


async def subject(call: Call, kind: Kind) -> Entity:
    """The user, group or role that the call names, where the caller may do this to it. Raises
    IamError AccessDenied, NoSuchEntity."""
    name = call.form.text(NAME_PARAMETERS[kind])
    account_id = call.sender.account_id
    found = await call.directory.look_up(kind, account_id, name)
    if found is not None:
        call.require(found.arn)
        return found
    if kind is Kind.USER:
        user = await _store_user(call, name)
        if user is not None:
            return user
    call.require(entity_arn(kind, account_id, "/", name))
    raise no_such_entity(kind, name)


async def user_or_self(call: Call) -> Entity:
    """The user that the call names, or the caller himself, where he may do this. Raises IamError
    AccessDenied, NoSuchEntity."""
    if call.form.has("UserName"):
        return await subject(call, Kind.USER)
    sender = call.sender
    if sender.kind == "User":
        found = await call.directory.by_id(Kind.USER, sender.account_id, sender.user_id)
        if found is not None:
            call.require(found.arn)
            return found
    if not sender.is_account:
        raise IamError("ValidationError", "Must specify userName when calling as a role's session")
    call.require(root_arn(sender.account_id))
    return await call.directory.account(sender.account_id)


async def _store_user(call: Call, name: str) -> Entity | None:
    if not call.allows(account_arn(name), account_id=ANY):
        return None
    try:
        user = await call.metadata.user(name)
    except NoSuchUser:
        return None
    return await call.directory.account(user.user_id)


def path_prefix(call: Call) -> str:
    """Which paths are to be listed."""
    return check_path_prefix(call.form.text("PathPrefix", "/"))


def max_items(call: Call) -> int:
    """How many are to be listed at once."""
    return call.form.number("MaxItems", DEFAULT_ITEMS, 1, MAX_ITEMS)


def page_end(next_marker: str) -> Mapping[str, Value]:
    """Whether a listing goes on, and where."""
    return {"IsTruncated": next_marker != "", "Marker": next_marker or None}


def page_of(
    call: Call, items: Sequence[T], key: Callable[[T], str]
) -> tuple[list[T], Mapping[str, Value]]:
    """What comes behind the call's Marker, by key, and how the page ends."""
    after, limit = call.form.text("Marker", ""), max_items(call)
    rest = [item for item in sorted(items, key=key) if key(item) > after]
    page = rest[:limit]
    return page, page_end(key(page[-1]) if len(rest) > limit else "")
