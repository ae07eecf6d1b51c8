"""Whether a cluster is whole again, by its own audit, and the order to look for damage.

Rules: asked over HTTP, as an operator would. What does not answer, or answers anything but what was
asked for, is not whole, and says why.
"""

import http.client
import json
from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from benchmarks.cluster import Cluster, ClusterError, wait_until

ANSWER_TIMEOUT_S = 60.0
MAX_TOLD = 5
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Audit:
    """What `verify` says: whether every part is whole, else what is not."""

    is_whole: bool
    told: str


class Healing:
    """Asks one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def scrub(self, name: str) -> None:
        """Have all that a node keeps read, now. Raises ClusterError."""
        status, body = self._post("scrub", {"node_id": name})
        if status != 202:
            raise ClusterError(f"no scrub of {name}: {status} {body[:200]!r}")

    def verify(self, *, deep: bool) -> Audit:
        """Ask for every shard of every part; with `deep` for every byte."""
        status, body = self._post("verify", {"deep": deep})
        try:
            lines: list[dict[str, Any]] = [json.loads(line) for line in body.splitlines()]
        except ValueError:
            lines = []
        if status != 200 or not lines or lines[-1].get("type") != "summary":
            return Audit(False, f"no verdict: {status} {body[-200:]!r}")
        summary = lines[-1]
        if summary["is_whole"]:
            return Audit(True, f"{summary['parts']} parts whole")
        found = [line for line in lines if line["type"] in ("finding", "silent_node")]
        told = "; ".join(json.dumps(line) for line in found[:MAX_TOLD])
        broken = f"{summary['degraded']} parts degraded, {summary['lost']} lost"
        return Audit(False, f"{broken} of {summary['parts']}: {told}")

    def wait_until_whole(self, damaged: Collection[str], timeout_s: float) -> None:
        """Wait until `verify` finds nothing (`deep`, after a scrub of the nodes whose bytes may be
        damaged). Raises ClusterError with what it found last."""
        for name in sorted(damaged):
            self.scrub(name)
        last = Audit(False, "not asked yet")

        def is_whole() -> bool:
            nonlocal last
            last = self.verify(deep=bool(damaged))
            return last.is_whole

        try:
            wait_until(is_whole, "verify finds everything whole", timeout_s, _POLL_S)
        except ClusterError as error:
            raise ClusterError(f"{error}: {last.told}") from None

    def _post(self, what: str, order: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body; 0 if nothing answers."""
        url = urlsplit(self._cluster.endpoint)
        pair = ":".join(self._cluster.credentials).encode()
        headers = {
            "authorization": f"Basic {b64encode(pair).decode()}",
            "content-type": "application/json",
        }
        connection = http.client.HTTPConnection(
            url.hostname or "", url.port, timeout=ANSWER_TIMEOUT_S
        )
        try:
            connection.request("POST", f"/_api/v1/{what}", json.dumps(order), headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            return 0, repr(error).encode()
        finally:
            connection.close()
