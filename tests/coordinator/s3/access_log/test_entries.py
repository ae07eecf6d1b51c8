"""Whom a line of the access log names."""

import pytest

from coordinator.access import ANONYMOUS, Identity, account, member
from coordinator.auth.request import SignedRequest
from coordinator.http import Receive
from coordinator.s3.access_log.entries import Answered, entries
from coordinator.s3.exchange import Request, Response
from metadata import Bucket, User

ALICE = User("alice", "Alice", False, 1)
SESSION_ARN = "arn:aws:sts::alice:assumed-role/reader/work"


async def _nothing() -> dict[str, object]:
    return {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("user", "sender", "expected"),
    [
        (None, ANONYMOUS, ""),
        (ALICE, account("alice"), "alice"),
        (ALICE, member("alice", SESSION_ARN, user_id="AROA:work"), SESSION_ARN),
    ],
)
def test_the_requester(user: User | None, sender: Identity, expected: str) -> None:
    receive: Receive = _nothing
    token = "X-Amz-Security-Token=a%2Ftoken"
    request = Request(
        "GET",
        "bucket",
        "key",
        {},
        {},
        SignedRequest("GET", b"/bucket/key", token, {}, 1.0),
        "ID",
        receive,
        user=user,
        sender=sender,
        found=Bucket(1, "bucket", "alice", 1),
    )
    (entry,) = entries(request, Response(), Answered(f"/bucket/key?{token}&x=1"))
    assert entry.requester == expected
    assert entry.target == "/bucket/key?X-Amz-Security-Token=REDACTED&x=1"
