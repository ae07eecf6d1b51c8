"""`python -m benchmarks torture`: runs it, says what happened, and exits with 1 if it was wrong."""

import secrets
import shutil
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.torture.history import Wrong
from benchmarks.torture.run import Plan, Verdict, torture

MAX_TOLD = 20
SECONDS_PER_MINUTE = 60.0


def command(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long things are broken.")] = 10.0,
    seed: Annotated[
        int | None, typer.Option(help="Chooses everything; a random one is chosen and told.")
    ] = None,
    nodes: Annotated[int, typer.Option(min=1)] = 5,
    k: Annotated[int, typer.Option("--k", min=1, help="Data shards.")] = 2,
    m: Annotated[int, typer.Option("--m", min=1, help="Parity: how many nodes may fail.")] = 2,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the verdict.")] = False,
) -> None:
    """Kill, hurt and starve a cluster of its own under load, and check every byte it gives back."""
    # To be told to end is an interruption like Ctrl-C: what was broken is healed, all are ended.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = Console(highlight=False)
    plan = Plan(
        secrets.randbelow(1 << 32) if seed is None else seed,
        minutes * SECONDS_PER_MINUTE,
        nodes,
        k,
        m,
    )
    console.print(f"seed {plan.seed}: {nodes} nodes, {k}+{m}, {minutes:g} minutes", soft_wrap=True)
    data = Path(tempfile.mkdtemp(prefix="trilith-torture-"))
    is_good = False
    try:
        note = (lambda _: None) if quiet else (lambda what: console.print(what, markup=False))
        verdict = torture(plan, data, note)
        is_good = verdict.is_good
        tell(verdict, console)
    finally:
        if is_good:
            shutil.rmtree(data)
        else:
            console.print(f"data and logs are kept in {data}", soft_wrap=True)
    if not is_good:
        raise typer.Exit(1)


def tell(verdict: Verdict, console: Console) -> None:
    """The verdict for people."""
    operations = verdict.operations
    lines = [
        f"faults      {verdict.faults.total()} in {verdict.rounds} rounds: "
        f"{_listed(verdict.faults)}",
        f"operations  {_listed(operations)}",
        f"whole again after {verdict.slowest_whole_s:.1f} s at the slowest",
        *(f"  {violation}" for violation in verdict.violations[:MAX_TOLD]),
        *(f"  {wrong}" for wrong in verdict.wrong),
        *(f"  {died}" for died in verdict.died),
        f"acknowledged writes lost {verdict.count(Wrong.LOST)}, stale reads"
        f" {verdict.count(Wrong.STALE)}, deletes undone {verdict.count(Wrong.RESURRECTED)},"
        f" wrong bytes or listings {operations['wrong']}",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    if verdict.failure:
        console.print(f"it failed: {verdict.failure}", markup=False, soft_wrap=True)
    answer = "[bold green]PASSED[/]" if verdict.is_good else "[bold red]FAILED[/]"
    console.print(f"{answer} (seed {verdict.plan.seed})")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
