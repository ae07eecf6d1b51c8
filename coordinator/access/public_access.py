"""What is open to strangers, and the four switches that forbid it.

Source: "Blocking public access to your Amazon S3 storage" in the S3 User Guide, section "The
meaning of public".

Rules: a policy is public if some statement allows something to everybody without a condition that
pins the sender down to a fixed value: no wildcard, no variable, no network so wide that anybody may
sit in it.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final

from coordinator.access.conditions import Condition
from coordinator.access.evaluate import names_anybody
from coordinator.access.policy import Policy, Statement

WIDEST_IPV4: Final = 8
WIDEST_IPV6: Final = 32

_PINNING_KEYS: Final = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:username",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_PINNING_OPERATORS: Final = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"}
)


@dataclass(frozen=True, slots=True)
class PublicAccessBlock:
    """The switches of a bucket; all off is the same as none set.

    `block_acls` and `block_policy` refuse what would open the bucket; `ignore_acls` and
    `restrict` (to the owner's account) take away what is open already.
    """

    block_acls: bool = False
    ignore_acls: bool = False
    block_policy: bool = False
    restrict: bool = False


NOTHING_BLOCKED: Final = PublicAccessBlock()


def is_public(policy: Policy) -> bool:
    """Whether the policy lets strangers do anything."""
    return any(_is_open(statement) for statement in policy.statements)


def _is_open(statement: Statement) -> bool:
    if not statement.allows or not names_anybody(statement):
        return False
    return not any(_pins(condition) for condition in statement.conditions)


def _pins(condition: Condition) -> bool:
    if condition.is_negated or condition.if_exists or condition.for_each == "ForAllValues":
        return False
    if condition.operator == "ipaddress" and condition.key == "aws:sourceip":
        return all(
            value.is_fixed and _is_narrow(value.text(_nothing) or "") for value in condition.values
        )
    return (
        condition.key in _PINNING_KEYS
        and condition.operator in _PINNING_OPERATORS
        and all(value.is_fixed for value in condition.values)
    )


def _is_narrow(text: str) -> bool:
    network = ipaddress.ip_network(text, strict=False)
    return network.prefixlen >= (WIDEST_IPV4 if network.version == 4 else WIDEST_IPV6)


def _nothing(_key: str) -> None:
    return None
