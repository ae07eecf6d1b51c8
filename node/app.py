"""The node process: where its parts are constructed, and how it starts and stops.

Order at start: lock the directory, identity, recovery, listen. At stop: the server ends its
requests, then the engine commits what it accepted, flushes and closes; the lock goes last.
"""

import gc
import logging
import secrets
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from node.budget import ByteBudget
from node.disk import LocalDisk, sync_directory
from node.engine import Engine, Pace
from node.errors import NodeError, WrongStore
from node.identity import SEGMENTS_DIRECTORY, Identity, adopt, lock_directory, open_identity
from node.listener import Listener
from node.logs import configure_logging
from node.schema import CATALOG_FILENAME
from node.server import About, NodeServer
from node.settings import NodeSettings
from node.store import Store, StoreOptions

STORE_ID_BYTES: Final = 16
MIN_SECRET_LENGTH: Final = 16
SWITCH_INTERVAL_S: Final = 0.001
"""How long one thread may keep another from Python after its fsync or receive has returned."""

GC_THRESHOLD: Final = 20_000

logger = logging.getLogger(__name__)


def main(settings: NodeSettings) -> None:
    """Run a node until SIGTERM or SIGINT. Exits with 1 and a logged reason if it cannot start."""
    configure_logging(settings.log_level, node=settings.node_id)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(GC_THRESHOLD)
    try:
        run(settings)
    except (NodeError, OSError) as error:
        logger.error("node stopped", extra={"reason": str(error)})
        sys.exit(1)


def run(settings: NodeSettings) -> None:
    """Start the node, serve, stop. Raises NodeError, OSError."""
    secret = read_secret(settings.secret_file)
    directory = settings.data_dir
    segments = directory / SEGMENTS_DIRECTORY
    segments.mkdir(parents=True, exist_ok=True)
    # Held until the process ends: nothing may write after another process took the directory.
    lock_directory(directory)
    sync_directory(directory)
    identity = open_identity(directory, settings.node_id, lambda: secrets.token_hex(STORE_ID_BYTES))
    store = Store(
        LocalDisk(segments), directory / CATALOG_FILENAME, identity.store_id, _options(settings)
    )
    engine = Engine(store, _pace(settings))
    try:
        server = NodeServer(
            engine,
            identity,
            about=About(settings.zone, settings.weight),
            secret=secret,
            adopt=_Adoption(directory, identity),
            budget=ByteBudget(settings.memory_budget_bytes),
        )
        listener = Listener(settings.host, settings.port, server)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: listener.stop())
        logger.info("node listens", extra={"url": listener.url})
        listener.run()
    finally:
        engine.close()
    logger.info("node stopped cleanly")


class _Adoption:
    """Adopts once, however many requests ask for it at the same time."""

    def __init__(self, directory: Path, identity: Identity) -> None:
        self._directory = directory
        self._identity = identity
        self._lock = threading.Lock()

    def __call__(self, cluster_id: str) -> Identity:
        with self._lock:
            self._identity = adopt(self._directory, self._identity, cluster_id)
        logger.info("adopted by a cluster", extra={"cluster_id": cluster_id})
        return self._identity


def read_secret(path: Path) -> str:
    """The cluster's secret. Raises WrongStore if it is missing or too short to be one."""
    try:
        secret = path.read_text().strip()
    except OSError as error:
        raise WrongStore(f"cannot read the cluster's secret: {error}") from error
    if len(secret) < MIN_SECRET_LENGTH:
        raise WrongStore(f"{path} holds no secret of at least {MIN_SECRET_LENGTH} characters")
    return secret


def _options(settings: NodeSettings) -> StoreOptions:
    return StoreOptions(
        segment_size_bytes=settings.segment_size_bytes,
        free_floor_bytes=settings.free_floor_bytes,
        compact_below=settings.compact_below,
    )


def _pace(settings: NodeSettings) -> Pace:
    return Pace(
        overlay_records=settings.overlay_records,
        flush_interval_s=settings.flush_interval_s,
        compaction_interval_s=settings.compaction_interval_s,
        compaction_bytes_per_s=settings.compaction_bytes_per_s,
    )
