"""Which keys count: active, of a session with its token before its end, in every kind of signature.

The requests are botocore's, with and without a session token.
"""

import time
from collections.abc import Callable

import pytest
from botocore.auth import (
    HmacV1Auth,
    HmacV1PostAuth,
    HmacV1QueryAuth,
    S3SigV4Auth,
    S3SigV4PostAuth,
    S3SigV4QueryAuth,
)
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from coordinator.access import Identity, member
from coordinator.auth.accounts import MAX_AGE_S, Accounts, Authenticated
from coordinator.auth.errors import AuthError
from metadata import ACTIVE, INACTIVE, AccessKey, MemoryStore, User
from tests.coordinator.auth.requests import received

NOW_S = time.time()
NOW_MS = int(NOW_S * 1000)
URL = "http://127.0.0.1:9000/bucket/key"
SECRET = "the secret of every key here"
TOKEN = "a/token+with=what?needs&escaping"

LASTING = AccessKey("LASTING", SECRET, "alice", 1)
OFF = AccessKey("OFF", SECRET, "alice", 1, status=INACTIVE)
SESSION = AccessKey("SESSION", SECRET, "alice", 1, ACTIVE, TOKEN, NOW_MS + 60_000)
ENDED = AccessKey("ENDED", SECRET, "alice", 1, ACTIVE, TOKEN, NOW_MS)

Asker = Callable[[Accounts, Credentials], "Authenticating"]


class Authenticating:
    """A signed request or form, ready to be judged."""

    def __init__(self, accounts: Accounts, request: AWSRequest, *, is_form: bool = False) -> None:
        self._accounts = accounts
        self._request = request
        self._is_form = is_form

    async def __call__(self) -> Authenticated:
        if not self._is_form:
            return await self._accounts.authenticate(received(self._request, NOW_S))
        fields = self._request.context["s3-presign-post-fields"]
        lower = {name.lower(): value for name, value in fields.items()}
        return await self._accounts.authenticate_form(lower, NOW_S)


def by_header(accounts: Accounts, credentials: Credentials) -> Authenticating:
    request = AWSRequest(method="GET", url=URL, headers={}, data=b"")
    S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    return Authenticating(accounts, request)


def by_query(accounts: Accounts, credentials: Credentials) -> Authenticating:
    request = AWSRequest(method="GET", url=URL, headers={})
    S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=600).add_auth(request)
    return Authenticating(accounts, request)


def by_old_header(accounts: Accounts, credentials: Credentials) -> Authenticating:
    request = AWSRequest(method="GET", url=URL, headers={})
    HmacV1Auth(credentials).add_auth(request)
    return Authenticating(accounts, request)


def by_old_query(accounts: Accounts, credentials: Credentials) -> Authenticating:
    request = AWSRequest(method="GET", url=URL, headers={})
    HmacV1QueryAuth(credentials, expires=600).add_auth(request)
    return Authenticating(accounts, request)


def _form() -> AWSRequest:
    request = AWSRequest(method="POST", url=URL, headers={})
    policy = {"expiration": "2100-01-01T00:00:00Z", "conditions": [{"bucket": "bucket"}]}
    request.context["s3-presign-post-policy"] = policy
    request.context["s3-presign-post-fields"] = {"key": "key"}
    return request


def by_form(accounts: Accounts, credentials: Credentials) -> Authenticating:
    request = _form()
    S3SigV4PostAuth(credentials, "s3", "us-east-1").add_auth(request)
    return Authenticating(accounts, request, is_form=True)


def by_old_form(accounts: Accounts, credentials: Credentials) -> Authenticating:
    request = _form()
    HmacV1PostAuth(credentials).add_auth(request)
    return Authenticating(accounts, request, is_form=True)


ASKERS = [by_header, by_query, by_old_header, by_old_query, by_form, by_old_form]


