"""Web identities with boto3: a provider on loopback, its tokens, and what they open.

Rules: the clients of STS have no keys at all. The provider is a thread of this process, on a port
from the system.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from benchmarks.cluster import Cluster
from tests.coordinator.iam.fake_provider import TAGS, jwk, sign
from tests.coordinator.iam.provider_server import (
    Authority,
    ProviderServer,
    Reply,
    make_authority,
    server_tls,
    serving,
)
from tests.end_to_end.support import empty_bucket
from tests.end_to_end.test_boto3_sts import Account, allow, refused
from trilith import Client

ROLE = {"RoleName": "bearer"}
SESSION = {"RoleSessionName": "work"}
WEB = "sts:AssumeRoleWithWebIdentity"


def publish(server: ProviderServer) -> None:
    """The provider's description and its one key."""
    described = {"issuer": f"{server.url}/realm", "jwks_uri": f"{server.url}/keys"}
    server.replies = {
        "/realm/.well-known/openid-configuration": Reply(json.dumps(described).encode()),
        "/keys": Reply(json.dumps({"keys": [jwk("RS256", "k-RS256")]}).encode()),
    }


def token(server: ProviderServer, **more: Any) -> str:
    """What the provider signs for carol."""
    now = int(time.time())
    told = {
        "iss": f"{server.url}/realm",
        "sub": "carol",
        "aud": "app",
        "iat": now,
        "exp": now + 600,
        **more,
    }
    return sign(told)


@pytest.fixture
def provider() -> Iterator[ProviderServer]:
    with serving() as server:
        publish(server)
        yield server


@pytest.fixture
def account(cluster: Cluster) -> Iterator[Account]:
    with Client(cluster.endpoint, *cluster.credentials) as root:
        made = Account(cluster, root)
        yield made
        made.remove()


@pytest.fixture
def assume(cluster: Cluster, account: Account) -> Callable[..., Any]:
    """AssumeRoleWithWebIdentity of the account's role, by nobody in particular."""
    sts = boto3.client(
        "sts",
        endpoint_url=cluster.endpoint,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )

    def call(text: str, **more: Any) -> Any:
        arn = f"arn:aws:iam::{account.name}:role/bearer"
        return sts.assume_role_with_web_identity(
            **{"RoleArn": arn, **SESSION, "WebIdentityToken": text, **more}
        )

    return call


@pytest.fixture
def bucket(account: Account) -> Iterator[str]:
    s3, name = account.client("s3"), f"web-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name)
    yield name
    empty_bucket(s3, name)


def register(account: Account, server: ProviderServer, *thumbprints: str) -> str:
    """The provider in the account, and the role that trusts it for carol."""
    iam, url = account.client("iam"), f"{server.url}/realm"
    arn: str = iam.create_open_id_connect_provider(
        Url=url, ClientIDList=["app"], ThumbprintList=list(thumbprints)
    )["OpenIDConnectProviderArn"]
    name = url.partition("://")[2]
    assert arn == f"arn:aws:iam::{account.name}:oidc-provider/{name}"
    trusted = allow(
        [WEB, "sts:TagSession"],
        Principal={"Federated": arn},
        Condition={"StringEquals": {f"{name}:sub": "carol", f"{name}:aud": "app"}},
    )
    iam.create_role(**ROLE, AssumeRolePolicyDocument=trusted)
    own = "arn:aws:s3:::*/${aws:PrincipalTag/Team}/*"
    document = allow(["s3:GetObject", "s3:PutObject"], Resource=own)
    iam.put_role_policy(**ROLE, PolicyName="own", PolicyDocument=document)
    return arn


