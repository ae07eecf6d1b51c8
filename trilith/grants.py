"""The operations on groups and policies: arguments to an `Operation`.

Rules: as in operations.py. `holders` is USERS or GROUPS: both have policies of their own, and
managed ones attached. A policy's document is what IAM's grammar makes of JSON.
"""

from collections.abc import Mapping
from typing import Any, Final

from trilith.operations import mapping, nothing
from trilith.protocol import API, Operation, segment

USERS: Final = "users"
GROUPS: Final = "groups"


def policies_of(holders: str, name: str) -> Operation[dict[str, Any]]:
    """The names of its policies: {policies, attached}."""
    return Operation("GET", f"{_holder(holders, name)}/policies", mapping)


def get_policy_of(holders: str, name: str, policy: str) -> Operation[dict[str, Any]]:
    """One of its own policies: {name, document}."""
    return Operation("GET", _policy_of(holders, name, policy), mapping)


def put_policy_of(
    holders: str, name: str, policy: str, document: Mapping[str, Any]
) -> Operation[None]:
    """Give it a policy of its own, or replace one."""
    told = {"document": document}
    return Operation("PUT", _policy_of(holders, name, policy), nothing, json=told)


def delete_policy_of(holders: str, name: str, policy: str) -> Operation[None]:
    """Take one of its own policies back."""
    return Operation("DELETE", _policy_of(holders, name, policy), nothing, gone_is_done=True)


def attach(holders: str, name: str, policy: str) -> Operation[None]:
    """Attach a managed policy."""
    return Operation("PUT", _attached(holders, name, policy), nothing)


def detach(holders: str, name: str, policy: str) -> Operation[None]:
    """Detach a managed policy."""
    return Operation("DELETE", _attached(holders, name, policy), nothing, gone_is_done=True)


def groups() -> Operation[list[dict[str, Any]]]:
    """All groups, with their users and policies."""
    return Operation("GET", f"{API}/groups", lambda answer: list(mapping(answer)["groups"]))


def create_group(name: str) -> Operation[dict[str, Any]]:
    """Make an empty group."""
    return Operation("POST", f"{API}/groups", mapping, json={"name": name}, idempotent=False)


def delete_group(name: str) -> Operation[None]:
    """Remove a group without users and policies."""
    return Operation("DELETE", _holder(GROUPS, name), nothing, gone_is_done=True)


def join(name: str, user_id: str) -> Operation[None]:
    """Make a user a member."""
    return Operation("PUT", _member(name, user_id), nothing)


def leave(name: str, user_id: str) -> Operation[None]:
    """End a membership."""
    return Operation("DELETE", _member(name, user_id), nothing, gone_is_done=True)


def managed_policies() -> Operation[list[dict[str, Any]]]:
    """The managed policies."""
    return Operation("GET", f"{API}/policies", lambda answer: list(mapping(answer)["policies"]))


def create_policy(name: str, document: Mapping[str, Any]) -> Operation[dict[str, Any]]:
    """Make a managed policy."""
    told = {"name": name, "document": document}
    return Operation("POST", f"{API}/policies", mapping, json=told, idempotent=False)


def get_policy(name: str) -> Operation[dict[str, Any]]:
    """A managed policy: {name, document}."""
    return Operation("GET", _policy(name), mapping)


def delete_policy(name: str) -> Operation[None]:
    """Remove a managed policy that nobody has."""
    return Operation("DELETE", _policy(name), nothing, gone_is_done=True)


def _holder(holders: str, name: str) -> str:
    return f"{API}/{holders}/{segment(name, 'name')}"


def _policy_of(holders: str, name: str, policy: str) -> str:
    return f"{_holder(holders, name)}/policies/{segment(policy, 'policy name')}"


def _attached(holders: str, name: str, policy: str) -> str:
    return f"{_holder(holders, name)}/attached/{segment(policy, 'policy name')}"


def _member(name: str, user_id: str) -> str:
    return f"{_holder(GROUPS, name)}/users/{segment(user_id, 'user id')}"


def _policy(name: str) -> str:
    return f"{API}/policies/{segment(name, 'policy name')}"
