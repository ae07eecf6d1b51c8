"""PostObject: an upload by a browser's form.

    body -> fields -> who signed its policy -> the policy -> access -> the file -> the answer

Rules:
1. The form's fields come before its file, so everything is decided before the file's first byte.
   What the policy says of its size is checked as it arrives: nothing is committed before that.
2. Fields that stand for headers become the request's headers, and those of the HTTP request that
   would say something about the object do not count: what follows can't tell a form from a PUT.
"""

import re
import string
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from coordinator.auth.forms import POLICY_FIELD, SIGV4_FIELDS, TOKEN_FIELD
from coordinator.s3 import xml
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.expiration import expiration_headers
from coordinator.s3.headers import HeaderList, as_header, quoted
from coordinator.s3.names import check_key
from coordinator.s3.post_form_file import FormFile
from coordinator.s3.post_form_policy import PostPolicy, SizeLimits, parse_policy
from coordinator.s3.settings.tags import parse_object_tagging
from coordinator.s3.surface import Surface
from coordinator.s3.writing import write_object, written_headers
from metadata import Version

_PLAIN_HEADERS: Final = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
)
_RENAMED: Final = {"acl": "x-amz-acl"}
_TRANSPORT_HEADERS: Final = ("host", "origin", "referer", "user-agent", "x-forwarded-for")
_NOT_ABOUT_THE_OBJECT: Final = frozenset({*SIGV4_FIELDS, TOKEN_FIELD}) - {"x-amz-date"}
_STATUSES: Final = ("200", "201", "204")
_URL = re.compile(r"https?://[^/?#\s]+[^\s]*", re.ASCII)


async def post_object(s3: Surface, request: Request) -> Response:
    """Store the file of a form."""
    if request.user is not None:
        raise S3Error(
            "InvalidArgument",
            "A form is signed by its own fields; no other authentication is allowed",
            extra={"ArgumentName": "Authorization"},
        )
    file = FormFile(request)
    fields = await file.fields()
    if not fields.get("key"):
        raise S3Error(
            "InvalidArgument",
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the "
            "order of the fields.",
            extra={"ArgumentName": "key", "ArgumentValue": ""},
        )
    policy = await _authenticate(s3, request, fields)
    check_key(fields["key"])
    request.key = fields["key"]
    request.headers = _headers(request, fields)
    file.expect(request.headers, SizeLimits() if policy is None else policy.sizes)
    bucket = await s3.bucket(request)
    version = await write_object(s3, request, bucket, request.key, request.headers, file)
    written = written_headers(version) + await expiration_headers(s3, bucket, version)
    return _answer(request, fields, version, written)


async def _authenticate(
    s3: Surface, request: Request, fields: Mapping[str, str]
) -> PostPolicy | None:
    """Find who signed the form, and let its policy judge it; None for an anonymous form."""
    sent_by = await s3.accounts.authenticate_form(fields, request.signed.now)
    request.user, request.authentication, request.sender = sent_by
    if request.user is None:
        return None
    policy = parse_policy(fields[POLICY_FIELD])
    policy.check(fields, request.bucket, request.signed.now * 1000)
    return policy


def _headers(request: Request, fields: Mapping[str, str]) -> Mapping[str, str]:
    """The request's headers as those of a PUT that would do the same."""
    headers = {
        name: request.headers[name] for name in _TRANSPORT_HEADERS if name in request.headers
    }
    for name, value in fields.items():
        if name in _NOT_ABOUT_THE_OBJECT:
            continue
        if name in _PLAIN_HEADERS or name.startswith("x-amz-") or name in _RENAMED:
            headers[_RENAMED.get(name, name)] = as_header(name, value)
    if fields.get("tagging"):
        tags = parse_object_tagging(fields["tagging"].encode())
        headers["x-amz-tagging"] = urlencode(list(tags.items()), quote_via=quote)
    return headers


def _answer(
    request: Request, fields: Mapping[str, str], version: Version, headers: HeaderList
) -> Response:
    bucket, key, etag = request.bucket, request.key, quoted(version.etag)
    location = f"http://{request.headers.get('host', '')}/{bucket}/{quote(key)}"
    redirect = fields.get("success_action_redirect") or fields.get("redirect", "")
    # One that can't be understood is as if it were not there
    if _URL.fullmatch(redirect) and redirect.isprintable():
        pairs = urlencode({"bucket": bucket, "key": key, "etag": etag}, quote_via=quote)
        separator = "&" if "?" in redirect else "?"
        target = f"{quote(redirect, safe=string.punctuation)}{separator}{pairs}"
        return Response(303, [*headers, (b"location", target.encode())])
    headers.append((b"location", location.encode()))
    status = fields.get("success_action_status", "")
    if status not in _STATUSES:
        status = "204"
    if status == "201":
        document = xml.post_response(location, bucket, key, version.etag)
        return xml_response(document, 201, headers)
    return Response(int(status), headers)
