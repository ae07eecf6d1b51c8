"""Names, paths and ids of IAM, as AWS bounds them. Raises IamError ValidationError throughout."""

import re
import string
from collections.abc import Callable
from typing import Final

from coordinator.iam.errors import IamError

ROOT_ID: Final = "root"
"""The account of the store's root."""

STORE_KINDS: Final = ("role", "oidc-provider")
"""Of these root's are the store's own, as its users are: their ARNs name no account."""

MAX_NAME_LENGTHS: Final = {"user": 64, "group": 128, "role": 64, "policy": 128}
MAX_PATH_LENGTH: Final = 512

ID_PREFIXES: Final = {
    "user": "AIDA",
    "group": "AGPA",
    "role": "AROA",
    "policy": "ANPA",
    "oidc-provider": "OIDC",
}
"""What unique ids begin with: AWS's own, because tools tell kinds apart by them. (Its providers
have none; those here are shown to nobody.)"""

ID_LENGTH: Final = 17
"""Characters after the prefix: 85 random bits."""

ID_ALPHABET: Final = string.ascii_uppercase + "234567"

_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH = re.compile(r"/|/[!-~]+/", re.ASCII)
_PATH_PREFIX = re.compile(r"/[!-~]*", re.ASCII)


def check_name(kind: str, name: str) -> str:
    """The name of a user, group, role or policy."""
    longest = MAX_NAME_LENGTHS[kind]
    if not _NAME.fullmatch(name) or len(name) > longest:
        raise IamError(
            "ValidationError",
            f"The name of a {kind} has 1 to {longest} letters, digits and _+=,.@-",
        )
    return name


def check_path(path: str) -> str:
    """The path of an entity."""
    if not _PATH.fullmatch(path) or len(path) > MAX_PATH_LENGTH:
        raise IamError(
            "ValidationError",
            f"A path begins and ends with / and has at most {MAX_PATH_LENGTH} characters",
        )
    return path


def check_path_prefix(prefix: str) -> str:
    """What paths begin with that are to be listed."""
    if not _PATH_PREFIX.fullmatch(prefix) or len(prefix) > MAX_PATH_LENGTH:
        raise IamError("ValidationError", "PathPrefix begins with /")
    return prefix


def make_id(kind: str, random_bytes: Callable[[int], bytes]) -> str:
    """A new unique id."""
    text = "".join(ID_ALPHABET[byte % len(ID_ALPHABET)] for byte in random_bytes(ID_LENGTH))
    return ID_PREFIXES[kind] + text


def entity_arn(kind: str, account_id: str, path: str, name: str) -> str:
    """The ARN of an entity of an account; without an account where it is the store's."""
    shown_id = arn_account(account_id) if kind in STORE_KINDS else account_id
    return f"arn:aws:iam::{shown_id}:{kind}{path}{name}"


def arn_account(account_id: str) -> str:
    """What stands for the account in ARNs of STORE_KINDS, and of sessions."""
    return "" if account_id == ROOT_ID else account_id


def account_named(text: str) -> str:
    """The account that such an ARN means, which may also name root's."""
    return text or ROOT_ID
