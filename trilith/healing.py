"""The operations about nodes, repairs and audits, and how an audit's lines are read.

Rules: those of operations.py. An audit whose last line is not its summary was cut short, and that
is an error: silence must never pass for "all is well".
"""

import json
from collections.abc import Sequence
from typing import Any

from trilith.errors import UnexpectedAnswer, Unreachable
from trilith.operations import PAGE_LIMIT, mapping, nothing
from trilith.protocol import API, Answer, Operation, segment

# nodes -----------------------------------------------------------------------------------------


def add_node(node_id: str, url: str) -> Operation[dict[str, Any]]:
    """Let a node join."""
    told = {"node_id": node_id, "url": url}
    return Operation("POST", f"{API}/nodes", mapping, json=told, idempotent=False)


def drain_node(node_id: str) -> Operation[dict[str, Any]]:
    """Begin to empty a node."""
    return Operation("POST", f"{_node(node_id)}/drain", mapping)


def undrain_node(node_id: str) -> Operation[dict[str, Any]]:
    """Stop emptying a node."""
    return Operation("POST", f"{_node(node_id)}/undrain", mapping)


def remove_node(node_id: str) -> Operation[None]:
    """Let an emptied node go."""
    return Operation("DELETE", _node(node_id), nothing, gone_is_done=True)


def _node(node_id: str) -> str:
    return f"{API}/nodes/{segment(node_id, 'node id')}"


# repairs ---------------------------------------------------------------------------------------


def repairs() -> Operation[dict[str, Any]]:
    """What is to be repaired, and how that goes."""
    return Operation("GET", f"{API}/repairs", mapping)


def repair_tasks(state: str, after: str, limit: int = PAGE_LIMIT) -> Operation[dict[str, Any]]:
    """One page of repairs one by one: {tasks, next_after}."""
    params = {"state": state, "limit": str(limit)} | ({"after": after} if after else {})
    return Operation("GET", f"{API}/repairs/tasks", mapping, params=params)


def retry_repairs(shards: Sequence[tuple[str, int]] | None) -> Operation[int]:
    """Queue dead repairs anew: these (part id in hex, shard), or all."""
    named = None
    if shards is not None:
        named = [{"part_id": part_id, "shard": shard} for part_id, shard in shards]
    return Operation("POST", f"{API}/repairs/retry", _revived, json={"shards": named})


def scrub(node_id: str | None) -> Operation[None]:
    """Begin to read and check all that a node (or every node) keeps."""
    return Operation("POST", f"{API}/scrub", nothing, json={"node_id": node_id})


def incidents() -> Operation[list[dict[str, Any]]]:
    """The outages of nodes, newest first."""
    return Operation("GET", f"{API}/incidents", lambda answer: list(mapping(answer)["incidents"]))


def _revived(answer: Answer) -> int:
    return int(mapping(answer)["revived"])


# audits ----------------------------------------------------------------------------------------


def verify(bucket: str | None, deep: bool) -> Operation[None]:
    """Begin an audit; its lines are for `AuditLines`."""
    return Operation("POST", f"{API}/verify", nothing, json={"bucket": bucket, "deep": deep})


class AuditLines:
    """The lines of one audit, as they come."""

    def __init__(self) -> None:
        self.has_begun = False
        self._is_complete = False

    def read(self, line: str) -> dict[str, Any]:
        """One line: `type` says what it is. Raises UnexpectedAnswer."""
        self.has_begun = True
        try:
            told = json.loads(line)
        except ValueError as error:
            raise UnexpectedAnswer("the audit's answer is not JSON lines") from error
        if not isinstance(told, dict) or "type" not in told:
            raise UnexpectedAnswer("the audit's answer is not of this API")
        self._is_complete = told["type"] == "summary"
        return told

    def end(self) -> None:
        """The answer has ended. Raises Unreachable if the summary is missing."""
        if not self._is_complete:
            raise Unreachable("the audit broke off before its end: nothing is proven")
