"""Object lock: what protects a version, who may weaken it, and that COMPLIANCE yields to nobody."""

import base64
from hashlib import sha256
from typing import Any

import pytest

from tests.coordinator.s3.support import ALICE, BOB, BUCKET, ROOT, Answer, Keys, Stand

LOCKED = "locked"
KEY = f"/{LOCKED}/key"
DAY_S = 24 * 60 * 60
SOON = "2027-01-16T08:00:00Z"
LATER = "2027-01-17T08:00:00.000Z"
PAST = "2027-01-15T07:59:59Z"
MODE, UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
HOLD, BYPASS = "x-amz-object-lock-legal-hold", "x-amz-bypass-governance-retention"


@pytest.fixture
async def locked(stand: Stand) -> Stand:
    """With a bucket of alice's that has object lock."""
    headers = {"x-amz-bucket-object-lock-enabled": "true"}
    assert (await stand.call("PUT", f"/{LOCKED}", headers=headers)).status == 200
    return stand


def retention(mode: str, until: str) -> str:
    return f"<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"


async def put(stand: Stand, body: str = "one", **headers: str) -> Answer:
    names = {"mode": MODE, "until": UNTIL, "hold": HOLD}
    sent = {names[name]: value for name, value in headers.items()}
    return await stand.call("PUT", KEY, body, headers=sent)


async def retain(
    stand: Stand, document: str, *, bypass: bool = False, keys: Keys = ALICE, **query: str
) -> Answer:
    headers = {BYPASS: "true"} if bypass else {}
    return await stand.call(
        "PUT", KEY, document, query={"retention": "", **query}, headers=headers, keys=keys
    )


async def hold(stand: Stand, status: str, keys: Keys = ALICE) -> Answer:
    document = f"<LegalHold><Status>{status}</Status></LegalHold>"
    return await stand.call("PUT", KEY, document, query={"legal-hold": ""}, keys=keys)


async def remove(
    stand: Stand, version_id: str | None, *, bypass: bool = False, keys: Keys = ALICE
) -> str:
    """The code, "" for success."""
    assert version_id is not None
    headers = {BYPASS: "true"} if bypass else {}
    answer = await stand.call(
        "DELETE", KEY, query={"versionId": version_id}, headers=headers, keys=keys
    )
    return "" if answer.status == 204 else answer.code


async def configure(stand: Stand, rule: str, bucket: str = LOCKED, **rest: Any) -> Answer:
    document = (
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
        f"{rule}</ObjectLockConfiguration>"
    )
    return await stand.call("PUT", f"/{bucket}", document, query={"object-lock": ""}, **rest)


def default(mode: str, period: str) -> str:
    return f"<Rule><DefaultRetention><Mode>{mode}</Mode>{period}</DefaultRetention></Rule>"


# buckets -----------------------------------------------------------------------------
async def test_object_lock_brings_versioning_and_keeps_it(locked: Stand) -> None:
    answer = await locked.call("GET", f"/{LOCKED}", query={"versioning": ""})
    assert answer.text("Status") == "Enabled"
    document = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
    answer = await locked.call("PUT", f"/{LOCKED}", document, query={"versioning": ""}, keys=ROOT)
    assert (answer.status, answer.code) == (409, "InvalidBucketState")


async def test_a_bucket_without(stand: Stand) -> None:
    answer = await stand.call("GET", f"/{BUCKET}", query={"object-lock": ""})
    assert (answer.status, answer.code) == (404, "ObjectLockConfigurationNotFoundError")
    assert (await configure(stand, "", BUCKET)).code == "InvalidBucketState"
    await stand.set_versioning("Suspended")
    assert (await configure(stand, "", BUCKET)).code == "InvalidBucketState"
    await stand.set_versioning()
    assert (await configure(stand, "", BUCKET)).status == 200
    answer = await stand.call("GET", f"/{BUCKET}", query={"object-lock": ""})
    assert answer.text("ObjectLockEnabled") == "Enabled"


