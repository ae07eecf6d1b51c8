"""`python -m benchmarks mttr`: the command line around mttr.py, and the CSV files it leaves.

Rules: the files are written after every trial, so that a run that is broken off has told all it
knew; exit code 1 if anything was wrong, lost, refused to a client, or did not heal.
"""

import asyncio
import math
import secrets
import tempfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks import about, mttr_rows
from benchmarks.about import Setting
from benchmarks.admin import Admin
from benchmarks.cluster import Cluster
from benchmarks.dialect import S3Dialect
from benchmarks.faults import Faults
from benchmarks.foreground import SMALL_BYTES
from benchmarks.mttr import SMALL_OBJECTS, Mttr, Plan
from benchmarks.mttr_course import Course
from benchmarks.mttr_rows import Redundancy, Repair, Service, Trial
from benchmarks.results import readable_size
from benchmarks.signer import Signer
from benchmarks.target import target_at
from benchmarks.workloads import MIB, Say


class Kind(StrEnum):
    """What befalls a node."""

    KILL = "kill"
    WIPE = "wipe"
    CORRUPT = "corrupt"


def mttr(
    fault: Annotated[Kind, typer.Option(help="What befalls a node.")] = Kind.WIPE,
    objects: Annotated[int, typer.Option(min=1, help="How many are stored.")] = 1000,
    size: Annotated[int, typer.Option(min=1, help="Their size in bytes.")] = MIB,
    trials: Annotated[int, typer.Option(min=1, help="The nodes take turns.")] = 3,
    csv: Annotated[
        Path | None, typer.Option(help="One row per trial; its course in files beside it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Chooses the first node and what is corrupted.")] = 0,
    outage_s: Annotated[float, typer.Option(min=0, help="How long a killed node is down.")] = 5.0,
) -> None:
    """The time from a fault to full redundancy, of a cluster under load."""
    plan = Plan(fault.value, objects, size, trials, seed, outage_s)
    console = Console()

    def say(what: str) -> None:
        console.print(f"[dim]{what}[/]", highlight=False)

    temporary = tempfile.TemporaryDirectory(prefix="trilith-mttr-")
    with temporary as folder, Cluster(Path(folder)) as cluster, Faults(cluster) as faults:
        courses = uvloop.run(measure(plan, cluster, faults, csv, say))
    console.print(table([course.trial for course in courses]))
    if csv is not None:
        console.print(f"rows in {csv}; `python -m benchmarks report {csv.parent}` draws them")
    if not all(is_good(course.trial) for course in courses):
        raise typer.Exit(1)


async def measure(
    plan: Plan, cluster: Cluster, faults: Faults, csv: Path | None, say: Say
) -> list[Course]:
    """All trials on a running cluster. Raises MttrError, RequestFailed, ClusterError."""
    target = target_at(cluster.endpoint, *cluster.credentials)
    address = target.host, target.port
    signer = Signer(target.access_key, target.secret_key)
    dialect = S3Dialect(target.authority, f"mttr-{secrets.token_hex(6)}", signer)
    admin = Admin(address, target.access_key, target.secret_key)
    work = Mttr(plan, address, dialect, admin, faults, say)
    nodes = sorted(cluster.node_ids())
    courses: list[Course] = []
    try:
        settings = {**_settings(plan), **_shape(await admin.shape())}
        await work.fill()
        for number in range(1, plan.trials + 1):
            courses.append(await work.run(number, nodes[(plan.seed + number) % len(nodes)]))
            if csv is not None:
                await asyncio.to_thread(write_courses, csv, courses)
                about.write(csv, about.describe("mttr", settings))
            if math.isnan(courses[-1].trial.mttr_s):
                say("  it did not heal in time: no further trial")
                break
    finally:
        work.close()
        admin.close()
    return courses


def write_courses(csv: Path, courses: Sequence[Course]) -> None:
    """The trials, and their courses in the files beside them."""
    mttr_rows.write(csv, Trial, [course.trial for course in courses])
    redundancy = [row for course in courses for row in course.redundancy]
    mttr_rows.write(mttr_rows.beside(csv, "redundancy"), Redundancy, redundancy)
    service = [row for course in courses for row in course.service]
    mttr_rows.write(mttr_rows.beside(csv, "clients"), Service, service)
    repair = [row for course in courses for row in course.repair]
    mttr_rows.write(mttr_rows.beside(csv, "repair"), Repair, repair)


def is_good(trial: Trial) -> bool:
    """Whether it healed, and no client noticed more than time."""
    seen = trial.errors or trial.wrong
    return not seen and trial.verdict == "whole" and math.isfinite(trial.mttr_s)


def table(trials: Sequence[Trial]) -> Table:
    """The trials for the terminal."""
    made = Table(
        title="Seconds since the fault; p99 of 4 KiB GETs before/during/after, ms",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    made.add_column("fault", no_wrap=True)
    for name in ("detect", "repair", "whole", "shards", "MiB/s", "p99", "bad"):
        made.add_column(name, justify="right", no_wrap=True)
    for one in trials:
        latencies = (one.before_p99_ms, one.during_p99_ms, one.after_p99_ms)
        harm = f"{one.errors + one.wrong}" + ("" if one.verdict == "whole" else f", {one.verdict}")
        made.add_row(
            f"{one.trial} {one.fault} {one.node}",
            *(f"{value:.2f}" for value in (one.detect_s, one.repair_s, one.mttr_s)),
            f"{one.shards_rebuilt:,}",
            f"{one.rebuild_mib_per_s:.0f}",
            "/".join(f"{value:.1f}" for value in latencies),
            harm if is_good(one) else f"[red]{harm}[/]",
        )
    return made


def _settings(plan: Plan) -> dict[str, Setting]:
    pace = plan.pace
    settings: dict[str, Setting] = {
        "objects": plan.objects,
        "size": readable_size(plan.size_bytes),
        "small objects": f"{SMALL_OBJECTS} × {readable_size(SMALL_BYTES)}",
        "clients": f"{pace.small_gets:g} GET/s and {pace.small_puts:g} PUT/s of"
        f" {readable_size(SMALL_BYTES)}, {pace.stored_gets:g} GET/s of the objects",
        "seed": plan.seed,
    }
    return settings | ({"outage": f"{plan.outage_s:g} s"} if plan.fault == "kill" else {})


def _shape(told: dict[str, int]) -> dict[str, Setting]:
    return {**told, "unit size": readable_size(told["unit size"])}
