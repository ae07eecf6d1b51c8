"""Composition root of the coordinator: the only place where its parts are constructed and joined.

    uvicorn (http/) -> Front -> S3Endpoint | FastAPI (paths that start with /_api, /_health ...)

Rules: everything is built from settings, started in one order and stopped in the reverse one: no
request is taken before the metadata is open, and no worker outlives it.
"""

import asyncio
import gc
import logging
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import uvloop

from coordinator.api import create_api
from coordinator.auth.accounts import Accounts
from coordinator.cluster import Cluster, Heartbeat, NodeRecords
from coordinator.credentials import KeyPair, read_secret, root_keys
from coordinator.crypto import Keyring, open_key_store
from coordinator.http import App, Limits, Receive, Scope, Send, serve
from coordinator.iam.directory import Directory
from coordinator.iam.entities import ROOT_ID
from coordinator.iam.identities import Identities
from coordinator.iam.oidc.fetching import DocumentFetcher
from coordinator.iam.oidc.keyring import ProviderKeyring
from coordinator.iam.query.endpoint import IamEndpoint, is_query
from coordinator.lifecycle.worker import Lifecycle
from coordinator.metrics import Metrics
from coordinator.objects import (
    CodeSettings,
    Ids,
    Multipart,
    ObjectKeys,
    Objects,
    PartReader,
    PartWriter,
    Pins,
    Reclaimer,
    RepairReports,
)
from coordinator.repair import Healer, HealSettings
from coordinator.s3.encryption import bucket_default
from coordinator.s3.endpoint import S3Endpoint
from coordinator.s3.logging_delivery import AccessLogs
from coordinator.s3.names import resolve
from coordinator.s3.settings import LIFECYCLE, SettingsReader
from coordinator.s3.surface import Surface
from coordinator.settings import CoordinatorSettings
from erasure import codec
from metadata import (
    AccessKey,
    MetadataStore,
    NodeRecord,
    NoSuchUser,
    User,
    open_sqlite,
)
from node.client import NodeClient
from node.logs import configure_logging

ROOT_USER_ID = ROOT_ID

OURS = (b"/_api/", b"/_console/", b"/_health/", b"/_metrics")
"""First path segments that no bucket can have."""

log = logging.getLogger(__name__)


class Front:
    """Sends what is ours (a first path segment no bucket can have) to the API, actions of IAM and
    STS (forms that name no bucket) to theirs, the rest to S3.

    S3 does not stand below FastAPI: its routing and middleware cost as much as a whole 4 KiB GET.
    """

    def __init__(
        self, s3: App, api: App, iam: App, base_domains: Sequence[str], website_domain: str = ""
    ) -> None:
        self._s3 = s3
        self._api = api
        self._iam = iam
        self._base_domains = base_domains
        self._website_domain = website_domain

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """ASGI."""
        app = self._s3
        raw_path = scope["raw_path"]
        if raw_path.startswith(OURS):
            app = self._s3 if self._names_a_bucket(scope) else self._api
        elif is_query(scope["method"], raw_path, scope["query_string"]):
            app = self._s3 if self._names_a_bucket(scope) else self._iam
        return app(scope, receive, send)

    def _names_a_bucket(self, scope: Scope) -> bool:
        """In virtual-host style the whole path is a key, also `_api/...`."""
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        address = resolve(host.decode("latin-1"), b"/", self._base_domains, self._website_domain)
        return address.is_virtual_host


def parse_nodes(entries: list[str]) -> list[NodeRecord]:
    """`node-1=http://host:port` to node records; zone and weight come with the first heartbeat.

    Raises ValueError for anything else, and for an id that stands twice.
    """
    nodes: dict[str, NodeRecord] = {}
    for entry in entries:
        node_id, _, url = entry.partition("=")
        if not node_id or not url.startswith("http://"):
            raise ValueError(f"a node is given as ID=http://HOST:PORT, not {entry!r}")
        if node_id in nodes:
            raise ValueError(f"node {node_id!r} is given twice")
        nodes[node_id] = NodeRecord(node_id, url.rstrip("/"), zone=node_id, weight=1.0)
    return list(nodes.values())


async def sync_root(metadata: MetadataStore, keys: KeyPair, now_ms: int) -> None:
    """Make the configured keys root's only ones: a replaced key stops working."""
    configured = AccessKey(keys.access_key, keys.secret_key, ROOT_USER_ID, now_ms)
    try:
        await metadata.user(ROOT_USER_ID)
    except NoSuchUser:
        await metadata.put_user(User(ROOT_USER_ID, "root", True, now_ms), [configured])
        return
    known = {each.access_key: each for each in await metadata.access_keys(ROOT_USER_ID)}
    current = known.pop(keys.access_key, None)
    for access_key, key in known.items():
        # Those of users that root made by way of IAM are theirs.
        if not key.identity:
            await metadata.delete_access_key(access_key)
    if current is None or current.secret_key != keys.secret_key:
        await metadata.delete_access_key(keys.access_key)
        await metadata.put_access_key(configured)


