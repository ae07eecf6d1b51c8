"""Buckets: list, create, delete."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from coordinator.api.access import BucketToDelete, require_of_account
from coordinator.api.errors import ApiError
from coordinator.api.models import BucketEntry, BucketPage
from coordinator.api.services import GivenBucketName, GivenSender, GivenServices
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
    asks = sender.identity
    require_of_account(asks, "s3:ListAllMyBuckets")
    found = await services.metadata.buckets(
        None if asks.is_root else asks.account_id, prefix=prefix, after=after, limit=limit + 1
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
    require_of_account(sender.identity, "s3:CreateBucket", name)
    owner_id = sender.identity.account_id
    try:
        bucket = await services.metadata.create_bucket(
            name, owner_id, services.settings.region, services.objects.ids.now_ms()
        )
    except BucketExists as error:
        if error.owner_id != owner_id:
            raise
        raise ApiError(409, "BucketAlreadyOwnedByYou", "you own the bucket already") from error
    return BucketEntry.of(bucket)


@router.delete("/buckets/{bucket}", status_code=204)
async def delete_bucket(bucket: BucketToDelete, services: GivenServices) -> None:
    """Remove an empty bucket."""
    await services.metadata.delete_bucket(bucket.name)
