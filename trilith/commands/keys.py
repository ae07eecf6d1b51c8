"""`trilith key add | ls`: the named keys that encrypt objects (SSE-KMS)."""

from typing import Annotated

import typer

from trilith import terminal
from trilith.commands.options import Data, Endpoint, Json, connect

app = typer.Typer(help="Named keys that encrypt objects (SSE-KMS).", no_args_is_help=True)


@app.command()
def add(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="What requests call it.")],
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a key. It stays in the cluster's key file, and can't be removed: back that file up."""
    with connect(endpoint, data) as client:
        key = client.create_encryption_key(key_id)
    if as_json:
        terminal.emit_json(key)


@app.command()
def ls(endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """List the keys' names."""
    with connect(endpoint, data) as client:
        keys = client.encryption_keys()
    if as_json:
        for key in keys:
            terminal.emit_json(key)
        return
    terminal.table(
        ("key", "made"), [(key.key_id, terminal.moment(key.created_at_ms)) for key in keys]
    )
