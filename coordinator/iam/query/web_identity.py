"""STS: sessions of roles for those whom an identity provider knows. Nobody signs these requests.

    token -> the provider, of the role's account -> its keys -> signature, times, audience
          -> the role's trust policy -> session

Source: "AssumeRoleWithWebIdentity" in the AWS STS API Reference.

Rules: nothing about roles is told to whom no provider of the account has vouched for; after that,
that a role is not there and that it may not be played get the same answer. A session that brings
tags needs sts:TagSession from the trust policy as well.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from coordinator.access import AccessRequest, Given, federated
from coordinator.iam import providers
from coordinator.iam.entities import Entity
from coordinator.iam.errors import IamError
from coordinator.iam.oidc import tokens
from coordinator.iam.oidc.identity import WebIdentity, web_identity
from coordinator.iam.oidc.keyring import Issuer
from coordinator.iam.query.call import UnsignedCall
from coordinator.iam.query.sts import (
    ROLE_SESSION_S,
    SHORTEST_SESSION_S,
    assumed,
    session_name,
    session_policies,
)
from coordinator.iam.query.xml import Result
from coordinator.iam.roles import (
    ASSUME_ROLE_WITH_WEB_IDENTITY,
    TAG_SESSION,
    account_of_role,
    find_role,
    longest_session_s,
    tags_of_resource,
    trusts,
)
from coordinator.iam.sessions import RoleSession, issue

MAX_SHOWN_ISSUER: Final = 255


async def assume_role_with_web_identity(call: UnsignedCall) -> Result:
    """A session of a role, for the bearer of a token."""
    if call.form.has("ProviderId"):
        raise IamError("NotImplemented", "ProviderId: only OpenID Connect tokens are taken")
    arn, name = call.form.text("RoleArn"), session_name(call.form)
    token = tokens.parse_token(call.form.text("WebIdentityToken"))
    provider = await _provider(call, account_of_role(arn), token)
    await _prove(call, provider, token)
    bearer = web_identity(token, provider.more[providers.URL])
    role = await find_role(call.directory, arn)
    if role is None or not _may_assume(call, role, provider, bearer, name):
        raise IamError("AccessDenied", f"Not authorized to perform {ASSUME_ROLE_WITH_WEB_IDENTITY}")
    duration_s = call.form.number(
        "DurationSeconds", ROLE_SESSION_S, SHORTEST_SESSION_S, longest_session_s(role)
    )
    policies = await session_policies(call.directory, call.form, role)
    claims = {**bearer.claims, "aws:federatedprovider": (provider.arn,)}
    session = RoleSession(role.id, name, policies, bearer.tags, bearer.transitive, claims)
    key = await issue(
        call.directory.metadata,
        role.account_id,
        session,
        now_ms=call.now_ms,
        duration_s=duration_s,
        random_bytes=call.directory.random_bytes,
    )
    return {
        **assumed(role, session, key),
        "SubjectFromWebIdentityToken": bearer.subject,
        "Audience": _shown_audience(provider, bearer),
        "Provider": provider.arn,
    }


async def _provider(call: UnsignedCall, account_id: str, token: tokens.Token) -> Entity:
    """The account's provider that the token says it is of."""
    issuer = tokens.issuer_of(token)
    found = await providers.of_issuer(call.directory, account_id, issuer)
    if found is None:
        raise tokens.invalid(
            "No OpenIDConnect provider found in your account for"
            f" {issuer if len(issuer) <= MAX_SHOWN_ISSUER else 'its issuer'}"
        )
    return found


async def _prove(call: UnsignedCall, provider: Entity, token: tokens.Token) -> None:
    """The token is the provider's, valid now, and meant for here. Raises IamError."""
    issuer = Issuer(provider.more[providers.URL], providers.thumbprints_of(provider))
    keys = await call.keyring.keys(issuer, token.key_id)
    if not keys:
        raise tokens.invalid("the provider has no key with the id that the token names")
    tokens.check_signature(token, keys)
    tokens.check_times(token, call.now_ms / 1000)
    tokens.check_audience(token, providers.client_ids_of(provider))


def _may_assume(
    call: UnsignedCall, role: Entity, provider: Entity, bearer: WebIdentity, name: str
) -> bool:
    facts: dict[str, Sequence[str]] = {
        **call.facts,
        **tags_of_resource(role),
        **bearer.claims,
        **_asked_tags(bearer),
        "sts:rolesessionname": (name,),
        "aws:federatedprovider": (provider.arn,),
    }
    sender = federated(providers.names_of(provider))
    actions = [ASSUME_ROLE_WITH_WEB_IDENTITY]
    if bearer.tags:
        actions.append(TAG_SESSION)
    return all(
        trusts(role, AccessRequest(sender, action, role.arn, Given(facts))) for action in actions
    )


def _asked_tags(bearer: WebIdentity) -> Mapping[str, Sequence[str]]:
    """The tags that the session is to have, as a trust policy may ask for them."""
    if not bearer.tags:
        return {}
    asked = {f"aws:requesttag/{key}": values for key, values in bearer.tags.items()}
    return {
        **asked,
        "aws:tagkeys": tuple(bearer.tags),
        **({"sts:transitivetagkeys": bearer.transitive} if bearer.transitive else {}),
    }


def _shown_audience(provider: Entity, bearer: WebIdentity) -> str:
    """The one of the token's audiences that is a client here, else its first."""
    known = providers.client_ids_of(provider)
    return next((one for one in bearer.audiences if one in known), bearer.audiences[0])
