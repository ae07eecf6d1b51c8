"""Who signs with a key: an account, a user of one, or a session; with the policies that count.

Rules: a key without an identity is its account's own; `{"user": id}` makes it that user's. What an
account says about its users and roles counts with that account's authority, and what root says (of
its own users, and of all accounts) with the store's. A user that is gone may do nothing, whatever
keys are left.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

from coordinator.access import ANY, Identity, IdentityPolicy, account, member
from coordinator.iam.documents import parsed
from coordinator.iam.entities import ROOT_ID, Entity, Kind, load
from coordinator.iam.managed import BUILT_IN, BUILT_IN_PREFIX, default, policy_of
from coordinator.iam.sessions import session_identity
from metadata import AccessKey, MetadataStore, User


class Identities:
    """An IdentitySource over the metadata."""

    def __init__(self, metadata: MetadataStore) -> None:
        self.metadata = metadata

    async def __call__(self, user: User, key: AccessKey) -> Identity:
        """The account, or the user or session of it that the key acts for."""
        if key.session_token:
            return await session_identity(self, user, key)
        if not key.identity:
            return await self.account(user)
        user_id = json.loads(key.identity)["user"]
        return await self.user(user, user_id)

    async def account(self, user: User) -> Identity:
        """An account, with what root says about it."""
        document = await self.metadata.iam(Kind.ACCOUNT, user.user_id)
        if document is None:
            return account(user.user_id, is_root=user.is_root)
        told = load(document)
        policies = await self.policies_of(told)
        found = account(user.user_id, is_root=user.is_root, policies=policies)
        return replace(found, tags=told.tags)

    async def user(self, user: User, entity_id: str) -> Identity:
        """A user of the account."""
        account_id = user.user_id
        document = await self.metadata.iam(Kind.USER, f"{account_id}/{entity_id}")
        if document is None:
            return member(account_id, f"arn:aws:iam::{account_id}:user/", user_id=entity_id)
        entity = load(document)
        return member(
            account_id,
            entity.arn,
            user_id=entity.id,
            username=entity.name,
            policies=await self.policies_of(entity),
            tags=entity.tags,
        )

    async def policies_of(self, entity: Entity) -> tuple[IdentityPolicy, ...]:
        """All policies of a user, role or account: its own, its groups', the attached ones."""
        authority = ANY if entity.account_id == ROOT_ID else entity.account_id
        found = [
            IdentityPolicy(parsed(document).statements, authority)
            async for document in self._documents(entity)
        ]
        return tuple(found)

    async def _documents(self, entity: Entity) -> AsyncIterator[str]:
        for document in entity.policies.values():
            yield document
        for arn in entity.attached:
            attached = await self._managed(entity.account_id, arn)
            if attached is not None:
                yield attached
        for group_id in entity.groups:
            text = await self.metadata.iam(Kind.GROUP, f"{entity.account_id}/{group_id}")
            if text is not None:
                async for document in self._documents(load(text)):
                    yield document

    async def _managed(self, account_id: str, arn: str) -> str | None:
        """The document that counts of a managed policy, None if it is gone."""
        owner_id, name = policy_of(arn)
        if owner_id == "aws":
            return BUILT_IN.get(name) if arn.startswith(BUILT_IN_PREFIX) else None
        entity_id = await self.metadata.iam(f"{Kind.POLICY}-name", f"{owner_id}/{name.lower()}")
        if entity_id is None:
            return None
        text = await self.metadata.iam(Kind.POLICY, f"{owner_id}/{entity_id}")
        return None if text is None else default(load(text)).document
