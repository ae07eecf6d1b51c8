"""A listener in a thread of the test."""

import contextlib
import threading
from collections.abc import Iterator

from node.conversation import Handler, Limits
from node.listener import Listener

GENEROUS_S = 20.0


@contextlib.contextmanager
def listening(handle: Handler, limits: Limits | None = None) -> Iterator[str]:
    """Its URL, as long as the context lasts."""
    listener = Listener("127.0.0.1", 0, handle, limits)
    thread = threading.Thread(target=listener.run)
    thread.start()
    try:
        yield listener.url
    finally:
        listener.stop()
        thread.join(GENEROUS_S)
        assert not thread.is_alive(), "the listener ends"
