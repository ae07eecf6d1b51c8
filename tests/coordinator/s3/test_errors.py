"""The table of errors, and what other packages' errors become in it."""

import pytest

from coordinator.auth.errors import AuthError
from coordinator.s3.errors import CODES, S3Error, from_auth_error, from_metadata_error
from metadata import errors as metadata_errors
from metadata.errors import MetadataError


def test_every_code_has_a_status_and_a_message() -> None:
    for code, (status, message) in CODES.items():
        assert 300 <= status < 600, code
        assert message, code


def test_an_error_takes_status_and_message_from_the_table() -> None:
    error = S3Error("NoSuchKey")
    assert (error.status, error.message) == (404, "The specified key does not exist.")
    assert S3Error("NoSuchKey", "gone").message == "gone"
    assert str(S3Error("NoSuchKey", "gone")) == "NoSuchKey: gone"


def test_unknown_codes_are_a_bug() -> None:
    with pytest.raises(KeyError):
        S3Error("NoSuchCode")


def test_auth_errors() -> None:
    error = from_auth_error(AuthError("RequestTimeTooSkewed", "late", {"ServerTime": "now"}))
    assert (error.status, error.message, error.extra) == (403, "late", {"ServerTime": "now"})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (metadata_errors.NoSuchBucket("b"), "NoSuchBucket"),
        (metadata_errors.BucketNotEmpty("b"), "BucketNotEmpty"),
        (metadata_errors.NoSuchKey("k"), "NoSuchKey"),
        (metadata_errors.NoSuchUpload("u"), "NoSuchUpload"),
        (metadata_errors.PreconditionFailed(), "PreconditionFailed"),
        (metadata_errors.PartsChanged(), "InvalidPart"),
        (metadata_errors.MetadataUnavailable("disk full"), "ServiceUnavailable"),
        (metadata_errors.NoSuchUser("u"), "InternalError"),
        (metadata_errors.BucketExists("b", "me"), "BucketAlreadyOwnedByYou"),
        (metadata_errors.BucketExists("b", "you"), "BucketAlreadyExists"),
    ],
)
def test_metadata_errors(error: MetadataError, code: str) -> None:
    assert from_metadata_error(error, bucket="b", key="k", caller_id="me").code == code


def test_metadata_errors_name_what_is_missing() -> None:
    missing = from_metadata_error(metadata_errors.NoSuchKey(), bucket="b", key="k")
    assert missing.extra == {"Key": "k"}
    missing = from_metadata_error(metadata_errors.NoSuchBucket(), bucket="b", key="k")
    assert missing.extra == {"BucketName": "b"}


def test_every_metadata_error_has_an_answer() -> None:
    for kind in MetadataError.__subclasses__():
        error = kind.__new__(kind)
        if isinstance(error, metadata_errors.BucketExists):
            error.owner_id = ""
        assert from_metadata_error(error).status >= 400