async def test_nothing_can_be_locked_without_it(stand: Stand) -> None:
    path = f"/{BUCKET}/key"
    await stand.call("PUT", path, "one")
    for query, document in (
        ("retention", retention("GOVERNANCE", SOON)),
        ("legal-hold", "<LegalHold><Status>ON</Status></LegalHold>"),
    ):
        for method, body in (("PUT", document), ("GET", "")):
            answer = await stand.call(method, path, body, query={query: ""})
            assert (answer.status, answer.code) == (400, "InvalidRequest")
    for headers in ({MODE: "GOVERNANCE", UNTIL: SOON}, {HOLD: "ON"}):
        assert (await stand.call("PUT", path, "two", headers=headers)).code == "InvalidRequest"
        started = await stand.call("POST", path, query={"uploads": ""}, headers=headers)
        assert started.code == "InvalidRequest"
        copied = {"x-amz-copy-source": f"{BUCKET}/key", **headers}
        assert (await stand.call("PUT", f"{path}2", headers=copied)).code == "InvalidRequest"
    assert (await stand.call("GET", path)).body == b"one"


async def test_a_configuration_is_given_back_and_replaced(locked: Stand) -> None:
    for mode, period in (("GOVERNANCE", "<Days>1</Days>"), ("COMPLIANCE", "<Years>2</Years>")):
        assert (await configure(locked, default(mode, period))).status == 200
        answer = await locked.call("GET", f"/{LOCKED}", query={"object-lock": ""})
        assert answer.text("Mode") == mode
        assert period in answer.body.decode()
    assert (await configure(locked, "")).status == 200
    answer = await locked.call("GET", f"/{LOCKED}", query={"object-lock": ""})
    assert "Rule" not in answer.body.decode()


async def test_a_bad_configuration_changes_nothing(locked: Stand) -> None:
    await configure(locked, default("GOVERNANCE", "<Days>1</Days>"))
    answer = await configure(locked, default("GOVERNANCE", "<Days>0</Days>"))
    assert (answer.status, answer.code) == (400, "InvalidRetentionPeriod")
    answer = await configure(locked, default("GOVERNANCE", "<Days>3</Days>"), keys=BOB)
    assert answer.code == "AccessDenied"
    answer = await locked.call("GET", f"/{LOCKED}", query={"object-lock": ""})
    assert answer.text("Days") == "1"


@pytest.mark.parametrize("text", ["yes", "1", "enabled"])
async def test_what_a_new_bucket_is_not_asked_so(stand: Stand, text: str) -> None:
    headers = {"x-amz-bucket-object-lock-enabled": text}
    assert (await stand.call("PUT", "/another", headers=headers)).code == "InvalidArgument"
    assert (await stand.call("HEAD", "/another")).status == 404


# new versions ------------------------------------------------------------------------
async def described(stand: Stand) -> tuple[str | None, ...]:
    head = await stand.call("HEAD", KEY)
    assert head.status == 200
    return tuple(head.headers.get(name) for name in (MODE, UNTIL, HOLD))


async def upload(stand: Stand, headers: dict[str, str]) -> Answer:
    started = await stand.call("POST", KEY, query={"uploads": ""}, headers=headers)
    query = {"uploadId": started.text("UploadId")}
    part = await stand.call("PUT", KEY, "one", query={**query, "partNumber": "1"})
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{part.etag}</ETag></Part></CompleteMultipartUpload>"
    )
    return await stand.call("POST", KEY, document, query=query)


async def copy(stand: Stand, headers: dict[str, str]) -> Answer:
    await stand.call("PUT", f"/{BUCKET}/source", "one")
    source = {"x-amz-copy-source": f"{BUCKET}/source"}
    return await stand.call("PUT", KEY, headers={**source, **headers})


async def plain(stand: Stand, headers: dict[str, str]) -> Answer:
    return await stand.call("PUT", KEY, "one", headers=headers)


@pytest.mark.parametrize("write", [plain, copy, upload])
async def test_a_write_says_how_it_is_protected(locked: Stand, write: Any) -> None:
    answer = await write(locked, {MODE: "GOVERNANCE", UNTIL: LATER, HOLD: "ON"})
    assert answer.status == 200, answer.body
    assert await described(locked) == ("GOVERNANCE", LATER, "ON")
    assert await remove(locked, answer.version_id, bypass=True) == "AccessDenied"
    await hold(locked, "OFF")
    assert await remove(locked, answer.version_id) == "AccessDenied"
    assert await remove(locked, answer.version_id, bypass=True) == ""


