"""The `trilith` command: puts the command families together and turns errors into exit codes.

Rules: a person sees one line about an error, never a traceback; a script sees the exit code. Only
what every start needs is imported here.
"""

import sys
from collections.abc import Sequence

import typer

from trilith import terminal
from trilith.commands import (
    buckets,
    groups,
    keys,
    local,
    node,
    objects,
    policies,
    repair,
    serve,
    status,
    transfer,
    users,
    verify,
)
from trilith.errors import (
    AccessDenied,
    ApiError,
    NotFound,
    TrilithError,
    Unavailable,
    UsageError,
)

EXIT_CODES: tuple[tuple[type[TrilithError], int], ...] = (
    (UsageError, 2),
    (NotFound, 3),
    (AccessDenied, 4),
    (Unavailable, 5),
    (TrilithError, 1),
)

HELP = (
    "Trilith: a self-contained, erasure-coded object store that speaks S3.\n\n"
    "`trilith up` runs a cluster here; the other commands talk to it, or to the one that"
    " TRILITH_ENDPOINT, TRILITH_ACCESS_KEY and TRILITH_SECRET_KEY name."
)

EPILOG = (
    "Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 not found, 4 access denied,"
    " 5 cluster not reachable."
)

app = typer.Typer(
    name="trilith",
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_START, _USE, _KEEP = "Run a cluster", "Use it", "Keep it whole"
app.command(rich_help_panel=_START)(local.up)
app.command(rich_help_panel=_START)(local.down)
app.command(rich_help_panel=_START)(status.status)
app.command(rich_help_panel=_START)(serve.coordinator)
app.add_typer(node.app, name="node", rich_help_panel=_START)
app.command("make-secret", hidden=True)(local.make_secret)
app.command(rich_help_panel=_USE)(objects.ls)
app.command(rich_help_panel=_USE)(transfer.put)
app.command(rich_help_panel=_USE)(transfer.get)
app.command(rich_help_panel=_USE)(objects.rm)
app.command(rich_help_panel=_USE)(objects.stat)
app.add_typer(buckets.app, name="bucket", rich_help_panel=_USE)
app.add_typer(users.app, name="user", rich_help_panel=_USE)
app.add_typer(groups.app, name="group", rich_help_panel=_USE)
app.add_typer(policies.app, name="policy", rich_help_panel=_USE)
app.add_typer(keys.app, name="key", rich_help_panel=_USE)
app.command(rich_help_panel=_KEEP)(verify.verify)
app.add_typer(repair.app, name="repair", rich_help_panel=_KEEP)
app.command(rich_help_panel=_KEEP)(repair.scrub)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console entry; always ends with SystemExit. Without `arguments` those of the process."""
    try:
        app(arguments)
    except TrilithError as error:
        terminal.fail(_told(error))
        sys.exit(exit_code(error))
    except OSError as error:
        terminal.fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        sys.exit(1)


def exit_code(error: TrilithError) -> int:
    """The exit code that stands for the error."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def _told(error: TrilithError) -> str:
    text = terminal.printable_lines(str(error))
    if isinstance(error, ApiError) and error.code:
        text += f" ({error.code})"
    if isinstance(error, ApiError) and error.request_id:
        text += f" [request {error.request_id}]"
    return text
