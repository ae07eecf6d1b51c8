"""The benchmark's signatures are the ones that botocore makes."""

from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.signer import EMPTY_SHA256, UNSIGNED_PAYLOAD, Signer

HOST = "127.0.0.1:9000"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def parse(lines: str) -> dict[str, str]:
    assert lines.endswith("\r\n")
    return dict(line.split(": ", 1) for line in lines.splitlines())


@pytest.mark.parametrize(
    ("method", "path", "query", "payload", "extra"),
    [
        ("GET", "/", "", EMPTY_SHA256, {}),
        ("PUT", "/bucket/a%20key/%C3%BC", "", "0" * 64, {}),
        ("GET", "/bucket", "list-type=2&max-keys=7&prefix=a%2Fb", EMPTY_SHA256, {}),
        ("PUT", "/bucket/k", "", UNSIGNED_PAYLOAD, {"x-amz-meta-z": "1", "content-md5": "abc="}),
    ],
)
def test_agrees_with_botocore(
    method: str, path: str, query: str, payload: str, extra: dict[str, str]
) -> None:
    signer = Signer("AKEXAMPLE", SECRET)
    ours = parse(signer.headers(method, HOST, path, query, payload, extra))

    class AtTheSameTime(S3SigV4Auth):
        def add_auth(self, request: AWSRequest) -> None:
            request.context["timestamp"] = ours["x-amz-date"]
            self._modify_request_before_signing(request)
            canonical = self.canonical_request(request)
            signature = self.signature(self.string_to_sign(request, canonical), request)
            self._inject_signature_to_request(request, signature)

        def payload(self, request: AWSRequest) -> str:
            return payload

    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    headers = {**extra, "X-Amz-Date": ours["x-amz-date"], "X-Amz-Content-SHA256": payload}
    request = AWSRequest(method, url, headers=headers)
    AtTheSameTime(Credentials("AKEXAMPLE", SECRET), "s3", "us-east-1").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]


def test_the_clock_turns_the_key() -> None:
    now = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC).timestamp()
    times = iter([now, now + 0.5, now + 1])
    signer = Signer("A", "S", clock=lambda: next(times))
    first, same, tomorrow = (parse(signer.headers("GET", HOST, "/")) for _ in range(3))
    assert first == same
    assert first["x-amz-date"] == "20261121T235959Z"
    assert "/20261121/" in first["authorization"]
    assert tomorrow["x-amz-date"] == "20261122T000000Z"
    assert "/20261122/" in tomorrow["authorization"]
