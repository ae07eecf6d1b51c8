"""Where the benchmarks send their requests: a server that runs already, or a cluster of their own.

Rules: a server is named by options, the environment or the data directory of `trilith up`, in that
order; any S3 server will do, so that two can be compared by the same code.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.cluster import Cluster


class TargetError(Exception):
    """The options do not say which server, or with which keys."""


@dataclass(frozen=True)
class Target:
    """An endpoint without TLS, and root's keys for it. `pids` names the processes behind it, where
    they are known."""

    host: str
    port: int
    access_key: str
    secret_key: str = field(repr=False)
    pids: Mapping[str, int] = field(default_factory=dict)

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return f"{self.host}:{self.port}"


@contextmanager
def open_target(
    endpoint: str | None, access_key: str | None, secret_key: str | None, data: Path | None
) -> Iterator[Target]:
    """The server that was named, else a cluster that lives as long as this context."""
    if endpoint:
        if not access_key or not secret_key:
            raise TargetError("an endpoint needs an access key and a secret key")
        yield target_at(endpoint, access_key, secret_key)
    elif data is not None:
        yield _target_of(Cluster(data))
    else:
        folder = tempfile.TemporaryDirectory(prefix="trilith-benchmark-")
        with folder as data_folder, Cluster(Path(data_folder)) as cluster:
            yield _target_of(cluster)


def target_at(endpoint: str, access_key: str, secret_key: str) -> Target:
    """The server at that URL. Raises TargetError."""
    url = urlsplit(endpoint)
    if url.scheme != "http" or not url.hostname:
        raise TargetError(f"the endpoint must be an http:// URL, not {endpoint!r}")
    return Target(url.hostname, url.port or 80, access_key, secret_key)


def _target_of(cluster: Cluster) -> Target:
    try:
        named = target_at(cluster.endpoint, *cluster.credentials)
        return replace(named, pids=cluster.pids())
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise TargetError(f"no running cluster is described in {cluster.data}: {error}") from error
