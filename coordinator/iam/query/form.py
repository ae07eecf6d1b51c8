"""The parameters of a request to a query API: application/x-www-form-urlencoded, checked.

Source: "Making query requests" in the IAM User Guide; lists are `Name.member.1`, `Name.member.2`
and so on, and structures in them `Name.member.1.Key`.

Rules: a parameter has one value. What is not UTF-8, or stands twice, is refused: two readers could
take two different ones.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from coordinator.iam.errors import IamError

MAX_PARAMETERS: Final = 1000
MAX_MEMBERS: Final = 200

SIGNATURE_PARAMETERS: Final = "X-Amz-"
"""What parameters of a presigned URL begin with: they are the signature's, not the action's."""

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


def parse_form(text: bytes) -> "Form":
    """Raises IamError MalformedQueryString."""
    pieces = [piece for piece in text.split(b"&") if piece]
    if len(pieces) > MAX_PARAMETERS:
        raise IamError("MalformedQueryString", f"at most {MAX_PARAMETERS} parameters are allowed")
    values: dict[str, str] = {}
    for piece in pieces:
        name, _, value = (_decode(part) for part in piece.partition(b"="))
        if name.startswith(SIGNATURE_PARAMETERS):
            continue
        if name in values:
            raise IamError("MalformedQueryString", f"the parameter {name!r} stands there twice")
        values[name] = value
    return Form(values)


def _decode(text: bytes) -> str:
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError as error:
        raise IamError("MalformedQueryString", "the parameters are not UTF-8") from error


class Form:
    """Parameters by name. All methods raise IamError ValidationError for what is not right."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Whether it was given."""
        return name in self._values

    def text(self, name: str, default: str | None = None) -> str:
        """The value; without a default it must be given."""
        value = self._values.get(name, default)
        if value is None:
            raise IamError("ValidationError", f"The parameter {name} is required")
        return value

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number within bounds."""
        text = self._values.get(name)
        if text is None:
            return default
        if not _NUMBER.fullmatch(text) or not lowest <= int(text) <= highest:
            raise IamError("ValidationError", f"{name} must be a number from {lowest} to {highest}")
        return int(text)

    def flag(self, name: str) -> bool:
        """true or false, which is the default."""
        text = self._values.get(name, "false").lower()
        if text not in ("true", "false"):
            raise IamError("ValidationError", f"{name} must be true or false")
        return text == "true"

    def texts(self, name: str) -> list[str]:
        """The members of a list, [] if it was not given."""
        return [value[""] for value in self.members(name, ("",))]

    def members(self, name: str, fields: Sequence[str]) -> list[dict[str, str]]:
        """The members of a list of structures, each with all of these fields."""
        members: list[dict[str, str]] = []
        while len(members) <= MAX_MEMBERS:
            start = f"{name}.member.{len(members) + 1}"
            paths = {field: f"{start}.{field}" if field else start for field in fields}
            given = {field: self._values[path] for field, path in paths.items() if self.has(path)}
            if not given:
                return members
            if len(given) < len(fields):
                raise IamError("ValidationError", f"{start} lacks some of {', '.join(fields)}")
            members.append(given)
        raise IamError("ValidationError", f"{name} has more than {MAX_MEMBERS} members")
