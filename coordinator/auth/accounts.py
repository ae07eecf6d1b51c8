"""Who signs with an access key: the metadata's answer, remembered for a moment.

Rules:
1. Changes made through this coordinator forget the remembered answer at once; one made elsewhere
   counts after MAX_AGE_S. Unknown keys are not remembered, so a new key works at once.
2. A key that is switched off is as unknown as one that never was.
3. A session's key counts only with its token and before its end; a lasting one only without any
   token. Both are asked after the signature, so that only who has the secret learns of them.
"""

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from coordinator.access import ANONYMOUS, Identity, account
from coordinator.auth.basic import matches
from coordinator.auth.credentials import (
    Authentication,
    CredentialKind,
    ParsedCredentials,
    PayloadMode,
)
from coordinator.auth.errors import AuthError
from coordinator.auth.forms import FormCredentials, identify_form, verify_form
from coordinator.auth.request import SignedRequest
from coordinator.auth.verify import identify, unknown_access_key, verify
from metadata import ACTIVE, AccessKey, MetadataStore, User

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
    """An answer, and until when it counts. `is_lasting`: the key has neither token nor end."""

    until_s: float
    user: User
    key: AccessKey
    identity: Identity
    is_lasting: bool


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
        self._forgotten = 0

    def _recall(self, access_key: str) -> "_Known | None":
        known = self._remembered.get(access_key)
        return known if known is not None and known.until_s > self._monotonic() else None

    async def _look_up(self, access_key: str) -> "_Known | None":
        forgotten = self._forgotten
        found = await self._metadata.find_access_key(access_key)
        if found is None or found[1].status != ACTIVE:
            self._remembered.pop(access_key, None)
            return None
        user, key = found
        until_s = self._monotonic() + MAX_AGE_S
        is_lasting = not key.session_token and not key.expires_at_ms
        known = _Known(until_s, user, key, await self._identities(user, key), is_lasting)
        if forgotten != self._forgotten:
            # Something was changed meanwhile, perhaps this: good for this request, and no other.
            return known
        self._remembered[access_key] = known
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return known

    def forget(self) -> None:
        """Users, keys, or what they may do were changed."""
        self._forgotten += 1
        self._remembered.clear()

    async def authenticate(self, request: SignedRequest) -> Authenticated:
        """Who sent the request: a user, or nobody in particular. Raises AuthError."""
        parsed = identify(request)
        if parsed.kind is CredentialKind.ANONYMOUS:
            return Authenticated(None, verify(parsed, None), ANONYMOUS)
        known = self._recall(parsed.access_key) or await self._look_up(parsed.access_key)
        if known is None:
            raise unknown_access_key(parsed)
        authentication = verify(parsed, known.key.secret_key, region=self._region)
        if parsed.session_token or not known.is_lasting:
            _check_session(parsed, known.key, request.now)
        return Authenticated(known.user, authentication, known.identity)

    async def authenticate_form(self, fields: Mapping[str, str], now_s: float) -> Authenticated:
        """Who signed a browser's form (names of fields in lower case). Raises AuthError."""
        parsed = identify_form(fields)
        if parsed.kind is CredentialKind.ANONYMOUS:
            unsigned = Authentication(parsed.kind, "", PayloadMode.UNSIGNED)
            return Authenticated(None, unsigned, ANONYMOUS)
        known = self._recall(parsed.access_key) or await self._look_up(parsed.access_key)
        if known is None:
            raise unknown_access_key(parsed)
        authentication = verify_form(parsed, known.key.secret_key, region=self._region)
        if parsed.session_token or not known.is_lasting:
            _check_session(parsed, known.key, now_s)
        return Authenticated(known.user, authentication, known.identity)

    async def authenticate_secret(self, access_key: str, secret: str) -> tuple[User, Identity]:
        """Who shows the secret itself, as HTTP Basic does. A session's key needs its token, which
        has no place there. Raises AuthError, the same one whatever is wrong."""
        known = self._recall(access_key) or await self._look_up(access_key)
        if known is None or not known.is_lasting or not matches(secret, known.key.secret_key):
            raise AuthError("InvalidCredentials", "the access key or its secret is wrong")
        return known.user, known.identity


def _check_session(
    parsed: ParsedCredentials | FormCredentials, key: AccessKey, now_s: float
) -> None:
    """Whether the token is the key's, and its end still ahead. Raises AuthError."""
    if key.session_token and not parsed.session_token:
        raise unknown_access_key(parsed)
    given = parsed.session_token.encode("utf-8", "backslashreplace")
    if not hmac.compare_digest(key.session_token.encode(), given):
        raise AuthError("InvalidToken", "The provided token is malformed or otherwise invalid.")
    if 0 < key.expires_at_ms <= now_s * 1000:
        raise AuthError("ExpiredToken", "The provided token has expired.")