@asynccontextmanager
async def running(settings: CoordinatorSettings) -> AsyncIterator[App]:
    """A coordinator that works, as an ASGI app, until the context is left."""
    secret = read_secret(settings.secret_file)
    keys = root_keys(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    ids = Ids()
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        metadata = await open_sqlite(settings.data_dir / "metadata.db")
        stack.push_async_callback(metadata.close)
        await sync_root(metadata, keys, ids.now_ms())
        cluster = await stack.enter_async_context(_cluster(settings, metadata, secret))
        code = CodeSettings(
            settings.k, settings.m, settings.unit_size_bytes, settings.required_shards
        )
        writer = PartWriter(cluster, codec(code.k, code.m), code, ids, metrics)
        stack.push_async_callback(writer.close)
        reports = RepairReports(metadata, ids, metrics)
        pins = Pins()
        reader = PartReader(cluster, pins, settings.hedge_after_s, reports.report, metrics)
        surface = _surface(settings, metadata, writer, reader, ids)
        objects, accounts = surface.objects, surface.accounts
        directory = Directory(metadata, accounts.forget, ids.now_ms)
        access_logs = AccessLogs(surface, settings.access_log_roll_s)
        stack.push_async_callback(access_logs.close)
        reclaimer = Reclaimer(metadata, cluster, pins, ids, metrics, settings.reclaim_grace_s)
        healer = Healer(
            metadata,
            cluster,
            writer.writing,
            pins,
            reports,
            ids,
            metrics,
            _heal_settings(settings),
        )
        lifecycle = Lifecycle(
            objects, lambda text: LIFECYCLE.decode(text).value, settings.lifecycle_day_s
        )
        workers = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [
            workers.create_task(worker.run())
            for worker in (reports, reclaimer, healer, access_logs, lifecycle)
        ]
        api = create_api(
            objects=objects,
            accounts=accounts,
            cluster=cluster,
            healing=healer,
            metrics=metrics,
            settings=settings,
        )
        log.info(
            "coordinator ready",
            extra={"k": settings.k, "m": settings.m, "nodes": len(cluster.nodes())},
        )
        try:
            s3 = S3Endpoint(surface, metrics, access_logs=access_logs)
            iam = IamEndpoint(directory, accounts, metrics, ProviderKeyring(DocumentFetcher()))
            yield Front(s3, api, iam, surface.base_domains, surface.website_domain)
        finally:
            for task in tasks:
                task.cancel()


def _surface(
    settings: CoordinatorSettings,
    metadata: MetadataStore,
    writer: PartWriter,
    reader: PartReader,
    ids: Ids,
) -> Surface:
    """What the S3 operations work with. Makes the key file if there is none yet."""
    key_store = open_key_store(settings.keys_file, clock_ms=ids.now_ms)
    setting_reader = SettingsReader(metadata)
    object_keys = ObjectKeys(Keyring(key_store), bucket_default(setting_reader))
    objects = Objects(metadata, writer, reader, ids, object_keys)
    accounts = Accounts(metadata, identities=Identities(metadata))
    return Surface(
        objects,
        Multipart(objects),
        accounts,
        settings.region,
        (settings.domain,),
        setting_reader,
        settings.website_host,
    )


def _heal_settings(settings: CoordinatorSettings) -> HealSettings:
    return HealSettings(
        repair_concurrency=settings.repair_concurrency,
        repair_bytes_per_s=settings.repair_bytes_per_s,
        scrub_period_s=settings.scrub_period_s,
        orphan_grace_s=settings.orphan_grace_s,
        rebalance_shards_per_s=settings.rebalance_shards_per_s,
    )


@asynccontextmanager
async def _cluster(
    settings: CoordinatorSettings, metadata: MetadataStore, secret: str
) -> AsyncIterator[Cluster]:
    """The cluster of the configured nodes and those known from before, with its heartbeat."""
    cluster_id = await metadata.cluster_id(uuid.uuid4().hex)
    records = NodeRecords(metadata)
    nodes = await records.load(parse_nodes(settings.nodes))
    heartbeat = Heartbeat(
        settings.heartbeat_interval_s, settings.down_after_s, settings.lost_after_s
    )

    def connect(node: NodeRecord) -> NodeClient:
        return NodeClient(node.node_id, node.url, secret=secret, cluster_id=cluster_id)

    cluster = Cluster(nodes, settings.k + settings.m, connect, heartbeat, records=records)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.close()


async def run(settings: CoordinatorSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    limits = Limits(body_stall_s=settings.body_stall_s)
    async with running(settings) as app:
        _tune_interpreter()
        await serve(app, host=settings.host, port=settings.port, limits=limits)


def _tune_interpreter() -> None:
    """Two of CPython's defaults that cost a busy server dearly, both measured.

    Requests leave little cyclic garbage, but allocate enough to start a collection every few of
    them, which then walks over everything imported: a fifth of a small GET's time. And a database
    thread that waits for the interpreter lock gets it after 5 ms, while the loop has work: with
    0.5 ms, PUTs of 4 KiB at 16 at once are a third faster.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    sys.setswitchinterval(0.0005)


def main(settings: CoordinatorSettings) -> None:
    """Run a coordinator until it is told to stop."""
    configure_logging(settings.log_level)
    uvloop.run(run(settings))
