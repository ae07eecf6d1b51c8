"""Access keys of accounts and their users.

Rules: a key belongs to an account in the metadata, whoever of the account uses it; its identity
says who. Root's keys are the coordinator's configuration. A secret is told once.
"""

import base64
import json
import string
from collections.abc import Callable
from typing import Final

from coordinator.iam.directory import Directory
from coordinator.iam.entities import ROOT_ID, Entity, Kind
from coordinator.iam.errors import IamError
from metadata import AccessKey

MAX_KEYS_OF_ACCOUNT: Final = 100
MAX_KEYS_OF_USER: Final = 2

KEY_ALPHABET: Final = string.ascii_uppercase + "234567"
KEY_PREFIX: Final = "AKIA"
"""What AWS's lasting keys begin with."""

KEY_LENGTH: Final = 16
SECRET_BYTES: Final = 30
"""40 characters of base64."""


def identity_of(user: Entity) -> str:
    """What a key of the user, or of a user of the store, has as its identity."""
    return json.dumps({"user": user.id}) if user.kind is Kind.USER else ""


def account_of(user: Entity) -> str:
    """The account that the user's keys belong to."""
    return user.account_id if user.kind is Kind.USER else user.id


async def keys_of(directory: Directory, user: Entity) -> list[AccessKey]:
    """The user's keys, by name."""
    identity = identity_of(user)
    keys = await directory.metadata.access_keys(account_of(user))
    return [key for key in keys if key.identity == identity]


async def create_key(
    directory: Directory, user: Entity, random_bytes: Callable[[int], bytes]
) -> AccessKey:
    """A new key pair. Raises IamError LimitExceeded, UnmodifiableEntity."""
    refuse_root(user)
    most = MAX_KEYS_OF_USER if user.kind is Kind.USER else MAX_KEYS_OF_ACCOUNT
    if len(await keys_of(directory, user)) >= most:
        raise IamError("LimitExceeded", f"Cannot exceed quota for AccessKeysPerUser: {most}")
    name = "".join(KEY_ALPHABET[byte % len(KEY_ALPHABET)] for byte in random_bytes(KEY_LENGTH))
    key = AccessKey(
        KEY_PREFIX + name,
        base64.urlsafe_b64encode(random_bytes(SECRET_BYTES)).decode(),
        account_of(user),
        directory.now_ms(),
        identity=identity_of(user),
    )
    await directory.metadata.put_access_key(key)
    directory.changed()
    return key


async def find_key(directory: Directory, user: Entity, access_key: str) -> AccessKey:
    """A key that must be this user's. Raises IamError NoSuchEntity."""
    for key in await keys_of(directory, user):
        if key.access_key == access_key:
            return key
    raise IamError("NoSuchEntity", f"The Access Key with id {access_key} cannot be found.")


async def set_status(directory: Directory, user: Entity, access_key: str, status: str) -> None:
    """Let the key work, or not. Raises IamError NoSuchEntity, UnmodifiableEntity."""
    refuse_root(user)
    await find_key(directory, user, access_key)
    await directory.metadata.set_access_key_status(access_key, status)
    directory.changed()


async def delete_key(directory: Directory, user: Entity, access_key: str) -> None:
    """Take the key back. Raises IamError NoSuchEntity, UnmodifiableEntity."""
    refuse_root(user)
    await find_key(directory, user, access_key)
    await directory.metadata.delete_access_key(access_key)
    directory.changed()


def refuse_root(user: Entity) -> None:
    """Raises UnmodifiableEntity where the user is the store's root itself."""
    if user.kind is Kind.ACCOUNT and user.id == ROOT_ID:
        raise IamError(
            "UnmodifiableEntity", "root and its keys are set in the coordinator's configuration"
        )
