"""How a bucket encrypts what comes without an encryption of its own.

Rules: one rule, AES256 or aws:kms; a key id only with aws:kms. Two layers of encryption
(aws:kms:dsse) are not done here and are refused.
"""

from dataclasses import dataclass
from typing import Final

from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import boolean as written
from coordinator.s3.xml.markup import document, element
from coordinator.s3.xml.tree import boolean, only, root, text

AES256: Final = "AES256"
KMS: Final = "aws:kms"
_DOUBLE: Final = "aws:kms:dsse"


@dataclass(frozen=True, slots=True)
class DefaultEncryption:
    """`algorithm` is AES256 or aws:kms; `key_id` "" means the store's own KMS key."""

    algorithm: str
    key_id: str = ""
    bucket_key: bool = False


def parse_encryption(body: bytes) -> DefaultEncryption:
    """`<ServerSideEncryptionConfiguration>`. Raises S3Error MalformedXML, InvalidArgument,
    NotImplemented."""
    rules = only(root(body, "ServerSideEncryptionConfiguration"), "Rule")
    if "Rule" not in rules:
        raise S3Error("MalformedXML")
    rule = only(rules["Rule"], "ApplyServerSideEncryptionByDefault", "BucketKeyEnabled")
    if "ApplyServerSideEncryptionByDefault" not in rule:
        raise S3Error("MalformedXML")
    applied = only(rule["ApplyServerSideEncryptionByDefault"], "SSEAlgorithm", "KMSMasterKeyID")
    algorithm = text(applied["SSEAlgorithm"]).strip() if "SSEAlgorithm" in applied else ""
    if algorithm == _DOUBLE:
        raise S3Error("NotImplemented", f"{_DOUBLE} is not implemented")
    if algorithm not in (AES256, KMS):
        raise S3Error("MalformedXML")
    key_id = text(applied["KMSMasterKeyID"]).strip() if "KMSMasterKeyID" in applied else ""
    if key_id and algorithm != KMS:
        raise S3Error(
            "InvalidArgument",
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms",
        )
    bucket_key = "BucketKeyEnabled" in rule and boolean(rule["BucketKeyEnabled"])
    return DefaultEncryption(algorithm, key_id, bucket_key)


def render_encryption(value: DefaultEncryption) -> bytes:
    """`<ServerSideEncryptionConfiguration>`."""
    key = element("KMSMasterKeyID", value.key_id) if value.key_id else ""
    return document(
        "ServerSideEncryptionConfiguration",
        "<Rule><ApplyServerSideEncryptionByDefault>"
        f"{element('SSEAlgorithm', value.algorithm)}{key}"
        "</ApplyServerSideEncryptionByDefault>"
        f"{element('BucketKeyEnabled', written(value.bucket_key))}</Rule>",
    )
