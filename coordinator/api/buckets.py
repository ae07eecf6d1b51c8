"""Buckets: list, create, delete."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from coordinator.api.errors import ApiError
from coordinator.api.models import BucketEntry, BucketPage
from coordinator.api.services import GivenBucketName, GivenSender, GivenServices, OwnedBucket
from metadata import BucketExists

MAX_PAGE: Final = 1000

router = APIRouter(tags=["buckets"])


@router.get("/buckets")
async def list_buckets(
    services: GivenServices,
    sender: GivenSender,
    prefix: Annotated[str, Query(max_length=63)] = "",
    after: Annotated[str, Query(max_length=63)] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
) -> BucketPage:
    """The sender's buckets, all of them for root, by name."""
    user = sender.user
    found = await services.metadata.buckets(
        None if user.is_root else user.user_id, prefix=prefix, after=after, limit=limit + 1
    )
    return BucketPage(
        buckets=[BucketEntry.of(bucket) for bucket in found[:limit]],
        next_after=found[limit - 1].name if len(found) > limit else None,
    )


@router.put("/buckets/{bucket}", status_code=201)
async def create_bucket(
    name: GivenBucketName, services: GivenServices, sender: GivenSender
) -> BucketEntry:
    """Make a bucket, which the sender owns; 409 if the name is taken."""
    try:
        bucket = await services.metadata.create_bucket(
            name, sender.user.user_id, services.settings.region, services.objects.ids.now_ms()
        )
    except BucketExists as error:
        if error.owner_id != sender.user.user_id:
            raise
        raise ApiError(409, "BucketAlreadyOwnedByYou", "you own the bucket already") from error
    return BucketEntry.of(bucket)


@router.delete("/buckets/{bucket}", status_code=204)
async def delete_bucket(bucket: OwnedBucket, services: GivenServices) -> None:
    """Remove an empty bucket."""
    await services.metadata.delete_bucket(bucket.name)
