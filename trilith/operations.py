"""The operations of the JSON API: one function each, from arguments to an `Operation`.

Rules: no I/O; names and defaults are those of the client's methods; what cannot be sent raises
UsageError, what cannot be read UnexpectedAnswer.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from trilith.errors import UnexpectedAnswer
from trilith.protocol import API, Answer, Operation, object_path, segment
from trilith.values import AccessKey, Bucket, BucketPage, Entry, ObjectHead, Page, User, build

PAGE_LIMIT = 1000
META_PREFIX = "x-amz-meta-"


# objects ---------------------------------------------------------------------------------------


def put_object(
    bucket: str,
    key: str,
    *,
    content_type: str | None = None,
    metadata: Mapping[str, str] | None = None,
    if_match: str | None = None,
    if_none_match: bool = False,
) -> Operation[Entry]:
    """Store the body that travels with it. A conditional write is not idempotent: a repetition
    would meet the first one's result."""
    headers = {"content-type": content_type or "application/octet-stream"}
    headers |= {META_PREFIX + name.lower(): value for name, value in (metadata or {}).items()}
    if if_match is not None:
        headers["if-match"] = f'"{if_match}"'
    if if_none_match:
        headers["if-none-match"] = "*"
    return Operation(
        "PUT",
        object_path(bucket, key),
        lambda answer: build(Entry, answer.json()),
        headers=headers,
        idempotent=if_match is None and not if_none_match,
    )


def get_object(
    bucket: str, key: str, *, byte_range: str | None = None, if_match: str | None = None
) -> Operation[ObjectHead]:
    """Read the bytes; `byte_range` is a Range header's value."""
    headers: dict[str, str] = {}
    if byte_range is not None:
        headers["range"] = byte_range
    if if_match is not None:
        headers["if-match"] = f'"{if_match}"'
    return Operation("GET", object_path(bucket, key), parse_head, headers=headers)


def head_object(bucket: str, key: str) -> Operation[ObjectHead]:
    """What is known of an object without its bytes."""
    return Operation("HEAD", object_path(bucket, key), parse_head)


def delete_object(bucket: str, key: str) -> Operation[None]:
    """Remove the object."""
    return Operation("DELETE", object_path(bucket, key), nothing, gone_is_done=True)


def object_info(bucket: str, key: str, offset: int = 0) -> Operation[dict[str, Any]]:
    """Everything known of an object: its parts from byte `offset` on, their shards and nodes."""
    params = {"offset": str(offset)} if offset else {}
    return Operation("GET", object_path(bucket, key, "info"), mapping, params=params)


def list_objects(
    bucket: str, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = PAGE_LIMIT
) -> Operation[Page]:
    """One page of a bucket's objects, in byte order of their keys."""
    params = {"prefix": prefix, "delimiter": delimiter, "after": after, "limit": str(limit)}
    return Operation(
        "GET",
        f"{API}/objects/{segment(bucket, 'bucket name')}",
        _page,
        params={name: value for name, value in params.items() if value},
    )


def parse_head(answer: Answer) -> ObjectHead:
    """The headers of a GET or HEAD; `size` is that of the whole object, also for a range."""
    headers = answer.headers
    try:
        if "content-range" in headers:
            size = int(headers["content-range"].rpartition("/")[2])
        else:
            size = int(headers["content-length"])
        modified = parsedate_to_datetime(headers["last-modified"])
        return ObjectHead(
            size=size,
            etag=headers["etag"].strip('"'),
            content_type=headers.get("content-type", ""),
            created_at_ms=int(modified.timestamp() * 1000),
            version_id=headers.get("x-trilith-version-id", "null"),
            metadata={
                name.removeprefix(META_PREFIX): value
                for name, value in headers.items()
                if name.startswith(META_PREFIX)
            },
            encryption=headers.get("x-trilith-encryption", ""),
        )
    except (KeyError, ValueError) as error:
        raise UnexpectedAnswer(f"the object's headers are incomplete: {error}") from error


