"""What a local cluster is to consist of: decided once, before anything is started.

Rules: k and m belong to the data; asking for others than those it was made with is refused. Nodes
may be added, never left out. Ports of nodes are nobody's business but ours: they are kept when free
and picked anew when not. Root's keys are handed to the coordinator only.
"""

import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trilith import ports
from trilith.credentials import (
    ACCESS_KEY_VARIABLE,
    SECRET_KEY_VARIABLE,
    Keys,
    ensure_secret,
    keys_from_environment,
    root_keys,
)
from trilith.errors import LaunchError, UsageError
from trilith.layout import ClusterConfig, DataDirectory, NodePlace
from trilith.status import Role
from trilith.supervisor import ProcessSpec

DEFAULT_PORT = 9000
DEFAULT_NODES = 3
DEFAULT_K = 2
DEFAULT_M = 1
MAX_LOCAL_NODES = 64
NODE_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `trilith up` was asked for; None means as before, or the default."""

    data: Path
    host: str = "127.0.0.1"
    port: int | None = None
    nodes: int | None = None
    k: int | None = None
    m: int | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """A cluster about to be started."""

    directory: DataDirectory
    host: str
    config: ClusterConfig
    environ: Mapping[str, str] = field(repr=False)

    @property
    def contact_host(self) -> str:
        """The host to reach the coordinator at from this machine."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)

    def keys(self) -> Keys:
        """Root's keys. Raises LaunchError before the coordinator has made them."""
        return root_keys(self.directory.credentials_file, self.environ)

    @property
    def endpoint(self) -> str:
        """The URL of the coordinator."""
        return url_of(self.contact_host, self.config.port)


def url_of(host: str, port: int) -> str:
    """http://host:port, with the brackets that an IPv6 address needs."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def prepare(
    options: UpOptions, environ: Mapping[str, str], rng: random.Random | None = None
) -> Launch:
    """Settle everything and write it down. The caller holds the directory's lock.

    Raises UsageError for numbers that make no sense, LaunchError for what stands against it.
    """
    directory = DataDirectory(options.data)
    former = directory.load_config()
    k, m, count = shape(options, former)
    rng = rng or random.Random()
    port = _coordinator_port(options, former, rng)
    nodes: list[NodePlace] = []
    for number in range(1, count + 1):
        taken = {port, *(node.port for node in nodes)}
        known = former.nodes if former is not None else ()
        before = known[number - 1].port if number <= len(known) else 0
        if before in taken or not before or not ports.is_free(NODE_HOST, before):
            before = ports.pick(NODE_HOST, taken, rng)
        nodes.append(NodePlace(f"node-{number}", before))
    config = ClusterConfig(k=k, m=m, port=port, nodes=tuple(nodes))
    if config != former:
        directory.save_config(config)
    ensure_secret(directory.secret_file)
    keys_from_environment(environ)
    return Launch(directory, options.host, config, environ)


def process_specs(launch: Launch) -> list[ProcessSpec]:
    """The coordinator and the nodes as processes of this interpreter."""
    nodes = launch.config.nodes
    coordinator = _spec(
        launch,
        "coordinator",
        Role.COORDINATOR,
        (launch.host, launch.config.port),
        [
            f"--k={launch.config.k}",
            f"--m={launch.config.m}",
            f"--credentials-file={launch.directory.credentials_file}",
            *(f"--node={node.node_id}={url_of(NODE_HOST, node.port)}" for node in nodes),
        ],
    )
    return [
        coordinator,
        *(
            _spec(launch, node.node_id, Role.NODE, (NODE_HOST, node.port), [f"--id={node.node_id}"])
            for node in nodes
        ),
    ]


def _spec(
    launch: Launch, name: str, role: Role, address: tuple[str, int], extra: list[str]
) -> ProcessSpec:
    directory = launch.directory
    # -P: a folder called `node` where the user happens to stand must not be imported.
    command = [
        *(sys.executable, "-P", "-m", "trilith", str(role)),
        f"--data={directory.root / name}",
        f"--host={address[0]}",
        f"--port={address[1]}",
        f"--secret-file={directory.secret_file}",
        "--exit-with-parent",
        *extra,
    ]
    withheld = () if role is Role.COORDINATOR else (ACCESS_KEY_VARIABLE, SECRET_KEY_VARIABLE)
    return ProcessSpec(
        name=name,
        role=role,
        command=command,
        url=launch.endpoint if role is Role.COORDINATOR else url_of(*address),
        data_dir=directory.root / name,
        log=directory.log(name),
        hold=directory.hold(name),
        arguments=directory.arguments(name),
        environ={
            # Output reaches the log at once, also when the process is killed.
            "PYTHONUNBUFFERED": "1",
            **{key: value for key, value in launch.environ.items() if key not in withheld},
        },
    )


def shape(options: UpOptions, former: ClusterConfig | None) -> tuple[int, int, int]:
    """k, m and the number of nodes. Raises LaunchError, UsageError."""
    if former is not None:
        return former.k, former.m, _grown(options, former)
    k = DEFAULT_K if options.k is None else options.k
    m = DEFAULT_M if options.m is None else options.m
    count = max(DEFAULT_NODES, k + m) if options.nodes is None else options.nodes
    if k < 1 or m < 0:
        raise UsageError(f"k must be at least 1 and m at least 0, got --k {k} --m {m}")
    if k + m > count:
        raise UsageError(f"k + m = {k + m} shards need as many nodes: --nodes {count} is too few")
    _refuse_too_many(count)
    return k, m, count


def _grown(options: UpOptions, former: ClusterConfig) -> int:
    """How many nodes a cluster that is there has from now on. Raises LaunchError, UsageError."""
    before = len(former.nodes)
    asked = {"--k": (options.k, former.k), "--m": (options.m, former.m)}
    for name, (value, kept) in asked.items():
        if value is not None and value != kept:
            raise LaunchError(
                f"{options.data} was made with --k {former.k} --m {former.m}; {name} {value} would"
                " need another data directory (--data). Leave the option out to use what is there."
            )
    count = before if options.nodes is None else options.nodes
    if count < before:
        raise LaunchError(
            f"{options.data} has {before} nodes, and data on each of them: let some go with"
            " `trilith node drain` and `trilith node remove`, not with --nodes"
        )
    _refuse_too_many(count)
    return count


def _refuse_too_many(count: int) -> None:
    if count > MAX_LOCAL_NODES:
        raise UsageError(f"a local cluster has at most {MAX_LOCAL_NODES} nodes, not {count}")


def _coordinator_port(options: UpOptions, former: ClusterConfig | None, rng: random.Random) -> int:
    """The port asked for; else (also for 0) the former one; else a free one or the default."""
    before = former.port if former is not None else None
    if options.port == 0:
        if before is not None and ports.is_free(options.host, before):
            return before
        return ports.pick(options.host, (), rng)
    port = options.port if options.port is not None else before or DEFAULT_PORT
    if not ports.is_free(options.host, port):
        raise LaunchError(
            f"port {port} on {options.host} is in use: choose another with --port"
            " (--port 0 takes any free one)"
        )
    return port
