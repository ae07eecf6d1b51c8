"""What the operations of the API work with, and how FastAPI hands it to them.

Rules: everything hangs on the app that was made with it: no globals, so two coordinators may live
in one process. An operation gets at a bucket only through `owned_bucket`, so that none forgets to
ask whether the sender may.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Path, Request

from coordinator.api.errors import ApiError
from coordinator.api.healing import Healing
from coordinator.api.names import check_bucket_name, check_key, decode
from coordinator.auth.accounts import Accounts, require_owner
from coordinator.cluster import Cluster
from coordinator.metrics import Metrics
from coordinator.objects import Objects
from coordinator.settings import CoordinatorSettings
from metadata import Bucket, MetadataStore, User

MAX_AUDITS = 4
"""Each holds some memory and asks all nodes."""

SENDER = "trilith.sender"
"""Where the gate leaves the authenticated sender in the ASGI scope."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent the request. `payload_sha256`: what the signature says the body hashes to, or ""."""

    user: User
    access_key: str
    payload_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """The coordinator's parts. `clock` gives seconds since the epoch."""

    objects: Objects
    accounts: Accounts
    cluster: Cluster
    healing: Healing
    metrics: Metrics
    settings: CoordinatorSettings
    version: str
    clock: Callable[[], float]
    audits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_AUDITS))

    @property
    def metadata(self) -> MetadataStore:
        """For look-ups that read no object bytes."""
        return self.objects.metadata


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _sender(request: Request) -> Sender:
    sender: Sender = request.scope[SENDER]
    return sender


async def _root(request: Request) -> Sender:
    sender = await _sender(request)
    if not sender.user.is_root:
        raise ApiError(403, "AccessDenied", "only root may do this")
    return sender


async def _bucket_name(
    bucket: Annotated[str, Path(description="the bucket's name")],
) -> str:
    name = decode(bucket)
    check_bucket_name(name)
    return name


async def _key(
    key: Annotated[str, Path(description="the key: percent-encoded UTF-8, slashes may stay")],
) -> str:
    name = decode(key)
    check_key(name)
    return name


GivenServices = Annotated[Services, Depends(_services)]
GivenSender = Annotated[Sender, Depends(_sender)]
GivenRoot = Annotated[Sender, Depends(_root)]
GivenBucketName = Annotated[str, Depends(_bucket_name)]
GivenKey = Annotated[str, Depends(_key)]


async def owned_bucket(
    name: GivenBucketName, services: GivenServices, sender: GivenSender
) -> Bucket:
    """The bucket in the path, which the sender may use. Raises NoSuchBucket, AuthError."""
    bucket = await services.metadata.bucket(name)
    require_owner(sender.user, bucket.owner_id)
    return bucket


OwnedBucket = Annotated[Bucket, Depends(owned_bucket)]
