"""Take a multipart/form-data body apart, sans-I/O: feed it bytes, get the file's bytes back.

Source: RFC 7578 and RFC 2046, section 5.1, as browsers write it; "POST Object" in the S3 API
Reference for what the parts mean.

Rules:
1. Only the part named `file` is the file, whatever other parts carry a file name. It ends the
   form: fields after it are ignored, as S3 has it, so that everything is known before its first
   byte, and memory stays flat whatever its length.
2. What stands before the file is gathered, up to MAX_PREAMBLE_BYTES with all its framing.
3. A field that comes twice is refused: nobody could say which one was signed.
4. Field names are case-insensitive and given in lower case; values are UTF-8 text.
"""

import re
from enum import Enum, auto
from typing import Final
from urllib.parse import unquote_to_bytes

from coordinator.s3.errors import S3Error
from node.record import Buffer

MAX_PREAMBLE_BYTES: Final = 64 * 1024
"""S3 allows 20 KB of fields; here their framing counts too."""

MAX_FIELDS: Final = 200
MAX_BOUNDARY_BYTES: Final = 200
FILE: Final = "file"

_HEAD_END: Final = b"\r\n\r\n"
_PARAMETER = re.compile(r';\s*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*')
_PLAIN_ENCODINGS: Final = ("7bit", "8bit", "binary")


class _State(Enum):
    PREAMBLE = auto()
    DELIMITER = auto()
    HEAD = auto()
    FIELD = auto()
    FILE = auto()
    END = auto()
    """The file is complete: whatever follows is dropped."""


class FormParser:
    """One form. Feed bytes as they arrive until `has_file`, then go on for the file's bytes."""

    def __init__(self, content_type: str) -> None:
        """`content_type` is the request's. Raises S3Error PreconditionFailed where it is no form's,
        MalformedPOSTRequest."""
        self._delimiter = b"\r\n--" + _boundary(content_type)
        self._state = _State.PREAMBLE
        # The first delimiter needs no line break before it
        self._buffer = bytearray(b"\r\n")
        self._searched = 0
        self._dropped = 0
        self._name = ""
        self.fields: dict[str, str] = {}
        self.file_name = ""

    @property
    def has_file(self) -> bool:
        """The file has begun: `fields` and `file_name` are complete."""
        return self._name == FILE

    def feed(self, data: Buffer) -> list[bytes]:
        """The bytes of the file in `data`. Raises S3Error MalformedPOSTRequest, InvalidArgument,
        MaxPostPreDataLengthExceededError, NotImplemented."""
        content: list[bytes] = []
        if self._state is _State.END:
            return content
        self._buffer += data
        while self._advance(content):
            pass
        if not self.has_file:
            self._check_preamble(self._dropped + len(self._buffer))
        return content

    def finish(self) -> None:
        """The body has ended. Raises S3Error MalformedPOSTRequest unless the file was complete."""
        if self._state is not _State.END:
            raise S3Error("MalformedPOSTRequest")

    def _advance(self, content: list[bytes]) -> bool:
        """One step; whether another one may be possible with what is there."""
        if self._state is _State.DELIMITER:
            return self._take_delimiter_line()
        if self._state is _State.HEAD:
            return self._take_head()
        if self._state is _State.END:
            self._buffer.clear()
            return False
        return self._take_until_delimiter(content)

    def _take_until_delimiter(self, content: list[bytes]) -> bool:
        at = self._buffer.find(self._delimiter, self._searched)
        if at < 0:
            # A delimiter may have begun in the last bytes
            settled = max(0, len(self._buffer) - len(self._delimiter) + 1)
            if self._state is _State.FIELD:
                self._searched = settled
                return False
            if settled and self._state is _State.FILE:
                content.append(bytes(memoryview(self._buffer)[:settled]))
            self._drop(settled)
            return False
        if self._state is _State.FIELD:
            self._keep_field(bytes(self._buffer[:at]))
        elif at and self._state is _State.FILE:
            content.append(bytes(memoryview(self._buffer)[:at]))
        self._drop(at + len(self._delimiter))
        self._state = _State.DELIMITER
        return True

    def _take_delimiter_line(self) -> bool:
        """What follows a delimiter: `--` where the form ends, else a line break."""
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        if buffer.startswith(b"--"):
            if not self.has_file:
                raise S3Error(
                    "InvalidArgument",
                    "POST requires exactly one file upload per request.",
                    extra={"ArgumentName": FILE, "ArgumentValue": "0"},
                )
            self._state = _State.END
            return True
        rest = buffer.lstrip(b" \t")
        if len(rest) < 2:
            if len(buffer) > MAX_BOUNDARY_BYTES:
                raise S3Error("MalformedPOSTRequest")
            return False
        if not rest.startswith(b"\r\n"):
            raise S3Error("MalformedPOSTRequest")
        # The line break stays: it is also the end of a head without lines
        self._drop(len(buffer) - len(rest))
        self._state = _State.END if self.has_file else _State.HEAD
        return True

    def _take_head(self) -> bool:
        end = self._buffer.find(_HEAD_END, self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(_HEAD_END) + 1)
            return False
        self._name, file_name = _parse_head(bytes(self._buffer[:end]))
        self._drop(end + len(_HEAD_END))
        if self.has_file:
            self._check_preamble(self._dropped)
            self.file_name = file_name
            self._state = _State.FILE
        else:
            self._state = _State.FIELD
        return True

    def _keep_field(self, value: bytes) -> None:
        if self._name in self.fields:
            raise S3Error(
                "InvalidArgument",
                "A field of the form stands there twice",
                extra={"ArgumentName": self._name},
            )
        if len(self.fields) == MAX_FIELDS:
            raise S3Error("MaxPostPreDataLengthExceededError")
        self.fields[self._name] = _text(value)

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._dropped += size
        self._searched = 0

    @staticmethod
    def _check_preamble(size: int) -> None:
        if size > MAX_PREAMBLE_BYTES:
            raise S3Error("MaxPostPreDataLengthExceededError")


