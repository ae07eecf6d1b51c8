"""The part of the contract about users, their keys, and the documents of IAM.

Rules beside those of `store.py`, for all backends:
1. A document of IAM (a group, a role, a policy, ...) has a kind and a name, and its text means
   nothing here. Names order by the bytes of their UTF-8 form.
2. `iam_generation` grows in the same commit as any change of users, of keys that are not a
   session's, and of documents: what was derived from them may be kept by it.
"""

from collections.abc import Sequence
from typing import Protocol

from metadata.model import AccessKey, User
from metadata.model_iam import IamChange


class IamStore(Protocol):
    """Who there is, and what was written about what they may do."""

    # users -----------------------------------------------------------------------
    async def put_user(self, user: User, keys: Sequence[AccessKey]) -> None:
        """Create the user with its first keys. Raises UserExists, AccessKeyExists."""
        ...

    async def update_user(self, user: User) -> None:
        """Replace display name, path and email of that id. Raises NoSuchUser."""
        ...

    async def users(self) -> list[User]:
        """All users, by id."""
        ...

    async def user(self, user_id: str) -> User:
        """Raises NoSuchUser."""
        ...

    async def user_by_email(self, email: str) -> User | None:
        """The user with that email (the first by id, should several have it), or None."""
        ...

    async def delete_user(self, user_id: str) -> None:
        """The user and its keys, those of sessions too. Buckets stay, for root to deal with, and
        so do documents. Raises NoSuchUser."""
        ...

    # keys ------------------------------------------------------------------------
    async def put_access_key(self, key: AccessKey) -> None:
        """Raises NoSuchUser, AccessKeyExists."""
        ...

    async def access_keys(self, user_id: str) -> list[AccessKey]:
        """The user's keys by name, those of sessions left out. Raises NoSuchUser."""
        ...

    async def find_access_key(self, access_key: str) -> tuple[User, AccessKey] | None:
        """Who signs with this key, whatever its status and age, or None."""
        ...

    async def set_access_key_status(self, access_key: str, status: str) -> bool:
        """ACTIVE or INACTIVE; whether there is such a key."""
        ...

    async def delete_access_key(self, access_key: str) -> bool:
        """Whether there was one."""
        ...

    async def forget_expired_keys(self, now_ms: int, *, limit: int = 1000) -> int:
        """Remove keys that ended before that time, the oldest first; how many."""
        ...

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
        """Set or replace a document. Raises IamExists (`must_not_exist`, and it does), or
        PreconditionFailed (`must_equal`, and it has another text or is not there): so what was
        read, changed and put back loses nobody's change."""
        ...

    async def change_iam(self, changes: Sequence[IamChange]) -> None:
        """All of these changes, in their order, or none. Raises IamExists, PreconditionFailed."""
        ...

    async def iam(self, kind: str, name: str) -> str | None:
        """The document, or None."""
        ...

    async def list_iam(
        self, kind: str, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> list[tuple[str, str]]:
        """Names and documents of that kind with the prefix and names > `after`, by name."""
        ...

    async def delete_iam(self, kind: str, name: str) -> bool:
        """Whether there was one."""
        ...

    async def delete_iam_below(self, kind: str, prefix: str) -> int:
        """Remove all of that kind whose names begin so (the prefix is not empty); how many."""
        ...

    async def iam_generation(self) -> int:
        """See rule 2. One look-up."""
        ...
