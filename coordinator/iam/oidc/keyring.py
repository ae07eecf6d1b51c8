"""The keys of identity providers: fetched when a token needs one, and remembered for a while.

Rules: a provider is asked once for many who wait, and at most once in PAUSE_S, whatever comes of
it: a made-up key id, or one that is down, costs no more. A key that is gone at the provider counts
here for MAX_AGE_S at most.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from coordinator.iam.errors import IamError
from coordinator.iam.oidc.key_sets import (
    ProviderKey,
    discovery_url,
    parse_discovery,
    parse_keys,
    unusable,
)
from coordinator.iam.oidc.urls import may_fetch

MAX_AGE_S: Final = 3600.0
PAUSE_S: Final = 10.0
MAX_PROVIDERS: Final = 1000
"""Providers whose keys are remembered."""

Fetch = Callable[[str, Sequence[str]], Awaitable[bytes]]
"""(URL, thumbprints) -> the document there. Raises IamError."""


class Issuer(NamedTuple):
    """A provider to ask. `thumbprints` (SHA-1) are of certificates that vouch for it."""

    url: str
    thumbprints: tuple[str, ...] = ()


@dataclass(slots=True)
class _Known:
    """What is known of a provider; `error` is what the last time came to, if it failed."""

    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    asked_at_s: float = float("-inf")
    fetched_at_s: float = float("-inf")
    keys: Mapping[str, Sequence[ProviderKey]] = field(default_factory=dict)
    error: IamError | None = None


class ProviderKeyring:
    """See the module."""

    def __init__(self, fetch: Fetch, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._known: OrderedDict[Issuer, _Known] = OrderedDict()

    async def keys(self, issuer: Issuer, key_id: str) -> Sequence[ProviderKey]:
        """The provider's keys of that id, () if it has none. Raises IamError IDPCommunicationError,
        InvalidIdentityToken (its certificate is not the one that is expected)."""
        known = self._known.setdefault(issuer, _Known())
        self._known.move_to_end(issuer)
        if len(self._known) > MAX_PROVIDERS:
            self._known.popitem(last=False)
        if not self._answers(known, key_id):
            async with known.asking:
                # Somebody else may have asked meanwhile.
                if not self._answers(known, key_id):
                    await self._ask(issuer, known)
        if not self._is_fresh(known):
            raise known.error or unusable("the provider was not asked")
        return known.keys.get(key_id, ())

    def _is_fresh(self, known: _Known) -> bool:
        return self._monotonic() < known.fetched_at_s + MAX_AGE_S

    def _answers(self, known: _Known, key_id: str) -> bool:
        """Whether there is nothing to be asked, or not so soon again."""
        if self._is_fresh(known) and key_id in known.keys:
            return True
        return self._monotonic() < known.asked_at_s + PAUSE_S

    async def _ask(self, issuer: Issuer, known: _Known) -> None:
        try:
            known.keys = await self._fetched(issuer)
            known.error, known.fetched_at_s = None, self._monotonic()
        except IamError as error:
            known.error = error
        # Not before: who goes away while he asks has asked nothing.
        known.asked_at_s = self._monotonic()

    async def _fetched(self, issuer: Issuer) -> Mapping[str, Sequence[ProviderKey]]:
        if not may_fetch(issuer.url):
            raise unusable("a provider is asked by https only, unless it is on this machine")
        document = await self._fetch(discovery_url(issuer.url), issuer.thumbprints)
        keys_url = parse_discovery(document, issuer.url)
        return parse_keys(await self._fetch(keys_url, issuer.thumbprints))
