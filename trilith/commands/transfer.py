"""`trilith put | get`: bytes in and out, by file, by folder, or through a pipe with `-`."""

import mimetypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from trilith import address, terminal
from trilith.commands.options import Data, Endpoint, Json, Recursive, connect
from trilith.errors import NotFound, UsageError
from trilith.files import replacing

if TYPE_CHECKING:
    from trilith.client import Client

STREAM = "-"
DEFAULT_TYPE = "application/octet-stream"


def put(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A file; - reads standard input.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="BUCKET/KEY", help="A key ending in / gets the file's name.")
    ],
    recursive: Recursive = False,
    content_type: Annotated[str | None, typer.Option(help="Guessed from the name.")] = None,
    meta: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE")] = None,
    if_none_match: Annotated[
        bool, typer.Option("--if-none-match", help="Only if the key is free.")
    ] = False,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Store a file, or with --recursive a folder's files below a prefix."""
    where = address.parse(target)
    metadata = dict(_pair(text) for text in meta or [])
    if str(source) != STREAM and not source.exists():
        raise UsageError(f"there is no file {source}")
    if source.is_dir() and not recursive:
        raise UsageError(f"{source} is a folder: add --recursive")
    with connect(endpoint, data) as client:
        for path, key in _uploads(source, where, recursive):
            guessed = content_type or _guessed_type(path)
            file = sys.stdin.buffer if path is None else path.open("rb")
            with file, terminal.progress(key, _size(file)) as progress:
                entry = client.put(
                    where.bucket,
                    key,
                    file,
                    content_type=guessed,
                    metadata=metadata,
                    if_none_match=if_none_match,
                    progress=progress,
                )
            if as_json:
                terminal.emit_json(entry)


def get(
    source: Annotated[str, typer.Argument(metavar="BUCKET/KEY")],
    target: Annotated[
        Path | None,
        typer.Argument(metavar="[TARGET]", help="A file or folder; - is standard output."),
    ] = None,
    recursive: Recursive = False,
    endpoint: Endpoint = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Fetch an object, or with --recursive all below a prefix. The target appears when complete."""
    where = address.parse(source) if recursive else address.parse_object(source)
    with connect(endpoint, data) as client:
        if str(target) == STREAM and not recursive:
            _to_stdout(client, where)
            return
        for one, path in _downloads(client, where, target, recursive):
            # The size is asked for only if somebody watches: it costs a request.
            total = client.head(one.bucket, one.key).size if terminal.shows_progress() else None
            with replacing(path) as file, terminal.progress(one.key, total) as progress:
                head = client.download(one.bucket, one.key, file, progress)
            if as_json:
                told = {"bucket": one.bucket, "key": one.key, "file": str(path)}
                terminal.emit_json({**told, "size": head.size, "etag": head.etag})


def _uploads(
    source: Path, where: address.Address, recursive: bool
) -> Iterator[tuple[Path | None, str]]:
    """What to store, and under which keys; None stands for standard input."""
    if str(source) == STREAM:
        yield None, address.parse_object(str(where)).key
    elif recursive:
        prefix = where.key if where.key.endswith("/") or not where.key else where.key + "/"
        for folder, folders, names in os.walk(source):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    yield path, prefix + path.relative_to(source).as_posix()
    else:
        named = where.key and not where.key.endswith("/")
        yield source, where.key if named else where.key + source.name


def _downloads(
    client: "Client", where: address.Address, target: Path | None, recursive: bool
) -> Iterator[tuple[address.Address, Path]]:
    """What to fetch, and into which files."""
    if not recursive:
        path = target or Path(where.file_name)
        yield where, path / where.file_name if path.is_dir() else path
        return
    found = False
    for entry in client.list(where.bucket, where.key):
        found = True
        if entry.key.endswith("/") and entry.size == 0:
            continue
        relative = entry.key.removeprefix(where.key[: where.key.rfind("/") + 1])
        path = address.path_below(target or Path(), relative)
        path.parent.mkdir(parents=True, exist_ok=True)
        yield address.Address(where.bucket, entry.key), path
    if not found:
        raise NotFound(f"no keys start with {where}")


def _to_stdout(client: "Client", where: address.Address) -> None:
    for chunk in client.get_stream(where.bucket, where.key):
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _size(file: BinaryIO) -> int | None:
    return os.fstat(file.fileno()).st_size if file.seekable() else None


def _guessed_type(path: Path | None) -> str:
    if path is None:
        return DEFAULT_TYPE
    kind, encoding = mimetypes.guess_type(path.name)
    # A compressed file is stored as what it is: nobody was asked to unpack it on the way.
    if encoding == "gzip":
        return "application/gzip"
    return kind if kind is not None and encoding is None else DEFAULT_TYPE


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--meta wants NAME=VALUE, not {text!r}")
    return name, value
