"""Objects: put, get, head, delete, list."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from coordinator.api.access import BucketToDeleteFrom, BucketToList, BucketToWrite, GivenAccess
from coordinator.api.bodies import MAX_OBJECT_BYTES, Digest, Incoming
from coordinator.api.content import DEFAULT_CONTENT_TYPE, KEPT_HEADERS, META_PREFIX, content, head
from coordinator.api.errors import ApiError
from coordinator.api.models import Entry, Page
from coordinator.api.services import (
    GivenBucketName,
    GivenKey,
    GivenSender,
    GivenServices,
    Services,
)
from coordinator.objects import NewObject
from metadata import UNCONDITIONAL, Attributes, NoSuchKey, PreconditionFailed, WriteCondition

MAX_PAGE: Final = 1000
MAX_KEY_LENGTH: Final = 1024
MAX_USER_METADATA_BYTES: Final = 2048

KeyText = Annotated[str, Query(max_length=MAX_KEY_LENGTH)]

router = APIRouter(tags=["objects"])

_SCHEMA: Final = {"schema": {"type": "string", "format": "binary"}}
_BYTES_IN: Final = {"content": {DEFAULT_CONTENT_TYPE: _SCHEMA}}
_BYTES_OUT: Final = {"content": {"*/*": _SCHEMA}}
"""Of the type that their writer gave them."""


@router.get("/objects/{bucket}")
async def list_objects(
    bucket: BucketToList,
    services: GivenServices,
    prefix: KeyText = "",
    delimiter: KeyText = "",
    after: KeyText = "",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
) -> Page:
    """One page of the bucket's objects, by the bytes of their keys."""
    listing = await services.metadata.list_current(
        bucket.name, prefix=prefix, delimiter=delimiter, after=after, limit=limit
    )
    return Page(
        objects=[Entry.of(listed) for listed in listing.objects],
        prefixes=list(listing.common_prefixes),
        next_after=listing.next_after,
    )


@router.put("/objects/{bucket}/{key:path}", openapi_extra={"requestBody": _BYTES_IN})
async def put_object(
    bucket: BucketToWrite,
    key: GivenKey,
    services: GivenServices,
    sender: GivenSender,
    request: Request,
) -> Entry:
    """Store the body. Takes content-type and the like, x-amz-meta-*, if-match, if-none-match: *."""
    if bucket.object_lock:
        # Its default retention is a setting of S3's: what came by here would be left unprotected.
        raise ApiError(501, "NotImplemented", "a bucket with object lock is written to by S3 only")
    kept = await services.access.of(bucket)
    new = NewObject(
        kept.owner_of_new(sender.identity, bucket.owner_id),
        _attributes(request.headers),
        _write_condition(request.headers),
    )
    body = Incoming(request.headers, request.receive, MAX_OBJECT_BYTES)
    try:
        if new.condition != UNCONDITIONAL:
            # Spares the client an upload that the commit would refuse; the commit decides.
            await _refuse_early(services, bucket.name, key, new.condition)
        version = await services.objects.put(
            bucket, key, body.chunks(), Digest(sender.payload_sha256), new
        )
    except NoSuchKey as error:
        raise PreconditionFailed("there is no object to match") from error
    return Entry.of(version)


@router.get(
    "/objects/{bucket}/{key:path}",
    response_class=Response,
    responses={200: _BYTES_OUT, 206: {"description": "the range asked for", **_BYTES_OUT}},
)
async def get_object(
    name: GivenBucketName,
    key: GivenKey,
    services: GivenServices,
    access: GivenAccess,
    request: Request,
) -> Response:
    """The object's bytes, or one range of them. Takes range, if-range, if-match, if-none-match."""
    return await content(services.objects, partial(access.stored, name, key), request.headers)


@router.head("/objects/{bucket}/{key:path}", response_class=Response)
async def head_object(
    name: GivenBucketName,
    key: GivenKey,
    services: GivenServices,
    access: GivenAccess,
    request: Request,
) -> Response:
    """The headers that a GET would answer."""
    stored = await access.stored(name, key)
    # What can't be read here is not described here either.
    services.objects.keys.of_version(stored)
    return head(stored.version, request.headers)[0]


@router.delete("/objects/{bucket}/{key:path}", status_code=204)
async def delete_object(
    bucket: BucketToDeleteFrom,
    key: GivenKey,
    services: GivenServices,
    sender: GivenSender,
    request: Request,
) -> None:
    """Remove the object, or hide it behind a delete marker where versions are kept; 404 if there
    is none. Takes if-match."""
    condition = _write_condition(request.headers)
    if condition.must_not_exist:
        raise ApiError(400, "InvalidRequest", "nothing can be deleted that must not exist")
    # An object, not a delete marker: whoever deletes nothing must not leave one behind.
    there_is_one = replace(condition, must_exist=True)
    try:
        done = await services.objects.delete(
            bucket, key, sender.identity.account_id, condition=there_is_one
        )
    except PreconditionFailed as error:
        if condition == UNCONDITIONAL:
            raise NoSuchKey(key) from error
        raise
    if not done.existed:
        raise NoSuchKey(key)


def _attributes(headers: Mapping[str, str]) -> Attributes:
    """Raises ApiError MetadataTooLarge."""
    kept = {name: headers[name] for name in KEPT_HEADERS if headers.get(name)}
    kept.setdefault("content-type", DEFAULT_CONTENT_TYPE)
    user = {
        name[len(META_PREFIX) :]: value
        for name, value in headers.items()
        if name.startswith(META_PREFIX)
    }
    # One character is one byte here.
    if sum(len(name) + len(value) for name, value in user.items()) > MAX_USER_METADATA_BYTES:
        raise ApiError(
            400, "MetadataTooLarge", f"metadata may have {MAX_USER_METADATA_BYTES} bytes in all"
        )
    return Attributes(kept, user)


def _write_condition(headers: Mapping[str, str]) -> WriteCondition:
    """Raises ApiError for what can't be promised: lists of ETags, both headers at once."""
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if none_match is not None:
        if none_match.strip() != "*" or match is not None:
            raise ApiError(
                400, "InvalidRequest", "a write takes one of if-none-match: * and if-match"
            )
        return WriteCondition(must_not_exist=True)
    if match is None:
        return UNCONDITIONAL
    tag = match.strip().removeprefix("W/").strip('"')
    if tag in ("", "*") or "," in tag:
        raise ApiError(400, "InvalidRequest", "if-match of a write names one ETag")
    return WriteCondition(must_match_etag=tag)


async def _refuse_early(
    services: Services, bucket: str, key: str, condition: WriteCondition
) -> None:
    """Raises PreconditionFailed, NoSuchKey."""
    try:
        current = (await services.objects.look_up(bucket, key)).version
    except NoSuchKey:
        if condition.must_match_etag is not None:
            raise
        return
    if condition.must_not_exist or condition.must_match_etag not in (None, current.etag):
        raise PreconditionFailed(key)
