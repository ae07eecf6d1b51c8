"""Policy documents: IAM's grammar, parsed once and checked, ready to be asked.

Source: "Grammar of the IAM JSON policy language" in the IAM User Guide, and the S3 User Guide for
what a bucket's policy may say.

Rules: a document is taken whole or refused whole: an element, operator or action that is not known
is an error, because what is not understood can't be enforced. `Allow` with `NotPrincipal` is
refused: it would let in everybody who was forgotten. A policy of a user or role speaks of whoever
has it, so that `"Principal": "*"` says nothing there; any other principal is refused.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from coordinator.access.actions import KNOWN
from coordinator.access.conditions import Condition, parse_conditions
from coordinator.access.errors import PolicyError
from coordinator.access.patterns import Glob, Template, Wild, glob, template

MAX_BUCKET_POLICY_BYTES: Final = 20 * 1024
MAX_STATEMENTS: Final = 1000

VERSIONS: Final = ("2012-10-17", "2008-10-17")
EVERYBODY: Final = "*"
ARN_PREFIX: Final = "arn:aws:s3:::"

_ELEMENTS: Final = frozenset(
    {
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
        "NotResource", "Condition",
    }
)  # fmt: skip
_ACCOUNT_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::[^:*]*:[^*]+")
_BARE_ID = re.compile(r"[^\s:*/]+")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `principals` holds EVERYBODY or names as in `Identity`; it is empty in
    policies of users, where the principal is whoever has the policy."""

    allows: bool
    sid: str
    principals: frozenset[str]
    is_not_principal: bool
    actions: tuple[Glob, ...]
    is_not_action: bool
    resources: tuple[Template, ...]
    is_not_resource: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A document's statements, in its order."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class _Form:
    """What a kind of document must have and may say."""

    has_principals: bool
    has_resources: bool
    is_about_s3: bool


_BUCKET: Final = _Form(has_principals=True, has_resources=True, is_about_s3=True)
_IDENTITY: Final = _Form(has_principals=False, has_resources=True, is_about_s3=False)
_TRUST: Final = _Form(has_principals=True, has_resources=False, is_about_s3=False)


def parse_bucket_policy(document: bytes | str, bucket: str) -> Policy:
    """A bucket's policy: statements with principals, about this bucket. Raises PolicyError."""
    if len(document) > MAX_BUCKET_POLICY_BYTES:
        raise PolicyError("Policy exceeds the maximum allowed document size")
    policy = _parse(document, _BUCKET)
    for statement in policy.statements:
        for resource in statement.resources:
            _check_resource(resource, bucket)
    return policy


def parse_identity_policy(document: bytes | str) -> Policy:
    """A policy of a user, group, role or session. Raises PolicyError."""
    return _parse(document, _IDENTITY)


def parse_trust_policy(document: bytes | str) -> Policy:
    """Who may assume a role: statements with principals and without resources. Raises
    PolicyError."""
    return _parse(document, _TRUST)


