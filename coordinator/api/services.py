"""What the operations of the API work with, and how FastAPI hands it to them.

Rules: everything hangs on the app that was made with it: no globals, so two coordinators may live
in one process. Whether the sender may is asked in `access`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Path, Request

from coordinator.access import AccessReader, Identity
from coordinator.api.errors import ApiError
from coordinator.api.healing import Healing
from coordinator.api.names import check_bucket_name, check_key, decode
from coordinator.auth.accounts import Accounts
from coordinator.cluster import Cluster
from coordinator.iam.directory import Directory
from coordinator.metrics import Metrics
from coordinator.objects import Objects
from coordinator.objects.names import BUCKET_NAME, MAX_KEY_BYTES
from coordinator.settings import CoordinatorSettings
from metadata import MetadataStore, User

MAX_AUDITS = 4
"""Each holds some memory and asks all nodes."""

SENDER = "trilith.sender"
"""Where the gate leaves the authenticated sender in the ASGI scope."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent the request. `payload_sha256`: what the signature says the body hashes to, or ""."""

    user: User
    identity: Identity
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
    access: AccessReader = field(init=False)
    directory: Directory = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "access", AccessReader(self.metadata.bucket_settings))
        directory = Directory(self.metadata, self.accounts.forget, self.objects.ids.now_ms)
        object.__setattr__(self, "directory", directory)

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
    # A session of root's is for objects: it may not make lasting what was given for hours.
    if not sender.identity.is_root or sender.identity.limits:
        raise ApiError(403, "AccessDenied", "only root may do this")
    return sender


# Only described here: FastAPI sees them still percent-encoded, so they are checked decoded.
_BUCKET = Path(description="the bucket's name", json_schema_extra={"pattern": BUCKET_NAME})
_KEY = Path(
    description="the key: percent-encoded UTF-8, slashes may stay",
    json_schema_extra={"minLength": 1, "maxLength": MAX_KEY_BYTES},
)


async def _bucket_name(bucket: Annotated[str, _BUCKET]) -> str:
    name = decode(bucket)
    check_bucket_name(name)
    return name


async def _key(key: Annotated[str, _KEY]) -> str:
    name = decode(key)
    check_key(name)
    return name


GivenServices = Annotated[Services, Depends(_services)]
GivenSender = Annotated[Sender, Depends(_sender)]
GivenRoot = Annotated[Sender, Depends(_root)]
GivenBucketName = Annotated[str, Depends(_bucket_name)]
GivenKey = Annotated[str, Depends(_key)]
