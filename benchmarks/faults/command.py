"""`python -m benchmarks fault`: breaks one process of a running `trilith up`, or heals it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.cluster import Cluster
from benchmarks.faults.book import FaultKind
from benchmarks.faults.damage import FaultError
from benchmarks.faults.faults import Faults

HEAL = "heal"
DEFAULT_DATA = Path("./trilith-data")

KINDS = " | ".join((*FaultKind, HEAL))


def fault(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=KINDS)],
    node: Annotated[
        str | None, typer.Option(help="Which: node-2, say. Without it `heal` heals all.")
    ] = None,
    data: Annotated[
        Path, typer.Option(envvar="TRILITH_DATA", help="The data directory of `trilith up`.")
    ] = DEFAULT_DATA,
    seed: Annotated[int, typer.Option(help="The same seed damages the same records.")] = 0,
) -> None:
    """Break a process of a running cluster. `heal` undoes what lasts; the store heals the rest."""
    console = Console()
    faults = Faults(Cluster(data.absolute()))
    if kind == HEAL:
        healed = faults.heal(node)
        told = ", ".join(f"{one.name} ({one.kind})" for one in healed) or "nothing"
        console.print(f"healed: {told}", highlight=False)
    elif kind not in list(FaultKind):
        raise FaultError(f"no fault {kind!r}: there are {KINDS}")
    elif node is None:
        raise FaultError(f"which process? `fault {kind} --node node-2`, say")
    else:
        console.print(faults.inject(kind, node, seed), highlight=False)
