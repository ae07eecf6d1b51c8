"""Requests whose document or parameters are wrong: XML bombs, uploads and parts that are not."""

import base64
from hashlib import md5

from tests.end_to_end.bad_case import BODY, Case
from tests.end_to_end.wire import Wire

BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><Delete><Object><Key>&j;</Key></Object></Delete>"
)
EXTERNAL_ENTITY = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<Delete><Object><Key>&x;</Key></Object></Delete>"
)
COMPLETE = (
    b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"
    b"</CompleteMultipartUpload>"
)


def _posted(wire: Wire, path: str, query: str, body: bytes) -> list[bytes]:
    headers = {"content-md5": base64.b64encode(md5(body).digest()).decode()}
    return [wire.signed("POST", path, query, body=body, headers=headers), body]


def _part(wire: Wire, path: str, query: str) -> list[bytes]:
    return [wire.signed("PUT", path, query, body=BODY), BODY]


def _bucket(path: str) -> str:
    return "/" + path.split("/")[1]


DOCUMENTS = [
    Case(
        "a billion laughs",
        lambda w, p: _posted(w, _bucket(p), "delete=", BILLION_LAUGHS),
        ((400, "MalformedXML"),),
    ),
    Case(
        "an external entity",
        lambda w, p: _posted(w, _bucket(p), "delete=", EXTERNAL_ENTITY),
        ((400, "MalformedXML"),),
    ),
    Case(
        "very deep XML",
        lambda w, p: _posted(w, _bucket(p), "delete=", b"<a>" * 100_000 + b"</a>" * 100_000),
        ((400, "MalformedXML"),),
    ),
    Case(
        "very much XML",
        lambda w, p: _posted(
            w, _bucket(p), "delete=", b"<Delete>" + b" " * 20 * 1024**2 + b"</Delete>"
        ),
        ((400, "MalformedXML"), (400, "EntityTooLarge"), (400, "MaxMessageLengthExceeded")),
    ),
    Case(
        "too many keys to delete",
        lambda w, p: _posted(
            w,
            _bucket(p),
            "delete=",
            b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>",
        ),
        ((400, "MalformedXML"),),
    ),
    Case(
        "XML that ends half-way",
        lambda w, p: _posted(w, _bucket(p), "delete=", b"<Delete><Object><Key>k"),
        ((400, "MalformedXML"),),
    ),
    Case(
        "bytes that are no text",
        lambda w, p: _posted(w, _bucket(p), "delete=", b"\xff\xfe\x00<Delete>"),
        ((400, "MalformedXML"),),
    ),
    Case(
        "completing an unknown upload",
        lambda w, p: _posted(
            w,
            p,
            "uploadId=" + "0" * 32,
            COMPLETE,
        ),
        ((404, "NoSuchUpload"),),
    ),
    Case(
        "completing a path",
        lambda w, p: _posted(
            w,
            p,
            "uploadId=..%2F..%2Fetc%2Fpasswd",
            COMPLETE,
        ),
        ((404, "NoSuchUpload"),),
    ),
    Case(
        "a part of an unknown upload",
        lambda w, p: _part(w, p, "partNumber=1&uploadId=" + "x" * 3000),
        ((404, "NoSuchUpload"),),
    ),
    *(
        Case(
            f"part number {number}",
            lambda w, p, number=number: _part(w, p, f"partNumber={number}&uploadId={'0' * 32}"),
            ((400, "InvalidArgument"),),
        )
        for number in ("0", "10001", "-1", "x", "1e3", "9" * 40)
    ),
]
