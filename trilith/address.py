"""What a user names on the command line: `bucket`, `bucket/key` or `s3://bucket/key`."""

from dataclasses import dataclass
from pathlib import Path

from trilith.errors import UsageError


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket and a key, or the start of keys; the key may be empty."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"

    @property
    def file_name(self) -> str:
        """The last segment of the key, if a file may be called so. Raises UsageError."""
        name = self.key.rpartition("/")[2]
        if name in ("", ".", "..") or "\0" in name:
            raise UsageError(f"{self} does not end in a file name: name the target file")
        return name


def parse(text: str) -> Address:
    """The address. Raises UsageError without a bucket."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not bucket:
        raise UsageError(f"{text!r} names no bucket: write bucket/key")
    return Address(bucket, key)


def parse_object(text: str) -> Address:
    """The address of an object. Raises UsageError without a key."""
    address = parse(text)
    if not address.key:
        raise UsageError(f"{text!r} names no key: write bucket/key")
    return address


def path_below(root: Path, key: str) -> Path:
    """Where a key goes below a directory. Raises UsageError for one that would lead out of it, or
    that no file can be called."""
    segments = key.split("/")
    if any(segment in ("", ".", "..") or "\0" in segment for segment in segments):
        raise UsageError(f"no file can be called {key!r}: get it by itself, under another name")
    return root.joinpath(*segments)
