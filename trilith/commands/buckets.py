"""`trilith bucket create | ls | rm`."""

from typing import Annotated

import typer

from trilith import terminal
from trilith.commands.objects import list_buckets
from trilith.commands.options import Data, Endpoint, Json, connect

app = typer.Typer(help="Make, list and remove buckets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="BUCKET")]


@app.command()
def create(name: Name, endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """Make a bucket."""
    with connect(endpoint, data) as client:
        bucket = client.create_bucket(name)
    if as_json:
        terminal.emit_json(bucket)


@app.command()
def ls(endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """List the buckets."""
    with connect(endpoint, data) as client:
        list_buckets(client, as_json)


@app.command()
def rm(name: Name, endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """Remove an empty bucket."""
    with connect(endpoint, data) as client:
        client.delete_bucket(name)
    if as_json:
        terminal.emit_json({"name": name, "removed": True})
