"""Users and their access keys.

Rules: root makes and removes users; a user sees itself, and may rotate its own keys: make a new
one, and with that remove the old one. Root itself and its keys belong to the coordinator's
configuration and can't be changed here. A secret is shown once, in the answer that made it.
"""

import secrets
import string
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from coordinator.api.access import may_manage
from coordinator.api.errors import ApiError
from coordinator.api.models import MadeKey, NewKey, NewUser, UserEntry, UserList
from coordinator.api.names import decode
from coordinator.api.services import GivenRoot, GivenSender, GivenServices, Sender, Services
from coordinator.auth.errors import AuthError
from coordinator.iam.keys import MAX_KEYS_OF_ACCOUNT, keys_of
from metadata import AccessKey, NoSuchUser, User

ACCESS_KEY_ALPHABET: Final = string.ascii_uppercase + string.digits
ACCESS_KEY_LENGTH: Final = 20
SECRET_KEY_BYTES: Final = 30
"""40 characters of base64."""

router = APIRouter(tags=["users"])


@router.get("/users")
async def list_users(services: GivenServices, sender: GivenSender) -> UserList:
    """All users for root, oneself for others."""
    metadata = services.metadata
    users = await metadata.users() if sender.identity.is_root else [sender.user]
    if not all(may_manage(sender.identity, user.user_id, "iam:ListAccessKeys") for user in users):
        raise AuthError("AccessDenied", "Access Denied")
    return UserList(users=[await _entry(services, user) for user in users])


async def _entry(services: Services, user: User) -> UserEntry:
    try:
        account = await services.directory.account(user.user_id)
        keys = await keys_of(services.directory, account)
    except NoSuchUser:
        # Removed since it was listed.
        keys = []
    return UserEntry.of(user, [key.access_key for key in keys])


@router.post("/users", status_code=201)
async def create_user(
    new: NewUser, services: GivenServices, root: GivenRoot, response: Response
) -> MadeKey:
    """Make a user with one key pair."""
    now_ms = services.objects.ids.now_ms()
    key = _key_pair(new, new.user_id, now_ms)
    if new.email and await services.metadata.user_by_email(new.email) is not None:
        raise ApiError(409, "EmailTaken", "another user has that e-mail address")
    name = new.display_name or new.user_id
    user = User(new.user_id, name, False, now_ms, email=new.email)
    await services.metadata.put_user(user, [key])
    return _made(services, key, response)


@router.delete("/users/{user_id}", status_code=204)
async def delete_user(
    user_id: Annotated[str, Path()], services: GivenServices, root: GivenRoot
) -> None:
    """Remove a user and its keys. Its buckets stay, for root to deal with."""
    user = await _user(services, root, user_id, "iam:DeleteUser")
    _refuse_root(user)
    await services.metadata.delete_user(user.user_id)
    await services.directory.forget_account(user.user_id)


@router.post("/users/{user_id}/keys", status_code=201)
async def create_key(
    user_id: Annotated[str, Path()],
    new: NewKey,
    services: GivenServices,
    sender: GivenSender,
    response: Response,
) -> MadeKey:
    """Give a user one more key pair."""
    user = await _user(services, sender, user_id, "iam:CreateAccessKey")
    _refuse_root(user)
    account = await services.directory.account(user.user_id)
    if len(await keys_of(services.directory, account)) >= MAX_KEYS_OF_ACCOUNT:
        raise ApiError(409, "TooManyKeys", f"a user has at most {MAX_KEYS_OF_ACCOUNT} keys")
    key = _key_pair(new, user.user_id, services.objects.ids.now_ms())
    await services.metadata.put_access_key(key)
    return _made(services, key, response)


@router.delete("/keys/{access_key}", status_code=204)
async def delete_key(
    access_key: Annotated[str, Path()], services: GivenServices, sender: GivenSender
) -> None:
    """Take a key pair back."""
    name = decode(access_key)
    found = await services.metadata.find_access_key(name)
    # Only root learns which keys there are.
    if found is None or not may_manage(sender.identity, found[0].user_id, "iam:DeleteAccessKey"):
        raise ApiError(404, "NoSuchAccessKey", "there is no such access key")
    if not found[1].identity:
        _refuse_root(found[0])
    if name == sender.access_key:
        raise ApiError(409, "KeyInUse", "a key can't remove itself: make another one first")
    await services.metadata.delete_access_key(name)
    services.accounts.forget()


async def _user(services: Services, sender: Sender, encoded: str, action: str) -> User:
    """The user in the path, to do that to it. Raises NoSuchUser, AuthError."""
    user_id = decode(encoded)
    if not may_manage(sender.identity, user_id, action):
        raise AuthError("AccessDenied", "Access Denied")
    return await services.metadata.user(user_id)


def _refuse_root(user: User) -> None:
    if user.is_root:
        raise ApiError(
            403,
            "RootIsConfigured",
            "root and its keys are set in the coordinator's configuration, not here",
        )


def _key_pair(new: NewKey, user_id: str, now_ms: int) -> AccessKey:
    access_key = new.access_key or "".join(
        secrets.choice(ACCESS_KEY_ALPHABET) for _ in range(ACCESS_KEY_LENGTH)
    )
    secret_key = new.secret_key or secrets.token_urlsafe(SECRET_KEY_BYTES)
    return AccessKey(access_key, secret_key, user_id, now_ms)


def _made(services: Services, key: AccessKey, response: Response) -> MadeKey:
    services.accounts.forget()
    response.headers["cache-control"] = "no-store"
    return MadeKey(user_id=key.user_id, access_key=key.access_key, secret_key=key.secret_key)
