"""The Condition element: operators, what they compare, and how they treat missing keys.

Source: "IAM JSON policy elements: Condition operators" and "Multivalued context keys" in the IAM
User Guide.

Rules: a positive operator on a missing key is false, a negated one true; `...IfExists` is true.
Several values of one key are alternatives (for a negated operator: none of them may match); several
keys and operators must all hold. A value of the request that can't be read as number, date or
address matches nothing.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from coordinator.access.errors import PolicyError
from coordinator.access.patterns import Lookup, Template, condition_key, template

Test = Callable[[Template, str, Lookup], bool]
"""(a value in the policy, a value of the request, lookup) -> whether they match."""

MAX_VALUES: Final = 1000

_PREFIXES: Final = ("aws", "s3", "sts", "iam", "kms", "saml", "jwt", "sdb", "token", "ldap")
_KEY = re.compile(r"[A-Za-z0-9_.-]+:[^\s/]+(/.*)?", re.DOTALL)

WEB_CLAIMS: Final = ("aud", "app_id", "sub", "azp", "amr")
"""What conditions may ask of a web identity: `idp.example.com/path:sub`. Source: "Available keys
for AWS OIDC federation" in the IAM User Guide; app_id is Ceph's word for aud."""

_WEB_KEY = re.compile(rf"[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s,'{{}}$*?]*)?:({'|'.join(WEB_CLAIMS)})")


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key. `key` as `condition_key` has it."""

    operator: str
    key: str
    values: tuple[Template, ...]
    is_negated: bool
    if_exists: bool
    for_each: str
    """"", "ForAllValues" or "ForAnyValue"."""

    def holds(self, lookup: Lookup) -> bool:
        """Whether the request fulfils it."""
        given = lookup(self.key)
        if self.operator == "null":
            wants_absence = (self.values[0].text(lookup) or "").lower() == "true"
            return (not given) == wants_absence
        if not given:
            if self.for_each:
                # By definition: of no values all fulfil anything, and none does.
                return self.for_each == "ForAllValues" or self.if_exists
            return self.is_negated or self.if_exists
        test = _TESTS[self.operator]
        values = [plain for value in self.values for plain in value.filled(lookup)]
        matched = (any(test(value, one, lookup) for value in values) for one in given)
        if self.for_each == "ForAllValues":
            return all(match != self.is_negated for match in matched)
        if self.for_each == "ForAnyValue":
            return any(match != self.is_negated for match in matched)
        return any(matched) != self.is_negated


def parse_conditions(block: Any, *, with_variables: bool) -> tuple[Condition, ...]:
    """The parsed Condition element. Raises PolicyError."""
    if not isinstance(block, Mapping):
        raise PolicyError("Policy has an invalid condition")
    found: list[Condition] = []
    for operator, keys in block.items():
        if not isinstance(keys, Mapping) or not keys:
            raise PolicyError(f"Policy has an invalid condition: {operator}")
        found += [
            _condition(operator, key, value, with_variables=with_variables)
            for key, value in keys.items()
        ]
    return tuple(found)


def _condition(name: str, key: str, value: Any, *, with_variables: bool) -> Condition:
    for_each, colon, operator = name.rpartition(":")
    if colon and for_each not in ("ForAllValues", "ForAnyValue"):
        raise PolicyError(f"Policy has an invalid condition operator: {name}")
    operator = operator.lower()
    base = operator.removesuffix("ifexists")
    if_exists = base != operator
    is_negated = base in _NEGATED
    positive = _NEGATED.get(base, base)
    if positive not in _TESTS and (positive != "null" or if_exists or for_each):
        raise PolicyError(f"Policy has an invalid condition operator: {name}")
    is_ours = _KEY.fullmatch(key) and key.partition(":")[0].lower() in _PREFIXES
    if not is_ours and not _WEB_KEY.fullmatch(key):
        raise PolicyError(f"Policy has an invalid condition key: {key}")
    texts = value if isinstance(value, list) else [value]
    if not 0 < len(texts) <= MAX_VALUES:
        raise PolicyError(f"Policy has an invalid condition value for {key}")
    values = tuple(template(_text(one, key), with_variables=with_variables) for one in texts)
    check = _CHECKS.get(positive)
    for one in values:
        # What holds a variable can only be read when a request fills it.
        if check is not None and one.fixed is not None and not check(one.text(_nothing) or ""):
            raise PolicyError(f"Policy has an invalid condition value for {key}")
    return Condition(positive, condition_key(key), values, is_negated, if_exists, for_each)


def _nothing(_key: str) -> None:
    return None


def _text(value: Any, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise PolicyError(f"Policy has an invalid condition value for {key}")


def _equal(value: Template, given: str, lookup: Lookup) -> bool:
    return value.text(lookup) == given


def _equal_ignoring_case(value: Template, given: str, lookup: Lookup) -> bool:
    text = value.text(lookup)
    return text is not None and text.casefold() == given.casefold()


def _like(value: Template, given: str, lookup: Lookup) -> bool:
    return value.matches(given, lookup)


def _arn_like(value: Template, given: str, lookup: Lookup) -> bool:
    text = value.text(lookup)
    if text is None:
        return False
    wanted, found = text.split(":", 5), given.split(":", 5)
    if len(wanted) != 6 or len(found) != 6:
        return False
    return all(
        template(one, with_variables=False).matches(other, _nothing)
        for one, other in zip(wanted, found, strict=True)
    )


def _same_bytes(value: Template, given: str, lookup: Lookup) -> bool:
    wanted, found = _binary(value.text(lookup) or ""), _binary(given)
    return wanted is not None and wanted == found


def _in_network(value: Template, given: str, lookup: Lookup) -> bool:
    network = _network(value.text(lookup) or "")
    address = _network(given)
    if network is None or address is None or network.version != address.version:
        return False
    return address.network_address in network


def _compared(read: Callable[[str], Any], holds: Callable[[Any, Any], bool]) -> Test:
    """A test of order: `holds(value of the request, value of the policy)`."""

    def test(value: Template, given: str, lookup: Lookup) -> bool:
        wanted, found = read(value.text(lookup) or ""), read(given)
        return wanted is not None and found is not None and holds(found, wanted)

    return test


@lru_cache(maxsize=1024)
def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


@lru_cache(maxsize=1024)
def _date(text: str) -> float | None:
    """Seconds since the epoch, from ISO 8601 or such seconds."""
    if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) < 16:
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=1024)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    mapped = (
        network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    )
    return ipaddress.ip_network(mapped) if mapped and network.prefixlen == 128 else network


def _binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


_TESTS: Final[Mapping[str, Test]] = {
    "stringequals": _equal,
    "stringequalsignorecase": _equal_ignoring_case,
    "stringlike": _like,
    "numericequals": _compared(_number, lambda found, wanted: bool(found == wanted)),
    "numericlessthan": _compared(_number, lambda found, wanted: bool(found < wanted)),
    "numericlessthanequals": _compared(_number, lambda found, wanted: bool(found <= wanted)),
    "numericgreaterthan": _compared(_number, lambda found, wanted: bool(found > wanted)),
    "numericgreaterthanequals": _compared(_number, lambda found, wanted: bool(found >= wanted)),
    "dateequals": _compared(_date, lambda found, wanted: bool(found == wanted)),
    "datelessthan": _compared(_date, lambda found, wanted: bool(found < wanted)),
    "datelessthanequals": _compared(_date, lambda found, wanted: bool(found <= wanted)),
    "dategreaterthan": _compared(_date, lambda found, wanted: bool(found > wanted)),
    "dategreaterthanequals": _compared(_date, lambda found, wanted: bool(found >= wanted)),
    "bool": _equal_ignoring_case,
    "binaryequals": _same_bytes,
    "ipaddress": _in_network,
    "arnequals": _arn_like,
    "arnlike": _arn_like,
}

_NEGATED: Final[Mapping[str, str]] = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
}

_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    **{
        name: (lambda text: _number(text) is not None)
        for name in _TESTS
        if name.startswith("numeric")
    },
    **{name: (lambda text: _date(text) is not None) for name in _TESTS if name.startswith("date")},
    "ipaddress": lambda text: _network(text) is not None,
    "binaryequals": lambda text: _binary(text) is not None,
    "bool": lambda text: text.lower() in ("true", "false"),
    "null": lambda text: text.lower() in ("true", "false"),
}
