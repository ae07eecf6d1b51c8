"""DeleteObject and DeleteObjects."""

from coordinator.s3 import xml
from coordinator.s3.conditions import write_condition
from coordinator.s3.errors import S3Error, from_metadata_error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.names import check_key
from coordinator.s3.payload import read_small
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from metadata import MetadataError, WriteCondition


async def delete_object(s3: Surface, request: Request) -> Response:
    """Delete the key; deleting what is not there succeeds, as S3 has it."""
    refuse_unsupported(request.headers)
    bucket = await s3.bucket(request)
    version_id = request.params.get("versionId")
    await s3.metadata.delete_version(
        bucket.name, request.key, version_id, condition=write_condition(request.headers)
    )
    headers = [(b"x-amz-version-id", version_id.encode())] if version_id else []
    return Response(204, headers)


async def delete_objects(s3: Surface, request: Request) -> Response:
    """Delete up to 1,000 keys; each succeeds or fails on its own."""
    refuse_unsupported(request.headers)
    bucket = await s3.bucket(request)
    wanted = xml.parse_delete(await read_small(request, needs_checksum=True))
    failures: list[xml.DeleteFailure] = []
    deleted: list[xml.Deleted] = []
    plain: list[xml.DeleteItem] = []
    for item in wanted.items:
        try:
            check_key(item.key)
            if not item.version_id and not item.etag:
                plain.append(item)
                continue
            condition = WriteCondition(must_match_etag=item.etag or None)
            await s3.metadata.delete_version(
                bucket.name, item.key, item.version_id or None, condition=condition
            )
            deleted.append(xml.Deleted(item.key, item.version_id))
        except (S3Error, MetadataError) as error:
            refused = error if isinstance(error, S3Error) else from_metadata_error(error)
            failures.append(
                xml.DeleteFailure(item.key, refused.code, refused.message, item.version_id)
            )
    if plain:
        await s3.metadata.delete_versions(bucket.name, [item.key for item in plain])
        deleted.extend(xml.Deleted(item.key) for item in plain)
    return xml_response(xml.delete_result([] if wanted.quiet else deleted, failures))
