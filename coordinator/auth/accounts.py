"""Who signs with an access key: the metadata's answer, remembered for a moment.

Rules: changes made through this coordinator forget the remembered answer at once; one made
elsewhere counts after MAX_AGE_S. Unknown keys are not remembered, so a new key works at once.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from coordinator.access import ANONYMOUS, Identity, account
from coordinator.auth.credentials import Authentication, CredentialKind, PayloadMode
from coordinator.auth.errors import AuthError
from coordinator.auth.forms import identify_form, verify_form
from coordinator.auth.request import SignedRequest
from coordinator.auth.verify import identify, unknown_access_key, verify
from metadata import AccessKey, MetadataStore, User

MAX_AGE_S = 5.0
MAX_REMEMBERED = 10_000


class IdentitySource(Protocol):
    """Finds out what somebody who signs with a key may do by himself."""

    async def __call__(self, user: User, key: AccessKey) -> Identity:
        """The user, or the role or session that the key acts for."""


async def own_account(user: User, key: AccessKey) -> Identity:
    """Every user is an account of its own."""
    return account(user.user_id, is_root=user.is_root)


class Authenticated(NamedTuple):
    """A verified sender: `user` None and ANONYMOUS where nobody signed."""

    user: User | None
    authentication: Authentication
    identity: Identity


class _Known(NamedTuple):
    """An answer, and until when it counts."""

    until_s: float
    user: User
    key: AccessKey
    identity: Identity


class Accounts:
    """Looks access keys up and authenticates requests with them."""

    def __init__(
        self,
        metadata: MetadataStore,
        *,
        region: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        identities: IdentitySource = own_account,
    ) -> None:
        self._metadata = metadata
        self._region = region
        self._monotonic = monotonic
        self._identities = identities
        self._remembered: OrderedDict[str, _Known] = OrderedDict()

    async def find(self, access_key: str) -> tuple[User, AccessKey] | None:
        """The user and the key pair, or None."""
        known = await self._known(access_key)
        return None if known is None else (known.user, known.key)

    async def identity(self, user: User, key: AccessKey) -> Identity:
        """What is known of who signs with a key that `find` gave."""
        known = await self._known(key.access_key)
        return await self._identities(user, key) if known is None else known.identity

    async def _known(self, access_key: str) -> "_Known | None":
        known = self._remembered.get(access_key)
        if known is not None and known.until_s > self._monotonic():
            return known
        found = await self._metadata.find_access_key(access_key)
        if found is None:
            self._remembered.pop(access_key, None)
            return None
        until_s = self._monotonic() + MAX_AGE_S
        known = _Known(until_s, *found, await self._identities(*found))
        self._remembered[access_key] = known
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return known

    def forget(self) -> None:
        """Users or keys were changed."""
        self._remembered.clear()

    async def authenticate(self, request: SignedRequest) -> Authenticated:
        """Who sent the request: a user, or nobody in particular. Raises AuthError."""
        parsed = identify(request)
        if parsed.kind is CredentialKind.ANONYMOUS:
            return Authenticated(None, verify(parsed, None), ANONYMOUS)
        known = await self._known(parsed.access_key)
        if known is None:
            raise unknown_access_key(parsed)
        authentication = verify(parsed, known.key.secret_key, region=self._region)
        return Authenticated(known.user, authentication, known.identity)

    async def authenticate_form(self, fields: Mapping[str, str]) -> Authenticated:
        """Who signed a browser's form (names of fields in lower case). Raises AuthError."""
        parsed = identify_form(fields)
        if parsed.kind is CredentialKind.ANONYMOUS:
            unsigned = Authentication(parsed.kind, "", PayloadMode.UNSIGNED)
            return Authenticated(None, unsigned, ANONYMOUS)
        known = await self._known(parsed.access_key)
        if known is None:
            raise unknown_access_key(parsed)
        authentication = verify_form(parsed, known.key.secret_key, region=self._region)
        return Authenticated(known.user, authentication, known.identity)


def require_owner(user: User | None, owner_id: str) -> User:
    """The user, who must own the thing or be root. Raises AuthError AccessDenied."""
    if user is None or not (user.is_root or user.user_id == owner_id):
        raise AuthError("AccessDenied", "Access Denied")
    return user
