"""What the client's calls answer: immutable values, the fields as the JSON API names them.

Rules: times are milliseconds since the epoch; unknown fields are ignored, so that an older client
can talk to a newer cluster.
"""

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

from trilith.errors import UnexpectedAnswer

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in a listing, or as just written."""

    key: str
    size: int
    etag: str
    created_at_ms: int
    version_id: str = "null"
    encryption: str = ""


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """What an object's headers say."""

    size: int
    etag: str
    content_type: str
    created_at_ms: int
    version_id: str
    metadata: Mapping[str, str]
    encryption: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; pass `next_after` as `after` for the next one, None ends it."""

    objects: tuple[Entry, ...]
    prefixes: tuple[str, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and whose it is."""

    name: str
    owner_id: str
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class BucketPage:
    """One page of buckets; `next_after` as in Page."""

    buckets: tuple[Bucket, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class User:
    """Someone with keys; `access_keys` has their names, never the secrets."""

    user_id: str
    display_name: str
    is_root: bool
    created_at_ms: int
    access_keys: tuple[str, ...] = ()
    email: str = ""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A new key pair. The secret is shown this once."""

    user_id: str
    access_key: str
    secret_key: str = field(repr=False)


def build(kind: type[V], told: Any) -> V:
    """A value of `kind` (one of the dataclasses above) from JSON. Raises UnexpectedAnswer."""
    if not isinstance(told, dict):
        raise UnexpectedAnswer(f"expected a JSON object for {kind.__name__}")
    known: dict[str, Any] = {}
    for item in fields(kind):  # type: ignore[arg-type]
        if item.name in told:
            value = told[item.name]
            known[item.name] = tuple(value) if isinstance(value, list) else value
        elif item.default is MISSING:
            raise UnexpectedAnswer(f"{kind.__name__} lacks {item.name!r}")
    return kind(**known)


def is_md5(etag: str, encryption: str = "") -> bool:
    """Whether an ETag is the MD5 of the bytes: that of a multipart upload is not, nor that of an
    object encrypted with a named or a customer's key."""
    return encryption in ("", "AES256") and re.fullmatch(r"[0-9a-f]{32}", etag) is not None