def test_a_token_opens_what_the_role_may(
    cluster: Cluster,
    account: Account,
    provider: ProviderServer,
    assume: Callable[..., Any],
    bucket: str,
) -> None:
    arn = register(account, provider)
    text = token(provider, **{TAGS: {"principal_tags": {"Team": ["red"]}}})
    answer = assume(text, DurationSeconds=900)
    assert answer["SubjectFromWebIdentityToken"] == "carol"
    assert (answer["Audience"], answer["Provider"]) == ("app", arn)
    assert answer["AssumedRoleUser"]["Arn"] == (
        f"arn:aws:sts::{account.name}:assumed-role/bearer/work"
    )
    s3 = account.client("s3", answer["Credentials"])
    s3.put_object(Bucket=bucket, Key="red/a", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="red/a")["Body"].read() == b"x"
    denied = (403, "AccessDenied")
    assert refused(s3.put_object, Bucket=bucket, Key="blue/a", Body=b"x") == denied
    confined = assume(text, Policy=allow("s3:GetObject", Resource="*"))["Credentials"]
    reading = account.client("s3", confined)
    assert reading.get_object(Bucket=bucket, Key="red/a")["Body"].read() == b"x"
    assert refused(reading.put_object, Bucket=bucket, Key="red/a", Body=b"y") == denied
    # Its keys were asked for once, whatever number of tokens came.
    assert len(provider.asked) == 2
    logs = "".join(path.read_text() for path in (cluster.data / "logs").iterdir())
    assert not [part for part in text.split(".") if part in logs]


def test_what_is_refused(
    account: Account, provider: ProviderServer, assume: Callable[..., Any]
) -> None:
    register(account, provider)
    now = int(time.time())
    for text, refusal in (
        (token(provider, sub="dora"), (403, "AccessDenied")),
        (token(provider, aud="other"), (400, "InvalidIdentityToken")),
        (token(provider, exp=now - 1), (400, "ExpiredTokenException")),
        (token(provider, iss="https://elsewhere.example.com"), (400, "InvalidIdentityToken")),
        (token(provider)[:-5], (400, "InvalidIdentityToken")),
        ("abcdef", (400, "InvalidIdentityToken")),
    ):
        assert refused(assume, text=text) == refusal
    sound = token(provider)
    nobodys = f"arn:aws:iam::{account.name}:role/nobody"
    assert refused(assume, text=sound, RoleArn=nobodys) == (403, "AccessDenied")
    assert refused(assume, text=sound, ProviderId="www.amazon.com")[1] == "NotImplemented"
    assert assume(sound)["Credentials"]["SessionToken"]


def test_a_provider_that_does_not_answer(
    account: Account, provider: ProviderServer, assume: Callable[..., Any]
) -> None:
    provider.replies = {}
    register(account, provider)
    assert refused(assume, text=token(provider)) == (400, "IDPCommunicationError")


@pytest.fixture
def authority() -> Authority:
    return make_authority()


def test_https_is_believed_by_its_thumbprint(
    account: Account, authority: Authority, assume: Callable[..., Any], tmp_path: Path
) -> None:
    with serving(server_tls(authority, tmp_path)) as server:
        publish(server)
        arn = register(account, server, "0" * 40)
        code, name = refused(assume, text=token(server))
        assert (code, name) == (400, "InvalidIdentityToken")
        account.client("iam").update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=arn, ThumbprintList=[authority.thumbprint]
        )
        assert assume(token(server))["Provider"] == arn
        assert "/keys" in server.asked


def test_providers_are_kept(account: Account, provider: ProviderServer) -> None:
    arn = register(account, provider, "a" * 40)
    iam = account.client("iam")
    named = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="more")
    shown = iam.get_open_id_connect_provider(**named)
    assert shown["Url"] == f"{provider.url}/realm"
    assert (shown["ClientIDList"], shown["ThumbprintList"]) == (["app", "more"], ["a" * 40])
    iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="app")
    assert iam.get_open_id_connect_provider(**named)["ClientIDList"] == ["more"]
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]
    code, name = refused(
        iam.create_open_id_connect_provider, Url=f"{provider.url}/realm", ThumbprintList=[]
    )
    assert (code, name) == (409, "EntityAlreadyExists")
    iam.delete_open_id_connect_provider(**named)
    assert refused(iam.get_open_id_connect_provider, **named) == (404, "NoSuchEntity")
