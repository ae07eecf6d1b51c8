"""IAM, STS and S3 over one store in memory: who makes a session with one uses it with the other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from coordinator.auth.signer import sign_headers
from coordinator.iam.directory import Directory
from coordinator.iam.oidc.keyring import ProviderKeyring
from coordinator.iam.query.endpoint import IamEndpoint
from coordinator.metrics import Metrics
from tests.coordinator.api.support import raw_call
from tests.coordinator.iam.fake_provider import FakeProvider
from tests.coordinator.s3.support import ALICE, HOST, Answer, Keys, Stand

ACCOUNT = "alice"
ROLE_ARN = "arn:aws:iam::alice:role/reader"


@dataclass(frozen=True, slots=True)
class Session(Keys):
    """A session's keys."""

    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"x-amz-security-token": self.token}


def policy(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> str:
    """A policy of a user, role or session."""
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def trust(principal: Any, effect: str = "Allow", **more: Any) -> str:
    """Who may play a role."""
    statement = {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


class Iam:
    """Calls of IAM and STS beside those of a `Stand` of S3; alice asks unless told."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.directory = Directory(stand.store, stand.surface.accounts.forget, stand.clock.now_ms)
        self.provider = FakeProvider()
        self.keyring = ProviderKeyring(self.provider.fetch, stand.clock)
        self.endpoint = IamEndpoint(
            self.directory, stand.surface.accounts, Metrics(), self.keyring, stand.clock
        )

    async def call(
        self,
        action: str,
        keys: Keys | None = ALICE,
        headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> Answer:
        """One action. Parameters are written as they stand in the form, "__" for a dot."""
        form = {name.replace("__", "."): str(value) for name, value in parameters.items()}
        body = urlencode({"Action": action, **form}).encode()
        sent = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        if isinstance(keys, Session):
            sent |= keys.headers
        if keys is not None:
            sent = sign_headers(
                method="POST",
                url=f"http://{HOST}/",
                headers=sent,
                access_key=keys.access_key,
                secret_key=keys.secret_key,
                now=self.stand.clock(),
                payload_hash=sha256(body).hexdigest(),
            )
        messages: list[Any] = [{"type": "http.request", "body": body}]
        wire = await raw_call(self.endpoint, "POST", b"/", headers=sent, messages=messages)
        return Answer(wire.status, wire.headers, wire.body)

    async def done(self, action: str, keys: Keys = ALICE, **parameters: Any) -> Answer:
        """One action that must succeed."""
        answer = await self.call(action, keys, **parameters)
        assert answer.status == 200, answer.body
        return answer

    async def user(self, name: str, keys: Keys = ALICE) -> Keys:
        """The keys of a new user of an account."""
        await self.done("CreateUser", keys, UserName=name)
        made = await self.done("CreateAccessKey", keys, UserName=name)
        return Keys(made.text("AccessKeyId"), made.text("SecretAccessKey"))

    async def role(
        self, trusted: str, allowed: str = "", keys: Keys = ALICE, **parameters: Any
    ) -> Answer:
        """The account's role "reader"."""
        made = await self.done(
            "CreateRole", keys, RoleName="reader", AssumeRolePolicyDocument=trusted, **parameters
        )
        if allowed:
            await self.done(
                "PutRolePolicy", keys, RoleName="reader", PolicyName="p", PolicyDocument=allowed
            )
        return made

    async def assume(self, keys: Keys, arn: str = ROLE_ARN, **parameters: Any) -> Session:
        """A session of a role."""
        answer = await self.done(
            "AssumeRole", keys, RoleArn=arn, RoleSessionName="work", **parameters
        )
        return session_of(answer)

    async def refused(self, action: str, keys: Keys | None = ALICE, **parameters: Any) -> str:
        """The code of an action that must not succeed."""
        answer = await self.call(action, keys, **parameters)
        assert answer.status >= 400, answer.body
        return answer.code

    async def s3(self, session: Session, method: str, path: str, **more: Any) -> Answer:
        """One request to S3 with a session."""
        return await self.stand.call(method, path, keys=session, headers=session.headers, **more)


def session_of(answer: Answer) -> Session:
    """The session that an answer of STS gives."""
    return Session(
        answer.text("AccessKeyId"), answer.text("SecretAccessKey"), answer.text("SessionToken")
    )
