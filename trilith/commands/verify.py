"""`trilith verify`: an independent audit of everything that is kept."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from trilith import terminal
from trilith.commands.options import Data, Endpoint, Json, connect

NOT_WHOLE = 1


def verify(
    bucket: Annotated[str | None, typer.Option(help="Only this bucket.")] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every byte, check MD5s and parity.")
    ] = False,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Check that every shard of every object is where it should be. Exits with 1 if not.

    The nodes are asked for all of them; nothing that repairs is trusted or used.
    """
    summary: dict[str, Any] = {}
    with connect(endpoint, data) as client, terminal.ticker() as tick:
        for told in client.verify(bucket, deep=deep):
            if as_json:
                terminal.emit_json(told)
            elif told["type"] == "progress":
                tick(_progress(told))
            elif told["type"] == "finding":
                tick("")
                terminal.say(_finding(told))
            elif told["type"] == "silent_node":
                tick("")
                terminal.say(f"silent  {told['node_id']}: {terminal.printable(told['detail'])}")
            if told["type"] == "summary":
                summary = told
    if not as_json:
        _show_summary(summary)
    if not summary["is_whole"]:
        raise typer.Exit(NOT_WHOLE)


def _progress(told: Mapping[str, Any]) -> str:
    text = f"{told['parts']:,} parts, {terminal.size(told['bytes'])} checked"
    if told["bytes_read"]:
        text += f", {terminal.size(told['bytes_read'])} read"
    return f"{text}, {told['findings']:,} findings"


def _finding(told: Mapping[str, Any]) -> str:
    name = terminal.printable(f"{told['bucket']}/{told['key']}")
    where = f"part {told['part_id']}"
    if told["is_upload"]:
        where += f" of upload {told['version_id']}"
    if told["shard"] is not None:
        where += f", shard {told['shard']} on {told['node_id']}"
    return f"{told['defect']}  {name}  {where}: {terminal.printable(told['detail'])}"


def _show_summary(told: Mapping[str, Any]) -> None:
    hidden = told["findings"] - told["findings_told"]
    defects = [f"{count:,} {name}" for name, count in told["defects"].items() if count]
    terminal.title("whole" if told["is_whole"] else "NOT WHOLE")
    terminal.say(
        f"parts   {told['parts']:,} ({terminal.size(told['bytes'])}): {told['whole']:,} whole,"
        f" {told['degraded']:,} degraded, {told['lost']:,} lost"
    )
    terminal.say(
        f"shards  {told['shards_found']:,} of {told['shards_expected']:,} as they should be"
    )
    if defects:
        terminal.say(f"found   {', '.join(defects)}")
    if hidden:
        terminal.say(f"        {hidden:,} of them are not listed above")
    if told["bytes_read"]:
        terminal.say(f"read    {terminal.size(told['bytes_read'])}")
    terminal.say(f"took    {terminal.duration(told['elapsed_s'])}")
