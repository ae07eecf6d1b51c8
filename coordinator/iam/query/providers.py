"""OpenID Connect providers in the query API.

Source: "CreateOpenIDConnectProvider" and its neighbours in the IAM API Reference. The URL is given
back with its scheme, as Ceph does: here there are two of them.
"""

from typing import Final

from coordinator.iam import providers
from coordinator.iam.directory import QUOTAS
from coordinator.iam.entities import Entity, Kind
from coordinator.iam.oidc.urls import check_url, without_scheme
from coordinator.iam.query import tags
from coordinator.iam.query.call import Call
from coordinator.iam.query.xml import Result, moment

ARN: Final = "OpenIDConnectProviderArn"


async def create_provider(call: Call) -> Result:
    """Make a provider known whose tokens roles of the account may trust."""
    account_id, url = call.sender.account_id, check_url(call.form.text("Url"))
    call.require(providers.provider_arn(account_id, url))
    more = providers.details(
        url, call.form.texts("ClientIDList"), call.form.texts("ThumbprintList")
    )
    given = tags.given(call)
    made = await call.directory.create(
        Kind.PROVIDER, account_id, without_scheme(url), "/", tags=given, more=more
    )
    return {ARN: made.arn, "Tags": tags.shown(made) or None}


async def get_provider(call: Call) -> Result:
    """One provider."""
    found = await _provider(call)
    return {
        "Url": found.more[providers.URL],
        "ClientIDList": list(providers.client_ids_of(found)),
        "ThumbprintList": list(providers.thumbprints_of(found)),
        "CreateDate": moment(found.created_at_ms),
        "Tags": tags.shown(found) or None,
    }


async def list_providers(call: Call) -> Result:
    """The account's providers, all of them, by name."""
    call.require("*")
    page = await call.directory.page(
        Kind.PROVIDER, call.sender.account_id, limit=QUOTAS[Kind.PROVIDER]
    )
    return {"OpenIDConnectProviderList": [{"Arn": one.arn} for one in page.entities]}


async def delete_provider(call: Call) -> None:
    """Trust it no longer. Sessions that its tokens gave go on until they end, as with AWS."""
    await call.directory.remove(await _provider(call))


async def add_client_id(call: Call) -> None:
    """Take tokens for one more client."""
    found, client_id = await _provider(call), call.form.text("ClientID")
    await call.directory.change(found, lambda now: providers.with_client_id(now, client_id))


async def remove_client_id(call: Call) -> None:
    """Take tokens for a client no longer."""
    found, client_id = await _provider(call), call.form.text("ClientID")
    await call.directory.change(found, lambda now: providers.without_client_id(now, client_id))


async def update_thumbprints(call: Call) -> None:
    """Replace the thumbprints of the certificates that vouch for the provider."""
    found, wanted = await _provider(call), call.form.texts("ThumbprintList")
    await call.directory.change(found, lambda now: providers.with_thumbprints(now, wanted))


async def _provider(call: Call) -> Entity:
    """The provider that the call names, where the caller may do this to it. Raises IamError
    AccessDenied, InvalidInput, NoSuchEntity."""
    arn = providers.canonical_arn(call.form.text(ARN))
    call.require(arn)
    return await providers.find(call.directory, call.sender.account_id, arn)
