"""Writers who know what they were promised, for tests that kill the cluster under them.

Rules: each writer has keys of its own and one operation under way, so that for every key there is
at any time one state that was acknowledged last, and at most a few that an unanswered operation
may have left. What a key holds must be one of those, whole; nothing else is right.
"""

import http.client
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from benchmarks.cluster import Cluster
from benchmarks.signer import Signer
from tests.end_to_end.support import STRIPE_BYTES, UNIT_BYTES

WRITERS = 4
KEYS_PER_WRITER = 6
SIZES = (0, 1, 700, 4096, 70_000, UNIT_BYTES, UNIT_BYTES + 1, STRIPE_BYTES, 3 * STRIPE_BYTES + 9)
LEAST_PART_BYTES = 5 * 1024 * 1024
TIMEOUT_S = 60.0

_POOL = random.Random(20).randbytes(LEAST_PART_BYTES + 4 * STRIPE_BYTES)


def content(key: str, generation: int) -> bytes:
    """What the key holds in that generation: it names both, so that no two are alike."""
    rng = random.Random(f"{key}/{generation}")
    size, start = rng.choice(SIZES), rng.randrange(STRIPE_BYTES)
    if is_multipart(key, generation):
        size += LEAST_PART_BYTES
    named = f"{key}/{generation}\n".encode()
    return (named + _POOL[start : start + size])[: max(size, len(named))]


def is_multipart(key: str, generation: int) -> bool:
    """Whether that generation is written in two parts."""
    return random.Random(f"parts of {key}/{generation}").random() < 0.08


@dataclass
class Fate:
    """What a key may hold: generations, None for absent. One of them unless a write went
    unanswered."""

    possible: set[int | None] = field(default_factory=lambda: {None})
    generation: int = 0


class Unanswered(Exception):
    """The connection broke before the answer was complete."""


