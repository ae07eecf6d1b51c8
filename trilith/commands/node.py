"""`trilith node list | add | drain | undrain | remove`: the nodes of a cluster.

Rules: without one of these `trilith node` is a storage node itself (serve.py). --wait returns when
it is done, and shows how far it is; giving up waiting (Ctrl-C) stops nothing.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trilith import terminal
from trilith.commands import serve
from trilith.commands.options import Data, Endpoint, Json, connect
from trilith.errors import NotFound

if TYPE_CHECKING:
    from trilith.client import Client

POLL_S = 0.5

app = typer.Typer(help="The nodes of a cluster; without a command, run one.")
app.callback(invoke_without_command=True)(serve.node)

NodeId = Annotated[str, typer.Argument(metavar="NODE")]
Wait = Annotated[bool, typer.Option("--wait", help="Return when it is done.")]


@app.command("list")
def list_nodes(endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """Show the nodes, what is to be repaired for them, and how far draining is."""
    with connect(endpoint, data) as client:
        nodes = client.nodes()
    if as_json:
        for node in nodes:
            terminal.emit_json(node)
        return
    terminal.table(
        ("node", "state", "zone", "kept", "repairs", "drain", "url"),
        [
            (
                node["node_id"],
                node["state"],
                node["zone"],
                terminal.size((node["stats"] or {}).get("live_bytes", 0)) if node["stats"] else "?",
                node["repairs_queued"],
                _drained(node["drain"]) if node["drain"] else "",
                node["url"],
            )
            for node in nodes
        ],
    )


@app.command()
def add(
    node_id: NodeId,
    url: Annotated[str, typer.Argument(metavar="URL", help="http://HOST:PORT of the node.")],
    wait: Wait = False,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Let a node join that runs with the cluster's secret; its share of the data moves there."""
    with connect(endpoint, data) as client:
        node = client.add_node(node_id, url)
        if wait:
            node = _wait(client, node_id, _until_settled(client))
    _tell(
        node, as_json, f"{node_id} has joined" + ("" if wait else "; see `trilith repair status`")
    )


@app.command()
def drain(
    node_id: NodeId,
    wait: Wait = False,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Move all that a node keeps to the others, until it is safe to remove."""
    with connect(endpoint, data) as client:
        node = client.drain_node(node_id)
        if wait:
            node = _wait(client, node_id, _is_safe)
    told = "is safe to remove" if wait else "is being drained; see `trilith node list`"
    _tell(node, as_json, f"{node_id} {told}")


@app.command()
def undrain(
    node_id: NodeId, endpoint: Endpoint = None, data: Data = None, as_json: Json = False
) -> None:
    """Stop draining a node: it takes new data again."""
    with connect(endpoint, data) as client:
        node = client.undrain_node(node_id)
    _tell(node, as_json, f"{node_id} is in use")


@app.command()
def remove(
    node_id: NodeId,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is drained.")] = False,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Let a drained node go. Its process may be stopped then, and its disk taken away."""
    with connect(endpoint, data) as client:
        if wait:
            _wait(client, node_id, _is_safe)
        client.remove_node(node_id)
    _tell({"node_id": node_id, "removed": True}, as_json, f"{node_id} is no longer a member")


def _tell(told: dict[str, Any], as_json: bool, text: str) -> None:
    if as_json:
        terminal.emit_json(told)
    else:
        terminal.note(text)


def _drained(progress: dict[str, Any]) -> str:
    if progress["is_safe_to_remove"]:
        return "safe to remove"
    left = progress["shards_left"]
    return f"{'?' if left is None else left} shards left{_eta(progress['eta_s'])}"


def _eta(eta_s: float | None) -> str:
    return "" if eta_s is None else f", {terminal.duration(eta_s)} to go"


def _is_safe(node: dict[str, Any]) -> str | None:
    """How far draining is; None when it is done."""
    progress = node["drain"]
    if progress is None:
        return "not being drained" if node["state"] != "draining" else "counting"
    return None if progress["is_safe_to_remove"] else _drained(progress)


def _until_settled(client: "Client") -> Callable[[dict[str, Any]], str | None]:
    """Asks whether the node is up and nothing moves any more."""

    def step(node: dict[str, Any]) -> str | None:
        told = client.repairs()
        rebalance = told["rebalance"]
        moves = sum(row["tasks"] for row in told["counts"] if row["kind"] == "move")
        # Nothing to go, rather than not running: it starts a moment after the node has joined.
        if node["state"] == "up" and rebalance["eta_s"] == 0 and not moves:
            return None
        return f"{node['state']}, {moves:,} shards to move{_eta(rebalance['eta_s'])}"

    return step


def _wait(
    client: "Client",
    node_id: str,
    step: Callable[[dict[str, Any]], str | None],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Ask again and again until `step` is satisfied with the node; the node."""
    with terminal.ticker() as tick:
        while True:
            node = next((node for node in client.nodes() if node["node_id"] == node_id), None)
            if node is None:
                raise NotFound(f"there is no node {node_id}")
            told = step(node)
            if told is None:
                return node
            tick(f"{node_id}: {told}")
            sleep(POLL_S)
