"""Users, keys and documents of IAM in the SQLite store. Rules: those of `sqlite.py`."""

from collections.abc import Sequence
from functools import partial

from metadata.model import AccessKey, User
from metadata.model_iam import IamChange
from metadata.sqlite_calls import SqliteCalls
from metadata.statements import iam, users


class SqliteIam(SqliteCalls):
    """An IamStore; each method keeps the contract's docstring."""

    # users -----------------------------------------------------------------------
    async def put_user(self, user: User, keys: Sequence[AccessKey]) -> None:
        await self._writes.submit(partial(users.put_user, user=user, keys=keys))

    async def update_user(self, user: User) -> None:
        await self._writes.submit(partial(users.update_user, user=user))

    async def users(self) -> list[User]:
        return await self._pages.submit(users.list_users)

    async def user(self, user_id: str) -> User:
        return await self._lookups.submit(partial(users.find_user, user_id=user_id))

    async def user_by_email(self, email: str) -> User | None:
        return await self._lookups.submit(partial(users.find_by_email, email=email))

    async def delete_user(self, user_id: str) -> None:
        await self._writes.submit(partial(users.delete_user, user_id=user_id))

    # keys ------------------------------------------------------------------------
    async def put_access_key(self, key: AccessKey) -> None:
        await self._writes.submit(partial(users.put_access_key, key=key))

    async def access_keys(self, user_id: str) -> list[AccessKey]:
        return await self._pages.submit(partial(users.list_access_keys, user_id=user_id))

    async def find_access_key(self, access_key: str) -> tuple[User, AccessKey] | None:
        return await self._lookups.submit(partial(users.find_access_key, access_key=access_key))

    async def set_access_key_status(self, access_key: str, status: str) -> bool:
        work = partial(users.set_status, access_key=access_key, status=status)
        return await self._writes.submit(work)

    async def delete_access_key(self, access_key: str) -> bool:
        return await self._writes.submit(partial(users.delete_access_key, access_key=access_key))

    async def forget_expired_keys(self, now_ms: int, *, limit: int = 1000) -> int:
        return await self._writes.submit(partial(users.forget_expired, now_ms=now_ms, limit=limit))

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
        await self._writes.submit(partial(iam.change, changes=changes))

    async def iam(self, kind: str, name: str) -> str | None:
        return await self._lookups.submit(partial(iam.find, kind=kind, name=name))

    async def list_iam(
        self, kind: str, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> list[tuple[str, str]]:
        work = partial(iam.list_documents, kind=kind, prefix=prefix, after=after, limit=limit)
        return await self._pages.submit(work)

    async def delete_iam(self, kind: str, name: str) -> bool:
        return await self._writes.submit(partial(iam.delete, kind=kind, name=name))

    async def delete_iam_below(self, kind: str, prefix: str) -> int:
        return await self._writes.submit(partial(iam.delete_below, kind=kind, prefix=prefix))

    async def iam_generation(self) -> int:
        return await self._lookups.submit(iam.generation)
