"""Access logs over the whole endpoint: turned on, noted, delivered, refused."""

import asyncio
import base64
import hashlib
import json
import re
from typing import Any

import pytest

from coordinator.objects import WriteFailed
from coordinator.s3.logging_delivery import MAX_TRIES
from tests.coordinator.s3.support import ALICE as OWNER
from tests.coordinator.s3.support import BOB, BUCKET, LOG_ROLL_S, Keys, Stand

LOGS = "logs"
FIELDS = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')


def policy(target: str = LOGS, source: str = BUCKET, account: str = "alice", **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/log/*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def status(target: str = LOGS, prefix: str = "log/", more: str = "") -> str:
    return (
        "<BucketLoggingStatus><LoggingEnabled>"
        f"<TargetBucket>{target}</TargetBucket><TargetPrefix>{prefix}</TargetPrefix>{more}"
        "</LoggingEnabled></BucketLoggingStatus>"
    )


async def allow(stand: Stand, document: str | None = None) -> None:
    await stand.call("PUT", f"/{LOGS}")
    answer = await stand.call("PUT", f"/{LOGS}", document or policy(), query={"policy": ""})
    assert answer.status == 204, answer.body


async def turn_on(
    stand: Stand, document: str | None = None, bucket: str = BUCKET, keys: Keys = OWNER
) -> str:
    answer = await stand.call(
        "PUT", f"/{bucket}", document or status(), query={"logging": ""}, keys=keys
    )
    return "" if answer.status == 200 else answer.code


async def log_keys(stand: Stand) -> list[str]:
    return (await stand.call("GET", f"/{LOGS}")).texts("Contents/Key")


async def lines(stand: Stand) -> list[list[str]]:
    found = []
    for key in await log_keys(stand):
        answer = await stand.call("GET", f"/{LOGS}/{key}")
        found += [FIELDS.findall(text) for text in answer.body.decode().splitlines()]
    return found


async def delivered(stand: Stand) -> list[list[str]]:
    """All lines, once what was noted has been gathered long enough."""
    stand.clock.forward(LOG_ROLL_S)
    assert await stand.access_logs.deliver()
    return await lines(stand)


async def test_requests_become_lines_of_an_object(stand: Stand) -> None:
    await allow(stand)
    assert await turn_on(stand) == ""
    await stand.call("PUT", f"/{BUCKET}/a b", b"twelve bytes", headers={"user-agent": "test"})
    await stand.call("GET", f"/{BUCKET}/a b", headers={"range": "bytes=0-3"})
    await stand.call("GET", f"/{BUCKET}/none", keys=BOB)
    assert await log_keys(stand) == []
    found = [line for line in await delivered(stand) if "LOGGING" not in line[6]]
    assert all(len(line) == 26 for line in found)
    put, got, refused = found
    assert put[:2] == ["alice", BUCKET]
    assert put[4:8] == ["alice", put[5], "REST.PUT.OBJECT", "a%20b"]
    assert (put[9], put[12], put[16]) == ("200", "12", '"test"')
    assert (put[19], put[21]) == ("SigV4", "AuthHeader")
    assert (got[6], got[9], got[11], got[12]) == ("REST.GET.OBJECT", "206", "4", "12")
    assert (refused[4], refused[9], refused[10]) == ("bob", "403", "AccessDenied")
    assert len(await log_keys(stand)) == 1


async def test_log_objects_belong_to_the_targets_owner(stand: Stand) -> None:
    await stand.call("PUT", f"/{LOGS}", keys=BOB)
    document = policy()
    answer = await stand.call("PUT", f"/{LOGS}", document, query={"policy": ""}, keys=BOB)
    assert answer.status == 204
    assert await turn_on(stand) == ""
    await stand.call("HEAD", f"/{BUCKET}")
    stand.clock.forward(LOG_ROLL_S)
    await stand.access_logs.deliver()
    (listed,) = (await stand.store.list_current(LOGS, limit=10)).objects
    version = (await stand.store.version(LOGS, listed.key)).version
    assert (listed.owner_id, version.owner_id) == ("bob", "bob")
    assert version.attributes.headers["content-type"] == "text/plain"


async def test_each_key_of_a_plural_delete_has_a_line(stand: Stand) -> None:
    await allow(stand)
    await turn_on(stand)
    document = "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>"
    await stand.call("POST", f"/{BUCKET}", document, query={"delete": ""})
    md5 = base64.b64encode(hashlib.md5(document.encode()).digest()).decode()
    answer = await stand.call(
        "POST", f"/{BUCKET}", document, query={"delete": ""}, headers={"content-md5": md5}
    )
    assert answer.status == 200, answer.body
    found = [line[7] for line in await delivered(stand) if "DELETE_MULTI" in line[6]]
    assert found == ["-", "a", "b"]


async def test_secrets_of_a_presigned_url_are_left_out(stand: Stand) -> None:
    await allow(stand)
    await turn_on(stand)
    query = {"X-Amz-Signature": "secret1", "X-Amz-Security-Token": "secret2", "x": "y"}
    key = {"x-amz-server-side-encryption-customer-key": "secret3"}
    await stand.call("GET", query={**query, **key}, keys=None)
    await delivered(stand)
    objects = [await stand.call("GET", f"/{LOGS}/{key}") for key in await log_keys(stand)]
    text = b"".join(answer.body for answer in objects).decode()
    assert "secret" not in text
    assert text.count("REDACTED") == 3
    assert "x=y" in text


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("<SimplePrefix/>", r"log/2027-01-15-08-05-00-[0-9A-F]{16}"),
        (
            "<PartitionedPrefix><PartitionDateSource>DeliveryTime</PartitionDateSource>"
            "</PartitionedPrefix>",
            r"log/alice/us-east-1/bucket/2027/01/15/2027-01-15-08-05-00-[0-9A-F]{16}",
        ),
        (
            "<PartitionedPrefix><PartitionDateSource>EventTime</PartitionDateSource>"
            "</PartitionedPrefix>",
            r"log/alice/us-east-1/bucket/2027/01/15/2027-01-15-00-00-00-[0-9A-F]{16}",
        ),
    ],
)
async def test_forms_of_keys(stand: Stand, form: str, pattern: str) -> None:
    await allow(stand)
    more = f"<TargetObjectKeyFormat>{form}</TargetObjectKeyFormat>"
    assert await turn_on(stand, status(more=more)) == ""
    assert form in (await stand.call("GET", f"/{BUCKET}", query={"logging": ""})).body.decode()
    await delivered(stand)
    (key,) = await log_keys(stand)
    assert re.fullmatch(pattern, key)


async def test_the_time_of_the_last_change_stands(stand: Stand) -> None:
    await allow(stand)
    query = {"logging": ""}
    times = []
    for document in (status(), status(), status(prefix="log/other")):
        assert await turn_on(stand, document) == ""
        answer = await stand.call("GET", f"/{BUCKET}", query=query)
        times.append(answer.headers["last-modified"])
        stand.clock.forward(2)
    assert times[0] == times[1] < times[2]
    assert await turn_on(stand, "<BucketLoggingStatus/>") == ""
    answer = await stand.call("GET", f"/{BUCKET}", query=query)
    assert answer.text("TargetBucket") == ""
    assert "last-modified" not in answer.headers


@pytest.mark.parametrize(
    "document",
    [
        policy(account="bob"),
        policy(source="another"),
        policy(Principal={"AWS": "*"}),
        policy(Principal={"Service": "other.s3.amazonaws.com"}),
        policy(Action="s3:GetObject"),
        policy(Resource=f"arn:aws:s3:::{LOGS}/elsewhere/*"),
        policy(Effect="Deny"),
    ],
)
async def test_a_target_must_let_the_log_in(stand: Stand, document: str) -> None:
    await stand.call("PUT", f"/{LOGS}")
    assert await turn_on(stand) == "AccessDenied"
    await allow(stand, document)
    assert await turn_on(stand) == "AccessDenied"
    await allow(stand)
    assert await turn_on(stand) == ""


async def test_refused_signatures_are_noted(stand: Stand) -> None:
    await allow(stand)
    await turn_on(stand)
    wrong = Keys(OWNER.access_key, "wrong")
    assert (await stand.call("GET", keys=wrong)).code == "SignatureDoesNotMatch"
    assert (await stand.call("GET", "/nothing-here", keys=wrong)).status == 403
    (line,) = await delivered(stand)
    assert (line[4], line[6], line[10]) == ("-", "REST.GET.OBJECT", "SignatureDoesNotMatch")


async def test_only_the_owner_turns_it_on_or_off(stand: Stand) -> None:
    await allow(stand)
    everybody = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:PutBucketLogging",
        "Resource": f"arn:aws:s3:::{BUCKET}",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    answer = await stand.call("PUT", f"/{BUCKET}", document, query={"policy": ""})
    assert answer.status == 204
    assert await turn_on(stand, keys=BOB) == "AccessDenied"
    assert await turn_on(stand) == ""
    assert await turn_on(stand, "<BucketLoggingStatus/>", keys=BOB) == "AccessDenied"


ENCRYPTED = (
    "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
    "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
    "</ServerSideEncryptionConfiguration>"
)
PAID = "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>"


@pytest.mark.parametrize(
    ("name", "document"), [("encryption", ENCRYPTED), ("requestPayment", PAID)]
)
async def test_targets_that_are_no_good(stand: Stand, name: str, document: str) -> None:
    await allow(stand)
    answer = await stand.call("PUT", f"/{LOGS}", document, query={name: ""})
    assert answer.status == 200, answer.body
    assert await turn_on(stand) == "InvalidArgument"


async def test_a_log_of_a_log_is_refused(stand: Stand) -> None:
    await allow(stand)
    await stand.call("PUT", "/third")
    assert await turn_on(stand, status(BUCKET)) == "InvalidArgument"
    assert await turn_on(stand, status("nothing-here")) == "NoSuchKey"
    assert await turn_on(stand) == ""
    assert await turn_on(stand, status(BUCKET), bucket="third") == "InvalidArgument"


async def test_grants_to_others_stand_in_the_objects_acl(stand: Stand) -> None:
    await allow(stand)

    def granted(grantee: str) -> str:
        space = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        return (
            f'<TargetGrants><Grant><Grantee {space} xsi:type="CanonicalUser"><ID>{grantee}</ID>'
            "</Grantee><Permission>READ</Permission></Grant></TargetGrants>"
        )

    assert await turn_on(stand, status(more=granted("nobody"))) == "InvalidArgument"
    assert await turn_on(stand, status(more=granted("alice"))) == ""
    # The owner may do everything anyway.
    answer = await stand.call("GET", f"/{BUCKET}", query={"logging": ""})
    assert answer.text("Grant") == ""
    assert await turn_on(stand, status(more=granted("bob"))) == ""
    answer = await stand.call("GET", f"/{BUCKET}", query={"logging": ""})
    assert answer.text("ID") == "bob"
    stand.clock.forward(LOG_ROLL_S)
    await stand.access_logs.deliver()
    readable = [
        (await stand.call("GET", f"/{LOGS}/{key}", keys=BOB)).status
        for key in await log_keys(stand)
    ]
    assert sorted(readable) == [200, 403]


async def test_a_target_that_shuts_is_left_alone(stand: Stand) -> None:
    await allow(stand)
    await turn_on(stand)
    await stand.call("PUT", f"/{BUCKET}/key", b"x")
    await allow(stand, policy(source="another"))
    assert await delivered(stand) == []
    await allow(stand)
    await stand.call("PUT", f"/{BUCKET}/key", b"x")
    assert len(await delivered(stand)) == 1


async def test_a_target_that_is_gone_costs_the_lines(stand: Stand) -> None:
    await allow(stand)
    await turn_on(stand)
    await stand.call("HEAD", f"/{BUCKET}")
    assert (await stand.call("DELETE", f"/{LOGS}")).status == 204
    stand.clock.forward(LOG_ROLL_S)
    assert await stand.access_logs.deliver()
    await stand.call("PUT", f"/{LOGS}")
    assert await delivered(stand) == []


async def test_what_fails_is_tried_again_but_not_for_ever(stand: Stand) -> None:
    await allow(stand)
    await turn_on(stand)
    await stand.call("PUT", f"/{BUCKET}/key", b"x")
    put = stand.objects.put

    async def fail(*arguments: Any) -> Any:
        raise WriteFailed("no node answers", {})

    stand.objects.put = fail  # type: ignore[method-assign]
    stand.clock.forward(LOG_ROLL_S)
    assert not await stand.access_logs.deliver()
    stand.objects.put = put  # type: ignore[method-assign]
    assert len(await delivered(stand)) == 1
    await stand.call("PUT", f"/{BUCKET}/key", b"x")
    stand.objects.put = fail  # type: ignore[method-assign]
    stand.clock.forward(LOG_ROLL_S)
    for _ in range(MAX_TRIES):
        assert not await stand.access_logs.deliver()
    stand.objects.put = put  # type: ignore[method-assign]
    assert len(await delivered(stand)) == 1


async def test_the_end_of_the_process_delivers_what_waits(stand: Stand) -> None:
    await allow(stand)
    worker = asyncio.create_task(stand.access_logs.run())
    await turn_on(stand)
    await stand.call("HEAD", f"/{BUCKET}")
    await asyncio.sleep(0)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    await stand.access_logs.close()
    assert len(await lines(stand)) == 1
