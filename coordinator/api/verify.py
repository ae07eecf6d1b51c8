"""Verify: the audit of `coordinator.audit` as a stream of JSON lines. Root only.

    {"type": "finding", "defect", "bucket", "key", "version_id", "is_upload", "part_id", "shard",
     "node_id", "detail"}                      shard and node_id are null for a part as a whole
    {"type": "silent_node", "node_id", "detail"}
    {"type": "progress", "parts", "bytes", "bytes_read", "findings"}       about once a second
    {"type": "summary", "is_whole", ...}       the last line: without it the audit was cut short

Rules: nothing is answered before the first line is there, so that what fails at once is an error.
"""

import json
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from pydantic import StringConstraints
from starlette.types import Receive, Scope, Send

from coordinator.api.errors import ApiError
from coordinator.api.models import Given
from coordinator.api.services import GivenRoot, GivenServices, Services
from coordinator.audit import Finding, Progress, SilentNode, Told, audit

MEDIA_TYPE: Final = "application/x-ndjson"

router = APIRouter(tags=["healing"])


class VerifyOrder(Given):
    """What to check: one bucket or (null) all; `deep` reads every byte."""

    bucket: Annotated[str, StringConstraints(min_length=1, max_length=63)] | None = None
    deep: bool = False


_LINES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "JSON lines: findings, silent nodes, progress, and a summary at the end",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@router.post("/verify", response_class=Response, responses=_LINES)
async def verify(order: VerifyOrder, services: GivenServices, root: GivenRoot) -> Response:
    """Ask the nodes for every shard of every part, and tell what is not as it should be."""
    if order.bucket is not None:
        await services.metadata.bucket(order.bucket)
    return AuditResponse(services, order)


class AuditResponse(Response):
    """Runs the audit while it is sent, and ends it when the client is gone."""

    def __init__(self, services: Services, order: VerifyOrder) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        # The length that is not known yet.
        del self.headers["content-length"]
        self._services = services
        self._order = order

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ApiError before anything was sent; what is raised later cuts the answer."""
        services, order = self._services, self._order
        if services.audits.locked():
            raise ApiError(503, "SlowDown", "other audits are running; try again later")
        has_begun = False
        async with (
            services.audits,
            aclosing(
                audit(services.metadata, services.cluster, bucket=order.bucket, deep=order.deep)
            ) as telling,
        ):
            async for told in telling:
                if not has_begun:
                    has_begun = True
                    await send(
                        {
                            "type": "http.response.start",
                            "status": self.status_code,
                            "headers": self.raw_headers,
                        }
                    )
                line = json.dumps(_document(told)).encode() + b"\n"
                await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _document(told: Told) -> dict[str, Any]:
    if isinstance(told, Finding):
        named = told.named
        return {
            "type": "finding",
            "defect": told.flaw.defect,
            "bucket": named.bucket,
            "key": named.key,
            "version_id": named.version_id,
            "is_upload": named.is_upload,
            "part_id": named.part.part_id.hex(),
            "shard": told.flaw.shard,
            "node_id": told.node_id,
            "detail": told.flaw.detail,
        }
    if isinstance(told, SilentNode):
        return {"type": "silent_node", **asdict(told)}
    if isinstance(told, Progress):
        return {"type": "progress", **asdict(told)}
    return {"type": "summary", "is_whole": told.is_whole, **asdict(told)}
