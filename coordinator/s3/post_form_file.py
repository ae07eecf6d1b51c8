"""A form on its way: its fields first, then its file as the body of a write.

Rules: memory stays flat; the sizes that the policy allows are enforced as the bytes arrive, before
anything is committed. A client that stops half-way ends the iteration with an error.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Final

from coordinator.objects import Digested
from coordinator.s3.checksums import DEFAULT, Digest, parse_expected
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request
from coordinator.s3.payload import (
    MAX_OBJECT_BYTES,
    content_length,
    receive_chunk,
    too_large,
)
from coordinator.s3.post_form_data import MAX_PREAMBLE_BYTES, FormParser
from coordinator.s3.post_form_policy import SizeLimits
from node.record import Buffer

MAX_FORM_BYTES: Final = MAX_OBJECT_BYTES + 4 * MAX_PREAMBLE_BYTES
"""A file, the fields before it, and what little may follow."""

_FILE_NAME: Final = "${filename}"


class FormFile:
    """The file of a form: an `Incoming`, as the body of a PUT is."""

    def __init__(self, request: Request) -> None:
        """Raises S3Error PreconditionFailed (no form), EntityTooLarge, MalformedPOSTRequest."""
        self._parser = FormParser(request.headers.get("content-type", ""))
        self._receive = request.receive
        self._declared = content_length(request.headers)
        if (self._declared or 0) > MAX_FORM_BYTES:
            raise too_large(MAX_OBJECT_BYTES)
        self._received = 0
        self._more = True
        self._begun: list[bytes] = []
        self._sizes = SizeLimits()
        self._digest = Digest()

    async def fields(self) -> Mapping[str, str]:
        """The form's fields, read up to the file; the name in `key` is filled in."""
        parser = self._parser
        while self._more and not parser.has_file:
            self._begun += await self._next()
        if not parser.has_file:
            parser.finish()
        fields = parser.fields
        if _FILE_NAME in fields.get("key", ""):
            fields["key"] = fields["key"].replace(_FILE_NAME, parser.file_name)
        return fields

    def expect(self, headers: Mapping[str, str], sizes: SizeLimits) -> None:
        """What the file must be, as the form says it. Before `chunks`. Raises S3Error."""
        self._sizes = sizes
        self._digest = Digest(parse_expected(headers, default=DEFAULT))

    async def chunks(self) -> AsyncGenerator[Buffer, None]:
        """The file. Raises S3Error EntityTooLarge, EntityTooSmall, IncompleteBody,
        MalformedPOSTRequest, RequestTimeout."""
        highest = self._sizes.highest
        limit = MAX_OBJECT_BYTES if highest is None else min(highest, MAX_OBJECT_BYTES)
        size = 0
        pieces = self._begun
        while True:
            for piece in pieces:
                size += len(piece)
                if size > limit:
                    raise _out_of_range("EntityTooLarge", size, self._sizes)
                yield piece
            if not self._more:
                break
            pieces = await self._next()
        if self._declared is not None and self._received != self._declared:
            raise S3Error("IncompleteBody")
        self._parser.finish()
        if size < self._sizes.lowest:
            raise _out_of_range("EntityTooSmall", size, self._sizes)

    def update(self, data: Buffer) -> None:
        """Hash the next bytes."""
        self._digest.update(data)

    def finish(self) -> Digested:
        """Compare with what the form announced. Raises S3Error BadDigest."""
        return self._digest.finish()

    async def _next(self) -> list[bytes]:
        data, self._more = await receive_chunk(self._receive)
        self._received += len(data)
        if self._received > MAX_FORM_BYTES:
            raise too_large(MAX_OBJECT_BYTES)
        return self._parser.feed(data)


def _out_of_range(code: str, size: int, sizes: SizeLimits) -> S3Error:
    if code == "EntityTooSmall":
        return S3Error(code, extra={"ProposedSize": str(size), "MinSizeAllowed": str(sizes.lowest)})
    highest = MAX_OBJECT_BYTES if sizes.highest is None else sizes.highest
    return S3Error(code, extra={"ProposedSize": str(size), "MaxSizeAllowed": str(highest)})
