"""`python -m benchmarks`: measures a cluster from outside, and the erasure code from inside.

Rules: a command prints a table for people and writes CSV for programs; it exits with 1 when an
operation failed, with 2 when it could not begin.
"""

import secrets
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.markup import escape

from benchmarks import about, workloads
from benchmarks import conformance as conform
from benchmarks import demo as demonstration
from benchmarks import large_object as large
from benchmarks.cluster import ClusterError
from benchmarks.connection import RequestFailed
from benchmarks.dialect import Dialect, RestDialect, S3Dialect
from benchmarks.faults.command import fault
from benchmarks.listing_command import listing
from benchmarks.listing_fill import FillError
from benchmarks.load import MAX_OPERATIONS, Load, Row
from benchmarks.mttr import MttrError
from benchmarks.mttr_command import mttr
from benchmarks.report import ReportError
from benchmarks.report.command import report
from benchmarks.results import first_failure, summarize, table, write_rows, write_summaries
from benchmarks.signer import Signer
from benchmarks.target import Target, TargetError, open_target
from benchmarks.torture.command import command as torture
from benchmarks.workloads import Budget, open_load

app = typer.Typer(
    help="Measure an S3 server, or the erasure code.", no_args_is_help=True, add_completion=False
)
console = Console()

Endpoint = Annotated[
    str | None,
    typer.Option(envvar="TRILITH_ENDPOINT", help="A running server's URL; else one is started."),
]
AccessKey = Annotated[str | None, typer.Option(envvar="TRILITH_ACCESS_KEY")]
SecretKey = Annotated[str | None, typer.Option(envvar="TRILITH_SECRET_KEY")]
Data = Annotated[
    Path | None, typer.Option(help="The data directory of a running `trilith up` to measure.")
]
Seconds = Annotated[float, typer.Option(min=0.1, help="How long each phase lasts at most.")]
Operations = Annotated[int, typer.Option(min=1, help="How many operations a phase has at most.")]
Csv = Annotated[Path | None, typer.Option(help="One row per operation; a summary beside it.")]


class Api(StrEnum):
    """Which of the two faces is measured."""

    S3 = "s3"
    REST = "rest"


ApiOption = Annotated[Api, typer.Option(help="S3, or Trilith's JSON API.")]
Sizes = Annotated[list[int] | None, typer.Option("--size", help="Bytes; may be repeated.")]
Concurrencies = Annotated[
    list[int] | None, typer.Option("--concurrency", min=1, help="May be repeated.")
]


@app.command()
def latency(
    endpoint: Endpoint = None,
    access_key: AccessKey = None,
    secret_key: SecretKey = None,
    data: Data = None,
    api: ApiOption = Api.S3,
    size: Sizes = None,
    seconds: Seconds = 4.0,
    operations: Operations = 2000,
    csv: Csv = None,
) -> None:
    """PUT, GET, HEAD, LIST and DELETE, one at a time."""
    sizes = size or workloads.LATENCY_SIZES

    async def work(load: Load) -> list[Row]:
        return await workloads.measure_latency(load, sizes, Budget(seconds, operations), _say)

    with open_target(endpoint, access_key, secret_key, data) as target:
        _measure("Latency", target, api, work, csv)


@app.command()
def throughput(
    endpoint: Endpoint = None,
    access_key: AccessKey = None,
    secret_key: SecretKey = None,
    data: Data = None,
    api: ApiOption = Api.S3,
    size: Sizes = None,
    concurrency: Concurrencies = None,
    seconds: Seconds = 5.0,
    operations: Operations = MAX_OPERATIONS,
    csv: Csv = None,
) -> None:
    """PUT and GET, many at a time and of large objects."""
    sizes = size or (workloads.THROUGHPUT_SMALL_SIZE, workloads.THROUGHPUT_LARGE_SIZE)

    def concurrencies(of: int) -> tuple[int, ...]:
        if concurrency:
            return tuple(concurrency)
        is_large = of >= workloads.MIB
        return (
            workloads.THROUGHPUT_LARGE_CONCURRENCY
            if is_large
            else workloads.THROUGHPUT_SMALL_CONCURRENCY
        )

    async def work(load: Load) -> list[Row]:
        plan = [(one, concurrencies(one)) for one in sizes]
        return await workloads.measure_throughput(load, plan, Budget(seconds, operations), _say)

    with open_target(endpoint, access_key, secret_key, data) as target:
        _measure("Throughput", target, api, work, csv)


@app.command()
def erasure(csv: Csv = None, seconds: Seconds = 12.0) -> None:
    """How fast the erasure code is, beside XOR and ISA-L, on one core."""
    # Imported here: the other commands need neither NumPy nor the code under test.
    from benchmarks import erasure as measured

    measured.main(csv, seconds)


@app.command()
def large_object(
    endpoint: Endpoint = None,
    access_key: AccessKey = None,
    secret_key: SecretKey = None,
    data: Data = None,
    mib: Annotated[int, typer.Option(min=1, help="The object's size.")] = 2048,
) -> None:
    """One large object in and out, with the peak memory of each process."""
    with open_target(endpoint, access_key, secret_key, data) as target:
        result = large.run(target, mib * workloads.MIB, target.pids)
    console.print(large.table(result))
    if not result.is_flat:
        raise typer.Exit(1)


@app.command()
def demo() -> None:
    """A tree of thousands of files, in and out, while processes are killed."""
    raise typer.Exit(demonstration.main())


@app.command()
def conformance(run: Path, known: Path, reasons: Path, commit: str) -> None:
    """docs/s3-compatibility.md from the junit XML of a run of ceph/s3-tests, to stdout."""
    read = (conform.read_run(run), conform.read_known(known), conform.read_reasons(reasons))
    typer.echo(conform.page(*read, commit))


app.command()(fault)
app.command()(listing)
app.command()(mttr)
app.command()(report)
app.command("torture")(torture)


def _measure(
    title: str,
    target: Target,
    api: Api,
    work: Callable[[Load], Awaitable[list[Row]]],
    csv: Path | None,
) -> None:
    async def run() -> list[Row]:
        async with open_load(target, _dialect(api, target), _say) as load:
            return await work(load)

    rows = uvloop.run(run())
    summaries = summarize(rows)
    console.print(table(f"{title} of {target.authority} ({api.value})", summaries))
    if csv is not None:
        summary_csv = csv.with_name(f"{csv.stem}-summary{csv.suffix}")
        write_rows(csv, rows)
        write_summaries(summary_csv, summaries)
        about.write(csv, about.describe(title.lower(), {"api": api.value}))
        console.print(f"{len(rows):,} operations in {csv}, the summary in {summary_csv}")
    failure = first_failure(rows)
    if failure is not None:
        console.print(f"[red]the first failure:[/] {failure}")
        raise typer.Exit(1)


def _dialect(api: Api, target: Target) -> Dialect:
    bucket = f"benchmark-{secrets.token_hex(6)}"
    if api is Api.REST:
        return RestDialect(target.authority, bucket, target.access_key, target.secret_key)
    signer = Signer(target.access_key, target.secret_key)
    return S3Dialect(target.authority, bucket, signer)


def _say(what: str) -> None:
    console.print(f"[dim]{what}[/]")


_EXPECTED = (
    ClusterError,
    FillError,
    large.LargeObjectError,
    MttrError,
    ReportError,
    RequestFailed,
    TargetError,
)


def main() -> None:
    """Run the command line; what went wrong goes to stderr in one line."""
    try:
        app()
    except _EXPECTED as error:
        Console(stderr=True).print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
