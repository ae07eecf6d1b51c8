"""A provider's tokens at STS: the provider and a role that trusts it, and who asks."""

from typing import Any

from tests.coordinator.iam.fake_provider import ISSUER, NAME, token
from tests.coordinator.iam.sts_support import ROLE_ARN, Iam, Session, policy, session_of, trust
from tests.coordinator.s3.support import ALICE, Answer, Keys

PROVIDER_ARN = f"arn:aws:iam::alice:oidc-provider/{NAME}"
TO_BEARERS = {"Federated": PROVIDER_ARN}
WEB = "sts:AssumeRoleWithWebIdentity"
TAGGING = [WEB, "sts:TagSession"]
READ = policy(["s3:GetObject", "s3:ListBucket"])


async def prepare(
    iam: Iam, trusted: str = "", allowed: str = READ, keys: Keys = ALICE, **more: Any
) -> None:
    """The provider, and the role "reader" that trusts it."""
    await iam.done("CreateOpenIDConnectProvider", keys, Url=ISSUER, ClientIDList__member__1="app")
    trusted = trusted or trust(TO_BEARERS, Action=WEB)
    await iam.role(trusted, allowed, keys, **more)


async def ask(iam: Iam, text: str | None = None, keys: Keys | None = None, **more: Any) -> Answer:
    asked = {
        "RoleArn": ROLE_ARN,
        "RoleSessionName": "work",
        "WebIdentityToken": token() if text is None else text,
        **more,
    }
    return await iam.call(
        "AssumeRoleWithWebIdentity",
        keys,
        **{name: value for name, value in asked.items() if value is not None},
    )


async def bear(iam: Iam, text: str | None = None, **more: Any) -> Session:
    answer = await ask(iam, text, **more)
    assert answer.status == 200, answer.body
    return session_of(answer)


async def sessions_made(iam: Iam) -> int:
    far = iam.stand.clock.now_ms() + 48 * 3600 * 1000
    return await iam.stand.store.forget_expired_keys(far)
