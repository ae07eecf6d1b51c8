"""`python -m benchmarks report`: the page from a folder of CSV files."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.report import write_report

PAGE = "report.html"


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the CSV files are.")],
    page: Annotated[Path | None, typer.Option(help=f"The page; DIR/{PAGE} unless named.")] = None,
) -> None:
    """One HTML page with plots and tables of what was measured."""
    console = Console()
    made = page or folder / PAGE
    results = write_report(folder, made)
    for name in results.left_out:
        console.print(f"[dim]{name} is no benchmark's: left out[/]", highlight=False)
    runs = len(results.mttr) + len(results.phases)
    console.print(f"{runs} run{'' if runs == 1 else 's'} in {made}", soft_wrap=True)
