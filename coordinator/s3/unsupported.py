"""Request headers that ask for something this store does not do yet: refused, never ignored.

Rules: a header whose value asks for what happens anyway (tagging directive `COPY`)
is accepted; one that asks for more gets NotImplemented, so that no client believes a lie.
"""

from collections.abc import Mapping

from coordinator.s3.errors import S3Error

_HARMLESS: Mapping[str, frozenset[str]] = {
    "x-amz-mfa": frozenset({""}),
    "x-amz-write-offset-bytes": frozenset({""}),
}


def refuse_unsupported(headers: Mapping[str, str]) -> None:
    """Raises S3Error NotImplemented that names the header."""
    for name, value in headers.items():
        if not name.startswith("x-amz-"):
            continue
        harmless = _HARMLESS.get(name)
        if harmless is not None and value not in harmless:
            raise S3Error("NotImplemented", f"The header {name} asks for what is not implemented")
