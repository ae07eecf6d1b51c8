"""One call of an IAM or STS action: who calls, with which parameters, and may he.

Rules: an action asks `require` (or `require_of_store`) before it tells or changes anything; nothing
else decides about access.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from coordinator.access import (
    ANY,
    UNSET,
    AccessRequest,
    Given,
    Identity,
    Target,
    authorize,
)
from coordinator.iam.directory import Directory
from coordinator.iam.errors import IamError
from coordinator.iam.oidc.keyring import ProviderKeyring
from coordinator.iam.query.form import Form
from coordinator.iam.query.xml import IAM, Result
from metadata import MetadataStore, User


@dataclass(frozen=True, slots=True)
class Call:
    """What an action works on. `account` is the account that the caller belongs to, `sender` the
    caller himself; `facts` are condition keys of the request. `now_ms`: the time of the call."""

    directory: Directory
    action: str
    service: str
    form: Form
    sender: Identity
    account: User
    access_key: str
    now_ms: int
    facts: Mapping[str, Sequence[str]]

    @property
    def metadata(self) -> MetadataStore:
        """Where all of it is kept."""
        return self.directory.metadata

    def allows(
        self,
        resource: str,
        *,
        account_id: str | None = None,
        action: str = "",
        more: Mapping[str, Sequence[str]] | None = None,
    ) -> bool:
        """Whether the caller may do this (`action`: or that, "iam:GetUser") to an ARN of the
        account (his own unless told). `more` are further condition keys."""
        asked = AccessRequest(
            self.sender,
            action or f"{self.service}:{self.action}",
            resource,
            Given({**self.facts, **(more or {})}),
        )
        owner = self.sender.account_id if account_id is None else account_id
        return authorize(asked, Target(owner, UNSET))

    def require(
        self,
        resource: str,
        *,
        account_id: str | None = None,
        action: str = "",
        more: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """The same, or IamError AccessDenied."""
        if not self.allows(resource, account_id=account_id, action=action, more=more):
            raise self._denied(resource)

    def require_of_store(self, resource: str) -> None:
        """Let pass root, and whom root's policies allow it: what this is about is not an account's
        to decide. Raises IamError AccessDenied."""
        if not self.allows(resource, account_id=ANY):
            raise self._denied(resource)

    def _denied(self, resource: str) -> IamError:
        return IamError(
            "AccessDenied",
            f"{self.sender.arn} is not authorized to perform {self.service}:{self.action}"
            f" on resource: {resource}",
        )


Handler = Callable[[Call], Awaitable[Result | None]]


@dataclass(frozen=True, slots=True)
class UnsignedCall:
    """What an action works on that nobody signs, because it brings another proof: it knows of no
    caller. The rest as in `Call`."""

    directory: Directory
    keyring: ProviderKeyring
    form: Form
    now_ms: int
    facts: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class UnsignedAction:
    """A row of the table that needs no signature; a signature that came along is not looked at."""

    handler: Callable[[UnsignedCall], Awaitable[Result]]
    service: str


@dataclass(frozen=True, slots=True)
class Action:
    """A row of the table. The handler's result is the content of `<ActionResult>`; None where AWS
    sends no such element."""

    handler: Handler
    service: str = IAM
