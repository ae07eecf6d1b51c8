"""The policy of a browser upload: what the owner of a signature lets others upload, and until when.

Source: "Creating a POST policy" in the S3 API Reference.

Rules: pure. The policy is read only after its signature was found right. Names of fields and
operators are case-insensitive, values and the two top-level names are not. Every field of a form
must stand in a condition; so must the bucket, though it stands in the URL: else a signature made
for one bucket would open all of its owner's.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coordinator.s3.dates import parse_iso_date
from coordinator.s3.errors import S3Error

MAX_CONDITIONS: Final = 500
MAX_SIZE_DIGITS: Final = 15

_FREE_FIELDS: Final = frozenset(
    {"awsaccesskeyid", "file", "policy", "signature", "x-amz-signature"}
)
"""They are what is signed, or what signs it."""

_FREE_PREFIXES: Final = ("x-ignore-", "x-amz-checksum-")
"""A checksum can do no harm: it only demands more of the file."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One about a field (lower-case name): its value `is` or `starts with` another."""

    field: str
    value: str
    is_prefix: bool

    def holds(self, given: str) -> bool:
        """Whether the value given, "" for a field that is missing, will do."""
        if not self.is_prefix:
            return given == self.value
        if self.field == "content-type":
            # Browsers send the types of several files as a list
            return all(one.strip().startswith(self.value) for one in given.split(","))
        return given.startswith(self.value)


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """How many bytes the file may have; None is no limit."""

    lowest: int = 0
    highest: int | None = None


@dataclass(frozen=True, slots=True)
class PostPolicy:
    """A parsed policy document."""

    expires_at_ms: int
    conditions: tuple[Condition, ...]
    sizes: SizeLimits

    def check(self, fields: Mapping[str, str], bucket: str, now_ms: float) -> None:
        """Raises S3Error AccessDenied unless the form may be used now, with these fields (names in
        lower case, the key as it will be) and for this bucket."""
        if self.expires_at_ms <= now_ms:
            raise _refused("Policy expired.")
        given = {**fields, "bucket": bucket}
        for condition in self.conditions:
            if not condition.holds(given.get(condition.field, "")):
                operator = "starts-with" if condition.is_prefix else "eq"
                raise _refused(
                    "Policy Condition failed: "
                    + json.dumps([operator, f"${condition.field}", condition.value])
                )
        known = {condition.field for condition in self.conditions}
        extra = [name for name in given if name not in known and not _is_free(name)]
        if extra:
            raise _refused(f"Extra input fields: {', '.join(sorted(extra))}")


def parse_policy(encoded: str) -> PostPolicy:
    """The policy field, as sent: base64 of JSON. Raises S3Error InvalidPolicyDocument."""
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
    except (ValueError, RecursionError) as error:
        raise _invalid("Invalid JSON") from error
    if not isinstance(document, dict):
        raise _invalid("it is not an object")
    if "expiration" not in document:
        raise _invalid("Policy missing expiration.")
    if "conditions" not in document:
        raise _invalid("Policy missing conditions.")
    expiration, conditions = document["expiration"], document["conditions"]
    expires_at_ms = parse_iso_date(expiration) if isinstance(expiration, str) else None
    if expires_at_ms is None:
        raise _invalid(f"Invalid 'expiration' value: {str(expiration)[:100]!r}")
    if not isinstance(conditions, list) or len(conditions) > MAX_CONDITIONS:
        raise _invalid("conditions must be a list")
    found: list[Condition] = []
    sizes = SizeLimits()
    for condition in conditions:
        if isinstance(condition, dict):
            found.append(_exact(condition))
        elif isinstance(condition, list) and condition and isinstance(condition[0], str):
            operator = condition[0].lower()
            if operator == "content-length-range":
                sizes = _narrowed(sizes, condition)
            else:
                found.append(_comparison(operator, condition))
        else:
            raise _invalid("a condition is an object or a list")
    return PostPolicy(expires_at_ms, tuple(found), sizes)


def _exact(condition: Mapping[str, object]) -> Condition:
    if len(condition) != 1:
        raise _invalid("Simple-Conditions must have exactly one property specified.")
    ((name, value),) = condition.items()
    if not isinstance(value, str):
        raise _invalid("Simple-Condition values must be strings.")
    return Condition(name.lower(), value, is_prefix=False)


def _comparison(operator: str, condition: list[object]) -> Condition:
    if operator not in ("eq", "starts-with"):
        raise _invalid(f"unknown operator {operator[:40]!r}")
    if len(condition) != 3:
        raise _invalid(f"{operator} takes a field and a value")
    _, name, value = condition
    if not isinstance(name, str) or not isinstance(value, str) or not name.startswith("$"):
        raise _invalid(f"{operator} takes a field that begins with $, and a string")
    return Condition(name[1:].lower(), value, is_prefix=operator == "starts-with")


def _narrowed(sizes: SizeLimits, condition: list[object]) -> SizeLimits:
    if len(condition) != 3:
        raise _invalid("content-length-range takes two numbers")
    lowest, highest = _size(condition[1]), _size(condition[2])
    known = sizes.highest
    return SizeLimits(max(sizes.lowest, lowest), highest if known is None else min(known, highest))


def _size(value: object) -> int:
    """A number of bytes; some clients write it as a string."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_SIZE_DIGITS):
        raise _invalid("content-length-range takes two numbers")
    return int(text)


def _is_free(name: str) -> bool:
    return name in _FREE_FIELDS or name.startswith(_FREE_PREFIXES)


def _invalid(why: str) -> S3Error:
    return S3Error("InvalidPolicyDocument", f"Invalid Policy: {why}")


def _refused(why: str) -> S3Error:
    return S3Error("AccessDenied", f"Invalid according to Policy: {why}")
