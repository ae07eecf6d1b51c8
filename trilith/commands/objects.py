"""`trilith ls | rm | stat`: what is in the store."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trilith import address, terminal
from trilith.commands.options import Data, Endpoint, Json, Recursive, connect
from trilith.errors import NotFound

if TYPE_CHECKING:
    from trilith.client import Client


SHOWN = ("bucket", "key", "size", "etag", "version_id", "owner_id")


def ls(
    where: Annotated[
        str | None, typer.Argument(metavar="[BUCKET[/PREFIX]]", help="All buckets if left out.")
    ] = None,
    recursive: Recursive = False,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List buckets, or objects below a prefix."""
    with connect(endpoint, data) as client:
        if where is None:
            list_buckets(client, as_json)
        else:
            _list_objects(client, address.parse(where), recursive, as_json)


def list_buckets(client: "Client", as_json: bool) -> None:
    """Print all buckets."""
    for bucket in client.buckets():
        if as_json:
            terminal.emit_json(bucket)
        else:
            terminal.say(f"{terminal.moment(bucket.created_at_ms)}  {bucket.name}")


def _list_objects(client: "Client", where: address.Address, recursive: bool, as_json: bool) -> None:
    delimiter = "" if recursive else "/"
    for page in client.pages(where.bucket, prefix=where.key, delimiter=delimiter):
        entries: list[tuple[str, Any]] = [(entry.key, entry) for entry in page.objects]
        entries += [(prefix, None) for prefix in page.prefixes]
        for name, entry in sorted(entries, key=lambda pair: pair[0].encode()):
            if as_json:
                terminal.emit_json({"prefix": name} if entry is None else entry)
            elif entry is None:
                terminal.say(f"{'':19}  {'-':>14}  {terminal.printable(name)}")
            else:
                shown = f"{terminal.moment(entry.created_at_ms)}  {entry.size:>14}"
                terminal.say(f"{shown}  {terminal.printable(name)}")


def rm(
    what: Annotated[list[str], typer.Argument(metavar="BUCKET/KEY...")],
    recursive: Recursive = False,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remove objects. With --recursive, all whose keys start with what is given."""
    parse = address.parse if recursive else address.parse_object
    addresses = [parse(text) for text in what]
    with connect(endpoint, data) as client:
        for one in addresses:
            keys = [entry.key for entry in client.list(one.bucket, one.key)] if recursive else None
            for key in [one.key] if keys is None else keys:
                client.delete(one.bucket, key)
                if as_json:
                    terminal.emit_json({"bucket": one.bucket, "key": key, "removed": True})
            if keys == []:
                raise NotFound(f"no keys start with {one}")


def stat(
    what: Annotated[str, typer.Argument(metavar="BUCKET/KEY")],
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show all that is known of an object: attributes, parts, shards and their nodes."""
    one = address.parse_object(what)
    with connect(endpoint, data) as client:
        info = client.info(one.bucket, one.key)
    if as_json:
        terminal.emit_json(info)
        return
    facts = [(name, info[name]) for name in SHOWN if name in info]
    facts.append(("created", terminal.moment(info["created_at_ms"])))
    for group in info.get("attributes", {}).values():
        facts += group.items()
    terminal.table(("field", "value"), facts)
    rows = [
        (part["number"], shard["shard"], shard["node_id"], shard.get("state", ""), part["size"])
        for part in info.get("parts", [])
        for shard in part["shards"]
    ]
    if rows:
        terminal.say("")
        terminal.table(("part", "shard", "node", "state", "part bytes"), rows)
