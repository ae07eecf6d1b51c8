"""Where a bucket's access log goes: the target bucket, the keys' prefix and form, and who may read.

Rules: a grant to the owner of the target bucket says what holds anyway, because the log objects
belong to the target bucket's owner: it is not kept. A form that was not asked for is the simple
one, and is given back as such.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element

from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import document, element
from coordinator.s3.xml.tree import children, only, root, text, xsi_type

MAX_PREFIX_BYTES: Final = 512
"""Leaves room in a key for the dated path and the name."""

MAX_GRANTS: Final = 100
CANONICAL_USER: Final = "CanonicalUser"
GROUP: Final = "Group"
_PERMISSIONS: Final = ("FULL_CONTROL", "READ", "WRITE")


class KeyForm(StrEnum):
    """How the keys of log objects are made: flat, or in folders by day of event or of delivery."""

    SIMPLE = "Simple"
    BY_EVENT = "EventTime"
    BY_DELIVERY = "DeliveryTime"


@dataclass(frozen=True, slots=True)
class LogGrant:
    """Who else may read the log objects. `kind` is CanonicalUser, Group or AmazonCustomerByEmail
    and `grantee` the id, URI or address."""

    kind: str
    grantee: str
    permission: str
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class AccessLogTarget:
    """A log that is on."""

    bucket: str
    prefix: str
    form: KeyForm = KeyForm.SIMPLE
    grants: tuple[LogGrant, ...] = ()


def parse_logging(body: bytes) -> AccessLogTarget | None:
    """`<BucketLoggingStatus>`; None turns the log off. Raises S3Error MalformedXML,
    InvalidArgument."""
    enabled = only(root(body, "BucketLoggingStatus"), "LoggingEnabled")
    if "LoggingEnabled" not in enabled:
        return None
    found = only(
        enabled["LoggingEnabled"],
        "TargetBucket",
        "TargetPrefix",
        "TargetGrants",
        "TargetObjectKeyFormat",
    )
    if "TargetBucket" not in found or "TargetPrefix" not in found:
        raise S3Error("MalformedXML")
    prefix = text(found["TargetPrefix"])
    if len(prefix.encode("utf-8", "replace")) > MAX_PREFIX_BYTES:
        raise S3Error("InvalidArgument", f"A TargetPrefix has at most {MAX_PREFIX_BYTES} bytes")
    form = KeyForm.SIMPLE
    if "TargetObjectKeyFormat" in found:
        form = _form(found["TargetObjectKeyFormat"])
    grants: tuple[LogGrant, ...] = ()
    if "TargetGrants" in found:
        grants = _grants(found["TargetGrants"])
    return AccessLogTarget(text(found["TargetBucket"]).strip(), prefix, form, grants)


def render_logging(target: AccessLogTarget | None) -> bytes:
    """`<BucketLoggingStatus>`."""
    if target is None:
        return document("BucketLoggingStatus", "")
    form = "<SimplePrefix/>"
    if target.form is not KeyForm.SIMPLE:
        source = element("PartitionDateSource", target.form.value)
        form = f"<PartitionedPrefix>{source}</PartitionedPrefix>"
    grants = "".join(map(_render_grant, target.grants))
    return document(
        "BucketLoggingStatus",
        f"<LoggingEnabled>{element('TargetBucket', target.bucket)}"
        + (f"<TargetGrants>{grants}</TargetGrants>" if grants else "")
        + element("TargetPrefix", target.prefix)
        + f"<TargetObjectKeyFormat>{form}</TargetObjectKeyFormat></LoggingEnabled>",
    )


_FIELDS: Final = {CANONICAL_USER: "ID", GROUP: "URI", "AmazonCustomerByEmail": "EmailAddress"}


def _render_grant(grant: LogGrant) -> str:
    schema = "http://www.w3.org/2001/XMLSchema-instance"
    name = element("DisplayName", grant.display_name) if grant.display_name else ""
    return (
        f'<Grant><Grantee xmlns:xsi="{schema}" xsi:type="{grant.kind}">'
        f"{element(_FIELDS[grant.kind], grant.grantee)}{name}</Grantee>"
        f"{element('Permission', grant.permission)}</Grant>"
    )


def _form(node: Element) -> KeyForm:
    found = only(node, "SimplePrefix", "PartitionedPrefix")
    if len(found) != 1:
        raise S3Error("MalformedXML")
    if "SimplePrefix" in found:
        return KeyForm.SIMPLE
    parts = only(found["PartitionedPrefix"], "PartitionDateSource")
    source = "DeliveryTime"
    if "PartitionDateSource" in parts:
        source = text(parts["PartitionDateSource"]).strip()
    if source not in (KeyForm.BY_EVENT.value, KeyForm.BY_DELIVERY.value):
        raise S3Error("MalformedXML")
    return KeyForm(source)


def _grants(node: Element) -> tuple[LogGrant, ...]:
    grants = []
    for name, grant in children(node):
        parts = only(grant, "Grantee", "Permission") if name == "Grant" else {}
        if parts.keys() != {"Grantee", "Permission"}:
            raise S3Error("MalformedXML")
        permission = text(parts["Permission"]).strip()
        kind = xsi_type(parts["Grantee"]).rpartition(":")[2]
        fields = only(parts["Grantee"], *_FIELDS.values(), "DisplayName")
        if permission not in _PERMISSIONS or kind not in _FIELDS or _FIELDS[kind] not in fields:
            raise S3Error("MalformedXML")
        shown = text(fields["DisplayName"]) if "DisplayName" in fields else ""
        grants.append(LogGrant(kind, text(fields[_FIELDS[kind]]).strip(), permission, shown))
    if len(grants) > MAX_GRANTS:
        raise S3Error("MalformedXML")
    return tuple(grants)
