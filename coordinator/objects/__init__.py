"""The path of the bytes: write, read, multipart, copy, reclaim."""

from coordinator.objects.body import Body, BodyDigest, Digested
from coordinator.objects.errors import (
    BodyTooLarge,
    InvalidPart,
    InvalidPartOrder,
    ObjectsError,
    PartTooSmall,
    Unreadable,
    WriteFailed,
)
from coordinator.objects.ids import Ids
from coordinator.objects.multipart import MAX_PART_NUMBER, Multipart, NamedPart
from coordinator.objects.objects import NewObject, Objects, with_current
from coordinator.objects.pins import Pins
from coordinator.objects.protection import BucketDefault, ObjectKeys
from coordinator.objects.reader import ByteStream, PartReader
from coordinator.objects.reclaim import Reclaimer
from coordinator.objects.repairs import RepairReports
from coordinator.objects.writer import CodeSettings, PartWriter

__all__ = [
    "MAX_PART_NUMBER",
    "Body",
    "BodyDigest",
    "BodyTooLarge",
    "BucketDefault",
    "ByteStream",
    "CodeSettings",
    "Digested",
    "Ids",
    "InvalidPart",
    "InvalidPartOrder",
    "Multipart",
    "NamedPart",
    "NewObject",
    "ObjectKeys",
    "Objects",
    "ObjectsError",
    "PartReader",
    "PartTooSmall",
    "PartWriter",
    "Pins",
    "Reclaimer",
    "RepairReports",
    "Unreadable",
    "WriteFailed",
    "with_current",
]
