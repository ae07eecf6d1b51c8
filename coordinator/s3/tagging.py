"""Object tags: by their own operations, in the headers of writes, and along with copies.

Rules: tags belong to a version. A copy keeps its source's tags unless told to replace them.
"""

from collections.abc import Mapping

from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.headers import HeaderList
from coordinator.s3.payload import read_small
from coordinator.s3.settings.tags import (
    Tags,
    parse_object_tagging,
    parse_tag_header,
    render_tagging,
)
from coordinator.s3.surface import Surface
from coordinator.s3.versioning import look_up, read_headers
from metadata import NoSuchKey, StoredVersion, Version, VersionChange

HEADER = "x-amz-tagging"
DIRECTIVE = "x-amz-tagging-directive"

CHANGE_TRIES = 5
"""How often a version may be replaced between its look-up and the change of its tags."""


async def get_object_tagging(s3: Surface, request: Request) -> Response:
    """The version's tags."""
    stored = await look_up(s3, request)
    return xml_response(
        render_tagging(stored.version.tags), headers=read_headers(stored.bucket, stored.version)
    )


async def put_object_tagging(s3: Surface, request: Request) -> Response:
    """Replace all of the version's tags."""
    # Before the look-up, for policies may ask which tags are to be set.
    request.tags = tags = parse_object_tagging(await read_small(request))
    return Response(200, await _change(s3, request, tags))


async def delete_object_tagging(s3: Surface, request: Request) -> Response:
    """Take all of the version's tags away."""
    return Response(204, await _change(s3, request, {}))


def header_tags(headers: Mapping[str, str]) -> Tags:
    """What x-amz-tagging says, nothing without it. Raises S3Error InvalidArgument, InvalidTag."""
    text = headers.get(HEADER)
    return parse_tag_header(text) if text else {}


def copied_tags(headers: Mapping[str, str], source: Version) -> Tags:
    """The tags of a copy. Raises S3Error InvalidArgument, InvalidTag."""
    directive = headers.get(DIRECTIVE, "COPY").upper() or "COPY"
    if directive == "COPY":
        return source.tags
    if directive == "REPLACE":
        return header_tags(headers)
    raise S3Error(
        "InvalidArgument",
        "Unknown tagging directive.",
        extra={"ArgumentName": DIRECTIVE, "ArgumentValue": headers[DIRECTIVE]},
    )


def tag_count_headers(version: Version) -> HeaderList:
    """How many tags the version has, where it has any: what GET and HEAD say."""
    if not version.tags:
        return []
    return [(b"x-amz-tagging-count", b"%d" % len(version.tags))]


async def _change(s3: Surface, request: Request, tags: Tags) -> HeaderList:
    """Change the very version that the sender may change; one that was replaced since its look-up
    is looked up again."""
    for _ in range(CHANGE_TRIES - 1):
        stored = await look_up(s3, request)
        try:
            return await _change_stored(s3, stored, tags)
        except NoSuchKey:
            continue
    return await _change_stored(s3, await look_up(s3, request), tags)


async def _change_stored(s3: Surface, stored: StoredVersion, tags: Tags) -> HeaderList:
    version = stored.version
    changed = await s3.metadata.update_version(
        stored.bucket.name, version.key, version.version_id, VersionChange(tags=tags)
    )
    return read_headers(stored.bucket, changed)
