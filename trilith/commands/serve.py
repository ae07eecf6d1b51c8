"""`trilith coordinator | node`: one process in the foreground, as services and containers run it.

Rules: an option that is left out leaves the setting to its TRILITH_* variable or default.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from trilith.errors import LaunchError

S = TypeVar("S")

Data = Annotated[Path | None, typer.Option(help="Where this process keeps its data.")]
Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535)]
SecretFile = Annotated[Path | None, typer.Option(help="The secret of the cluster.")]
ExitWithParent = Annotated[
    bool,
    typer.Option("--exit-with-parent", hidden=True, help="Stop when standard input ends."),
]


def coordinator(
    data: Data = None,
    host: Host = None,
    port: Port = None,
    node: Annotated[
        list[str] | None, typer.Option(metavar="ID=URL", help="A storage node; once for each.")
    ] = None,
    k: Annotated[int | None, typer.Option("--k", help="Data shards per part.")] = None,
    m: Annotated[int | None, typer.Option("--m", help="Parity shards per part.")] = None,
    secret_file: SecretFile = None,
    credentials_file: Annotated[
        Path | None, typer.Option(help="Root's keys; else in the data directory.")
    ] = None,
    region: Annotated[str | None, typer.Option()] = None,
    domain: Annotated[
        str | None, typer.Option(help="Buckets are also found at BUCKET.DOMAIN.")
    ] = None,
    exit_with_parent: ExitWithParent = False,
) -> None:
    """Run a coordinator: the S3 endpoint and the JSON API."""
    _watch_parent(exit_with_parent)
    from coordinator.app import main
    from coordinator.settings import CoordinatorSettings

    main(
        _settings(
            CoordinatorSettings,
            data_dir=data,
            host=host,
            port=port,
            nodes=node or None,
            k=k,
            m=m,
            secret_file=secret_file,
            credentials_file=credentials_file,
            region=region,
            domain=domain,
        )
    )


def node(
    context: typer.Context,
    data: Data = None,
    host: Host = None,
    port: Port = None,
    node_id: Annotated[str | None, typer.Option("--id", help="This node's name.")] = None,
    zone: Annotated[str | None, typer.Option(help="The failure domain it stands in.")] = None,
    weight: Annotated[float | None, typer.Option(help="Its share of the shards.")] = None,
    free_floor_bytes: Annotated[
        int | None, typer.Option(min=0, help="Appends are refused with less than this free.")
    ] = None,
    secret_file: SecretFile = None,
    exit_with_parent: ExitWithParent = False,
) -> None:
    """Run a storage node; or, with a command, see to the nodes of a cluster."""
    if context.invoked_subcommand is not None:
        return
    _watch_parent(exit_with_parent)
    from node.app import main
    from node.settings import NodeSettings

    main(
        _settings(
            NodeSettings,
            data_dir=data,
            host=host,
            port=port,
            node_id=node_id,
            zone=zone,
            weight=weight,
            free_floor_bytes=free_floor_bytes,
            secret_file=secret_file,
        )
    )


def _watch_parent(wanted: bool) -> None:
    if wanted:
        from trilith.lifeline import exit_with_parent

        exit_with_parent()


def _settings(kind: Callable[..., S], **given: Any) -> S:
    """The settings with what was given. Raises LaunchError for what they do not accept."""
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise LaunchError(str(error)) from error
