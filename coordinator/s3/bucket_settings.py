"""The sub-resource settings of a bucket: validated, stored, given back, deleted. ONE mechanism for
all of them; what they are is the table in `settings`.

Rules: nothing is stored that was not parsed, and what is stored is what is answered and obeyed. A
setting that this store does not have is answered as S3 answers for a bucket on which it was never
set; trying to set it gets NotImplemented from the routing table.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from coordinator.s3 import settings
from coordinator.s3.conditions import format_http_date
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.logging_setting import check_logging
from coordinator.s3.payload import read_small
from coordinator.s3.policy_settings import check_ownership
from coordinator.s3.settings import Setting
from coordinator.s3.surface import Surface
from metadata import Bucket

Handler = Callable[[Surface, Request], Awaitable[Response]]

Check = Callable[[Surface, Request, Bucket, Any], Awaitable[Any]]
"""What must hold beyond the document: gives the value to keep, or raises S3Error."""

CHECKS: Final[MutableMapping[str, Check]] = {
    settings.LOGGING.name: check_logging,
    settings.OWNERSHIP.name: check_ownership,
}
"""Setting -> its check. Whoever owns the meaning of a setting adds it."""


def getter(setting: Setting[Any]) -> Handler:
    """The Get operation of a setting."""

    async def get_setting(s3: Surface, request: Request) -> Response:
        bucket = await _bucket(s3, request, setting)
        kept = await s3.settings.kept(bucket, setting)
        if kept is None:
            if setting.unset:
                raise S3Error(setting.unset, extra={"BucketName": bucket.name})
            return xml_response(setting.unset_document)
        response = xml_response(setting.render(kept.value))
        if setting.keeps_time:
            changed = format_http_date(kept.changed_at_ms)
            response.headers.append((b"last-modified", changed.encode()))
        return response

    return get_setting


def putter(setting: Setting[Any]) -> Handler:
    """The Put operation of a setting."""

    async def put_setting(s3: Surface, request: Request) -> Response:
        bucket = await _bucket(s3, request, setting)
        body = await read_small(request)
        if len(body) > setting.limit_bytes:
            raise S3Error("MalformedXML")
        value = setting.parse(body)
        check = CHECKS.get(setting.name)
        if check is not None:
            value = await check(s3, request, bucket, value)
        await store(s3, bucket, setting, value)
        # For tagging too, where S3's reference says 200 and its example 204: minio-js wants 200.
        return Response(200)

    return put_setting


def deleter(setting: Setting[Any]) -> Handler:
    """The Delete operation of a setting; deleting what is not set succeeds."""

    async def delete_setting(s3: Surface, request: Request) -> Response:
        bucket = await _bucket(s3, request, setting)
        await s3.metadata.delete_bucket_setting(bucket.name, setting.name)
        return Response(204)

    return delete_setting


async def store(s3: Surface, bucket: Bucket, setting: Setting[Any], value: Any) -> None:
    """Make it the bucket's setting. What it is already is not written again: the time of its last
    change stands."""
    if setting.is_empty is not None and setting.is_empty(value):
        await s3.metadata.delete_bucket_setting(bucket.name, setting.name)
    elif value != await s3.settings.value(bucket, setting):
        text = setting.encode(value, s3.objects.ids.now_ms())
        await s3.metadata.put_bucket_setting(bucket.name, setting.name, text)


async def _bucket(s3: Surface, request: Request, setting: Setting[Any]) -> Bucket:
    bucket = await s3.bucket(request)
    if setting.owner_only and not _owns(request, bucket):
        raise S3Error("AccessDenied")
    return bucket


def _owns(request: Request, bucket: Bucket) -> bool:
    return request.sender.is_root or request.sender.account_id == bucket.owner_id


def _never_set(code: str) -> Handler:
    async def answer(s3: Surface, request: Request) -> Response:
        bucket = await s3.bucket(request)
        raise S3Error(code, extra={"BucketName": bucket.name})

    return answer


def _rows() -> dict[tuple[str, str], tuple[str, Handler]]:
    rows: dict[tuple[str, str], tuple[str, Handler]] = {}
    for setting in settings.SETTINGS:
        rows["GET", setting.name] = (f"Get{setting.operation}", getter(setting))
        rows["PUT", setting.name] = (f"Put{setting.operation}", putter(setting))
        if setting.has_delete:
            rows["DELETE", setting.name] = (f"Delete{setting.operation}", deleter(setting))
    return rows


ROWS: Final[Mapping[tuple[str, str], tuple[str, Handler]]] = {
    **_rows(),
    ("GET", "replication"): (
        "GetBucketReplication",
        _never_set("ReplicationConfigurationNotFoundError"),
    ),
}
"""(method, sub-resource) -> (operation name, handler)."""
