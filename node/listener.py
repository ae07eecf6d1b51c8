"""Accepts connections and gives each a thread of its own, until it is told to stop.

Threads, because connections are few (a coordinator keeps some to each node) and what a request
waits for is the disk: a thread that waits costs nothing, and no request hops from one to another.
At the end idle connections are closed at once, requests under way have `GRACE_S`.
"""

import contextlib
import logging
import socket
import threading
import time
from typing import Final

from node.conversation import Conversation, Handler, Limits

BACKLOG: Final = 128
MAX_CONNECTIONS: Final = 512
"""More are closed unheard."""

GRACE_S: Final = 10.0
CUT_GRACE_S: Final = 2.0
"""How long requests may go on after the stop; and how long those that are cut off then."""

RETRY_S: Final = 0.1

logger = logging.getLogger(__name__)


class Listener:
    """See the module's rules. Bound when made, closed when `run` returns. Raises OSError."""

    def __init__(self, host: str, port: int, handle: Handler, limits: Limits | None = None) -> None:
        """Port 0 takes a free one. `handle` answers a request, in its connection's thread."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=BACKLOG)
        self._handle = handle
        self._limits = limits or Limits()
        self._threads: dict[Conversation, threading.Thread] = {}
        self._is_stopping = False
        name = f"[{host}]" if family == socket.AF_INET6 else host
        self.url = f"http://{name}:{self._socket.getsockname()[1]}"

    def run(self) -> None:
        """Accept until `stop`; when this returns no request is under way any more."""
        with self._socket:
            while not self._is_stopping:
                try:
                    sock, _ = self._socket.accept()
                except OSError as error:
                    if not self._is_stopping:
                        logger.error("cannot accept", extra={"reason": str(error)})
                        time.sleep(RETRY_S)
                else:
                    self._begin(sock)
        self._end()

    def stop(self) -> None:
        """Make `run` return. Any thread may call it, and a signal's handler."""
        self._is_stopping = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # ends an accept that waits

    def _begin(self, sock: socket.socket) -> None:
        if len(self._threads) >= MAX_CONNECTIONS:
            logger.error("too many connections", extra={"limit": MAX_CONNECTIONS})
            sock.close()
            return
        conversation = Conversation(sock, self._limits)
        thread = threading.Thread(
            target=self._host, args=(sock, conversation), name="node-connection", daemon=True
        )
        self._threads[conversation] = thread
        try:
            thread.start()
        except RuntimeError as error:  # the system has none left: the others must go on
            logger.error("no thread for a connection", extra={"reason": str(error)})
            del self._threads[conversation]
            sock.close()

    def _host(self, sock: socket.socket, conversation: Conversation) -> None:
        try:
            with sock:
                conversation.run(self._handle)
        except OSError as error:
            logger.debug("connection lost", extra={"reason": str(error)})
        except Exception:
            logger.exception("connection given up")
        finally:
            del self._threads[conversation]

    def _end(self) -> None:
        left = list(self._threads.items())
        for conversation, _ in left:
            conversation.leave()
        if _join(left, GRACE_S):
            return
        for conversation, _ in left:
            conversation.cut()
        if not _join(left, CUT_GRACE_S):
            logger.error("requests did not end")


def _join(threads: list[tuple[Conversation, threading.Thread]], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    for _, thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for _, thread in threads)
