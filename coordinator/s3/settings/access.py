"""Two settings about who may: the public access block, and who owns what others upload.

Rules: only the documents; what they mean, and the form in which they are kept, is `access`'s.
"""

from coordinator.access.bucket import Ownership
from coordinator.access.public_access import PublicAccessBlock
from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import boolean as written
from coordinator.s3.xml.markup import document, element
from coordinator.s3.xml.tree import boolean, only, root, text


def parse_public_access_block(body: bytes) -> PublicAccessBlock:
    """`<PublicAccessBlockConfiguration>`. Raises S3Error MalformedXML."""
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    found = only(root(body, "PublicAccessBlockConfiguration"), *names)
    return PublicAccessBlock(*(name in found and boolean(found[name]) for name in names))


def render_public_access_block(block: PublicAccessBlock) -> bytes:
    """`<PublicAccessBlockConfiguration>`."""
    return document(
        "PublicAccessBlockConfiguration",
        element("BlockPublicAcls", written(block.block_acls))
        + element("IgnorePublicAcls", written(block.ignore_acls))
        + element("BlockPublicPolicy", written(block.block_policy))
        + element("RestrictPublicBuckets", written(block.restrict)),
    )


def parse_ownership(body: bytes) -> Ownership:
    """`<OwnershipControls>`: exactly one rule. Raises S3Error MalformedXML."""
    rules = only(root(body, "OwnershipControls"), "Rule")
    rule = only(rules["Rule"], "ObjectOwnership") if "Rule" in rules else {}
    if "ObjectOwnership" not in rule:
        raise S3Error("MalformedXML")
    try:
        return Ownership(text(rule["ObjectOwnership"]).strip())
    except ValueError as error:
        raise S3Error("MalformedXML") from error


def render_ownership(ownership: Ownership) -> bytes:
    """`<OwnershipControls>`."""
    return document(
        "OwnershipControls", f"<Rule>{element('ObjectOwnership', ownership.value)}</Rule>"
    )