def _boundary(content_type: str) -> bytes:
    kind, parameters = _parse_value(content_type)
    if kind != "multipart/form-data":
        raise S3Error(
            "PreconditionFailed",
            extra={"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"},
        )
    boundary = parameters.get("boundary", "").encode("latin-1", "replace")
    if not 1 <= len(boundary) <= MAX_BOUNDARY_BYTES:
        raise S3Error("MalformedPOSTRequest")
    return boundary


def _parse_head(head: bytes) -> tuple[str, str]:
    """(name in lower case, file name without its path) of a part."""
    name = file_name = None
    for line in _text(head).split("\r\n"):
        field, colon, value = line.partition(":")
        if not line:
            continue
        if not colon:
            raise S3Error("MalformedPOSTRequest")
        field = field.strip().lower()
        if field == "content-disposition":
            kind, parameters = _parse_value(value)
            if kind != "form-data" or name is not None or "name" not in parameters:
                raise S3Error("MalformedPOSTRequest")
            name = parameters["name"].lower()
            file_name = parameters.get("filename", _extended(parameters.get("filename*", "")))
        elif field == "content-transfer-encoding" and value.strip().lower() not in _PLAIN_ENCODINGS:
            raise S3Error("NotImplemented", "Content-Transfer-Encoding in a form")
    if name is None or file_name is None:
        raise S3Error("MalformedPOSTRequest")
    # Some browsers send the whole path
    return name, re.split(r"[/\\]", file_name)[-1]


def _parse_value(text: str) -> tuple[str, dict[str, str]]:
    """`form-data; name="a"` to its first word and its parameters, both names in lower case."""
    kind, semicolon, rest = text.partition(";")
    rest = semicolon + rest
    parameters: dict[str, str] = {}
    position = 0
    while match := _PARAMETER.match(rest, position):
        value = match[3] if match[2] is None else match[2].replace('\\"', '"')
        parameters.setdefault(match[1].lower(), value)
        position = match.end()
    if rest[position:].strip(" \t;"):
        raise S3Error("MalformedPOSTRequest")
    return kind.strip().lower(), parameters


def _extended(value: str) -> str:
    """RFC 8187: `utf-8''na%C3%AFve.txt`, which older libraries write as `filename*`."""
    charset, _, rest = value.partition("'")
    if charset.lower() not in ("", "utf-8"):
        raise S3Error("MalformedPOSTRequest")
    return _text(unquote_to_bytes(rest.partition("'")[2]))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise S3Error("MalformedPOSTRequest", "The form's fields are not UTF-8.") from error