class Clock:
    """Monotonic seconds that only a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def session_or_account(user: User, key: AccessKey) -> Identity:
    arn = f"arn:aws:iam::{user.user_id}:{'session' if key.session_token else 'root'}"
    return member(user.user_id, arn, user_id=user.user_id)


@pytest.fixture
async def store() -> MemoryStore:
    made = MemoryStore()
    await made.put_user(User("alice", "Alice", False, 1), [LASTING, OFF, SESSION, ENDED])
    return made


@pytest.fixture
def accounts(store: MemoryStore) -> Accounts:
    return Accounts(store, identities=session_or_account)


async def refused(asking: Authenticating) -> str:
    with pytest.raises(AuthError) as caught:
        await asking()
    told = f"{caught.value} {dict(caught.value.extra)}"
    assert TOKEN not in told
    assert SECRET not in told
    return caught.value.code


@pytest.mark.parametrize("ask", ASKERS)
async def test_keys_and_their_tokens(accounts: Accounts, ask: Asker) -> None:
    ordinary = await ask(accounts, Credentials("LASTING", SECRET))()
    assert ordinary.user is not None
    assert ordinary.identity.arn == "arn:aws:iam::alice:root"
    session = await ask(accounts, Credentials("SESSION", SECRET, TOKEN))()
    assert session.identity.arn == "arn:aws:iam::alice:session"

    wrong = [
        (Credentials("NOBODY", SECRET), "InvalidAccessKeyId"),
        (Credentials("OFF", SECRET), "InvalidAccessKeyId"),
        (Credentials("LASTING", SECRET, TOKEN), "InvalidToken"),
        (Credentials("SESSION", SECRET), "InvalidAccessKeyId"),
        (Credentials("SESSION", SECRET, TOKEN[:-1]), "InvalidToken"),
        (Credentials("SESSION", SECRET, f"{TOKEN}x"), "InvalidToken"),
        (Credentials("ENDED", SECRET, TOKEN), "ExpiredToken"),
        (Credentials("SESSION", "another", TOKEN), "SignatureDoesNotMatch"),
        (Credentials("ENDED", "another", TOKEN), "SignatureDoesNotMatch"),
    ]
    for credentials, code in wrong:
        assert await refused(ask(accounts, credentials)) == code, credentials.access_key


async def test_a_refused_signature_does_not_repeat_a_token(accounts: Accounts) -> None:
    for ask in (by_header, by_query, by_old_header, by_old_query):
        with pytest.raises(AuthError) as caught:
            await ask(accounts, Credentials("SESSION", "another", TOKEN))()
        told = " ".join(caught.value.extra.values())
        assert "REDACTED" in told
        assert TOKEN not in told
        assert "a%2Ftoken" not in told


async def test_a_secret_alone_is_for_lasting_keys(accounts: Accounts) -> None:
    user, identity = await accounts.authenticate_secret("LASTING", SECRET)
    assert (user.user_id, identity.account_id) == ("alice", "alice")
    for key, secret in [("LASTING", "x"), ("OFF", SECRET), ("SESSION", SECRET), ("X", SECRET)]:
        with pytest.raises(AuthError) as caught:
            await accounts.authenticate_secret(key, secret)
        assert caught.value.code == "InvalidCredentials"


async def test_a_key_that_is_switched_off_elsewhere_counts_for_a_moment(store: MemoryStore) -> None:
    clock = Clock()
    accounts = Accounts(store, monotonic=clock)
    ask = by_header(accounts, Credentials("LASTING", SECRET))
    await ask()
    await store.set_access_key_status("LASTING", INACTIVE)
    clock.now_s = MAX_AGE_S / 2
    await ask()
    clock.now_s = MAX_AGE_S
    assert await refused(ask) == "InvalidAccessKeyId"
    await store.set_access_key_status("LASTING", ACTIVE)
    await ask()


async def test_a_change_here_counts_at_once(store: MemoryStore, accounts: Accounts) -> None:
    ask = by_header(accounts, Credentials("SESSION", SECRET, TOKEN))
    await ask()
    await store.delete_access_key("SESSION")
    accounts.forget()
    assert await refused(ask) == "InvalidAccessKeyId"


async def test_what_was_looked_up_during_a_change_is_not_remembered(store: MemoryStore) -> None:
    asked: list[str] = []

    async def change_meanwhile(user: User, key: AccessKey) -> Identity:
        asked.append(key.access_key)
        if len(asked) == 1:
            accounts.forget()
        return await session_or_account(user, key)

    accounts = Accounts(store, identities=change_meanwhile)
    ask = by_header(accounts, Credentials("LASTING", SECRET))
    for times_asked in (1, 2, 2):
        await ask()
        assert len(asked) == times_asked
