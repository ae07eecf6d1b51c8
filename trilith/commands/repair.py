"""`trilith repair status | retry | incidents` and `trilith scrub`."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trilith import terminal
from trilith.commands.options import Data, Endpoint, Json, connect
from trilith.errors import NotFound, UsageError

if TYPE_CHECKING:
    from trilith.client import Client

POLL_S = 0.5
MAX_DEAD_SHOWN = 20

app = typer.Typer(help="What is to be repaired, and how that goes.", no_args_is_help=True)


@app.command()
def status(endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """Show what is queued and given up, how fast repair is, and when it will be done."""
    with connect(endpoint, data) as client:
        told = client.repairs()
        is_listed = told["dead"] and not as_json
        dead = itertools.islice(client.repair_tasks("dead"), MAX_DEAD_SHOWN) if is_listed else ()
        rows = [
            (f"{task['part_id']}/{task['shard']}", task["node_id"], task["reason"]) for task in dead
        ]
    if as_json:
        terminal.emit_json(told)
        return
    for line in lines(told):
        terminal.say(line)
    counts = [
        (row["node_id"], row["kind"], row["state"], row["tasks"], terminal.size(row["bytes"]))
        for row in told["counts"]
    ]
    if counts:
        terminal.say("")
        terminal.table(("node", "kind", "state", "shards", "size"), counts)
    scrubs = [
        (
            scrub["node_id"],
            f"{scrub['share_done']:.0%}",
            "" if scrub["eta_s"] is None else terminal.duration(scrub["eta_s"]),
            _ended(scrub["last_finished_at_ms"]),
            scrub["damaged_records"],
        )
        for scrub in told["scrubs"]
    ]
    if scrubs:
        terminal.say("")
        terminal.table(("scrub of", "done", "to go", "last ended", "damaged"), scrubs)
    if rows:
        terminal.say("")
        terminal.table(("given up", "node", "why"), rows)
        if told["dead"] > len(rows):
            terminal.say(f"and {told['dead'] - len(rows):,} more")


def _ended(at_ms: int | None) -> str:
    return "never" if at_ms is None else terminal.moment(at_ms)


def lines(told: Mapping[str, Any]) -> list[str]:
    """The state of repair in a line or two."""
    progress, rebalance = told["progress"], told["rebalance"]
    text = f"repair: {told['queued']:,} shards queued ({terminal.size(told['queued_bytes'])})"
    if told["dead"]:
        text += f", {told['dead']:,} given up"
    if told["queued"]:
        rate = (
            f"{progress['shards_per_s']:,.0f} shards/s, {terminal.size(progress['bytes_per_s'])}/s"
        )
        eta_s = progress["eta_s"]
        text += f"; {rate}"
        text += "" if eta_s is None else f", {terminal.duration(eta_s)} to go"
    shown = [text]
    if rebalance["is_running"]:
        total = rebalance["parts_total"]
        of_all = "" if total is None else f" of {total:,}"
        eta_s = rebalance["eta_s"]
        to_go = "" if eta_s is None else f", {terminal.duration(eta_s)} to go"
        shown.append(f"rebalance: {rebalance['parts_checked']:,}{of_all} parts looked at{to_go}")
    return shown


@app.command()
def retry(
    shards: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PART/SHARD]...", help="As `status` shows them; else all."),
    ] = None,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Try again what was given up."""
    names = [_shard(text) for text in shards] if shards else None
    with connect(endpoint, data) as client:
        revived = client.retry_repairs(names)
    if as_json:
        terminal.emit_json({"revived": revived})
    else:
        terminal.note(f"{revived:,} repairs queued anew")


def _shard(text: str) -> tuple[str, int]:
    part_id, _, shard = text.partition("/")
    if not part_id or not (shard.isascii() and shard.isdigit()):
        raise UsageError(f"a shard is named PART/NUMBER, not {text!r}")
    return part_id, int(shard)


@app.command()
def incidents(endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """List the outages of nodes: when each failed, was noticed, came back and was made up for."""
    with connect(endpoint, data) as client:
        found = client.incidents()
    if as_json:
        for incident in found:
            terminal.emit_json(incident)
        return
    terminal.table(
        ("node", "kind", "failed", "noticed", "returned", "whole"),
        [
            (
                incident["node_id"],
                incident["kind"],
                terminal.moment(incident["failed_at_ms"]),
                *(_after(incident, name) for name in ("detected", "returned", "whole")),
            )
            for incident in found
        ],
    )


def _after(incident: Mapping[str, Any], name: str) -> str:
    """How long after the failure."""
    at_ms = incident[f"{name}_at_ms"]
    if at_ms is None:
        return "not yet"
    return "+" + terminal.duration((at_ms - incident["failed_at_ms"]) / 1000)


def scrub(
    node: Annotated[str | None, typer.Option(help="Only this node.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return when it is done.")] = False,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Have the nodes read and check all that they keep, now and at full speed.

    They do so all the time, slowly. What is damaged is queued for repair.
    """
    with connect(endpoint, data) as client:
        before = _rounds(client, node)
        client.scrub(node)
        if wait:
            _wait(client, node, before)
        found = [scrub for scrub in client.repairs()["scrubs"] if node in (None, scrub["node_id"])]
    if as_json:
        for one in found:
            terminal.emit_json(one)
    elif wait:
        damaged = sum(one["damaged_records"] for one in found)
        terminal.note(f"scrubbed; {damaged:,} damaged records found")
    else:
        terminal.note("scrubbing; see `trilith repair status`")


def _rounds(client: "Client", node_id: str | None) -> dict[str, int | None]:
    """When each node's last whole scrub ended."""
    scrubs: Sequence[dict[str, Any]] = client.repairs()["scrubs"]
    return {
        scrub["node_id"]: scrub["last_finished_at_ms"]
        for scrub in scrubs
        if node_id in (None, scrub["node_id"])
    }


def _wait(
    client: "Client",
    node_id: str | None,
    before: Mapping[str, int | None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Until every node has ended a round that it had not ended before."""
    with terminal.ticker() as tick:
        while True:
            now = _rounds(client, node_id)
            waiting = [name for name, ended in before.items() if now.get(name, ended) == ended]
            if node_id is not None and not now:
                raise NotFound(f"there is no node {node_id}")
            if not waiting:
                return
            tick(f"scrubbing {', '.join(waiting)}")
            sleep(POLL_S)