@pytest.mark.parametrize("write", [plain, copy, upload])
async def test_a_write_that_says_nothing_gets_the_default(locked: Stand, write: Any) -> None:
    await configure(locked, default("COMPLIANCE", "<Days>1</Days>"))
    answer = await write(locked, {})
    assert await described(locked) == ("COMPLIANCE", "2027-01-16T08:00:00.000Z", None)
    assert await remove(locked, answer.version_id, bypass=True, keys=ROOT) == "AccessDenied"
    await write(locked, {MODE: "GOVERNANCE", UNTIL: LATER})
    assert await described(locked) == ("GOVERNANCE", LATER, None)
    await write(locked, {HOLD: "ON"})
    assert await described(locked) == ("COMPLIANCE", "2027-01-16T08:00:00.000Z", "ON")


async def test_a_delete_marker_is_not_protected(locked: Stand) -> None:
    await configure(locked, default("COMPLIANCE", "<Days>1</Days>"))
    written = await put(locked)
    gone = await locked.call("DELETE", KEY)
    assert gone.is_marker
    assert await remove(locked, gone.version_id) == ""
    assert (await locked.call("GET", KEY)).version_id == written.version_id


@pytest.mark.parametrize(
    "headers",
    [
        {"mode": "GOVERNANCE"},
        {"until": SOON},
        {"mode": "governance", "until": SOON},
        {"mode": "GOVERNANCE", "until": "tomorrow"},
        {"mode": "GOVERNANCE", "until": PAST},
        {"mode": "COMPLIANCE", "until": "2027-01-15T08:00:00Z"},
        {"hold": "MAYBE"},
    ],
)
async def test_protections_that_make_no_sense(locked: Stand, headers: dict[str, str]) -> None:
    answer = await put(locked, **headers)
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert (await locked.call("GET", KEY)).code == "NoSuchKey"


# retention ---------------------------------------------------------------------------
async def test_retention_is_given_back_by_version(locked: Stand) -> None:
    first = (await put(locked)).version_id
    assert first is not None
    await put(locked, "two")
    answer = await locked.call("GET", KEY, query={"retention": ""})
    assert (answer.status, answer.code) == (404, "NoSuchObjectLockConfiguration")
    assert (await retain(locked, retention("GOVERNANCE", SOON), versionId=first)).status == 200
    answer = await locked.call("GET", KEY, query={"retention": "", "versionId": first})
    assert (answer.text("Mode"), answer.text("RetainUntilDate")) == (
        "GOVERNANCE",
        "2027-01-16T08:00:00.000Z",
    )
    answer = await locked.call("GET", KEY, query={"retention": ""})
    assert answer.code == "NoSuchObjectLockConfiguration"


STEPS = [
    # (from, to, without bypass, with bypass)
    (("GOVERNANCE", SOON), ("GOVERNANCE", LATER), "", ""),
    (("GOVERNANCE", SOON), ("GOVERNANCE", SOON), "", ""),
    (("GOVERNANCE", LATER), ("GOVERNANCE", SOON), "AccessDenied", ""),
    (("GOVERNANCE", SOON), ("COMPLIANCE", LATER), "AccessDenied", ""),
    (("GOVERNANCE", SOON), None, "AccessDenied", ""),
    (("COMPLIANCE", SOON), ("COMPLIANCE", LATER), "", ""),
    (("COMPLIANCE", LATER), ("COMPLIANCE", SOON), "AccessDenied", "AccessDenied"),
    (("COMPLIANCE", SOON), ("GOVERNANCE", LATER), "AccessDenied", "AccessDenied"),
    (("COMPLIANCE", SOON), None, "AccessDenied", "AccessDenied"),
]


@pytest.mark.parametrize("keys", [ALICE, ROOT], ids=["owner", "root"])
@pytest.mark.parametrize("bypass", [False, True], ids=["plain", "bypass"])
@pytest.mark.parametrize(("first", "then", "plain_code", "bypass_code"), STEPS)
async def test_retention_is_extended_more_easily_than_weakened(
    locked: Stand,
    first: tuple[str, str],
    then: tuple[str, str] | None,
    plain_code: str,
    bypass_code: str,
    bypass: bool,
    keys: Keys,
) -> None:
    await put(locked)
    assert (await retain(locked, retention(*first))).status == 200
    document = "<Retention/>" if then is None else retention(*then)
    answer = await retain(locked, document, bypass=bypass, keys=keys)
    code = bypass_code if bypass else plain_code
    assert answer.status == (403 if code else 200)
    assert not code or answer.code == code
    answer = await locked.call("GET", KEY, query={"retention": ""})
    left = first if code else then
    assert answer.text("Mode") == ("" if left is None else left[0])


