"""`python -m benchmarks listing`: the command line around listing.py, and the cluster it needs.

Rules: the cluster makes its own store and is stopped to be filled; what was filled once is used
again as it is, and only that. Exit code 1 if any page was wrong.
"""

import asyncio
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks import about, mttr_rows
from benchmarks import listing as measured
from benchmarks.cluster import Cluster
from benchmarks.listing import Lister, PageRow, PageSummary
from benchmarks.listing_fill import FillError, count_objects, fill
from benchmarks.listing_tree import FOLDERS, Tree
from benchmarks.target import target_at
from benchmarks.workloads import Say

DEFAULT_KEYS: Final = (10_000, 1_000_000)
METADATA: Final = Path("coordinator", "metadata.db")


def listing(
    keys: Annotated[
        list[int] | None,
        typer.Option(min=FOLDERS, help="A bucket with that many; may be repeated."),
    ] = None,
    pages: Annotated[int, typer.Option(min=1, help="Of each kind and bucket.")] = 200,
    data: Annotated[
        Path | None,
        typer.Option(help="Keep the cluster there: filled the first time, measured again later."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="One row per page; a summary beside it.")] = None,
    seed: Annotated[int, typer.Option(help="Chooses the order of keys, and the pages.")] = 0,
) -> None:
    """Pages of 1,000 keys of a small and a large bucket, with and without a delimiter, and all.

    The buckets are filled with empty objects while the cluster stands still, through the
    metadata store's own put_version: a listing reads nothing else, and a million PUTs take long.
    """
    trees = [Tree(count) for count in sorted(set(keys or DEFAULT_KEYS))]
    console = Console()

    def say(what: str) -> None:
        console.print(f"[dim]{what}[/]", highlight=False)

    with _folder(data) as folder, filled(folder, trees, seed, say) as cluster:
        rows = uvloop.run(_measure(cluster, trees, pages, random.Random(seed), say))
    summaries = measured.summarize(rows)
    console.print(table(summaries))
    if csv is not None:
        summary_csv = csv.with_name(f"{csv.stem}-summary{csv.suffix}")
        mttr_rows.write(csv, PageRow, rows)
        mttr_rows.write(summary_csv, PageSummary, summaries)
        about.write(csv, about.describe("listing", {"pages": pages, "seed": seed}))
        console.print(f"{len(rows):,} pages in {csv}, the summary in {summary_csv}")
    if any(one.errors for one in summaries):
        raise typer.Exit(1)


@contextmanager
def filled(folder: Path, trees: Sequence[Tree], seed: int, say: Say) -> Iterator[Cluster]:
    """A running cluster with these buckets, filled now or earlier.

    Raises FillError, ClusterError, RequestFailed.
    """
    cluster = Cluster(folder)
    metadata_file = folder / METADATA
    wanted = sum(tree.keys for tree in trees)
    found = asyncio.run(count_objects(metadata_file)) if metadata_file.exists() else 0
    if found == 0:
        say(f"filling {wanted:,} keys into buckets of a cluster that stands still")
        with cluster:
            uvloop.run(_put_first(cluster, trees))
        uvloop.run(fill(metadata_file, trees, seed))
    elif found != wanted:
        raise FillError(f"{folder} holds {found:,} objects, not the {wanted:,} of these buckets")
    with cluster:
        yield cluster


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="trilith-listing-") as folder:
        yield Path(folder)


async def _put_first(cluster: Cluster, trees: Sequence[Tree]) -> None:
    """The buckets, and the object that the others of each are like."""
    lister = Lister(target_at(cluster.endpoint, *cluster.credentials))
    try:
        for tree in trees:
            await lister.put_empty(f"/{tree.bucket}")
            await lister.put_empty(f"/{tree.bucket}/{tree.key(0)}")
    finally:
        lister.close()


async def _measure(
    cluster: Cluster, trees: Sequence[Tree], pages: int, chance: random.Random, say: Say
) -> list[PageRow]:
    lister = Lister(target_at(cluster.endpoint, *cluster.credentials))
    try:
        return await measured.measure(lister, trees, pages, chance, say)
    finally:
        lister.close()


def table(summaries: Sequence[PageSummary]) -> Table:
    """The summaries for the terminal."""
    told = [f"{op}: x {ratio:.2f}" for op, ratio in measured.ratios(summaries)]
    made = Table(
        title="ListObjectsV2, 1,000 entries a page",
        caption=f"p50 of the largest bucket over the smallest's: {'; '.join(told)}",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    made.add_column("", no_wrap=True)
    for name in ("keys", "pages", "entries/s", "mean ms", "p50", "p95", "p99", "bad"):
        made.add_column(name, justify="right", no_wrap=True)
    for one in summaries:
        made.add_row(
            one.op,
            f"{one.keys:,}",
            f"{one.pages:,}",
            f"{one.entries_per_s:,.0f}",
            *(f"{value:.2f}" for value in (one.mean_ms, one.p50_ms, one.p95_ms, one.p99_ms)),
            f"[red]{one.errors}[/]" if one.errors else "0",
        )
    return made
