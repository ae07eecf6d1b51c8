"""`trilith group add | ls | rm | join | leave`, and `trilith group policy ...`."""

from typing import Annotated

import typer

from trilith import grants, terminal
from trilith.commands import policies
from trilith.commands.options import Data, Endpoint, Json, connect

app = typer.Typer(help="Groups of users, and what they may do.", no_args_is_help=True)
app.add_typer(policies.commands_of(grants.GROUPS, "GROUP"), name="policy")

GroupName = Annotated[str, typer.Argument(metavar="GROUP")]
UserId = Annotated[str, typer.Argument(metavar="USER")]


@app.command()
def add(
    name: GroupName, endpoint: Endpoint = None, data: Data = None, as_json: Json = False
) -> None:
    """Make an empty group."""
    with connect(endpoint, data) as client:
        made = client.manage(grants.create_group(name))
    if as_json:
        terminal.emit_json(made)


@app.command()
def ls(endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """List groups with their users and policies."""
    with connect(endpoint, data) as client:
        groups = client.manage(grants.groups())
    if as_json:
        for group in groups:
            terminal.emit_json(group)
        return
    terminal.table(
        ("group", "users", "policies"),
        [
            (one["name"], " ".join(one["users"]), " ".join(one["policies"] + one["attached"]))
            for one in groups
        ],
    )


@app.command()
def rm(name: GroupName, endpoint: Endpoint = None, data: Data = None) -> None:
    """Remove a group without users and policies."""
    with connect(endpoint, data) as client:
        client.manage(grants.delete_group(name))


@app.command()
def join(name: GroupName, user: UserId, endpoint: Endpoint = None, data: Data = None) -> None:
    """Make a user a member."""
    with connect(endpoint, data) as client:
        client.manage(grants.join(name, user))


@app.command()
def leave(name: GroupName, user: UserId, endpoint: Endpoint = None, data: Data = None) -> None:
    """End a membership."""
    with connect(endpoint, data) as client:
        client.manage(grants.leave(name, user))
