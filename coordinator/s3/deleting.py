"""DeleteObject and DeleteObjects: keys, which versions may hide behind, and versions for good.

Rules: deleting what is not there succeeds, whatever the conditions, as S3 has it: what a condition
protects is what would be lost. Conditions, versioning and locks are decided in the metadata.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from coordinator.auth.errors import AuthError
from coordinator.s3 import xml
from coordinator.s3.conditions import delete_condition, delete_condition_of
from coordinator.s3.errors import S3Error, from_auth_error, from_metadata_error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.headers import HeaderList
from coordinator.s3.names import check_key
from coordinator.s3.object_lock import may_bypass
from coordinator.s3.payload import read_small
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from coordinator.s3.versioning import (
    DELETE_MARKER,
    VERSION_ID,
    asked_version,
    check_version_id,
)
from metadata import Bucket, Deletion, MetadataError, WriteCondition

DELETE_KEY: Final = "s3:DeleteObject"
DELETE_VERSION: Final = "s3:DeleteObjectVersion"


async def delete_object(s3: Surface, request: Request) -> Response:
    """Delete the key, or the version that versionId names."""
    headers = request.all_headers
    refuse_unsupported(headers)
    version_id = asked_version(request)
    condition = delete_condition(headers)
    bucket = await s3.bucket(request)
    if version_id is None:
        owner_id = _sender_id(request, bucket)
        done = await s3.objects.delete(bucket, request.key, owner_id, condition=condition)
    else:
        done = await _delete_version(s3, request, bucket, request.key, version_id, condition)
    return Response(204, _told(done, version_id))


async def _delete_version(
    s3: Surface,
    request: Request,
    bucket: Bucket,
    key: str,
    version_id: str,
    condition: WriteCondition,
) -> Deletion:
    return await s3.metadata.delete_version(
        bucket.name,
        key,
        version_id,
        condition=condition,
        now_ms=s3.objects.ids.now_ms(),
        bypass_governance=await may_bypass(s3, request, bucket, key),
    )


def _sender_id(request: Request, bucket: Bucket) -> str:
    """Who owns a delete marker: nobody in particular owns nothing."""
    return request.sender.account_id or bucket.owner_id


def _told(done: Deletion, version_id: str | None) -> HeaderList:
    lines = []
    shown = version_id if done.version_id is None else done.version_id
    if shown is not None:
        lines.append((VERSION_ID.encode(), shown.encode()))
    if done.is_delete_marker:
        lines.append((DELETE_MARKER.encode(), b"true"))
    return lines


async def delete_objects(s3: Surface, request: Request) -> Response:
    """Delete up to 1,000 keys and versions; each succeeds or fails on its own."""
    refuse_unsupported(request.headers)
    bucket = await s3.bucket(request)
    wanted = xml.parse_delete(await read_small(request, needs_checksum=True))
    request.touched = [(item.key, item.version_id) for item in wanted.items]
    plain = [item for item in wanted.items if _is_plain(item)]
    # All at once, so that they share group commits: one after the other each would cost an fsync.
    results: Sequence[list[_Result]] = await asyncio.gather(
        _delete_plain(s3, request, bucket, plain),
        *(_delete_one(s3, request, bucket, item) for item in wanted.items if not _is_plain(item)),
    )
    told = [result for group in results for result in group]
    deleted = [result for result in told if isinstance(result, xml.Deleted)]
    failures = [result for result in told if isinstance(result, xml.DeleteFailure)]
    return xml_response(xml.delete_result([] if wanted.quiet else deleted, failures))


_Result = xml.Deleted | xml.DeleteFailure


def _is_plain(item: xml.DeleteItem) -> bool:
    return not item.version_id and not item.is_conditional


async def _delete_plain(
    s3: Surface, request: Request, bucket: Bucket, items: Sequence[xml.DeleteItem]
) -> list[_Result]:
    """The keys without version or condition, in one batch."""
    results: list[_Result] = []
    allowed = []
    for item in items:
        try:
            await _check(s3, request, bucket, item)
            allowed.append(item)
        except (S3Error, AuthError) as error:
            results.append(_failure(item, error))
    owner_id = _sender_id(request, bucket)
    keys = [(item.key, s3.objects.new_marker(item.key, owner_id)) for item in allowed]
    if keys:
        deletions = await s3.metadata.delete_keys(bucket.name, keys)
        results += [_deleted(*one) for one in zip(allowed, deletions, strict=True)]
    return results


async def _delete_one(
    s3: Surface, request: Request, bucket: Bucket, item: xml.DeleteItem
) -> list[_Result]:
    """A version, or a key on a condition."""
    try:
        await _check(s3, request, bucket, item)
        condition = delete_condition_of(item.etag, item.modified, item.size)
        if item.version_id:
            version_id = check_version_id(item.version_id)
            done = await _delete_version(s3, request, bucket, item.key, version_id, condition)
        else:
            owner_id = _sender_id(request, bucket)
            done = await s3.objects.delete(bucket, item.key, owner_id, condition=condition)
    except (S3Error, AuthError, MetadataError) as error:
        return [_failure(item, error)]
    return [_deleted(item, done)]


async def _check(s3: Surface, request: Request, bucket: Bucket, item: xml.DeleteItem) -> None:
    check_key(item.key)
    action = DELETE_VERSION if item.version_id else DELETE_KEY
    if not await s3.allows(request, bucket, action, item.key):
        raise S3Error("AccessDenied")


def _deleted(item: xml.DeleteItem, done: Deletion) -> xml.Deleted:
    marker_id = done.version_id if done.is_delete_marker else None
    return xml.Deleted(item.key, item.version_id, done.is_delete_marker, marker_id or "")


def _failure(item: xml.DeleteItem, error: S3Error | AuthError | MetadataError) -> xml.DeleteFailure:
    if isinstance(error, AuthError):
        error = from_auth_error(error)
    elif isinstance(error, MetadataError):
        error = from_metadata_error(error)
    return xml.DeleteFailure(item.key, error.code, error.message, item.version_id)
