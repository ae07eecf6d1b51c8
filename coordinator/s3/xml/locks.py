"""Documents about what protects one version: its retention, and its legal hold.

Rules: a retention has a mode and a date, or is empty, which lifts it. Whether the date is still to
come is not asked here: there is no clock.
"""

from typing import Final

from coordinator.s3.dates import parse_iso_date
from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import document, element, timestamp
from coordinator.s3.xml.tree import fields, root
from metadata.model import COMPLIANCE, GOVERNANCE, Retention

NO_RETENTION: Final = Retention("", 0)

_HOLDS: Final = {"ON": True, "OFF": False}


def parse_retention(body: bytes) -> Retention:
    """Raises S3Error MalformedXML. An empty document is NO_RETENTION."""
    found = fields(root(body, "Retention"))
    if not found:
        return NO_RETENTION
    until_ms = parse_iso_date(found.pop("RetainUntilDate", ""))
    mode = found.pop("Mode", "").strip()
    if found or mode not in (GOVERNANCE, COMPLIANCE) or until_ms is None:
        raise S3Error("MalformedXML")
    return Retention(mode, until_ms)


def retention(held: Retention) -> bytes:
    """`<Retention>`."""
    return document(
        "Retention",
        element("Mode", held.mode) + element("RetainUntilDate", timestamp(held.until_ms)),
    )


def parse_legal_hold(body: bytes) -> bool:
    """Raises S3Error MalformedXML."""
    found = fields(root(body, "LegalHold"))
    status = found.get("Status", "").strip()
    if found.keys() != {"Status"} or status not in _HOLDS:
        raise S3Error("MalformedXML")
    return _HOLDS[status]


def legal_hold(is_on: bool) -> bytes:
    """`<LegalHold>`."""
    return document("LegalHold", element("Status", "ON" if is_on else "OFF"))
