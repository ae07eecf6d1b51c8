"""One line of an access log, in the format that S3 documents: what a bucket's owner learns of a
request.

Rules: 26 fields between single spaces; what is not known is "-". Text that came from outside is
percent-encoded where it could break a line into others or a field into two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from coordinator.auth.credentials import CredentialKind

NOTHING: Final = "-"

_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip

_SIGNATURES: Final[Mapping[CredentialKind, tuple[str, str]]] = {
    CredentialKind.SIGV4_HEADER: ("SigV4", "AuthHeader"),
    CredentialKind.SIGV4_QUERY: ("SigV4", "QueryString"),
    CredentialKind.SIGV2_HEADER: ("SigV2", "AuthHeader"),
    CredentialKind.SIGV2_QUERY: ("SigV2", "QueryString"),
}

_BUCKET_RESOURCES: Final[Mapping[str, str]] = {
    "": "BUCKET",
    "accelerate": "ACCELERATE",
    "acl": "ACL",
    "cors": "CORS",
    "delete": "DELETE_MULTI_OBJECT",
    "encryption": "ENCRYPTION",
    "lifecycle": "LIFECYCLE",
    "location": "LOCATION",
    "logging": "LOGGING_STATUS",
    "notification": "NOTIFICATION",
    "object-lock": "OBJECT_LOCK_CONFIGURATION",
    "ownershipControls": "OWNERSHIP_CONTROLS",
    "policy": "BUCKETPOLICY",
    "policyStatus": "BUCKETPOLICY_STATUS",
    "publicAccessBlock": "PUBLIC_ACCESS_BLOCK",
    "replication": "REPLICATION",
    "requestPayment": "REQUEST_PAYMENT",
    "tagging": "TAGGING",
    "uploads": "UPLOADS",
    "versioning": "VERSIONING",
    "versions": "BUCKETVERSIONS",
    "website": "WEBSITE",
}
_OBJECT_RESOURCES: Final[Mapping[str, str]] = {
    "": "OBJECT",
    "acl": "ACL",
    "attributes": "OBJECT_ATTRIBUTES",
    "legal-hold": "OBJECT_LOCK_LEGALHOLD",
    "retention": "OBJECT_LOCK_RETENTION",
    "tagging": "OBJECT_TAGGING",
    "uploadId": "UPLOAD",
    "uploads": "UPLOADS",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a request when its answer has left. Sizes in bytes, None where there is
    none; times in milliseconds."""

    bucket_owner: str
    bucket: str
    at_ms: int
    operation: str
    request_id: str
    status: int
    method: str
    target: str
    key: str = ""
    remote_ip: str = ""
    requester: str = ""
    error_code: str = ""
    sent_bytes: int | None = None
    object_size: int | None = None
    total_ms: int = 0
    turn_around_ms: int = 0
    referrer: str = ""
    user_agent: str = ""
    version_id: str = ""
    credential: CredentialKind = CredentialKind.ANONYMOUS
    host: str = ""
    acl_required: bool = False


def line(entry: Entry) -> str:
    """The entry as a line, without its end."""
    signature, authentication = _SIGNATURES.get(entry.credential, (NOTHING, NOTHING))
    fields = (
        _field(entry.bucket_owner),
        entry.bucket,
        _time(entry.at_ms),
        _field(entry.remote_ip),
        _field(entry.requester),
        entry.request_id,
        entry.operation,
        _field(entry.key),
        _quoted(f"{entry.method} {entry.target} HTTP/1.1"),
        str(entry.status),
        entry.error_code or NOTHING,
        _number(entry.sent_bytes),
        _number(entry.object_size),
        str(entry.total_ms),
        str(entry.turn_around_ms),
        _quoted(entry.referrer),
        _quoted(entry.user_agent),
        _field(entry.version_id),
        entry.request_id,
        signature,
        NOTHING,  # cipher suite: the connection ends before this process where there is TLS
        authentication,
        _field(entry.host),
        NOTHING,  # TLS version
        NOTHING,  # access point
        "Yes" if entry.acl_required else NOTHING,
    )
    return " ".join(fields)


def operation_name(method: str, has_key: bool, params: Mapping[str, str]) -> str:
    """`REST.<method>.<resource>`, as S3's logs call the request."""
    if "partNumber" in params and "uploadId" in params:
        return f"REST.{method}.PART"
    if method == "OPTIONS":
        return "REST.OPTIONS.PREFLIGHT"
    resources = _OBJECT_RESOURCES if has_key else _BUCKET_RESOURCES
    named = next((name for name in params if name and name in resources), "")
    return f"REST.{method}.{resources[named]}"


def _time(at_ms: int) -> str:
    # strftime's month would follow the locale.
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"[{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S} +0000]"


def _field(text: str) -> str:
    return quote(text, safe="/:@!$&*+,;=~.-_", errors="replace") if text else NOTHING


def _quoted(text: str) -> str:
    """Between quotes nothing but a quote, a backslash and what does not print needs encoding."""
    if not text:
        return f'"{NOTHING}"'
    clean = "".join(
        character
        if character.isascii() and character.isprintable() and character not in '"\\'
        else quote(character, safe="", errors="replace")
        for character in text
    )
    return f'"{clean}"'


def _number(value: int | None) -> str:
    return NOTHING if value is None else str(value)
