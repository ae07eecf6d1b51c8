"""Who signs with an access key: the metadata's answer, remembered for a moment.

Rules: changes made through this coordinator forget the remembered answer at once; one made
elsewhere counts after MAX_AGE_S. Unknown keys are not remembered, so a new key works at once.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from coordinator.auth.credentials import Authentication, CredentialKind
from coordinator.auth.errors import AuthError
from coordinator.auth.request import SignedRequest
from coordinator.auth.verify import identify, unknown_access_key, verify
from metadata import AccessKey, MetadataStore, User

MAX_AGE_S = 5.0
MAX_REMEMBERED = 10_000


class Accounts:
    """Looks access keys up and authenticates requests with them."""

    def __init__(
        self,
        metadata: MetadataStore,
        *,
        region: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metadata = metadata
        self._region = region
        self._monotonic = monotonic
        self._remembered: OrderedDict[str, tuple[float, User, AccessKey]] = OrderedDict()

    async def find(self, access_key: str) -> tuple[User, AccessKey] | None:
        """The user and the key pair, or None."""
        remembered = self._remembered.get(access_key)
        if remembered is not None and remembered[0] > self._monotonic():
            return remembered[1], remembered[2]
        found = await self._metadata.find_access_key(access_key)
        if found is None:
            self._remembered.pop(access_key, None)
            return None
        self._remembered[access_key] = (self._monotonic() + MAX_AGE_S, *found)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return found

    def forget(self) -> None:
        """Users or keys were changed."""
        self._remembered.clear()

    async def authenticate(self, request: SignedRequest) -> tuple[User | None, Authentication]:
        """Who sent the request: a user, or None for an anonymous one. Raises AuthError."""
        parsed = identify(request)
        if parsed.kind is CredentialKind.ANONYMOUS:
            return None, verify(parsed, None)
        found = await self.find(parsed.access_key)
        if found is None:
            raise unknown_access_key(parsed)
        user, key = found
        return user, verify(parsed, key.secret_key, region=self._region)


def require_owner(user: User | None, owner_id: str) -> User:
    """The user, who must own the thing or be root. Raises AuthError AccessDenied."""
    if user is None or not (user.is_root or user.user_id == owner_id):
        raise AuthError("AccessDenied", "Access Denied")
    return user
