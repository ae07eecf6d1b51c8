"""Requests whose head is wrong: signatures, names, and HTTP itself."""

from tests.end_to_end.bad_case import BODY, HANG_UP, PLAIN_400, Case, bent, put

SIGNATURES = [
    Case(
        "no signature",
        lambda w, p: [f"PUT {p} HTTP/1.1\r\nhost: {w.host}\r\ncontent-length: 1\r\n\r\nx".encode()],
        ((403, "AccessDenied"),),
    ),
    Case(
        "wrong secret",
        lambda w, p: put(w, p, secret_key="wrong"),
        ((403, "SignatureDoesNotMatch"),),
    ),
    Case(
        "unknown access key",
        lambda w, p: put(w, p, access_key="NOBODY"),
        ((403, "InvalidAccessKeyId"),),
    ),
    Case(
        "malformed authorization",
        lambda w, p: bent(w, p, b"SignedHeaders=", b"Signed="),
        ((400, "AuthorizationHeaderMalformed"),),
    ),
    Case(
        "another algorithm",
        lambda w, p: bent(w, p, b"AWS4-HMAC-SHA256", b"AWS4-HMAC-MD5"),
        ((400, "InvalidArgument"), (400, "AuthorizationHeaderMalformed")),
    ),
    Case(
        "signature cut short",
        lambda w, p: bent(w, p, b"Signature=", b"Signature=00"),
        ((403, "SignatureDoesNotMatch"), (400, "AuthorizationHeaderMalformed")),
    ),
    Case(
        "tampered signed header",
        lambda w, p: bent(w, p, b"-meta-a: 1", b"-meta-a: 2", headers={"x-amz-meta-a": "1"}),
        ((403, "SignatureDoesNotMatch"),),
    ),
    Case(
        "tampered path",
        lambda w, p: bent(w, p, p.encode(), p.encode() + b"2"),
        ((403, "SignatureDoesNotMatch"),),
    ),
    Case(
        "tampered method",
        lambda w, p: [w.signed("GET", p).replace(b"GET ", b"DELETE ", 1)],
        ((403, "SignatureDoesNotMatch"),),
    ),
    Case(
        "tampered query",
        lambda w, p: [w.signed("GET", p).replace(b" HTTP", b"?response-expires=0 HTTP", 1)],
        ((403, "SignatureDoesNotMatch"),),
    ),
    Case(
        "an hour early",
        lambda w, p: put(w, p, skew_s=-3600),
        ((403, "RequestTimeTooSkewed"),),
    ),
    Case(
        "an hour late",
        lambda w, p: put(w, p, skew_s=3600),
        ((403, "RequestTimeTooSkewed"),),
    ),
    Case(
        "no date",
        lambda w, p: bent(w, p, b"x-amz-date:", b"x-amz-dada:"),
        ((403, "AccessDenied"), (400, "AuthorizationHeaderMalformed")),
    ),
    Case(
        "no payload hash",
        lambda w, p: bent(w, p, b"x-amz-content-sha256:", b"x-amz-content-sha255:"),
        ((400, "InvalidRequest"), (400, "MissingSecurityHeader"), (403, "SignatureDoesNotMatch")),
    ),
]

HEADS = [
    Case(
        "one huge header",
        lambda w, p: put(w, p, headers={"x-amz-meta-big": "x" * 1024**2}),
        (PLAIN_400, (431, None), HANG_UP),
    ),
    Case(
        "too much metadata",
        lambda w, p: put(w, p, headers={"x-amz-meta-big": "x" * 4096}),
        ((400, "MetadataTooLarge"),),
    ),
    Case(
        "very many headers",
        lambda w, p: [
            put(w, p)[0][:-2] + b"".join(b"x-h-%d: x\r\n" % n for n in range(20_000)) + b"\r\n",
            BODY,
        ],
        (PLAIN_400, (431, None), HANG_UP),
    ),
    Case(
        "a head without an end",
        lambda w, p: [put(w, p)[0][:-2], [b"x-h: " + b"x" * 1000 + b"\r\n"] * 20_000],
        (PLAIN_400, (431, None), HANG_UP),
    ),
    Case(
        "a huge request line",
        lambda w, p: [w.signed("PUT", p + "x" * 1024**2, length=0)],
        (PLAIN_400, (414, None), (431, None), HANG_UP),
    ),
    Case("not HTTP", lambda w, p: [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"], (PLAIN_400, HANG_UP)),
    Case(
        "HTTP/2",
        lambda w, p: [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
        (PLAIN_400, (505, None), HANG_UP, (403, None), (405, None)),
    ),
    Case(
        "no Host",
        lambda w, p: bent(w, p, b"host: ", b"hoost: "),
        (PLAIN_400, (403, "SignatureDoesNotMatch")),
    ),
    Case(
        "a header without a colon",
        lambda w, p: [put(w, p)[0][:-2] + b"nonsense\r\n\r\n", BODY],
        (PLAIN_400, HANG_UP),
    ),
]

NAMES = [
    *(
        Case(
            f"bucket {name[:20]}",
            lambda w, p, name=name: [w.signed("PUT", f"/{name}", length=0)],
            ((400, "InvalidBucketName"),),
        )
        for name in (
            "ab",
            "x" * 64,
            "UPPER",
            "under_score",
            "two..dots",
            "-dash",
            "dash-",
            "192.168.1.1",
            "xn--puny",
            "sp%20ace",
            "%C3%BCmlaut",
        )
    ),
    Case("key too long", lambda w, p: put(w, f"{p}{'x' * 1024}"), ((400, "KeyTooLongError"),)),
    Case("key is not UTF-8", lambda w, p: put(w, f"{p}%FF%FE"), ((400, "InvalidURI"),)),
    Case(
        "no such bucket",
        lambda w, p: put(w, "/no-such-bucket-here/k"),
        ((404, "NoSuchBucket"),),
    ),
    Case(
        "a method nobody knows",
        lambda w, p: [w.signed("PATCH", p)],
        ((405, "MethodNotAllowed"), (501, "NotImplemented"), PLAIN_400),
    ),
]
