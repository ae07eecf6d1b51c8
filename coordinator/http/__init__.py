"""How Trilith's processes speak HTTP: uvicorn's server with a connection of our own.

`serve(app, host=..., port=...)` runs a plain ASGI app until SIGTERM or SIGINT. The node and the
coordinator use the same one, so that their limits and manners are the same.

    server.py      listening, signals, the sweep over all connections, graceful end
    connection.py  one TCP connection: parses requests, refuses bad ones, times out slow ones
    exchange.py    one request and its response: the ASGI receive() and send()
    head.py        the bytes of a response head
    limits.py      every limit, named
"""

from coordinator.http.exchange import App, ClientGone, Receive, RequestStalled, Scope, Send
from coordinator.http.limits import Limits
from coordinator.http.server import RunningServer, listen, running, serve

__all__ = [
    "App",
    "ClientGone",
    "Limits",
    "Receive",
    "RequestStalled",
    "RunningServer",
    "Scope",
    "Send",
    "listen",
    "running",
    "serve",
]