async def test_a_retention_that_ended_protects_no_more(locked: Stand) -> None:
    version_id = (await put(locked, mode="COMPLIANCE", until=SOON)).version_id
    locked.clock.forward(DAY_S - 1)
    assert await remove(locked, version_id, bypass=True, keys=ROOT) == "AccessDenied"
    locked.clock.forward(2)
    answer = await retain(locked, retention("GOVERNANCE", LATER))
    assert answer.status == 200
    locked.clock.forward(DAY_S)
    assert await remove(locked, version_id) == ""


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", "MalformedXML"),
        (retention("governance", SOON), "MalformedXML"),
        (retention("GOVERNANCE", "soon"), "MalformedXML"),
        (retention("GOVERNANCE", PAST), "InvalidArgument"),
    ],
)
async def test_bad_retentions(locked: Stand, document: str, code: str) -> None:
    await put(locked)
    answer = await retain(locked, document)
    assert (answer.status, answer.code) == (400, code)
    answer = await locked.call("GET", KEY, query={"retention": ""})
    assert answer.code == "NoSuchObjectLockConfiguration"


async def test_what_has_no_retention(locked: Stand) -> None:
    for query in ("retention", "legal-hold"):
        assert (await locked.call("GET", KEY, query={query: ""})).code == "NoSuchKey"
    marker_id = (await locked.call("DELETE", KEY)).version_id
    assert marker_id is not None
    answer = await retain(locked, retention("GOVERNANCE", SOON), versionId=marker_id)
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")


async def test_strangers_neither_lock_nor_bypass(locked: Stand) -> None:
    version_id = (await put(locked, mode="GOVERNANCE", until=SOON)).version_id
    document = retention("GOVERNANCE", LATER)
    assert (await retain(locked, document, keys=BOB)).code == "AccessDenied"
    assert (await hold(locked, "ON", keys=BOB)).code == "AccessDenied"
    assert await remove(locked, version_id, bypass=True, keys=BOB) == "AccessDenied"
    assert await described(locked) == ("GOVERNANCE", "2027-01-16T08:00:00.000Z", None)


# legal holds -------------------------------------------------------------------------
async def test_a_legal_hold_holds_until_it_is_lifted(locked: Stand) -> None:
    version_id = (await put(locked)).version_id
    answer = await locked.call("GET", KEY, query={"legal-hold": ""})
    assert answer.text("Status") == "OFF"
    assert (await hold(locked, "ON")).status == 200
    answer = await locked.call("GET", KEY, query={"legal-hold": ""})
    assert answer.text("Status") == "ON"
    locked.clock.forward(1000 * DAY_S)
    for keys in (ALICE, ROOT):
        assert await remove(locked, version_id, bypass=True, keys=keys) == "AccessDenied"
    assert (await hold(locked, "MAYBE")).code == "MalformedXML"
    assert (await hold(locked, "OFF")).status == 200
    assert await remove(locked, version_id) == ""


# many at once ------------------------------------------------------------------------
async def test_of_many_only_the_locked_stay(locked: Stand) -> None:
    kept = (await put(locked, mode="GOVERNANCE", until=SOON)).version_id
    free = (await locked.call("PUT", f"/{LOCKED}/free", "x")).version_id
    document = (
        f"<Delete><Object><Key>key</Key><VersionId>{kept}</VersionId></Object>"
        f"<Object><Key>free</Key><VersionId>{free}</VersionId></Object></Delete>"
    )
    checksum = base64.b64encode(sha256(document.encode()).digest()).decode()

    async def send(**more: str) -> Answer:
        headers = {"x-amz-checksum-sha256": checksum, **more}
        return await locked.call(
            "POST", f"/{LOCKED}", document, query={"delete": ""}, headers=headers
        )

    answer = await send()
    assert answer.texts("Error/Key") == ["key"]
    assert answer.texts("Error/Code") == ["AccessDenied"]
    assert answer.texts("Error/VersionId") == [kept]
    assert answer.texts("Deleted/Key") == ["free"]
    answer = await send(**{BYPASS: "true"})
    assert answer.texts("Error/Key") == []
    assert (await locked.call("GET", KEY)).code == "NoSuchKey"
