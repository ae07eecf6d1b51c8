"""Documents about versions: whether a bucket keeps them, and which there are.

Rules: a version is named by the id that clients see; a delete marker has neither ETag nor size.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coordinator.s3.errors import S3Error
from coordinator.s3.xml.listings import checksum_names, common_prefix_elements, storage_class
from coordinator.s3.xml.markup import (
    boolean,
    document,
    element,
    encoded,
    escape,
    etag_element,
    timestamp,
    user_element,
)
from coordinator.s3.xml.tree import fields, root
from metadata.model import ListedVersion, User, Versioning, VersionListing

_STATES = {str(state): state for state in (Versioning.ENABLED, Versioning.SUSPENDED)}


@dataclass(frozen=True, slots=True)
class WantedVersioning:
    """What a PutBucketVersioning asks for."""

    state: Versioning
    mfa_delete: bool


def parse_versioning(body: bytes) -> WantedVersioning:
    """Raises S3Error MalformedXML, IllegalVersioningConfigurationException (no status)."""
    found = fields(root(body, "VersioningConfiguration"))
    mfa_delete = found.get("MfaDelete", "Disabled").strip()
    if found.keys() - {"Status", "MfaDelete"} or mfa_delete not in ("Enabled", "Disabled"):
        raise S3Error("MalformedXML")
    status = found.get("Status", "").strip()
    if not status:
        raise S3Error(
            "IllegalVersioningConfigurationException",
            "The Versioning element must be specified",
        )
    if status not in _STATES:
        raise S3Error("MalformedXML")
    return WantedVersioning(_STATES[status], mfa_delete == "Enabled")


def versioning_configuration(state: Versioning) -> bytes:
    """`<VersioningConfiguration>`; empty for a bucket that was never versioned."""
    content = element("Status", state) if state is not Versioning.OFF else ""
    return document("VersioningConfiguration", content)


def list_versions_result(
    listing: VersionListing,
    *,
    bucket: str,
    prefix: str,
    delimiter: str,
    key_marker: str,
    version_id_marker: str,
    max_keys: int,
    encode_url: bool,
    owners: Mapping[str, User],
) -> bytes:
    """`<ListVersionsResult>`: versions and delete markers in one order, by key, newest first."""
    key_text = encoded if encode_url else escape
    content = [
        element("Name", bucket),
        f"<Prefix>{key_text(prefix)}</Prefix><KeyMarker>{key_text(key_marker)}</KeyMarker>",
        element("VersionIdMarker", version_id_marker),
    ]
    if listing.next_key is not None:
        content.append(f"<NextKeyMarker>{key_text(listing.next_key)}</NextKeyMarker>")
        if listing.next_version_id:
            content.append(element("NextVersionIdMarker", listing.next_version_id))
    content.append(
        f"<MaxKeys>{max_keys}</MaxKeys>"
        + (f"<Delimiter>{key_text(delimiter)}</Delimiter>" if delimiter else "")
        + ("<EncodingType>url</EncodingType>" if encode_url else "")
        + f"<IsTruncated>{boolean(listing.next_key is not None)}</IsTruncated>"
    )
    shown = {user_id: user_element("Owner", user) for user_id, user in owners.items()}
    content += [_version(listed, key_text, shown) for listed in listing.versions]
    content += common_prefix_elements(listing.common_prefixes, key_text)
    return document("ListVersionsResult", "".join(content))


def _version(
    listed: ListedVersion, key_text: Callable[[str], str], owners: Mapping[str, str]
) -> str:
    version = listed.version
    head = (
        f"<Key>{key_text(version.key)}</Key><VersionId>{version.public_id}</VersionId>"
        f"<IsLatest>{boolean(listed.is_latest)}</IsLatest>"
        f"<LastModified>{timestamp(version.created_at_ms)}</LastModified>"
    )
    owner = owners.get(version.owner_id, "")
    if version.is_delete_marker:
        return f"<DeleteMarker>{head}{owner}</DeleteMarker>"
    return (
        f"<Version>{head}{etag_element(version.etag)}"
        f"{checksum_names(version.attributes.checksums)}<Size>{version.size}</Size>{owner}"
        f"<StorageClass>{storage_class(version.attributes.headers)}</StorageClass></Version>"
    )
