"""What a coordinator on this machine says of itself, asked with the standard library's HTTP.

Rules: not with httpx, because importing that takes longer than the answer. No answer, or an
answer that makes no sense, is an answer too: not ready, nothing known.
"""

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from trilith.credentials import Keys

PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Probe:
    """Asks one coordinator."""

    host: str
    port: int
    keys: Keys | None = None

    def is_ready(self) -> bool:
        """Whether it says that it can take reads and writes."""
        status, _ = self._get("/_health/ready")
        return status == 200

    def cluster(self) -> dict[str, Any] | None:
        """What it says about the cluster; None if it does not answer so."""
        return self._document("/_api/v1/cluster")

    def repairs(self) -> dict[str, Any] | None:
        """What it says about repairs; None if it does not answer so."""
        return self._document("/_api/v1/repairs")

    def _document(self, path: str) -> dict[str, Any] | None:
        status, body = self._get(path)
        try:
            told = json.loads(body) if status == 200 else None
        except ValueError:
            return None
        return told if isinstance(told, dict) else None

    def nodes_not_up(self) -> set[str]:
        """The nodes that do not answer it; empty when it does not say."""
        nodes = (self.cluster() or {}).get("nodes", [])
        return {node["node_id"] for node in nodes if node["state"] in ("down", "suspect")}

    def _get(self, path: str) -> tuple[int, bytes]:
        """Status and body; 0 if nothing answers."""
        headers = {}
        if self.keys is not None:
            pair = f"{self.keys.access_key}:{self.keys.secret_key}".encode()
            headers["authorization"] = "Basic " + base64.b64encode(pair).decode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PROBE_TIMEOUT_S)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()


def probe_of(endpoint: str, keys: Keys | None) -> Probe:
    """A probe for the coordinator at that URL."""
    parts = urlsplit(endpoint)
    return Probe(parts.hostname or "", parts.port or 80, keys)
