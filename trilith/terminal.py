"""What the commands print, for people on a terminal and for programs behind a pipe.

Rules: a table on a terminal is tab-separated lines in a pipe; keys are shown with control
characters escaped, because they come from anyone; progress bars appear on terminals only, and on
standard error, so that output may be piped.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any

import typer

MIN_PROGRESS_BYTES = 8 * 1024 * 1024
"""A transfer known to be shorter shows no bar."""


def say(text: str) -> None:
    """A line of results."""
    typer.echo(text)


def title(text: str) -> None:
    """A line that stands out."""
    typer.secho(text, bold=True)


def note(text: str) -> None:
    """A line about what happens, on standard error."""
    typer.echo(f"trilith: {text}", err=True)


def fail(text: str) -> None:
    """An error, on standard error."""
    typer.secho(f"trilith: {text}", err=True, fg="red")


def emit_json(value: Any) -> None:
    """One result as a line of JSON."""
    told = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    typer.echo(json.dumps(told, ensure_ascii=False))


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under headers."""
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(printable(str(cell)) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        shown.add_column(header, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(printable(str(cell)), style=_style(str(cell))) for cell in row))
    Console().print(shown)


def printable(text: str) -> str:
    """The text with what could drive a terminal escaped."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def printable_lines(text: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(printable(line) for line in text.splitlines())


def moment(time_ms: int) -> str:
    """A time as people read it, in UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def size(count: float) -> str:
    """A number of bytes as people read it."""
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"


def duration(seconds: float) -> str:
    """A time span as people read it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"


def shows_progress() -> bool:
    """Whether somebody is there to watch."""
    return sys.stderr.isatty()


@contextlib.contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar for one transfer; call what it gives with the bytes so far."""
    if not shows_progress() or (total is not None and total < MIN_PROGRESS_BYTES):
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(printable(what), total=total)
        yield lambda done: bars.update(task, completed=done)


@contextlib.contextmanager
def ticker() -> Iterator[Callable[[str], None]]:
    """A line that is replaced as things go on, for watchers only; an empty one clears it."""
    if not shows_progress():
        yield lambda text: None
        return

    def tick(text: str) -> None:
        typer.echo(f"\r\x1b[K{printable(text)}", err=True, nl=False)

    try:
        yield tick
    finally:
        tick("")


def _style(cell: str) -> str:
    good, bad = ("up", "running", "ready", "ok"), ("down", "restarting", "stopped", "impaired")
    healing = ("draining", "returned", "replaced", "suspect", "degraded")
    return "green" if cell in good else "red" if cell in bad else "yellow" * (cell in healing)
