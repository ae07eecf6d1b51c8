"""Free TCP ports for the processes of a local cluster.

Rules: ports are taken from below the range that outgoing connections draw from. Inside it, a client
that keeps trying to reach a process which is down may be given that very port as its own, and then
talks to itself while the process cannot come back.
"""

import errno
import random
import socket
from collections.abc import Container

from trilith.errors import LaunchError

FIRST_PORT = 20_000
LAST_PORT = 32_000
TRIES = 200


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. Raises LaunchError if the host is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a former process that linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                return False
            raise LaunchError(f"cannot listen on {host}:{port}: {error}") from error
    return True


def pick(host: str, taken: Container[int], rng: random.Random) -> int:
    """A free port that is not in `taken`."""
    for _ in range(TRIES):
        port = rng.randrange(FIRST_PORT, LAST_PORT)
        if port not in taken and is_free(host, port):
            return port
    raise LaunchError(f"found no free port on {host} between {FIRST_PORT} and {LAST_PORT}")
