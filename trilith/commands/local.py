"""`trilith up | down`: a whole cluster on this machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trilith import terminal
from trilith.commands.options import Json
from trilith.credentials import Keys, ensure_secret, root_keys
from trilith.errors import LaunchError
from trilith.layout import DEFAULT_DATA, DataDirectory
from trilith.target import DATA_VARIABLE

if TYPE_CHECKING:
    from trilith.launch import UpOptions

REGION = "us-east-1"

Data = Annotated[
    Path, typer.Option(envvar=DATA_VARIABLE, help="Where everything is kept.", show_envvar=True)
]


def up(
    data: Data = Path(DEFAULT_DATA),
    host: Annotated[str, typer.Option(help="Address to serve clients at.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="0 takes a free one. As before, or 9000."),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(min=1, help="As before or more; 3 at first (or k+m if that is more)."),
    ] = None,
    k: Annotated[int | None, typer.Option("--k", help="Data shards. As before, or 2.")] = None,
    m: Annotated[int | None, typer.Option("--m", help="Parity shards. As before, or 1.")] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when ready; see `trilith down`.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not show endpoint and keys.")] = False,
    as_json: Json = False,
) -> None:
    """Run a coordinator and its storage nodes on this machine until Ctrl-C.

    Root's keys are made at the first start, or taken from TRILITH_ACCESS_KEY and
    TRILITH_SECRET_KEY. A process that dies is started again.
    """
    from trilith.launch import Launch, UpOptions
    from trilith.up import Listener
    from trilith.up import up as run

    options = UpOptions(data.absolute(), host, port, nodes, k, m)

    def ready(launch: Launch) -> None:
        if not quiet:
            _announce(launch.endpoint, launch.keys(), options.data, as_json, "Ctrl-C")

    if detach:
        _start_in_background(options, quiet, as_json)
    else:
        run(options, Listener(ready=ready, event=terminal.note))


def _start_in_background(options: "UpOptions", quiet: bool, as_json: bool) -> None:
    from trilith import background
    from trilith.launch import shape

    arguments = [f"--data={options.data}", f"--host={options.host}"]
    for name in ("port", "nodes", "k", "m"):
        value = getattr(options, name)
        if value is not None:
            arguments.append(f"--{name}={value}")
    directory = DataDirectory(options.data)
    shape(options, directory.load_config())
    told = background.start(directory, arguments)
    if not quiet:
        keys = root_keys(directory.credentials_file, os.environ)
        stop_with = f"trilith down --data {options.data}"
        _announce(told["endpoint"], keys, options.data, as_json, stop_with)


def down(data: Data = Path(DEFAULT_DATA), as_json: Json = False) -> None:
    """Stop the cluster that runs on a data directory; the data stays."""
    from trilith import background

    pid = background.stop(DataDirectory(data.absolute()))
    if as_json:
        terminal.emit_json({"stopped": pid is not None, "pid": pid})
    elif pid is None:
        terminal.note(f"no cluster runs on {data}")
    else:
        terminal.note(f"stopped the cluster on {data}")


def _announce(endpoint: str, keys: Keys, data: Path, as_json: bool, stop_with: str) -> None:
    """Endpoint, keys and lines to paste. Lines are not wrapped, so that they can be pasted."""
    if as_json:
        terminal.emit_json(
            {
                "endpoint": endpoint,
                "access_key": keys.access_key,
                "secret_key": keys.secret_key,
                "region": REGION,
                "data_dir": str(data),
            }
        )
        return
    terminal.title("Trilith is ready.")
    terminal.say(f"  Endpoint    {endpoint}")
    terminal.say(f"  Access key  {keys.access_key}")
    terminal.say(f"  Secret key  {keys.secret_key}")
    terminal.say(f"  Data        {data}")
    terminal.title("awscli, to paste into a shell:")
    terminal.say(
        f"  export AWS_ACCESS_KEY_ID={keys.access_key} AWS_SECRET_ACCESS_KEY={keys.secret_key}"
        f" AWS_DEFAULT_REGION={REGION}; aws --endpoint-url {endpoint} s3 mb s3://first"
    )
    terminal.title("boto3, to paste into Python:")
    terminal.say(
        f'  import boto3; s3 = boto3.client("s3", endpoint_url="{endpoint}",'
        f' aws_access_key_id="{keys.access_key}", aws_secret_access_key="{keys.secret_key}",'
        f' region_name="{REGION}")'
    )
    terminal.title(f"Stop it with {stop_with}.")


def make_secret(path: Path) -> None:
    """Make a cluster secret in a file of mode 0600, unless it is there already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ensure_secret(path)
    except OSError as error:
        raise LaunchError(f"cannot make {path}: {error}") from error
