"""Settings that are kept and given back, and that nothing here acts upon: who pays for requests,
and transfer acceleration.

Rules: nobody pays for requests to this store, and there is nothing to accelerate, so either value
is as true as the other.
"""

from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import document, element
from coordinator.s3.xml.tree import only, root, text

BUCKET_OWNER = "BucketOwner"
REQUESTER = "Requester"


def parse_request_payment(body: bytes) -> str:
    """`<RequestPaymentConfiguration>`: BucketOwner or Requester. Raises S3Error MalformedXML."""
    return _choice(body, "RequestPaymentConfiguration", "Payer", (BUCKET_OWNER, REQUESTER))


def render_request_payment(payer: str) -> bytes:
    """`<RequestPaymentConfiguration>`."""
    return document("RequestPaymentConfiguration", element("Payer", payer))


def parse_accelerate(body: bytes) -> str:
    """`<AccelerateConfiguration>`: Enabled or Suspended. Raises S3Error MalformedXML."""
    return _choice(body, "AccelerateConfiguration", "Status", ("Enabled", "Suspended"))


def render_accelerate(status: str) -> bytes:
    """`<AccelerateConfiguration>`, empty for "" (never set)."""
    return document("AccelerateConfiguration", element("Status", status) if status else "")


def _choice(body: bytes, name: str, field: str, allowed: tuple[str, ...]) -> str:
    found = only(root(body, name), field)
    value = text(found[field]).strip() if field in found else ""
    if value not in allowed:
        raise S3Error("MalformedXML")
    return value
