"""A client that uploads in parts, and what it uploads."""

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from awscrt import checksums

from tests.coordinator.s3.support import BUCKET, Answer, Stand

PIECES = [b"a" * 10_000, b"b" * 12_345, b"the end"]
WHOLE = b"".join(PIECES)
SOURCE = f"/{BUCKET}/source"


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def crc32(data: bytes) -> str:
    return b64(zlib.crc32(data).to_bytes(4, "big"))


def crc64nvme(data: bytes) -> str:
    return b64(checksums.crc64nvme(data).to_bytes(8, "big"))


class Client:
    """One upload of one client."""

    def __init__(self, stand: Stand, key: str = "key") -> None:
        self.stand = stand
        self.path = f"/{BUCKET}/{key}"
        self.upload_id = ""

    async def create(self, headers: Mapping[str, str] | None = None) -> Answer:
        answer = await self.stand.call("POST", self.path, query={"uploads": ""}, headers=headers)
        self.upload_id = answer.text("UploadId")
        return answer

    async def call(self, method: str, body: bytes | str = b"", **more: Any) -> Answer:
        query = {"uploadId": self.upload_id, **more.pop("query", {})}
        return await self.stand.call(method, self.path, body, query=query, **more)

    async def put(self, number: int, data: bytes, **more: Any) -> Answer:
        return await self.call("PUT", data, query={"partNumber": str(number)}, **more)

    async def complete(self, parts: Sequence[tuple[int, str]], **more: Any) -> Answer:
        inner = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in parts
        )
        document = f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>"
        return await self.call("POST", document, **more)

    async def fill(self, numbers: Sequence[int] = (1, 2, 3), **more: Any) -> list[tuple[int, str]]:
        found = []
        for number, piece in zip(numbers, PIECES, strict=True):
            answer = await self.put(number, piece, **more)
            assert answer.status == 200, answer.body
            found.append((number, answer.etag))
        return found
