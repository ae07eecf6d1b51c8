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
from erasure.layout import Layout, unit_length_of

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
    "unit_length_of",
]
