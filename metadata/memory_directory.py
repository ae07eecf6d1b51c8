"""The small part of the reference model: the cluster, its nodes, its users and their keys."""

from collections.abc import Sequence
from dataclasses import replace

from metadata.errors import AccessKeyExists, NoSuchUser, UserExists
from metadata.model import AccessKey, NodeRecord, User


class MemoryDirectory:
    """Who and what there is, apart from objects. See `memory.py`."""

    def __init__(self) -> None:
        self._cluster_id: str | None = None
        self._nodes: dict[str, NodeRecord] = {}
        self._users: dict[str, User] = {}
        self._access_keys: dict[str, AccessKey] = {}

    # cluster -----------------------------------------------------------------
    async def cluster_id(self, proposed: str) -> str:
        if self._cluster_id is None:
            self._cluster_id = proposed
        return self._cluster_id

    async def put_node(self, node: NodeRecord) -> None:
        self._nodes[node.node_id] = node

    async def nodes(self) -> list[NodeRecord]:
        return sorted(self._nodes.values(), key=lambda node: node.node_id.encode())

    async def remove_node(self, node_id: str) -> None:
        self._nodes.pop(node_id, None)

    # users -----------------------------------------------------------------------
    async def put_user(self, user: User, keys: Sequence[AccessKey]) -> None:
        if user.user_id in self._users:
            raise UserExists(user.user_id)
        named = {key.access_key: replace(key, user_id=user.user_id) for key in keys}
        if len(named) < len(keys) or named.keys() & self._access_keys.keys():
            raise AccessKeyExists("one of the user's keys is taken")
        self._users[user.user_id] = user
        self._access_keys.update(named)

    async def users(self) -> list[User]:
        return sorted(self._users.values(), key=lambda user: user.user_id.encode())

    async def user(self, user_id: str) -> User:
        if user_id not in self._users:
            raise NoSuchUser(user_id)
        return self._users[user_id]

    async def delete_user(self, user_id: str) -> None:
        for key in await self.access_keys(user_id):
            del self._access_keys[key.access_key]
        del self._users[user_id]

    async def put_access_key(self, key: AccessKey) -> None:
        await self.user(key.user_id)
        if key.access_key in self._access_keys:
            raise AccessKeyExists(key.access_key)
        self._access_keys[key.access_key] = key

    async def access_keys(self, user_id: str) -> list[AccessKey]:
        await self.user(user_id)
        keys = [key for key in self._access_keys.values() if key.user_id == user_id]
        return sorted(keys, key=lambda key: key.access_key.encode())

    async def find_access_key(self, access_key: str) -> tuple[User, AccessKey] | None:
        key = self._access_keys.get(access_key)
        return None if key is None else (self._users[key.user_id], key)

    async def delete_access_key(self, access_key: str) -> bool:
        return self._access_keys.pop(access_key, None) is not None