def _parse(document: bytes | str, form: _Form) -> Policy:
    try:
        tree = json.loads(document, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise PolicyError("Policies must be valid JSON and the first byte must be '{'") from error
    if not isinstance(tree, dict):
        raise PolicyError("Policies must be valid JSON and the first byte must be '{'")
    if tree.keys() - {"Version", "Id", "Statement"}:
        raise PolicyError(f"Unknown field {min(tree.keys() - {'Version', 'Id', 'Statement'})}")
    version = tree.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise PolicyError("The policy must contain a valid version string")
    if not isinstance(tree.get("Id", ""), str):
        raise PolicyError("The policy's Id must be a string")
    statements = tree.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not 0 < len(statements) <= MAX_STATEMENTS:
        raise PolicyError("Missing required field Statement")
    with_variables = version == VERSIONS[0]
    return Policy(tuple(_statement(one, form, with_variables) for one in statements))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        # Two readers could take two different ones of them.
        raise PolicyError("Policy has the same element twice")
    return tree


def _statement(tree: Any, form: _Form, with_variables: bool) -> Statement:
    if not isinstance(tree, dict):
        raise PolicyError("Policy has an invalid statement")
    if tree.keys() - _ELEMENTS:
        raise PolicyError(f"Unknown field {min(tree.keys() - _ELEMENTS)}")
    sid = tree.get("Sid", "")
    effect = tree.get("Effect")
    if not isinstance(sid, str):
        raise PolicyError("Policy has an invalid Sid")
    if effect not in ("Allow", "Deny"):
        raise PolicyError("Policy has an invalid effect" if effect else "Missing field Effect")
    principals: frozenset[str] = frozenset()
    is_not_principal = "NotPrincipal" in tree
    if form.has_principals:
        principals = _principals(_one_of(tree, "Principal"))
        if effect == "Allow" and is_not_principal:
            raise PolicyError("Allow with NotPrincipal is not allowed: name who is allowed")
    elif is_not_principal or tree.get("Principal", EVERYBODY) != EVERYBODY:
        raise PolicyError("A policy of a user or role has no Principal")
    return Statement(
        effect == "Allow",
        sid,
        principals,
        is_not_principal,
        tuple(_action(text, only_s3=form.is_about_s3) for text in _texts(tree, "Action")),
        "NotAction" in tree,
        _resources(tree, form, with_variables),
        "NotResource" in tree,
        parse_conditions(tree["Condition"], with_variables=with_variables)
        if "Condition" in tree
        else (),
    )


def _resources(tree: Mapping[str, Any], form: _Form, with_variables: bool) -> tuple[Template, ...]:
    if form.has_resources:
        texts = _texts(tree, "Resource")
    elif "Resource" in tree or "NotResource" in tree:
        raise PolicyError("A policy of who may assume a role has no Resource")
    else:
        texts = ["*"]
    return tuple(template(text, with_variables=with_variables) for text in texts)


def _one_of(tree: Mapping[str, Any], name: str) -> Any:
    """The element, or the same with Not: exactly one of them."""
    if (name in tree) == (f"Not{name}" in tree):
        raise PolicyError(f"A statement has exactly one of {name} and Not{name}")
    return tree[name] if name in tree else tree[f"Not{name}"]


def _texts(tree: Mapping[str, Any], name: str) -> list[str]:
    texts = _strings(_one_of(tree, name))
    if not texts:
        raise PolicyError(f"Policy has an invalid {name.lower()}")
    return texts


def _strings(value: Any) -> list[str]:
    """A string or a list of them; [] for anything else."""
    texts = value if isinstance(value, list) else [value]
    return texts if all(isinstance(text, str) and text for text in texts) else []


def _principals(value: Any) -> frozenset[str]:
    if value == EVERYBODY:
        return frozenset({EVERYBODY})
    if not isinstance(value, dict) or not value:
        raise PolicyError("Invalid principal in policy")
    names: list[str] = []
    for kind, given in value.items():
        texts = _strings(given)
        if not texts or kind not in ("AWS", "CanonicalUser", "Service", "Federated"):
            raise PolicyError("Invalid principal in policy")
        names += [_principal(kind, text) for text in texts]
    return frozenset(names)


def _principal(kind: str, text: str) -> str:
    if kind != "AWS":
        if "*" in text:
            raise PolicyError("Invalid principal in policy")
        prefix = "canonical" if kind == "CanonicalUser" else kind.lower()
        return f"{prefix}:{text}"
    if text == EVERYBODY or _ACCOUNT_ARN.fullmatch(text):
        return text
    if _BARE_ID.fullmatch(text):
        return f"arn:aws:iam::{text}:root"
    raise PolicyError("Invalid principal in policy")


def _action(text: str, *, only_s3: bool) -> Glob:
    lowered = text.lower()
    found = glob(lowered)
    if lowered == "*":
        return found
    service, colon, name = lowered.partition(":")
    if not colon or not name or (only_s3 and service != "s3"):
        raise PolicyError("Policy has invalid action")
    if only_s3 and not any(found.matches(known) for known in KNOWN):
        raise PolicyError("Policy has invalid action")
    return found


def _check_resource(resource: Template, bucket: str) -> None:
    """A bucket's policy speaks of that bucket and what is in it."""
    text = "".join(
        part if isinstance(part, str) else part.value if isinstance(part, Wild) else "*"
        for part in resource.parts
    )
    name = text.removeprefix(ARN_PREFIX).partition("/")[0]
    if not text.startswith(ARN_PREFIX) or not glob(name).matches(bucket):
        raise PolicyError("Policy has invalid resource")


def bucket_arn(bucket: str, key: str = "") -> str:
    """The ARN of a bucket, or of an object in it."""
    return f"{ARN_PREFIX}{bucket}/{key}" if key else f"{ARN_PREFIX}{bucket}"
