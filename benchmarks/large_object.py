"""One very large object in and out, as a stream, while the memory of every process is watched.

Rules: nothing of it is ever held whole, here or there: each MiB is made when it is sent (numbered,
so that no two are alike) and hashed when it comes back. Memory is the peak that the kernel
remembers (VmHWM), not a sample.
"""

import http.client
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.results import readable_size
from benchmarks.signer import EMPTY_SHA256, UNSIGNED_PAYLOAD, Signer
from benchmarks.target import Target

PIECE_BYTES = 1024 * 1024
TIMEOUT_S = 120.0
PEAK_LIMIT_BYTES = 200 * 1024 * 1024


class LargeObjectError(Exception):
    """The server refused, or what came back is not what went in."""


@dataclass(frozen=True)
class LargeObjectResult:
    """How long it took, and the peak memory of each process by name."""

    size_bytes: int
    put_s: float
    get_s: float
    peak_bytes: Mapping[str, int]

    @property
    def is_flat(self) -> bool:
        """Whether every process stayed under the limit."""
        return all(peak < PEAK_LIMIT_BYTES for peak in self.peak_bytes.values())


def pieces(size_bytes: int, seed: int = 1) -> Iterator[bytes]:
    """The object: numbered pieces of a MiB, the last one shorter."""
    piece = bytearray(random.Random(seed).randbytes(PIECE_BYTES))
    for number, start in enumerate(range(0, size_bytes, PIECE_BYTES)):
        piece[:8] = number.to_bytes(8, "big")
        yield bytes(piece[: min(PIECE_BYTES, size_bytes - start)])


def run(target: Target, size_bytes: int, pids: Mapping[str, int]) -> LargeObjectResult:
    """Put the object, get it, check it, remove it. Raises LargeObjectError."""
    bucket = f"large-{random.SystemRandom().randrange(16**8):08x}"
    for pid in pids.values():
        reset_peak(pid)
    _request(target, "PUT", f"/{bucket}")
    sent = sha256()

    def body() -> Iterator[bytes]:
        for piece in pieces(size_bytes):
            sent.update(piece)
            yield piece

    begin = time.perf_counter()
    _request(target, "PUT", f"/{bucket}/large", body(), size_bytes)
    put_s = time.perf_counter() - begin
    begin = time.perf_counter()
    got = _request(target, "GET", f"/{bucket}/large")
    get_s = time.perf_counter() - begin
    if got != sent.hexdigest():
        raise LargeObjectError(f"what came back has SHA-256 {got}, not {sent.hexdigest()}")
    peaks = {name: peak_bytes(pid) for name, pid in pids.items()}
    _request(target, "DELETE", f"/{bucket}/large")
    _request(target, "DELETE", f"/{bucket}")
    return LargeObjectResult(size_bytes, put_s, get_s, peaks)


def peak_bytes(pid: int) -> int:
    """The most memory that was ever resident since the start, or since `reset_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise LargeObjectError(f"the kernel does not tell the peak memory of process {pid}")


def reset_peak(pid: int) -> None:
    """Let the peak start again from what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def table(result: LargeObjectResult) -> Table:
    """The result for the terminal."""
    made = Table(box=SIMPLE_HEAD)
    made.add_column(f"{readable_size(result.size_bytes)} object")
    made.add_column("", justify="right")
    for what, seconds in (("in", result.put_s), ("out", result.get_s)):
        rate = readable_size(result.size_bytes / seconds)
        made.add_row(what, f"{seconds:.1f} s, {rate}/s")
    for name, peak in result.peak_bytes.items():
        colour = "green" if peak < PEAK_LIMIT_BYTES else "red"
        made.add_row(f"peak memory of {name}", f"[{colour}]{readable_size(peak)}[/]")
    return made


def _request(
    target: Target,
    method: str,
    path: str,
    body: Iterable[bytes] | None = None,
    size_bytes: int = 0,
) -> str:
    """Send, and return the SHA-256 of the answer's body."""
    signer = Signer(target.access_key, target.secret_key)
    payload = EMPTY_SHA256 if body is None else UNSIGNED_PAYLOAD
    lines = signer.headers(method, target.authority, path, "", payload).splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    headers["content-length"] = str(size_bytes)
    connection = http.client.HTTPConnection(target.host, target.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        digest = sha256()
        while piece := answer.read(PIECE_BYTES):
            digest.update(piece)
    except (OSError, http.client.HTTPException) as error:
        raise LargeObjectError(f"{method} {path}: {error!r}") from error
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise LargeObjectError(f"{method} {path}: the server answered {answer.status}")
    return digest.hexdigest()
