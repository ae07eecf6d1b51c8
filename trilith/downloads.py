"""One download: what to ask for next, and whether what came is whole.

Sans-I/O. A cut connection is resumed where it broke, on condition that the object still has the
ETag the first answer gave, so that bytes of two versions are never mixed. At the end the length
is checked, and the MD5 too when a whole object of one part was read (its ETag is the MD5 then).
"""

import hashlib
import re

from trilith.bodies import Progress
from trilith.errors import IntegrityError, UnexpectedAnswer, Unreachable, UsageError
from trilith.operations import get_object, parse_head
from trilith.protocol import Answer, Operation, raise_for
from trilith.values import ObjectHead, is_md5

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Download:
    """The state of reading one object, or `length` bytes of it from `start` on."""

    def __init__(
        self,
        bucket: str,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        if start < 0 or (length is not None and length < 1):
            raise UsageError("a range starts at 0 or later and has at least one byte")
        self._bucket = bucket
        self._key = key
        self._start = start
        self._length = length
        self._progress = progress
        self._digest = hashlib.md5(usedforsecurity=False)
        self._received = 0
        self._expected = 0
        self.head: ObjectHead | None = None
        """What the first answer said; None before it."""

    @property
    def is_whole(self) -> bool:
        """Whether all the bytes announced have come."""
        return self.head is not None and self._received == self._expected

    def operation(self) -> Operation[ObjectHead]:
        """The next request: for everything, or for what is still missing."""
        first = self._start + self._received
        last = "" if self._length is None else str(self._start + self._length - 1)
        ranged = first > 0 or self._length is not None
        return get_object(
            self._bucket,
            self._key,
            byte_range=f"bytes={first}-{last}" if ranged else None,
            if_match=None if self.head is None else self.head.etag,
        )

    def begin(self, answer: Answer) -> None:
        """An answer's status and headers have come; raises if it is an error."""
        raise_for(answer)
        first, last = self._span(answer)
        if first != self._start + self._received:
            raise UnexpectedAnswer(f"the answer starts at byte {first}, asked was another one")
        if self.head is None:
            self.head = parse_head(answer)
            self._expected = last + 1 - self._start
        elif last + 1 - self._start != self._expected:
            raise IntegrityError(f"{self._bucket}/{self._key} changed its size while it was read")

    def feed(self, chunk: bytes) -> None:
        """Bytes have come."""
        self._received += len(chunk)
        if self._received > self._expected:
            raise IntegrityError(f"{self._bucket}/{self._key}: more bytes than announced")
        self._digest.update(chunk)
        if self._progress is not None:
            self._progress(self._received)

    def end(self) -> None:
        """The answer's body has ended. Raises Unreachable if bytes are missing: ask again."""
        if not self.is_whole:
            raise Unreachable(
                f"{self._bucket}/{self._key} broke off after {self._received} bytes"
                f" of {self._expected}"
            )

    def finish(self) -> ObjectHead:
        """All has come: check it. Raises IntegrityError."""
        assert self.head is not None
        assert self.is_whole
        etag = self.head.etag
        if self._received == self.head.size and is_md5(etag, self.head.encryption):
            md5 = self._digest.hexdigest()
            if md5 != etag:
                raise IntegrityError(
                    f"{self._bucket}/{self._key}: received bytes of MD5 {md5}, the ETag is {etag}"
                )
        return self.head

    def _span(self, answer: Answer) -> tuple[int, int]:
        """The first and last byte that the answer brings; the last is -1 for an empty object."""
        if answer.status != 206:
            try:
                return 0, int(answer.headers["content-length"]) - 1
            except (KeyError, ValueError) as error:
                raise UnexpectedAnswer("the answer does not tell its length") from error
        found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        if found is None:
            raise UnexpectedAnswer("the answer to a range does not tell which one it brings")
        return int(found[1]), int(found[2])
