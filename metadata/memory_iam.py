"""The part of the reference model about users, keys and documents. Rules: those of `memory.py`."""

from collections.abc import Sequence
from dataclasses import replace

from metadata.errors import (
    AccessKeyExists,
    IamExists,
    NoSuchUser,
    PreconditionFailed,
    UserExists,
)
from metadata.model import AccessKey, User
from metadata.model_iam import IamChange


class MemoryIam:
    """An IamStore. See `memory.py`."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}
        self._access_keys: dict[str, AccessKey] = {}
        # By kind and name.
        self._iam: dict[tuple[str, str], str] = {}
        self._iam_generation = 0

    # users -----------------------------------------------------------------------
    async def put_user(self, user: User, keys: Sequence[AccessKey]) -> None:
        if user.user_id in self._users:
            raise UserExists(user.user_id)
        named = {key.access_key: replace(key, user_id=user.user_id) for key in keys}
        if len(named) < len(keys) or named.keys() & self._access_keys.keys():
            raise AccessKeyExists("one of the user's keys is taken")
        self._iam_generation += 1
        self._users[user.user_id] = user
        self._access_keys.update(named)

    async def update_user(self, user: User) -> None:
        former = await self.user(user.user_id)
        self._iam_generation += 1
        self._users[user.user_id] = replace(
            former, display_name=user.display_name, path=user.path, email=user.email
        )

    async def users(self) -> list[User]:
        return sorted(self._users.values(), key=lambda user: user.user_id.encode())

    async def user(self, user_id: str) -> User:
        if user_id not in self._users:
            raise NoSuchUser(user_id)
        return self._users[user_id]

    async def user_by_email(self, email: str) -> User | None:
        return next((user for user in await self.users() if email and user.email == email), None)

    async def delete_user(self, user_id: str) -> None:
        await self.user(user_id)
        self._iam_generation += 1
        del self._users[user_id]
        for name, key in list(self._access_keys.items()):
            if key.user_id == user_id:
                del self._access_keys[name]

    # keys ------------------------------------------------------------------------
    async def put_access_key(self, key: AccessKey) -> None:
        await self.user(key.user_id)
        if key.access_key in self._access_keys:
            raise AccessKeyExists(key.access_key)
        self._access_keys[key.access_key] = key
        self._iam_generation += not key.session_token

    async def access_keys(self, user_id: str) -> list[AccessKey]:
        await self.user(user_id)
        keys = [
            key
            for key in self._access_keys.values()
            if key.user_id == user_id and not key.session_token
        ]
        return sorted(keys, key=lambda key: key.access_key.encode())

    async def find_access_key(self, access_key: str) -> tuple[User, AccessKey] | None:
        key = self._access_keys.get(access_key)
        return None if key is None else (self._users[key.user_id], key)

    async def set_access_key_status(self, access_key: str, status: str) -> bool:
        key = self._access_keys.get(access_key)
        if key is None:
            return False
        self._iam_generation += not key.session_token
        self._access_keys[access_key] = replace(key, status=status)
        return True

    async def delete_access_key(self, access_key: str) -> bool:
        key = self._access_keys.pop(access_key, None)
        self._iam_generation += key is not None and not key.session_token
        return key is not None

    async def forget_expired_keys(self, now_ms: int, *, limit: int = 1000) -> int:
        ended = [key for key in self._access_keys.values() if 0 < key.expires_at_ms < now_ms]
        ended.sort(key=lambda key: (key.expires_at_ms, key.access_key.encode()))
        for key in ended[:limit]:
            await self.delete_access_key(key.access_key)
        return len(ended[:limit])

    # documents -------------------------------------------------------------------
    async def put_iam(
        self,
        kind: str,
        name: str,
        document: str,
        *,
        must_not_exist: bool = False,
        must_equal: str | None = None,
    ) -> None:
        await self.change_iam([IamChange(kind, name, document, must_equal, must_not_exist)])

    async def change_iam(self, changes: Sequence[IamChange]) -> None:
        changed, counted = dict(self._iam), 0
        for change in changes:
            place = change.kind, change.name
            former = changed.pop(place, None)
            if change.must_equal is not None and former != change.must_equal:
                raise PreconditionFailed(f"the {change.kind} {change.name!r} is not what it was")
            if change.must_not_exist and former is not None:
                raise IamExists(f"there is a {change.kind} {change.name!r}")
            if change.document is not None:
                changed[place] = change.document
            counted += change.document is not None or former is not None
        self._iam_generation += counted
        self._iam = changed

    async def iam(self, kind: str, name: str) -> str | None:
        return self._iam.get((kind, name))

    async def list_iam(
        self, kind: str, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> list[tuple[str, str]]:
        found = [
            (name, document)
            for (found_kind, name), document in self._iam.items()
            if found_kind == kind and name.startswith(prefix) and name.encode() > after.encode()
        ]
        return sorted(found, key=lambda each: each[0].encode())[:limit]

    async def delete_iam(self, kind: str, name: str) -> bool:
        existed = self._iam.pop((kind, name), None) is not None
        self._iam_generation += existed
        return existed

    async def delete_iam_below(self, kind: str, prefix: str) -> int:
        assert prefix
        below = [name for name, _ in await self.list_iam(kind, prefix=prefix, limit=len(self._iam))]
        for name in below:
            await self.delete_iam(kind, name)
        return len(below)

    async def iam_generation(self) -> int:
        return self._iam_generation
