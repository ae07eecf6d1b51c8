"""Answers of the query APIs as XML, each in the namespace of its service.

Rules: a result is made of mappings, sequences (each one's items are `member` elements), texts,
numbers and booleans. None is left out, in a mapping. What XML can't carry becomes U+FFFD.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias
from xml.sax.saxutils import escape

IAM: Final = "iam"
STS: Final = "sts"
NAMESPACES: Final[Mapping[str, str]] = {
    IAM: "https://iam.amazonaws.com/doc/2010-05-08/",
    STS: "https://sts.amazonaws.com/doc/2011-06-15/",
}

Value: TypeAlias = "str | int | bool | Mapping[str, Value] | Sequence[Value] | Entries | None"
Result: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Entries:
    """A map whose keys are data: `entry` elements with `key` and `value`."""

    values: Mapping[str, int]


_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def answer(service: str, action: str, result: Result | None, request_id: str) -> bytes:
    """What an action answers; `result` None where it has nothing to say."""
    inner = "" if result is None else _element(f"{action}Result", result)
    name = f"{action}Response"
    metadata = _element("ResponseMetadata", {"RequestId": request_id})
    return _document(name, NAMESPACES[service], f"{inner}{metadata}")


def error(service: str, code: str, message: str, request_id: str, *, is_ours: bool) -> bytes:
    """A refusal. `is_ours`: the fault is the store's, not the sender's."""
    told = {"Type": "Receiver" if is_ours else "Sender", "Code": code, "Message": message}
    inner = _element("Error", told) + _element("RequestId", request_id)
    return _document("ErrorResponse", NAMESPACES[service], inner)


def moment(at_ms: int) -> str:
    """A time as these APIs write it: UTC, in seconds."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _document(name: str, namespace: str, inner: str) -> bytes:
    text = f'<{name} xmlns="{namespace}">{inner}</{name}>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _element(name: str, value: Value) -> str:
    return f"<{name}>{_content(value)}</{name}>"


def _content(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return escape(_UNFIT.sub("\ufffd", value))
    if isinstance(value, Entries):
        return "".join(
            _element("entry", {"key": key, "value": number}) for key, number in value.values.items()
        )
    if isinstance(value, Mapping):
        return "".join(_element(key, each) for key, each in value.items() if each is not None)
    return "" if value is None else "".join(_element("member", each) for each in value)
