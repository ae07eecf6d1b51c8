"""`trilith user add | ls | rm`, `trilith user key add | rm` and `trilith user policy ...`."""

from typing import Annotated

import typer

from trilith import grants, terminal
from trilith.commands import policies
from trilith.commands.options import Data, Endpoint, Json, connect
from trilith.values import AccessKey

app = typer.Typer(help="Users and their access keys.", no_args_is_help=True)
key_app = typer.Typer(help="Access keys of a user.", no_args_is_help=True)
app.add_typer(key_app, name="key")
app.add_typer(policies.commands_of(grants.USERS, "USER"), name="policy")

UserId = Annotated[str, typer.Argument(metavar="USER")]
AccessKeyOption = Annotated[str | None, typer.Option(help="Generated unless given.")]
SecretKeyOption = Annotated[
    str | None,
    typer.Option(help="Generated unless given. Others on this machine can see it in `ps`."),
]


@app.command()
def add(
    user_id: Annotated[str, typer.Option("--id", help="Unique; cannot be changed later.")],
    display_name: Annotated[str, typer.Option(help="For people; the id unless given.")] = "",
    email: Annotated[str, typer.Option(help="Another name for the user in ACLs.")] = "",
    access_key: AccessKeyOption = None,
    secret_key: SecretKeyOption = None,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a user and show its keys, the secret for the only time."""
    with connect(endpoint, data) as client:
        pair = client.create_user(
            user_id, display_name, email=email, access_key=access_key, secret_key=secret_key
        )
    _show(pair, as_json)


@app.command()
def ls(endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """List users with the names of their keys."""
    with connect(endpoint, data) as client:
        users = client.users()
    if as_json:
        for user in users:
            terminal.emit_json(user)
        return
    terminal.table(
        ("user", "name", "root", "access keys"),
        [
            (one.user_id, one.display_name, "yes" if one.is_root else "", " ".join(one.access_keys))
            for one in users
        ],
    )


@app.command()
def rm(
    user_id: UserId, endpoint: Endpoint = None, data: Data = None, as_json: Json = False
) -> None:
    """Remove a user and its keys; its buckets stay."""
    with connect(endpoint, data) as client:
        client.delete_user(user_id)
    if as_json:
        terminal.emit_json({"user_id": user_id, "removed": True})


@key_app.command("add")
def add_key(
    user_id: UserId,
    access_key: AccessKeyOption = None,
    secret_key: SecretKeyOption = None,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give a user one more key pair and show it."""
    with connect(endpoint, data) as client:
        pair = client.create_key(user_id, access_key=access_key, secret_key=secret_key)
    _show(pair, as_json)


@key_app.command("rm")
def remove_key(
    access_key: Annotated[str, typer.Argument(metavar="ACCESS_KEY")],
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take a key pair back."""
    with connect(endpoint, data) as client:
        client.delete_key(access_key)
    if as_json:
        terminal.emit_json({"access_key": access_key, "removed": True})


def _show(pair: AccessKey, as_json: bool) -> None:
    if as_json:
        terminal.emit_json(pair)
        return
    terminal.say(f"User        {pair.user_id}")
    terminal.say(f"Access key  {pair.access_key}")
    terminal.say(f"Secret key  {pair.secret_key}")
