"""The clients of the torture: they write, delete, read and list, and believe nothing.

Rules: all choices come from seeded generators, one for each client, so that what one chooses does
not hang on how quick another is. They pause between requests, for the point is not to be fast but
to leave the store something to heal with. An event loop of its own, in a thread of its own: whoever
breaks things does so from the main thread, where Ctrl-C arrives.
"""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.cluster import ClusterError
from benchmarks.torture.bodies import etag_of
from benchmarks.torture.client import Client, UnreadableListing, page_of
from benchmarks.torture.memory import NOT_FOUND, Memory

KEYS = [f"{folder}/{number:03d}" for folder in "abc" for number in range(50)]
"""Written, overwritten and deleted all the time."""

COLD_KEYS = [f"cold/{number:03d}" for number in range(60)]
"""Written once at the beginning: what nobody touches must not be lost either."""

ALL_KEYS = sorted([*KEYS, *COLD_KEYS])
WRITERS, READERS, LISTERS = 4, 4, 1
DELETE_SHARE = 0.25
MAX_PAUSE_S = 0.04
MAX_LIST_PAUSE_S = 0.5

KIB = 1024
_SIZES = ((0.6, 8 * KIB), (0.85, 256 * KIB), (0.97, 1536 * KIB), (1.0, 5 * 1024 * KIB))
"""Up to which share of the objects are at most how large."""

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0

Step = Callable[[Client, random.Random], Coroutine[Any, Any, None]]
"""What a client does again and again."""


class Load:
    """The clients, running from `start` to `stop`. A context manager; if it is left by an error
    they are dropped where they stand."""

    def __init__(self, connect: Callable[[], Client], memory: Memory, seed: int) -> None:
        """`connect` makes a client."""
        self._connect = connect
        self._memory = memory
        self._seed = seed
        self._thread = threading.Thread(target=self._run, name="torture-load", daemon=True)
        self._at_work = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._work_task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Returns when the cold keys are written and everybody is at work. Raises ClusterError."""
        self._thread.start()
        is_at_work = self._at_work.wait(START_TIMEOUT_S)
        self.check()
        if not is_at_work:
            raise ClusterError("the clients can not begin")

    def check(self) -> None:
        """Raises ClusterError if a client has died."""
        if self._failure is not None:
            raise ClusterError(f"a client died of {self._failure!r}") from self._failure

    def stop(self) -> None:
        """Returns when every request under way was answered. Raises ClusterError."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(STOP_TIMEOUT_S)
        self.check()
        if self._thread.is_alive():
            raise ClusterError("the clients do not end")

    def __enter__(self) -> "Load":
        try:
            self.start()
        except BaseException:
            self._drop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.stop()
        else:
            self._drop()

    def _drop(self) -> None:
        if self._work_task is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._work_task.cancel)
        self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._work())
            except BaseException as error:
                self._failure = error
            finally:
                self._at_work.set()

    async def _work(self) -> None:
        self._work_task = asyncio.current_task()
        await self._plant()
        self._at_work.set()
        steps: list[tuple[Step, float]] = [
            *[(self._write, MAX_PAUSE_S)] * WRITERS,
            *[(self._read, MAX_PAUSE_S)] * READERS,
            *[(self._list, MAX_LIST_PAUSE_S)] * LISTERS,
        ]
        async with asyncio.TaskGroup() as group:
            for number, (step, max_pause_s) in enumerate(steps):
                rng = random.Random(f"{self._seed} {number}")
                group.create_task(self._repeat(step, max_pause_s, rng))

    async def _repeat(self, step: Step, max_pause_s: float, rng: random.Random) -> None:
        client = self._connect()
        try:
            while not self._stopping.is_set():
                await step(client, rng)
                await asyncio.sleep(rng.uniform(0.0, max_pause_s))
        finally:
            client.close()

    async def _plant(self) -> None:
        client = self._connect()
        rng = random.Random(f"{self._seed} cold")
        made = await client.make_bucket()
        if not made.is_good:
            raise ClusterError(f"the bucket was not made: {made.status} {made.reason}")
        for key in COLD_KEYS:
            await self._put(client, rng, key)
        client.close()

    async def _write(self, client: Client, rng: random.Random) -> None:
        key = rng.choice(KEYS)
        if not self._memory.may_write(key):
            return
        if rng.random() < DELETE_SHARE:
            self._memory.wrote(key, None, await client.delete(key))
        else:
            await self._put(client, rng, key)

    async def _put(self, client: Client, rng: random.Random, key: str) -> None:
        number = self._memory.next_number()
        body = self._memory.bodies.make(key, number, _size(rng))
        self._memory.about_to_put(number, etag_of(body), len(body))
        self._memory.wrote(key, number, await client.put(key, body))

    async def _read(self, client: Client, rng: random.Random) -> None:
        key = rng.choice(ALL_KEYS)
        self._memory.got(key, await client.get(key))

    async def _list(self, client: Client, _: random.Random) -> None:
        await list_all(client, self._memory)


async def list_all(client: Client, memory: Memory) -> bool:
    """List the bucket, page by page; whether that came to its end."""
    token, after = "", ""
    while True:
        answer = await client.list(token)
        if not answer.is_good:
            memory.list_failed(answer)
            return False
        try:
            page = page_of(answer.body)
        except UnreadableListing as error:
            memory.list_failed(answer, str(error))
            return False
        after = memory.listed(ALL_KEYS, after, page, answer)
        token = page.token
        if not token:
            return True


async def read_everything(client: Client, memory: Memory) -> None:
    """Every key once and the whole listing, when all is quiet. Raises ClusterError if any of it is
    refused: then nothing is proved."""
    try:
        if not await list_all(client, memory):
            raise ClusterError("the bucket can not be listed at the end")
        for key in ALL_KEYS:
            answer = await client.get(key)
            memory.got(key, answer)
            if not answer.is_good and answer.status != NOT_FOUND:
                told = answer.reason or answer.body[:200]
                raise ClusterError(f"{key} can not be read at the end: {answer.status} {told!r}")
    finally:
        client.close()


def _size(rng: random.Random) -> int:
    share, least = rng.random(), 0
    for limit, most in _SIZES:
        if share <= limit:
            return rng.randint(least, most)
        least = most
    raise AssertionError("the last limit is 1")
