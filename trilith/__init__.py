"""What a user types or imports: the command line, the Python client, the local cluster launcher.

Rules: nothing heavy is imported until it is used, because `trilith --help` must answer at once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trilith.async_client import AsyncClient
    from trilith.client import Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    """Import a client when it is first asked for."""
    if name == "Client":
        from trilith.client import Client

        return Client
    if name == "AsyncClient":
        from trilith.async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
