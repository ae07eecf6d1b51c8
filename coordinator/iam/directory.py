"""Finds, makes, changes and removes entities.

    "user"       account/id           -> the user's document: the truth
    "user-name"  account/lower name   -> its id: names are unique in it, whatever their case

Rules: document and name are made, renamed and removed together, in one atomic change whose
conditions are what was seen before: neither a crash nor whoever was faster leaves one of them
without the other.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from coordinator.iam.entities import ROOT_ID, Entity, Kind, load, store_user
from coordinator.iam.errors import IamError
from coordinator.iam.names import make_id
from metadata import IamChange, IamExists, MetadataStore, PreconditionFailed

MAX_ATTEMPTS: Final = 20
"""How often a change is tried again because somebody else changed the same entity."""

SCAN_PAGE: Final = 1000

QUOTAS: Final[Mapping[Kind, int]] = {
    Kind.USER: 5000,
    Kind.GROUP: 300,
    Kind.ROLE: 1000,
    Kind.POLICY: 1500,
    Kind.PROVIDER: 100,
}
"""How many of each an account may have: AWS's defaults."""

Change = Callable[[Entity], Entity]


class EntityPage(NamedTuple):
    """`next_after` continues the listing, "" ends it."""

    entities: list[Entity]
    next_after: str


@dataclass(frozen=True, slots=True)
class Directory:
    """The entities of all accounts. `changed` is called after every change of who may do what."""

    metadata: MetadataStore
    changed: Callable[[], None]
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes] = os.urandom

    async def find(self, kind: Kind, account_id: str, name: str) -> Entity:
        """The entity of that name. Raises IamError NoSuchEntity."""
        found = await self.look_up(kind, account_id, name)
        if found is None:
            raise no_such_entity(kind, name)
        return found

    async def look_up(self, kind: Kind, account_id: str, name: str) -> Entity | None:
        """The same, or None."""
        index = _index(account_id, name)
        entity_id = await self.metadata.iam(f"{kind}-name", index)
        entity = None if entity_id is None else await self.by_id(kind, account_id, entity_id)
        if entity is None or entity.name.lower() != name.lower():
            return None
        return entity

    async def by_id(self, kind: Kind, account_id: str, entity_id: str) -> Entity | None:
        """The entity with that id, or None."""
        document = await self.metadata.iam(kind, _index(account_id, entity_id, lower=False))
        return None if document is None else load(document)

    async def create(
        self,
        kind: Kind,
        account_id: str,
        name: str,
        path: str,
        *,
        tags: Mapping[str, str] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Entity:
        """A new entity, its names checked before. Raises IamError EntityAlreadyExists,
        LimitExceeded."""
        await self._check_quota(kind, account_id)
        entity = Entity(
            kind,
            account_id,
            make_id(kind, self.random_bytes),
            name,
            path,
            self.now_ms(),
            tags=tags or {},
            more=more or {},
        )
        document = IamChange(kind, _document(entity), entity.dump(), must_not_exist=True)
        try:
            await self.metadata.change_iam([_taken(entity), document])
        except IamExists as error:
            raise _name_taken(entity) from error
        self.changed()
        return entity

    async def change(self, entity: Entity, change: Change) -> Entity:
        """Apply the change to what the entity is now, which may be more than what the caller saw:
        `change` is called once more if somebody else was faster. It may raise IamError, and then
        nothing changed. Raises NoSuchEntity, EntityAlreadyExists (a new name that is taken)."""
        if entity.kind is Kind.ACCOUNT:
            return await self._change_account(entity.id, change)
        name = _document(entity)
        for _ in range(MAX_ATTEMPTS):
            former_text = await self.metadata.iam(entity.kind, name)
            if former_text is None:
                raise no_such_entity(entity.kind, entity.name)
            former = load(former_text)
            wanted = change(former)
            if wanted == former:
                return former
            changes = [IamChange(entity.kind, name, wanted.dump(), must_equal=former_text)]
            if wanted.name.lower() != former.name.lower():
                changes += [_taken(wanted), _given_back(former)]
            try:
                await self.metadata.change_iam(changes)
            except PreconditionFailed:
                continue
            except IamExists as error:
                raise _name_taken(wanted) from error
            self.changed()
            return wanted
        raise IamError("ConcurrentModification", "others are changing the same: try again")

    async def remove(self, entity: Entity) -> None:
        """The entity, whatever it has. Raises IamError NoSuchEntity."""
        for _ in range(MAX_ATTEMPTS):
            text = await self.metadata.iam(entity.kind, _document(entity))
            if text is None:
                raise no_such_entity(entity.kind, entity.name)
            gone = IamChange(entity.kind, _document(entity), None, must_equal=text)
            try:
                await self.metadata.change_iam([_given_back(load(text)), gone])
            except PreconditionFailed:
                continue
            self.changed()
            return
        raise IamError("ConcurrentModification", "others are changing the same: try again")

    async def page(
        self, kind: Kind, account_id: str, *, path_prefix: str = "/", after: str = "", limit: int
    ) -> EntityPage:
        """Entities by name, whatever its case, from the one behind `after` (a name)."""
        start = _index(account_id, "")
        position = start + after.lower()
        found: list[Entity] = []
        while True:
            names = await self.metadata.list_iam(
                f"{kind}-name", prefix=start, after=position, limit=SCAN_PAGE
            )
            entities = await asyncio.gather(
                *(self.by_id(kind, account_id, entity_id) for _, entity_id in names)
            )
            for (index, _), entity in zip(names, entities, strict=True):
                if entity is None or entity.name.lower() != index.removeprefix(start):
                    continue
                if not entity.path.startswith(path_prefix):
                    continue
                if len(found) == limit:
                    return EntityPage(found, found[-1].name)
                found.append(entity)
            if len(names) < SCAN_PAGE:
                return EntityPage(found, "")
            position = names[-1][0]

    async def all(self, kind: Kind, account_id: str) -> list[Entity]:
        """Every entity of that kind, in no order that means anything. For questions like who has
        this policy; an account has at most thousands."""
        prefix = "" if kind is Kind.ACCOUNT else _index(account_id, "")
        after = ""
        found: list[Entity] = []
        while True:
            documents = await self.metadata.list_iam(
                kind, prefix=prefix, after=after, limit=SCAN_PAGE
            )
            found += [load(document) for _, document in documents]
            if len(documents) < SCAN_PAGE:
                return found
            after = documents[-1][0]

    async def all_users(self, account_id: str) -> list[Entity]:
        """All users of the account; root's are also those of the store."""
        users = await self.all(Kind.USER, account_id)
        if account_id == ROOT_ID:
            users += await self.all(Kind.ACCOUNT, account_id)
        return users

    async def account(self, account_id: str) -> Entity:
        """What root says about an account: the empty entity, if nothing."""
        document = await self.metadata.iam(Kind.ACCOUNT, account_id)
        return store_user(account_id) if document is None else load(document)

    async def _change_account(self, account_id: str, change: Change) -> Entity:
        for _ in range(MAX_ATTEMPTS):
            former = await self.metadata.iam(Kind.ACCOUNT, account_id)
            wanted = change(store_user(account_id) if former is None else load(former))
            try:
                await self.metadata.put_iam(
                    Kind.ACCOUNT,
                    account_id,
                    wanted.dump(),
                    must_not_exist=former is None,
                    must_equal=former,
                )
            except (PreconditionFailed, IamExists):
                continue
            self.changed()
            return wanted
        raise IamError("ConcurrentModification", "others are changing the same: try again")

    async def forget_account(self, account_id: str) -> None:
        """Everything of an account that is removed: who gets its id next begins with nothing."""
        for kind in QUOTAS:
            await self.metadata.delete_iam_below(f"{kind}-name", _index(account_id, ""))
            await self.metadata.delete_iam_below(kind, _index(account_id, ""))
        await self.metadata.delete_iam(Kind.ACCOUNT, account_id)
        self.changed()

    async def _check_quota(self, kind: Kind, account_id: str) -> None:
        quota = QUOTAS[kind]
        if await self.count(kind, account_id) >= quota:
            raise IamError("LimitExceeded", f"Cannot exceed quota for {kind}s: {quota}")

    async def count(self, kind: Kind, account_id: str) -> int:
        """How many of that kind the account has."""
        names = await self.metadata.list_iam(
            f"{kind}-name", prefix=_index(account_id, ""), limit=QUOTAS[kind]
        )
        return len(names)


def no_such_entity(kind: str, name: str) -> IamError:
    """There is no entity of that name."""
    return IamError("NoSuchEntity", f"The {kind} with name {name} cannot be found.")


def _name_taken(entity: Entity) -> IamError:
    return IamError(
        "EntityAlreadyExists", f"The {entity.kind} with name {entity.name} already exists."
    )


def _taken(entity: Entity) -> IamChange:
    """The entity's name becomes its own, if it is nobody's."""
    index = _index(entity.account_id, entity.name)
    return IamChange(f"{entity.kind}-name", index, entity.id, must_not_exist=True)


def _given_back(entity: Entity) -> IamChange:
    """The entity's name becomes nobody's, if it is the entity's."""
    index = _index(entity.account_id, entity.name)
    return IamChange(f"{entity.kind}-name", index, None, must_equal=entity.id)


def _index(account_id: str, name: str, *, lower: bool = True) -> str:
    # Account ids have no slash (JSON API's UserId), so no account's names begin another's.
    return f"{account_id}/{name.lower() if lower else name}"


def _document(entity: Entity) -> str:
    return _index(entity.account_id, entity.id, lower=False)
