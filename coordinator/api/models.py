"""The JSON documents of the API, in and out, as OpenAPI describes them.

Rules: times are milliseconds since the epoch. What comes in is bounded, and refused if it has
fields that are not known: a misspelt one must not be a silent default. Clients ignore fields that
they don't know, so documents that go out may grow.
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from coordinator.crypto import scheme_of
from metadata import Bucket, ListedObject, User, Version

UserId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@$-]{0,127}$")]
AccessKeyName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{3,128}$")]
"""No colon (HTTP Basic), no slash, comma or equals sign (credential scopes)."""
SecretKey = Annotated[str, StringConstraints(pattern=r"^[!-~]{8,128}$")]
DisplayName = Annotated[str, StringConstraints(max_length=256)]
Email = Annotated[str, StringConstraints(pattern=r"^([^@\s]+@[^@\s]+)?$", max_length=254)]
"""What ACLs may call the user by; empty without."""


class Given(BaseModel):
    """A document that a client sends. Strict: false is no number, and "yes" is not true."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class NewKey(Given):
    """A key pair to be made; what is left out is generated."""

    access_key: AccessKeyName | None = None
    secret_key: SecretKey | None = Field(None, repr=False)


class NewUser(NewKey):
    """A user to be made, with a first key pair."""

    user_id: UserId
    display_name: DisplayName = ""
    email: Email = ""


class ErrorDocument(BaseModel):
    """Every error looks like this."""

    code: str
    message: str
    request_id: str = Field(description="stands in the coordinator's log too")


class Entry(BaseModel):
    """An object as listed, or as just written. `encryption` is empty, AES256, aws:kms or SSE-C;
    with the latter two the ETag is not the MD5 of the bytes."""

    key: str
    size: int
    etag: str
    created_at_ms: int
    version_id: str
    encryption: str = ""

    @classmethod
    def of(cls, version: Version | ListedObject) -> Self:
        """The version as clients see it."""
        return cls(
            key=version.key,
            size=version.size,
            etag=version.etag,
            created_at_ms=version.created_at_ms,
            version_id=version.public_id,
            encryption=scheme_of(version.encryption) or "",
        )


class Page(BaseModel):
    """One page of a bucket's objects; `next_after` is the next page's `after`, null ends it."""

    objects: list[Entry]
    prefixes: list[str]
    next_after: str | None


class BucketEntry(BaseModel):
    """A bucket and whose it is."""

    name: str
    owner_id: str
    created_at_ms: int
    region: str

    @classmethod
    def of(cls, bucket: Bucket) -> Self:
        """The bucket as clients see it."""
        return cls(
            name=bucket.name,
            owner_id=bucket.owner_id,
            created_at_ms=bucket.created_at_ms,
            region=bucket.region,
        )


class BucketPage(BaseModel):
    """One page of buckets; `next_after` as in Page."""

    buckets: list[BucketEntry]
    next_after: str | None


class ShardPlace(BaseModel):
    """Where a shard is, and how that node does. `zone` is empty for a node no longer known."""

    shard: int
    node_id: str
    zone: str
    state: str


class PartPlace(BaseModel):
    """A part and its shards. `size`: bytes of the object; encrypted it is stored in more."""

    part_id: str
    number: int
    offset: int
    size: int
    stored_bytes: int
    etag: str
    k: int
    m: int
    unit_size: int
    shards: list[ShardPlace]


class AttributesDocument(BaseModel):
    """What the writer said about the object, and its checksums (base64)."""

    headers: dict[str, str]
    user: dict[str, str]
    checksums: dict[str, str]


class Info(Entry):
    """All that is known of an object. `next_offset` continues the parts, null ends them."""

    bucket: str
    owner_id: str
    attributes: AttributesDocument
    parts: list[PartPlace]
    next_offset: int | None


class UserEntry(BaseModel):
    """A user and the names of its access keys; secrets are shown once, when they are made."""

    user_id: str
    display_name: str
    is_root: bool
    created_at_ms: int
    access_keys: list[str]
    email: str = ""

    @classmethod
    def of(cls, user: User, access_keys: list[str]) -> Self:
        """The user as clients see it."""
        return cls(
            user_id=user.user_id,
            display_name=user.display_name,
            is_root=user.is_root,
            created_at_ms=user.created_at_ms,
            access_keys=access_keys,
            email=user.email,
        )


class UserList(BaseModel):
    """The users that the sender may see."""

    users: list[UserEntry]


class MadeKey(BaseModel):
    """A new key pair. The secret is shown this once."""

    user_id: str
    access_key: str
    secret_key: str = Field(repr=False)
