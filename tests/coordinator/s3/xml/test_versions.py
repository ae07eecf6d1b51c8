"""Documents about versions, read back by botocore, and what clients ask for versioning."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from coordinator.s3.errors import S3Error
from coordinator.s3.xml import (
    WantedVersioning,
    list_versions_result,
    parse_versioning,
    versioning_configuration,
)
from metadata import ListedVersion, User, Version, Versioning, VersionListing

S3 = botocore.session.get_session().get_service_model("s3")
NASTY = 'a&b<c>"d/ä🦄'
ID = "0123456789abcdef" * 2


def read(operation: str, body: bytes) -> Any:
    parsed = create_parser("rest-xml").parse(
        {"status_code": 200, "headers": {}, "body": body},
        S3.operation_model(operation).output_shape,
    )
    del parsed["ResponseMetadata"]
    return parsed


@pytest.mark.parametrize(
    ("state", "parsed"),
    [
        (Versioning.OFF, {}),
        (Versioning.ENABLED, {"Status": "Enabled"}),
        (Versioning.SUSPENDED, {"Status": "Suspended"}),
    ],
)
def test_states(state: Versioning, parsed: Any) -> None:
    assert read("GetBucketVersioning", versioning_configuration(state)) == parsed


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("<Status>Enabled</Status>", WantedVersioning(Versioning.ENABLED, False)),
        ("<Status> Suspended </Status>", WantedVersioning(Versioning.SUSPENDED, False)),
        (
            "<MfaDelete>Disabled</MfaDelete><Status>Enabled</Status>",
            WantedVersioning(Versioning.ENABLED, False),
        ),
        (
            "<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>",
            WantedVersioning(Versioning.ENABLED, True),
        ),
        ("", "IllegalVersioningConfigurationException"),
        ("<Status/>", "IllegalVersioningConfigurationException"),
        ("<Status>enabled</Status>", "MalformedXML"),
        ("<Status>Enabled</Status><MfaDelete>Perhaps</MfaDelete>", "MalformedXML"),
        ("<Status>Enabled</Status><Colour>red</Colour>", "MalformedXML"),
        ("<Status>Enabled</Status><Status>Enabled</Status>", "MalformedXML"),
        ("<Status><b>Enabled</b></Status>", "MalformedXML"),
    ],
)
def test_wanted_states(content: str, wanted: WantedVersioning | str) -> None:
    body = f"<VersioningConfiguration>{content}</VersioningConfiguration>".encode()
    if isinstance(wanted, str):
        with pytest.raises(S3Error, match=wanted):
            parse_versioning(body)
    else:
        assert parse_versioning(body) == wanted


@given(st.binary(max_size=60) | st.text("<>/StausEnbldVrigCofgt ", max_size=60).map(str.encode))
def test_nonsense_raises_our_error_only(body: bytes) -> None:
    with suppress(S3Error):
        parse_versioning(body)


def listed(
    versions: Sequence[ListedVersion] = (),
    *,
    prefixes: Sequence[str] = (),
    following: tuple[str, str] | None = None,
    encode_url: bool = False,
) -> Any:
    next_key, next_version_id = following or (None, None)
    body = list_versions_result(
        VersionListing(tuple(versions), tuple(prefixes), next_key, next_version_id),
        bucket="bucket",
        prefix="p&",
        delimiter="/" if prefixes else "",
        key_marker="k",
        version_id_marker="null",
        max_keys=2,
        encode_url=encode_url,
        owners={"u": User("u", "Ulla", False, 1)},
    )
    return read("ListObjectVersions", body)


def test_versions_and_delete_markers() -> None:
    marker = Version(ID, NASTY, 0, "", 2000, "u", is_delete_marker=True, is_null=False)
    plain = Version(ID[::-1], NASTY, 5, "abc", 1000, "gone")
    page = listed([ListedVersion(marker, True), ListedVersion(plain, False)])
    (shown_marker,) = page["DeleteMarkers"]
    (shown,) = page["Versions"]
    assert shown_marker["Key"] == shown["Key"] == NASTY
    assert (shown_marker["VersionId"], shown["VersionId"]) == (ID, "null")
    assert (shown_marker["IsLatest"], shown["IsLatest"]) == (True, False)
    assert shown_marker["Owner"] == {"ID": "u", "DisplayName": "Ulla"}
    assert "Owner" not in shown
    assert (shown["ETag"], shown["Size"], shown["StorageClass"]) == ('"abc"', 5, "STANDARD")
    assert page["IsTruncated"] is False
    assert "NextKeyMarker" not in page
    assert (page["Prefix"], page["KeyMarker"], page["VersionIdMarker"]) == ("p&", "k", "null")


def test_pages() -> None:
    page = listed(prefixes=["p&/a/"], following=("p&/a/", ""), encode_url=True)
    assert page["CommonPrefixes"] == [{"Prefix": "p%26/a/"}]
    assert (page["NextKeyMarker"], page["EncodingType"], page["IsTruncated"]) == (
        "p%26/a/",
        "url",
        True,
    )
    assert "NextVersionIdMarker" not in page
    assert listed(following=("k", "null"))["NextVersionIdMarker"] == "null"
