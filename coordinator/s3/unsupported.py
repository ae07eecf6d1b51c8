"""Request headers that ask for something this store does not do yet: refused, never ignored.

Rules: a header whose value asks for what happens anyway (ACL `private`, storage class `STANDARD`)
is accepted; one that asks for more gets NotImplemented, so that no client believes a lie.
"""

from collections.abc import Mapping

from coordinator.s3.errors import S3Error

_HARMLESS: Mapping[str, frozenset[str]] = {
    "x-amz-acl": frozenset({"", "private", "bucket-owner-full-control", "bucket-owner-read"}),
    "x-amz-bucket-object-lock-enabled": frozenset({"", "false"}),
    "x-amz-tagging": frozenset({""}),
    "x-amz-tagging-directive": frozenset({"", "COPY", "REPLACE"}),
    "x-amz-object-lock-legal-hold": frozenset({"", "OFF"}),
    "x-amz-object-lock-mode": frozenset({""}),
    "x-amz-website-redirect-location": frozenset({""}),
    "x-amz-mfa": frozenset({""}),
    "x-amz-write-offset-bytes": frozenset({""}),
}
_REFUSED_PREFIXES = (
    "x-amz-server-side-encryption",
    "x-amz-copy-source-server-side-encryption",
    "x-amz-grant-",
)


def refuse_unsupported(headers: Mapping[str, str]) -> None:
    """Raises S3Error NotImplemented that names the header."""
    for name, value in headers.items():
        if not name.startswith("x-amz-"):
            continue
        harmless = _HARMLESS.get(name)
        refused = name.startswith(_REFUSED_PREFIXES) if harmless is None else value not in harmless
        if refused:
            raise S3Error("NotImplemented", f"The header {name} asks for what is not implemented")
