"""The erasure code: pure functions from bytes to bytes, no I/O. See DESIGN.md."""

from erasure.codec import Buffer, Codec, Units, codec, split
from erasure.errors import (
    ErasureError,
    InvalidCode,
    InvalidLayout,
    InvalidShard,
    InvalidUnits,
    NotEnoughShards,
)
from erasure.layout import Layout

__all__ = [
    "Buffer",
    "Codec",
    "ErasureError",
    "InvalidCode",
    "InvalidLayout",
    "InvalidShard",
    "InvalidUnits",
    "Layout",
    "NotEnoughShards",
    "Units",
    "codec",
    "split",
]
