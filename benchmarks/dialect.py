"""How an operation of the benchmark is said on the wire: as S3, or as Trilith's JSON API.

Rules: sans-I/O, one method from operation to request head; keys are plain ASCII, so that nothing
needs quoting. Every S3 request is signed afresh with its payload's hash, as boto3 does over plain
HTTP.
"""

from base64 import b64encode
from enum import StrEnum
from typing import Protocol

from benchmarks.signer import EMPTY_SHA256, Signer

LIST_PAGE_KEYS = 100


class Op(StrEnum):
    """What is measured."""

    PUT = "PUT"
    GET = "GET"
    HEAD = "HEAD"
    LIST = "LIST"
    DELETE = "DELETE"


class Dialect(Protocol):
    """Makes the heads of requests: request line and headers, closed by the empty line."""

    def create_bucket(self) -> bytes:
        """Make the benchmark's bucket."""
        ...

    def delete_bucket(self) -> bytes:
        """Remove it again, once it is empty."""
        ...

    def head(self, op: Op, key: str, size_bytes: int, payload_sha256: str) -> bytes:
        """One operation on the key (LIST: on the keys that start with it). `size_bytes` and the
        hash are those of the body that a PUT sends."""
        ...

    def listed(self, body: bytes) -> int:
        """How many keys the answer to a LIST names."""
        ...


class S3Dialect:
    """S3, path style, signature version 4 in headers."""

    def __init__(self, host: str, bucket: str, signer: Signer) -> None:
        self._host = host
        self._bucket = bucket
        self._signer = signer

    def create_bucket(self) -> bytes:
        return self._request("PUT", f"/{self._bucket}")

    def delete_bucket(self) -> bytes:
        return self._request("DELETE", f"/{self._bucket}")

    def head(self, op: Op, key: str, size_bytes: int, payload_sha256: str) -> bytes:
        if op is Op.LIST:
            prefix = key.replace("/", "%2F")
            query = f"list-type=2&max-keys={LIST_PAGE_KEYS}&prefix={prefix}"
            return self._request("GET", f"/{self._bucket}", query)
        if op is Op.PUT:
            path = f"/{self._bucket}/{key}"
            return self._request("PUT", path, "", payload_sha256, size_bytes)
        return self._request(op.value, f"/{self._bucket}/{key}")

    def listed(self, body: bytes) -> int:
        return body.count(b"<Key>")

    def _request(
        self,
        method: str,
        path: str,
        query: str = "",
        payload_sha256: str = EMPTY_SHA256,
        size_bytes: int = 0,
    ) -> bytes:
        target = f"{path}?{query}" if query else path
        signed = self._signer.headers(method, self._host, path, query, payload_sha256)
        length = f"content-length: {size_bytes}\r\n" if method == "PUT" else ""
        return f"{method} {target} HTTP/1.1\r\n{signed}{length}\r\n".encode()


class RestDialect:
    """Trilith's own JSON API with HTTP Basic."""

    def __init__(self, host: str, bucket: str, access_key: str, secret_key: str) -> None:
        token = b64encode(f"{access_key}:{secret_key}".encode()).decode()
        self._headers = f"host: {host}\r\nauthorization: Basic {token}\r\n"
        self._bucket = bucket

    def create_bucket(self) -> bytes:
        return self._request("PUT", f"/_api/v1/buckets/{self._bucket}")

    def delete_bucket(self) -> bytes:
        return self._request("DELETE", f"/_api/v1/buckets/{self._bucket}")

    def head(self, op: Op, key: str, size_bytes: int, payload_sha256: str) -> bytes:
        objects = f"/_api/v1/objects/{self._bucket}"
        if op is Op.LIST:
            return self._request("GET", f"{objects}?limit={LIST_PAGE_KEYS}&prefix={key}")
        return self._request(op.value, f"{objects}/{key}", size_bytes)

    def listed(self, body: bytes) -> int:
        return body.count(b'"key":')

    def _request(self, method: str, target: str, size_bytes: int = 0) -> bytes:
        length = f"content-length: {size_bytes}\r\n" if method == "PUT" else ""
        return f"{method} {target} HTTP/1.1\r\n{self._headers}{length}\r\n".encode()
