"""The lifecycle document: its two forms, its limits, and what of it contradicts itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.lifecycle.rules import Filter, Rule, Transition
from coordinator.s3.errors import S3Error
from coordinator.s3.settings.lifecycle import parse_lifecycle, render_lifecycle

DAY = "<Expiration><Days>1</Days></Expiration>"
IN_2015_MS = 1_420_070_400_000
TAG = "<Tag><Key>a</Key><Value>1</Value></Tag>"
ABORT = (
    "<AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation>"
    "</AbortIncompleteMultipartUpload>"
)
MARKERS = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"


def lifecycle(*rules: str) -> bytes:
    each = "".join(f"<Rule>{rule}</Rule>" for rule in rules)
    return f"<LifecycleConfiguration>{each}</LifecycleConfiguration>".encode()


def ruled(content: str, where: str = "<Filter/>", status: str = "Enabled") -> bytes:
    return lifecycle(f"<ID>r</ID>{where}<Status>{status}</Status>{content}")


def transition(content: str, name: str = "Transition") -> str:
    return f"<{name}>{content}</{name}>"


WHOLE = (
    Rule("old", True, Filter("logs/"), False, days=30),
    Rule("", False, Filter(), expired_markers=True),
    Rule("tag", True, Filter(None, (("a", "1"),)), date_ms=IN_2015_MS),
    Rule(
        "all of it",
        True,
        Filter("x\r\n<&", (("a", "1"), ("b", "")), 10, 1000),
        days=400,
        noncurrent_days=3,
        newer_kept=5,
        transitions=(Transition("STANDARD_IA", 30), Transition("GLACIER_IR", 90)),
        noncurrent_transitions=(Transition("ONEZONE_IA", 0, newer_kept=2),),
    ),
    Rule("uploads", True, Filter("", ()), abort_days=7),
)


def test_what_was_set_is_given_back() -> None:
    once = parse_lifecycle(render_lifecycle(WHOLE))
    assert once[0] == WHOLE[0]
    assert once[2:] == WHOLE[2:]
    assert once[1].rule_id, "an id was made"
    assert parse_lifecycle(render_lifecycle(once)) == once


def test_rules_without_an_id_get_different_ones_that_stay() -> None:
    same = f"<Prefix/><Status>Enabled</Status>{DAY}"
    rules = parse_lifecycle(lifecycle(same, same, f"<ID/>{same}"))
    assert len({rule.rule_id for rule in rules}) == 3
    assert rules == parse_lifecycle(lifecycle(same, same, f"<ID/>{same}"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<Prefix>a</Prefix>", Filter("a")),
        ("", Filter()),
        ("<And/>", Filter()),
        (TAG, Filter(tags=(("a", "1"),))),
        ("<Prefix/><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>", Filter("", (), 5)),
        (
            f"<Prefix>ab/</Prefix>{TAG}<And><Prefix>ab</Prefix>"
            "<Tag><Key>b</Key><Value>2</Value></Tag></And>",
            Filter("ab/", (("a", "1"), ("b", "2"))),
        ),
    ],
)
def test_all_that_a_filter_names_must_hold(content: str, expected: Filter) -> None:
    (rule,) = parse_lifecycle(ruled(DAY, f"<Filter>{content}</Filter>"))
    assert rule.filter == expected


def test_a_date_may_be_short_or_have_a_zone() -> None:
    for text in ("2015-01-01", "2015-01-01T00:00:00.000Z", "2015-01-01T01:00:00+01:00"):
        (rule,) = parse_lifecycle(ruled(f"<Expiration><Date>{text}</Date></Expiration>"))
        assert rule.date_ms == IN_2015_MS


def of_size(larger: int, smaller: int) -> str:
    return (
        f"<Filter><And><ObjectSizeGreaterThan>{larger}</ObjectSizeGreaterThan>"
        f"<ObjectSizeLessThan>{smaller}</ObjectSizeLessThan></And></Filter>"
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MalformedXML"),
        (lifecycle(), "MalformedXML"),
        (lifecycle(*([f"<Prefix/><Status>Enabled</Status>{DAY}"] * 1001)), "MalformedXML"),
        (ruled(DAY, status="enabled"), "MalformedXML"),
        (ruled(DAY, ""), "MalformedXML"),
        (ruled(DAY, "<Prefix/><Filter/>"), "MalformedXML"),
        (ruled(DAY, f"<Prefix>{'x' * 1025}</Prefix>"), "InvalidRequest"),
        (ruled(DAY + DAY), "MalformedXML"),
        (ruled("<What/>" + DAY), "MalformedXML"),
        (ruled(""), "InvalidRequest"),
        (ruled("<Expiration/>"), "MalformedXML"),
        (ruled("<Expiration><Days>0</Days></Expiration>"), "InvalidArgument"),
        (ruled("<Expiration><Days>-1</Days></Expiration>"), "InvalidArgument"),
        (ruled("<Expiration><Days>x</Days></Expiration>"), "MalformedXML"),
        (ruled("<Expiration><Days>2147483648</Days></Expiration>"), "InvalidArgument"),
        (ruled("<Expiration><Days>1</Days><Date>2015-01-01</Date></Expiration>"), "MalformedXML"),
        (ruled("<Expiration><Date>20150101</Date></Expiration>"), "MalformedXML"),
        (ruled("<Expiration><Date>2015-01-01T01:00:00Z</Date></Expiration>"), "InvalidArgument"),
        (ruled("<NoncurrentVersionExpiration/>"), "MalformedXML"),
        (
            ruled(
                "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
                "<NewerNoncurrentVersions>101</NewerNoncurrentVersions>"
                "</NoncurrentVersionExpiration>"
            ),
            "InvalidArgument",
        ),
        (ruled("<AbortIncompleteMultipartUpload/>"), "MalformedXML"),
        (ruled(ABORT, f"<Filter>{TAG}</Filter>"), "InvalidRequest"),
        (ruled(MARKERS, f"<Filter>{TAG}</Filter>"), "InvalidRequest"),
        (ruled(MARKERS, of_size(1, 9)), "InvalidRequest"),
        (ruled(DAY, of_size(9, 9)), "InvalidRequest"),
        (ruled(DAY, "<Filter><Tag><Key>a</Key></Tag></Filter>"), "MalformedXML"),
        (ruled(DAY, f"<Filter>{TAG}<And>{TAG}</And></Filter>"), "InvalidTag"),
        (
            ruled(DAY, "<Filter><Prefix>a</Prefix><And><Prefix>b</Prefix></And></Filter>"),
            "InvalidRequest",
        ),
        (lifecycle(f"<ID>{'a' * 256}</ID><Prefix/><Status>Enabled</Status>{DAY}"),
         "InvalidArgument"),
        (lifecycle(*([f"<ID>a</ID><Prefix/><Status>Enabled</Status>{DAY}"] * 2)),
         "InvalidArgument"),
        (ruled(transition("<Days>1</Days>")), "MalformedXML"),
        (ruled(transition("<StorageClass>STANDARD_IA</StorageClass>")), "MalformedXML"),
        (ruled(transition("<Days>1</Days><StorageClass>COLD</StorageClass>")), "MalformedXML"),
        (
            ruled(transition("<Days>1</Days><StorageClass>GLACIER</StorageClass>")),
            "InvalidStorageClass",
        ),
        (
            ruled(transition("<Days>1</Days><StorageClass>GLACIER_IR</StorageClass>") + DAY),
            "InvalidArgument",
        ),
        (
            ruled(
                transition("<Date>2015-01-01</Date><StorageClass>GLACIER_IR</StorageClass>") + DAY
            ),
            "InvalidRequest",
        ),
        (
            ruled(transition("<Days>1</Days><StorageClass>GLACIER_IR</StorageClass>") * 2),
            "InvalidRequest",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_code(body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as error:
        parse_lifecycle(body)
    assert error.value.code == code


PIECES = st.sampled_from(
    [
        "<Rule>", "</Rule>", "<ID>", "</ID>", "<Filter>", "</Filter>", "<And>", "</And>", TAG, DAY,
        "<Prefix>", "</Prefix>", "<Status>Enabled</Status>", ABORT, MARKERS, "a", "1", "<Days>",
        "</Days>", "<Expiration>", "</Expiration>", "<Date>", "</Date>", "2015-01-01", "9" * 30,
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=30))
def test_no_document_does_anything_but_parse_or_be_refused(content: str) -> None:
    for body in (content, f"<LifecycleConfiguration>{content}</LifecycleConfiguration>"):
        try:
            rules = parse_lifecycle(body.encode("utf-8", "replace"))
        except S3Error:
            continue
        assert parse_lifecycle(render_lifecycle(rules)) == rules
