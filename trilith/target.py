"""Which cluster a client command talks to, and with which keys.

Rules: the environment or --endpoint names the cluster, else it is the one that runs on the data
directory. The keys left in a data directory belong to that cluster: they are not sent to another
endpoint unless the data directory was named too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trilith.credentials import Keys, keys_from_environment, root_keys
from trilith.errors import Unreachable, UsageError
from trilith.layout import DEFAULT_DATA, DataDirectory
from trilith.status import Phase, read_status

ENDPOINT_VARIABLE = "TRILITH_ENDPOINT"
DATA_VARIABLE = "TRILITH_DATA"


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster and the keys for it."""

    endpoint: str
    keys: Keys = field(repr=False)


def resolve(endpoint: str | None, data: Path | None, environ: Mapping[str, str]) -> Target:
    """The target. Raises Unreachable if no cluster is named and none runs, UsageError without
    keys."""
    directory = DataDirectory((data or Path(DEFAULT_DATA)).absolute())
    local = read_status(directory)
    runs = local is not None and local["phase"] != Phase.STOPPED
    if endpoint is None:
        if local is None or not runs:
            raise Unreachable(
                f"no cluster runs on {directory.root}: start one with `trilith up`,"
                f" or set {ENDPOINT_VARIABLE} (or --data)"
            )
        endpoint = str(local["endpoint"])
    keys = keys_from_environment(environ)
    if keys is None:
        is_local = local is not None and endpoint.rstrip("/") == local["endpoint"]
        if not is_local and data is None:
            raise UsageError(
                f"no keys for {endpoint}: set TRILITH_ACCESS_KEY and TRILITH_SECRET_KEY,"
                " or name the data directory that has them with --data"
            )
        keys = root_keys(directory.credentials_file, {})
    return Target(endpoint, keys)
