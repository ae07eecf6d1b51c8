"""Object lock: a bucket's default retention, and what protects a single version.

Rules: whether a version may go, or its protection be weakened, is decided in the metadata, by the
statement that would do it. Here is decided only what a client asks for: dates lie in the future,
and who wants to bypass GOVERNANCE must be allowed to. COMPLIANCE bypasses nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coordinator.s3 import xml
from coordinator.s3.dates import parse_iso_date
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.headers import HeaderList
from coordinator.s3.payload import read_small
from coordinator.s3.settings.object_lock import MODES, OBJECT_LOCK, ObjectLock
from coordinator.s3.surface import Surface
from coordinator.s3.versioning import look_up
from coordinator.s3.xml.markup import timestamp
from metadata import Bucket, Retention, StoredVersion, Version, VersionChange

MODE: Final = "x-amz-object-lock-mode"
UNTIL: Final = "x-amz-object-lock-retain-until-date"
HOLD: Final = "x-amz-object-lock-legal-hold"
BYPASS: Final = "x-amz-bypass-governance-retention"
DAY_MS: Final = 24 * 60 * 60 * 1000

_HOLDS: Final = {"ON": True, "OFF": False, "": False}


@dataclass(frozen=True, slots=True)
class Lock:
    """What a new version is protected by; the fields are those of metadata's Version."""

    retention_mode: str = ""
    retain_until_ms: int = 0
    legal_hold: bool = False


UNLOCKED: Final = Lock()


async def get_configuration(s3: Surface, request: Request) -> Response:
    """GetObjectLockConfiguration."""
    bucket = await s3.bucket(request)
    if not bucket.object_lock:
        raise S3Error(OBJECT_LOCK.unset, extra={"BucketName": bucket.name})
    lock = await s3.settings.value(bucket, OBJECT_LOCK) or ObjectLock()
    return xml_response(OBJECT_LOCK.render(lock))


async def put_configuration(s3: Surface, request: Request) -> Response:
    """PutObjectLockConfiguration; it turns object lock on where versioning is."""
    bucket = await s3.bucket(request)
    wanted = OBJECT_LOCK.parse(await read_small(request))
    if not bucket.object_lock:
        await s3.metadata.enable_object_lock(bucket.name)
    await s3.metadata.put_bucket_setting(
        bucket.name, OBJECT_LOCK.name, OBJECT_LOCK.encode(wanted, s3.objects.ids.now_ms())
    )
    return Response(200)


async def get_retention(s3: Surface, request: Request) -> Response:
    """GetObjectRetention."""
    version = (await _lockable(s3, request)).version
    if not version.retention_mode:
        raise S3Error("NoSuchObjectLockConfiguration", extra={"Key": request.key})
    return xml_response(xml.retention(Retention(version.retention_mode, version.retain_until_ms)))


async def put_retention(s3: Surface, request: Request) -> Response:
    """PutObjectRetention; an empty document lifts it."""
    stored = await _lockable(s3, request)
    wanted = xml.parse_retention(await read_small(request))
    if wanted.mode:
        _check_future(s3, wanted.until_ms)
    await s3.metadata.update_version(
        request.bucket,
        request.key,
        stored.version.version_id,
        VersionChange(retention=wanted),
        now_ms=s3.objects.ids.now_ms(),
        bypass_governance=await may_bypass(s3, request, stored.bucket, request.key),
    )
    return Response(200)


async def get_legal_hold(s3: Surface, request: Request) -> Response:
    """GetObjectLegalHold; OFF where nothing was ever said."""
    stored = await _lockable(s3, request)
    return xml_response(xml.legal_hold(stored.version.legal_hold))


async def put_legal_hold(s3: Surface, request: Request) -> Response:
    """PutObjectLegalHold."""
    stored = await _lockable(s3, request)
    wanted = xml.parse_legal_hold(await read_small(request))
    await s3.metadata.update_version(
        request.bucket, request.key, stored.version.version_id, VersionChange(legal_hold=wanted)
    )
    return Response(200)


async def _lockable(s3: Surface, request: Request) -> StoredVersion:
    stored = await look_up(s3, request)
    if not stored.bucket.object_lock:
        raise _no_lock()
    return stored


async def wanted_lock(
    s3: Surface, request: Request, bucket: Bucket, key: str, headers: Mapping[str, str]
) -> Lock:
    """What a PUT, copy, form or multipart initiation with these headers is to be protected by:
    what they say, else the bucket's default. Raises S3Error InvalidRequest, InvalidArgument,
    AccessDenied."""
    mode, until = headers.get(MODE, ""), headers.get(UNTIL, "")
    hold = headers.get(HOLD, "")
    if not bucket.object_lock:
        if mode or until or hold == "ON":
            raise _no_lock()
        return UNLOCKED
    if hold not in _HOLDS:
        raise _bad(HOLD, hold, "Legal Hold must be either of 'ON' or 'OFF'")
    if bool(mode) != bool(until):
        raise S3Error("InvalidArgument", f"{UNTIL} and {MODE} must both be supplied")
    if mode and mode not in MODES:
        raise _bad(MODE, mode, "Unknown wormMode directive.")
    if mode and not await s3.allows(request, bucket, "s3:PutObjectRetention", key):
        raise S3Error("AccessDenied")
    if hold == "ON" and not await s3.allows(request, bucket, "s3:PutObjectLegalHold", key):
        raise S3Error("AccessDenied")
    if not mode:
        default = await s3.settings.value(bucket, OBJECT_LOCK)
        if default is None or not default.mode:
            return Lock(legal_hold=_HOLDS[hold])
        until_ms = s3.objects.ids.now_ms() + default.period_days * DAY_MS
        return Lock(default.mode, until_ms, _HOLDS[hold])
    asked_ms = parse_iso_date(until)
    if asked_ms is None:
        raise _bad(UNTIL, until, "The retain until date must be provided in ISO 8601 format")
    _check_future(s3, asked_ms)
    return Lock(mode, asked_ms, _HOLDS[hold])


async def may_bypass(s3: Surface, request: Request, bucket: Bucket, key: str) -> bool:
    """Whether the sender asks to bypass GOVERNANCE. Raises S3Error AccessDenied to whom may not."""
    headers = request.all_headers
    if headers.get(BYPASS, "").strip().lower() != "true":
        return False
    if not await s3.allows(request, bucket, "s3:BypassGovernanceRetention", key):
        raise S3Error("AccessDenied")
    return True


def lock_headers(version: Version) -> HeaderList:
    """What a GET or HEAD says of it."""
    if not version.is_locked:
        return []
    lines = []
    if version.retention_mode:
        lines.append((MODE.encode(), version.retention_mode.encode()))
        lines.append((UNTIL.encode(), timestamp(version.retain_until_ms).encode()))
    if version.legal_hold:
        lines.append((HOLD.encode(), b"ON"))
    return lines


def _check_future(s3: Surface, until_ms: int) -> None:
    if until_ms <= s3.objects.ids.now_ms():
        raise S3Error("InvalidArgument", "The retain until date must be in the future!")


def _no_lock() -> S3Error:
    return S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")


def _bad(name: str, value: str, message: str) -> S3Error:
    return S3Error("InvalidArgument", message, extra={"ArgumentName": name, "ArgumentValue": value})
