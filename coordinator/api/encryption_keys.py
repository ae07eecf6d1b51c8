"""The named keys of SSE-KMS: made and listed here, shown never.

Rules: only root. A key can't be removed: whatever it wrapped would be lost. Whoever may write to a
bucket may encrypt with any of them, and whoever may read an object needs no right to its key.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints

from coordinator.api.models import Given
from coordinator.api.services import GivenRoot, GivenServices
from coordinator.crypto import KEY_ID, NamedKey

router = APIRouter(tags=["encryption keys"])


class NewEncryptionKey(Given):
    """A key to be made: 256 random bits."""

    key_id: Annotated[str, StringConstraints(pattern=KEY_ID)]


class EncryptionKeyEntry(BaseModel):
    """What may be told of a key."""

    key_id: str
    created_at_ms: int


class EncryptionKeyList(BaseModel):
    """All named keys, by id."""

    keys: list[EncryptionKeyEntry]


@router.get("/encryption-keys")
async def list_encryption_keys(services: GivenServices, root: GivenRoot) -> EncryptionKeyList:
    """The named keys there are."""
    return EncryptionKeyList(keys=[_entry(key) for key in services.objects.keys.store.named_keys()])


@router.post("/encryption-keys", status_code=201)
async def create_encryption_key(
    new: NewEncryptionKey, services: GivenServices, root: GivenRoot
) -> EncryptionKeyEntry:
    """Make a named key; when this is answered it is in the key file."""
    return _entry(await services.objects.keys.store.create(new.key_id))


def _entry(key: NamedKey) -> EncryptionKeyEntry:
    return EncryptionKeyEntry(key_id=key.key_id, created_at_ms=key.created_at_ms)