class Connection:
    """A kept-alive, signing HTTP connection without retries."""

    def __init__(self, cluster: Cluster, bucket: str) -> None:
        self._host = cluster.endpoint.removeprefix("http://")
        self._http = http.client.HTTPConnection(self._host, timeout=TIMEOUT_S)
        self._signer = Signer(*cluster.credentials)
        self._bucket = bucket

    def request(
        self, method: str, key: str, query: str = "", body: bytes = b""
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers. Raises Unanswered."""
        path = f"/{self._bucket}/{key}" if key else f"/{self._bucket}"
        digest = sha256(body).hexdigest()
        lines = self._signer.headers(method, self._host, path, query, digest).splitlines()
        headers = dict(line.split(": ", 1) for line in lines)
        headers["content-length"] = str(len(body))
        try:
            self._http.request(method, f"{path}?{query}" if query else path, body, headers)
            answer = self._http.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, answer.read(), told
        except (OSError, http.client.HTTPException) as error:
            self._http.close()
            raise Unanswered(f"{method} {path}: {error!r}") from error

    def close(self) -> None:
        self._http.close()


class Scribblers:
    """Threads that write, overwrite and delete until they are told to stop or the server dies."""

    def __init__(self, cluster: Cluster, bucket: str, seed: int) -> None:
        self._cluster = cluster
        self._bucket = bucket
        self._seed = seed
        self.fates = {
            f"{writer}/key-{number}": Fate()
            for writer in range(WRITERS)
            for number in range(KEYS_PER_WRITER)
        }
        self._changed = threading.Condition()
        self._acknowledged = 0
        self._refused: list[str] = []
        self._crashes: list[BaseException] = []
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def refused(self) -> list[str]:
        """Answers that were neither success nor silence, in this round."""
        return self._refused

    def start(self, round_number: int) -> None:
        """Let everyone write."""
        self._stop.clear()
        self._acknowledged = 0
        self._refused = []
        self._threads = [
            threading.Thread(target=self._write, args=(writer, round_number))
            for writer in range(WRITERS)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, acknowledged: int) -> None:
        """Until that many operations of this round were acknowledged, or nobody writes any more."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: (
                    self._acknowledged >= acknowledged
                    or not any(thread.is_alive() for thread in self._threads)
                ),
                timeout=TIMEOUT_S,
            ), "the writers are stuck"

    def stop(self) -> None:
        """Let them finish what is under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_S)
            assert not thread.is_alive(), "a writer got neither an answer nor an end"
        if self._crashes:
            raise self._crashes[0]

    def _write(self, writer: int, round_number: int) -> None:
        rng = random.Random(f"{self._seed}/{writer}/{round_number}")
        keys = [key for key in self.fates if key.startswith(f"{writer}/")]
        connection = Connection(self._cluster, self._bucket)
        try:
            while not self._stop.is_set():
                self._once(connection, rng.choice(keys), rng.random() < 0.2)
        except Unanswered:
            pass  # the coordinator is gone: enough for this round
        except BaseException as error:
            self._crashes.append(error)
        finally:
            connection.close()
            with self._changed:
                self._changed.notify_all()

    def _once(self, connection: Connection, key: str, is_delete: bool) -> None:
        fate = self.fates[key]
        fate.generation += 1
        outcome = None if is_delete else fate.generation
        fate.possible.add(outcome)
        if is_delete:
            status, body, _ = connection.request("DELETE", key)
        elif is_multipart(key, fate.generation):
            status, body = _put_in_parts(connection, key, content(key, fate.generation))
        else:
            data = content(key, fate.generation)
            status, body, _ = connection.request("PUT", key, body=data)
        if 200 <= status < 300 and b"<Error>" not in body:
            fate.possible = {outcome}
            with self._changed:
                self._acknowledged += 1
                self._changed.notify_all()
        else:
            self._refused.append(f"{key}: {status} {body[:300]!r}")


def _put_in_parts(connection: Connection, key: str, data: bytes) -> tuple[int, bytes]:
    status, body, _ = connection.request("POST", key, "uploads=")
    if status != 200:
        return status, body
    upload_id = body.partition(b"<UploadId>")[2].partition(b"</UploadId>")[0].decode()
    listed = ""
    for number, piece in enumerate((data[:LEAST_PART_BYTES], data[LEAST_PART_BYTES:]), start=1):
        query = f"partNumber={number}&uploadId={upload_id}"
        status, body, headers = connection.request("PUT", key, query, piece)
        if status != 200:
            return status, body
        tag = f"<PartNumber>{number}</PartNumber><ETag>{headers['etag']}</ETag>"
        listed += f"<Part>{tag}</Part>"
    document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    status, body, _ = connection.request("POST", key, f"uploadId={upload_id}", document)
    return status, body


def check(cluster: Cluster, bucket: str, fates: dict[str, Fate]) -> Iterator[str]:
    """Every way in which what is there differs from what was promised. What an unanswered
    operation has left is taken as settled from then on."""
    connection = Connection(cluster, bucket)
    listed = _list(connection)
    for key in listed.keys() - fates.keys():
        yield f"{key} is listed, and nobody wrote it"
    for key, fate in fates.items():
        status, body, _ = connection.request("GET", key)
        if status == 404:
            found: int | None = None
        elif status == 200:
            written = [one for one in fate.possible if one is not None]
            same = [one for one in written if content(key, one) == body]
            if not same:
                yield f"{key} holds {len(body)} bytes {body[:40]!r}, expected {fate.possible}"
                continue
            found = same[0]
        else:
            yield f"{key} answers {status}: {body[:300]!r}"
            continue
        if found not in fate.possible:
            yield f"{key} is absent, expected {fate.possible}"
        shown = None if found is None else len(body)
        if listed.get(key) != shown:
            yield f"{key} is listed with {listed.get(key)} bytes and has {shown}"
        fate.possible = {found}
    connection.close()


def _list(connection: Connection) -> dict[str, int]:
    status, body, _ = connection.request("GET", "", "list-type=2&max-keys=1000")
    assert status == 200, body
    listed = {}
    for entry in body.decode().split("<Contents>")[1:]:
        key = entry.partition("<Key>")[2].partition("</Key>")[0]
        listed[key] = int(entry.partition("<Size>")[2].partition("</Size>")[0])
    return listed