def _page(answer: Answer) -> Page:
    told = mapping(answer)
    try:
        entries = tuple(build(Entry, entry) for entry in told["objects"])
        return Page(entries, tuple(told["prefixes"]), told["next_after"])
    except (KeyError, TypeError) as error:
        raise UnexpectedAnswer(f"the listing is incomplete: {error}") from error


# buckets ---------------------------------------------------------------------------------------


def list_buckets(*, after: str = "", limit: int = PAGE_LIMIT) -> Operation[BucketPage]:
    """One page of the buckets that the user may see, by name; `next_after` continues."""
    params = {"limit": str(limit)} | ({"after": after} if after else {})
    return Operation("GET", f"{API}/buckets", _bucket_page, params=params)


def create_bucket(bucket: str) -> Operation[Bucket]:
    """Make a bucket."""
    return Operation(
        "PUT",
        f"{API}/buckets/{segment(bucket, 'bucket name')}",
        lambda answer: build(Bucket, answer.json()),
        idempotent=False,
    )


def delete_bucket(bucket: str) -> Operation[None]:
    """Remove an empty bucket."""
    path = f"{API}/buckets/{segment(bucket, 'bucket name')}"
    return Operation("DELETE", path, nothing, gone_is_done=True)


def _bucket_page(answer: Answer) -> BucketPage:
    told = mapping(answer)
    buckets = tuple(build(Bucket, bucket) for bucket in told.get("buckets", []))
    return BucketPage(buckets, told.get("next_after"))


# cluster ---------------------------------------------------------------------------------------


def cluster() -> Operation[dict[str, Any]]:
    """The cluster's health and its nodes."""
    return Operation("GET", f"{API}/cluster", mapping)


def nodes() -> Operation[list[dict[str, Any]]]:
    """The nodes alone."""
    return Operation("GET", f"{API}/nodes", lambda answer: list(mapping(answer).get("nodes", [])))


def ready() -> Operation[None]:
    """Whether the cluster can take reads and writes; raises Unavailable if not."""
    return Operation("GET", "/_health/ready", nothing)


# users -----------------------------------------------------------------------------------------


def list_users() -> Operation[list[User]]:
    """All users with the names of their access keys."""
    return Operation("GET", f"{API}/users", _users)


def create_user(
    user_id: str,
    display_name: str,
    email: str,
    access_key: str | None,
    secret_key: str | None,
) -> Operation[AccessKey]:
    """Make a user with one key pair; what is not given is generated there."""
    told = {"user_id": user_id, "display_name": display_name} | _pair(access_key, secret_key)
    if email:
        told["email"] = email
    return Operation("POST", f"{API}/users", _access_key, json=told, idempotent=False)


def delete_user(user_id: str) -> Operation[None]:
    """Remove a user and its keys."""
    path = f"{API}/users/{segment(user_id, 'user id')}"
    return Operation("DELETE", path, nothing, gone_is_done=True)


def create_key(
    user_id: str, access_key: str | None, secret_key: str | None
) -> Operation[AccessKey]:
    """Give a user one more key pair."""
    path = f"{API}/users/{segment(user_id, 'user id')}/keys"
    pair = _pair(access_key, secret_key)
    return Operation("POST", path, _access_key, json=pair, idempotent=False)


def delete_key(access_key: str) -> Operation[None]:
    """Take a key pair back."""
    path = f"{API}/keys/{segment(access_key, 'access key')}"
    return Operation("DELETE", path, nothing, gone_is_done=True)


def _pair(access_key: str | None, secret_key: str | None) -> dict[str, str]:
    pair = {"access_key": access_key, "secret_key": secret_key}
    return {name: value for name, value in pair.items() if value is not None}


def _users(answer: Answer) -> list[User]:
    return [build(User, told) for told in mapping(answer).get("users", [])]


def _access_key(answer: Answer) -> AccessKey:
    return build(AccessKey, answer.json())


def nothing(answer: Answer) -> None:
    """An answer whose status says it all."""


def mapping(answer: Answer) -> dict[str, Any]:
    """An answer that is a JSON object. Raises UnexpectedAnswer."""
    told = answer.json()
    if not isinstance(told, dict):
        raise UnexpectedAnswer("the answer is not a JSON object: is this a Trilith endpoint?")
    return told
