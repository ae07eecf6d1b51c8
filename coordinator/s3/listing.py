"""ListObjects, both versions, and ListMultipartUploads.

Rules: a V2 continuation token is the URL-safe base64 of the last key or common prefix returned;
anything else is InvalidArgument, so that a token never names a key by accident.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from coordinator.s3 import xml
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.surface import Surface
from metadata import Bucket, Listing, NoSuchUser, User

MAX_KEYS = 1000
UNORDERED = "allow-unordered"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every listing is asked for."""

    prefix: str
    delimiter: str
    limit: int
    encode_url: bool


def _asked(request: Request, limit_name: str) -> _Asked:
    return _Asked(
        request.params.get("prefix", ""),
        request.params.get("delimiter", ""),
        request.number(limit_name, MAX_KEYS, 0, MAX_KEYS),
        encode_url(request),
    )


async def list_objects(s3: Surface, request: Request) -> Response:
    """ListObjects, or ListObjectsV2 where list-type=2."""
    bucket = await s3.bucket(request)
    asked = _asked(request, "max-keys")
    if asked.delimiter and request.params.get(UNORDERED, "").lower() == "true":
        # Ceph's: to list in any order, ours being one of them; there is no rolling up in it.
        raise S3Error("InvalidArgument", f"{UNORDERED} can't be used with a delimiter")
    if request.params.get("list-type") == "2":
        return await _list_v2(s3, request, bucket, asked)
    marker = request.params.get("marker", "")
    listing = await _page(s3, bucket, asked, marker)
    return xml_response(
        xml.list_objects_result(
            bucket=bucket.name,
            objects=listing.objects,
            common_prefixes=listing.common_prefixes,
            prefix=asked.prefix,
            delimiter=asked.delimiter,
            marker=marker,
            max_keys=asked.limit,
            next_marker=listing.next_after,
            encode_url=asked.encode_url,
            owners=await owners(s3, (listed.owner_id for listed in listing.objects)),
        )
    )


async def _list_v2(s3: Surface, request: Request, bucket: Bucket, asked: _Asked) -> Response:
    params = request.params
    token = params.get("continuation-token")
    start_after = params.get("start-after", "")
    # An empty token starts at the beginning, as loops begin that always send one.
    listing = await _page(s3, bucket, asked, _decode_token(token) if token else start_after)
    following = listing.next_after
    shown = None
    if params.get("fetch-owner") == "true":
        shown = await owners(s3, (listed.owner_id for listed in listing.objects))
    return xml_response(
        xml.list_objects_v2_result(
            bucket=bucket.name,
            objects=listing.objects,
            common_prefixes=listing.common_prefixes,
            prefix=asked.prefix,
            delimiter=asked.delimiter,
            start_after=start_after,
            continuation_token=token,
            next_continuation_token=None if following is None else _encode_token(following),
            max_keys=asked.limit,
            encode_url=asked.encode_url,
            owners=shown,
        )
    )


async def _page(s3: Surface, bucket: Bucket, asked: _Asked, after: str) -> Listing:
    return await s3.metadata.list_current(
        bucket.name,
        prefix=asked.prefix,
        delimiter=asked.delimiter,
        after=after,
        limit=asked.limit,
    )


async def list_uploads(s3: Surface, request: Request) -> Response:
    """ListMultipartUploads."""
    bucket = await s3.bucket(request)
    asked = _asked(request, "max-uploads")
    key_marker = request.params.get("key-marker", "")
    # Without a key the upload id means nothing, as S3 has it.
    upload_id_marker = request.params.get("upload-id-marker", "") if key_marker else ""
    listing = await s3.metadata.list_uploads(
        bucket.name,
        prefix=asked.prefix,
        delimiter=asked.delimiter,
        after_key=key_marker,
        after_upload_id=upload_id_marker,
        limit=asked.limit,
    )
    return xml_response(
        xml.list_multipart_uploads_result(
            bucket=bucket.name,
            uploads=listing.uploads,
            common_prefixes=listing.common_prefixes,
            prefix=asked.prefix,
            delimiter=asked.delimiter,
            key_marker=key_marker,
            upload_id_marker=upload_id_marker,
            next_key_marker=listing.next_key,
            next_upload_id_marker=listing.next_upload_id,
            max_uploads=asked.limit,
            encode_url=asked.encode_url,
            owners=await owners(s3, (upload.owner_id for upload in listing.uploads)),
        )
    )


def encode_url(request: Request) -> bool:
    """Whether keys must be percent-encoded. Raises S3Error InvalidArgument."""
    encoding = request.params.get("encoding-type", "")
    if encoding not in ("", "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request")
    return encoding == "url"


async def owners(s3: Surface, user_ids: Iterable[str]) -> dict[str, User]:
    """The users by id; one that is gone is shown by its id."""
    found: dict[str, User] = {}
    for user_id in set(user_ids):
        found[user_id] = await owner(s3, user_id)
    return found


async def owner(s3: Surface, user_id: str) -> User:
    """The user, or a stand-in for one that was deleted."""
    try:
        return await s3.metadata.user(user_id)
    except NoSuchUser:
        return User(user_id, user_id, is_root=False, created_at_ms=0)


def _encode_token(after: str) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode()


def _decode_token(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from error
