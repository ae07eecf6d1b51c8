"""Signatures of browser uploads: a POST form signs its policy, and nothing else.

Source: "Browser-Based Uploads Using POST" in the S3 API Reference (Signature Version 4) and the S3
User Guide (Version 2).

Rules: only the signature is looked at here; what the signed policy allows, and until when, is the
business of whoever serves the form. Field names come in lower case.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coordinator.auth.canonical import ALGORITHM, SCOPE_END, SERVICE, sign, signing_key
from coordinator.auth.credentials import Authentication, CredentialKind, PayloadMode
from coordinator.auth.dates import parse_amz_date
from coordinator.auth.errors import AuthError
from coordinator.auth.sigv4 import DEFAULT_REGION

SIGV2_FIELDS: Final = ("awsaccesskeyid", "signature")
SIGV4_FIELDS: Final = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
TOKEN_FIELD: Final = "x-amz-security-token"
POLICY_FIELD: Final = "policy"

_CREDENTIAL = re.compile(r"([!-~]+)/(\d{8})/([!-.0-~]*)/([a-z0-9]+)/aws4_request", re.ASCII)


@dataclass(frozen=True, slots=True)
class FormCredentials:
    """What a form says about its sender; nothing of it is proven yet. `policy` is the field as
    sent; `date` and `region` are Version 4's."""

    kind: CredentialKind
    access_key: str = ""
    session_token: str = field(default="", repr=False)
    signature: str = field(default="", repr=False)
    policy: str = field(default="", repr=False)
    date: str = ""
    region: str = ""


def identify_form(fields: Mapping[str, str]) -> FormCredentials:
    """Who the form says it is from; ANONYMOUS if it is not signed at all. Raises AuthError."""
    is_v4 = any(name in fields for name in SIGV4_FIELDS)
    is_v2 = any(name in fields for name in SIGV2_FIELDS)
    if POLICY_FIELD not in fields:
        if is_v4 or is_v2:
            raise _missing(POLICY_FIELD)
        return FormCredentials(CredentialKind.ANONYMOUS)
    for name in SIGV4_FIELDS if is_v4 else SIGV2_FIELDS:
        if not fields.get(name):
            raise _missing(name)
    return _version_4(fields) if is_v4 else _version_2(fields)


def verify_form(
    parsed: FormCredentials, secret: str, *, region: str | None = None
) -> Authentication:
    """Check the signature with the sender's secret (not for ANONYMOUS). With `region` unset every
    region is accepted. Raises AuthError."""
    if parsed.kind is CredentialKind.SIGV4_POST:
        if region is not None and parsed.region not in (region, DEFAULT_REGION):
            raise AuthError(
                "InvalidArgument",
                f"the region '{parsed.region}' is wrong; expecting '{region}'",
                {"ArgumentName": "x-amz-credential"},
            )
        expected = sign(signing_key(secret, parsed.date, parsed.region, SERVICE), parsed.policy)
    else:
        digest = hmac.digest(secret.encode(), parsed.policy.encode(), "sha1")
        expected = base64.b64encode(digest).decode()
    if not hmac.compare_digest(expected.encode(), parsed.signature.encode()):
        raise AuthError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
            {"AWSAccessKeyId": parsed.access_key, "SignatureProvided": parsed.signature},
        )
    return Authentication(parsed.kind, parsed.access_key, PayloadMode.UNSIGNED)


def _version_4(fields: Mapping[str, str]) -> FormCredentials:
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise _invalid("x-amz-algorithm", f'only "{ALGORITHM}" is supported')
    match = _CREDENTIAL.fullmatch(fields["x-amz-credential"])
    if match is None or match[4] != SERVICE:
        raise _invalid(
            "x-amz-credential", f'expecting "<YOUR-AKID>/YYYYMMDD/REGION/{SERVICE}/{SCOPE_END}"'
        )
    date = fields["x-amz-date"]
    if parse_amz_date(date) is None or not date.startswith(match[2]):
        raise _invalid("x-amz-date", "it must be yyyyMMdd'T'HHmmss'Z', of the credential's day")
    return FormCredentials(
        CredentialKind.SIGV4_POST,
        match[1],
        fields.get(TOKEN_FIELD, ""),
        fields["x-amz-signature"],
        fields[POLICY_FIELD],
        match[2],
        match[3],
    )


def _version_2(fields: Mapping[str, str]) -> FormCredentials:
    return FormCredentials(
        CredentialKind.SIGV2_POST,
        fields["awsaccesskeyid"],
        fields.get(TOKEN_FIELD, ""),
        fields["signature"],
        fields[POLICY_FIELD],
    )


def _missing(name: str) -> AuthError:
    return AuthError(
        "InvalidArgument",
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the "
        "order of the fields.",
        {"ArgumentName": name, "ArgumentValue": ""},
    )


def _invalid(name: str, why: str) -> AuthError:
    message = f"The field {name} is invalid: {why}"
    return AuthError("InvalidArgument", message, {"ArgumentName": name})
