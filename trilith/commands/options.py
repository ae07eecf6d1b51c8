"""Options that several commands share, and the client they lead to."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trilith.target import DATA_VARIABLE, ENDPOINT_VARIABLE, resolve

if TYPE_CHECKING:
    from trilith.client import Client

Endpoint = Annotated[
    str | None,
    typer.Option(envvar=ENDPOINT_VARIABLE, help="URL of the cluster.", show_envvar=True),
]
Data = Annotated[
    Path | None,
    typer.Option(
        envvar=DATA_VARIABLE,
        help="Data directory of `trilith up` (default ./trilith-data).",
        show_envvar=True,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="All that is below.")]


def connect(endpoint: str | None, data: Path | None) -> "Client":
    """A client for the cluster that the options, the environment or the data directory name."""
    target = resolve(endpoint, data, os.environ)
    from trilith.client import Client
    from trilith.retry import RetryPolicy

    # Somebody waits at the prompt: say soon that nothing answers.
    patience = RetryPolicy(attempts=4)
    keys = target.keys
    return Client(target.endpoint, keys.access_key, keys.secret_key, retry=patience)
