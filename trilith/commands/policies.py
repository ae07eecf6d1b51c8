"""`trilith policy add | get | ls | rm`, and `policy` below `trilith user` and `trilith group`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from trilith import grants, terminal
from trilith.commands.options import Data, Endpoint, Json, connect
from trilith.errors import UsageError

app = typer.Typer(help="Managed policies: written once, attached to many.", no_args_is_help=True)

PolicyName = Annotated[str, typer.Argument(metavar="POLICY")]
PolicyFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A policy in IAM's grammar, as JSON.")
]


@app.command()
def add(
    name: PolicyName,
    file: PolicyFile,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a managed policy."""
    document = read_document(file)
    with connect(endpoint, data) as client:
        made = client.manage(grants.create_policy(name, document))
    if as_json:
        terminal.emit_json(made)


@app.command()
def get(name: PolicyName, endpoint: Endpoint = None, data: Data = None) -> None:
    """Print a managed policy."""
    with connect(endpoint, data) as client:
        _print_document(client.manage(grants.get_policy(name)))


@app.command()
def ls(endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """List managed policies."""
    with connect(endpoint, data) as client:
        policies = client.manage(grants.managed_policies())
    if as_json:
        for policy in policies:
            terminal.emit_json(policy)
        return
    terminal.table(
        ("policy", "built in", "ARN"),
        [(one["name"], "yes" if one["is_built_in"] else "", one["arn"]) for one in policies],
    )


@app.command()
def rm(name: PolicyName, endpoint: Endpoint = None, data: Data = None) -> None:
    """Remove a managed policy that nobody has."""
    with connect(endpoint, data) as client:
        client.manage(grants.delete_policy(name))


def commands_of(holders: str, metavar: str) -> typer.Typer:
    """`policy` below `trilith user` or `trilith group`."""
    below = typer.Typer(help=f"Policies of a {metavar.lower()}.", no_args_is_help=True)
    holder = typer.Argument(metavar=metavar)
    _add_own(below, holders, holder)
    _add_attached(below, holders, holder)
    return below


def _add_own(below: typer.Typer, holders: str, holder: Any) -> None:
    """The commands about policies of its own, and the list of all."""

    @below.command()
    def put(
        name: Annotated[str, holder],
        policy: PolicyName,
        file: PolicyFile,
        endpoint: Endpoint = None,
        data: Data = None,
    ) -> None:
        """Give it a policy of its own, or replace one."""
        document = read_document(file)
        with connect(endpoint, data) as client:
            client.manage(grants.put_policy_of(holders, name, policy, document))

    @below.command()
    def get(
        name: Annotated[str, holder],
        policy: PolicyName,
        endpoint: Endpoint = None,
        data: Data = None,
    ) -> None:
        """Print one of its own policies."""
        with connect(endpoint, data) as client:
            _print_document(client.manage(grants.get_policy_of(holders, name, policy)))

    @below.command()
    def ls(
        name: Annotated[str, holder],
        endpoint: Endpoint = None,
        data: Data = None,
        as_json: Json = False,
    ) -> None:
        """List its policies."""
        with connect(endpoint, data) as client:
            found = client.manage(grants.policies_of(holders, name))
        if as_json:
            terminal.emit_json(found)
            return
        rows = [(policy, "") for policy in found["policies"]]
        rows += [(policy, "yes") for policy in found["attached"]]
        terminal.table(("policy", "managed"), rows)

    @below.command()
    def rm(
        name: Annotated[str, holder],
        policy: PolicyName,
        endpoint: Endpoint = None,
        data: Data = None,
    ) -> None:
        """Take one of its own policies back."""
        with connect(endpoint, data) as client:
            client.manage(grants.delete_policy_of(holders, name, policy))


def _add_attached(below: typer.Typer, holders: str, holder: Any) -> None:
    """The commands about managed policies."""

    @below.command()
    def attach(
        name: Annotated[str, holder],
        policy: PolicyName,
        endpoint: Endpoint = None,
        data: Data = None,
    ) -> None:
        """Attach a managed policy."""
        with connect(endpoint, data) as client:
            client.manage(grants.attach(holders, name, policy))

    @below.command()
    def detach(
        name: Annotated[str, holder],
        policy: PolicyName,
        endpoint: Endpoint = None,
        data: Data = None,
    ) -> None:
        """Detach a managed policy."""
        with connect(endpoint, data) as client:
            client.manage(grants.detach(holders, name, policy))


def read_document(file: Path) -> dict[str, Any]:
    """The policy in a file. Raises UsageError, OSError."""
    try:
        document = json.loads(file.read_bytes())
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise UsageError(f"{file} holds no policy")
    return document


def _print_document(policy: dict[str, Any]) -> None:
    terminal.say(json.dumps(policy["document"], indent=2))
