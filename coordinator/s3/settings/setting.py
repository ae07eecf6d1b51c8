"""What a sub-resource setting of a bucket is: one row that says how its document is read, written
back, and answered while it is not set.

Rules: what a client sends is parsed first and only its canonical form is stored, so that what is
given back, and what the rest of the store obeys, is one and the same value. A stored document is
one that `render` made: that it can't be parsed is a programmer's error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MAX_SETTING_BYTES: Final = 64 * 1024
"""What a setting's document may have, as S3 has it for CORS; the others need less."""


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """A row. `name` is the query parameter and the name it is stored under.

    `operation` follows Get, Put and Delete in S3's names. `parse` takes the document (raises
    S3Error), `render` gives it. For a bucket on which it was never set, `unset` is the error code
    and `unset_document` what is answered instead. A value for which `is_empty` holds is the same
    as not set. What is kept is the rendered document, unless `dump` and `load` have another form.
    """

    name: str
    operation: str
    parse: Callable[[bytes], T]
    render: Callable[[T], bytes]
    unset: str = ""
    unset_document: bytes = b""
    is_empty: Callable[[T], bool] | None = None
    dump: Callable[[T], str] | None = None
    load: Callable[[str], T] | None = None
    has_delete: bool = True
    owner_only: bool = False
    keeps_time: bool = False
    limit_bytes: int = MAX_SETTING_BYTES

    def __post_init__(self) -> None:
        assert bool(self.unset) != bool(self.unset_document), "what is not set has one answer"

    def encode(self, value: T, changed_at_ms: int) -> str:
        """The text to keep. With `keeps_time` its first line is when it was changed."""
        text = self.render(value).decode() if self.dump is None else self.dump(value)
        return f"{changed_at_ms}\n{text}" if self.keeps_time else text

    def decode(self, text: str) -> "Kept[T]":
        """What `encode` made."""
        changed_at_ms = 0
        if self.keeps_time:
            time, _, text = text.partition("\n")
            changed_at_ms = int(time)
        value = self.parse(text.encode()) if self.load is None else self.load(text)
        return Kept(value, changed_at_ms)


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """A setting as it stands. `changed_at_ms` is 0 where the row doesn't keep it."""

    value: T
    changed_at_ms: int = 0
