"""A TCP relay that stands before a node: the way to it becomes slow, or nothing comes through.

    python -m benchmarks.relay --listen 127.0.0.1:21001 --to 127.0.0.1:21002 --delay-s 0.3

Rules: bytes stay whole and in order, however late they are; at most MAX_PIECES pieces wait in each
direction, so that whoever sends feels it. A partition takes connections and then keeps silent, as a
network does that loses every packet: nothing is refused, nothing is answered. The relay ends by
itself when the process that it was told to watch is gone.
"""

import argparse
import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

PIECE_BYTES = 64 * 1024
MAX_PIECES = 64
READY = "ready"
"""What it prints when it listens."""

Piece = tuple[float, bytes]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Way:
    """What the way to the node is like: each piece is late by 0 to 2 x `delay_s`, seeded."""

    delay_s: float = 0.0
    is_cut: bool = False
    seed: int = 0


class Relay:
    """Listens, and passes on what comes, after a while. A context manager."""

    def __init__(
        self,
        target: tuple[str, int],
        way: Way,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._target = target
        self._way = way
        self._rng = random.Random(way.seed)
        self._sleep = sleep
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """Begin to take connections; the port, if 0 was asked for. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=PIECE_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Drop every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._connection((reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, client: Streams) -> None:
        with contextlib.closing(client[1]):
            if self._way.is_cut:
                await asyncio.Event().wait()
            try:
                node = await asyncio.open_connection(*self._target, limit=PIECE_BYTES)
                with contextlib.closing(node[1]):
                    async with asyncio.TaskGroup() as group:
                        for source, sink in ((client[0], node[1]), (node[0], client[1])):
                            pieces: asyncio.Queue[Piece] = asyncio.Queue(MAX_PIECES)
                            group.create_task(self._take(source, pieces))
                            group.create_task(self._give(sink, pieces))
            except* OSError:
                pass  # one end is gone: so is the other, now

    async def _take(self, reader: asyncio.StreamReader, pieces: asyncio.Queue[Piece]) -> None:
        loop = asyncio.get_running_loop()
        piece = b"-"
        while piece:
            piece = await reader.read(PIECE_BYTES)
            due = loop.time() + self._rng.uniform(0.0, 2 * self._way.delay_s)
            await pieces.put((due, piece))

    async def _give(self, writer: asyncio.StreamWriter, pieces: asyncio.Queue[Piece]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, piece = await pieces.get()
            if (wait_s := due - loop.time()) > 0:
                await self._sleep(wait_s)
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()


async def run(listen: tuple[str, int], relay: Relay, watched: int | None) -> None:
    """Relay until the process of that id is gone; without one, until cancelled."""
    gone = asyncio.Event()
    if watched is not None:
        try:
            asyncio.get_running_loop().add_reader(os.pidfd_open(watched), gone.set)
        except ProcessLookupError:
            return
    await relay.listen(*listen)
    print(READY, flush=True)
    try:
        await gone.wait()
    finally:
        await relay.close()


def address(text: str) -> tuple[str, int]:
    """host:port. Raises ValueError."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A slow or a broken way to a TCP server.")
    parser.add_argument("--listen", type=address, required=True, help="host:port")
    parser.add_argument("--to", type=address, required=True, help="host:port")
    parser.add_argument("--delay-s", type=float, default=0.0, help="the mean, in each direction")
    parser.add_argument("--cut", action="store_true", help="let nothing through")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--while-runs", type=int, metavar="PID", help="end together with it")
    told = parser.parse_args()
    relay = Relay(told.to, Way(told.delay_s, told.cut, told.seed))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(told.listen, relay, told.while_runs))


if __name__ == "__main__":
    main()
