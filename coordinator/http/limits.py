"""Every limit of an HTTP server, named, with a default that suits S3's clients."""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may ask of a server, in bytes, counts and seconds."""

    target_bytes: int = 16 * KIB
    """Path and query. A presigned URL with a session token has about 3 KiB."""

    head_bytes: int = 64 * KIB
    headers: int = 200
    head_timeout_s: float = 20.0
    """From the first byte of a request (or the connection's start) to the end of its head."""

    keep_alive_s: float = 75.0
    """An idle connection is closed. Longer than any client of ours keeps one."""

    body_stall_s: float = 30.0
    """How long the app waits for more of a body; then receive() raises RequestStalled."""

    body_least_bytes: int = 4 * KIB
    """What must have come for `body_stall_s` to start again: a byte now and then is no progress."""

    write_stall_s: float = 30.0
    """A client that takes nothing of its response for this long is cut off."""

    receive_bytes: int = 1 * MIB
    """A connection is not read while this much of its request's body waits for the app."""

    drain_bytes: int = 64 * KIB
    """An unread body that has at most this much to come does not cost the connection."""

    linger_s: float = 5.0
    linger_bytes: int = 64 * MIB
    """What a closed connection still swallows, so that its client can read the response."""

    connections: int = 4096
    """More get 503."""

    sweep_interval_s: float = 1.0
    """How often the deadlines are looked at: the precision of all the times above."""

    shutdown_s: float = 10.0
    """How long requests may go on after SIGTERM."""
