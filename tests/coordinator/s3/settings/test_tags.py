"""Tags: what S3 allows, in a document and in a header."""

import sqlite3

import pytest

from coordinator.access.bucket import TAGGING, load_tags
from coordinator.s3.errors import S3Error
from coordinator.s3.settings.tags import (
    MAX_BUCKET_TAGS,
    MAX_OBJECT_TAGS,
    parse_bucket_tagging,
    parse_object_tagging,
    parse_tag_header,
    render_tagging,
)
from metadata.schema import known_migrations, migrate


def tagging(*pairs: tuple[str, str]) -> bytes:
    tags = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in pairs)
    return f"<Tagging><TagSet>{tags}</TagSet></Tagging>".encode()


def many(count: int) -> bytes:
    return tagging(*((f"tag{number}", "x") for number in range(count)))


def test_tags_come_back_sorted_by_name() -> None:
    tags = parse_object_tagging(tagging(("b", "2"), ("a", "")))
    assert list(tags.items()) == [("a", ""), ("b", "2")]
    assert parse_object_tagging(render_tagging(tags)) == tags


def test_every_character_s3_allows() -> None:
    text = "Ünïcode 漢字 09 _.:/=+-@"
    assert parse_object_tagging(tagging((text, text))) == {text: text}


def test_the_limits_are_met_exactly() -> None:
    assert len(parse_object_tagging(many(MAX_OBJECT_TAGS))) == MAX_OBJECT_TAGS
    assert len(parse_bucket_tagging(many(MAX_BUCKET_TAGS))) == MAX_BUCKET_TAGS
    assert parse_object_tagging(tagging(("k" * 128, "v" * 256)))


@pytest.mark.parametrize(
    "body",
    [
        many(MAX_OBJECT_TAGS + 1),
        tagging(("a", "1"), ("a", "2")),
        tagging(("", "1")),
        tagging(("k" * 129, "")),
        tagging(("k", "v" * 257)),
        tagging(("a&lt;b", "")),
        tagging(("a", "tab\there")),
        tagging(("aws:mine", "")),
        tagging(("AWS:mine", "")),
    ],
)
def test_what_is_no_tag_is_refused(body: bytes) -> None:
    with pytest.raises(S3Error) as refused:
        parse_object_tagging(body)
    assert refused.value.code == "InvalidTag"


def test_a_bucket_has_more_tags_but_not_any_number() -> None:
    with pytest.raises(S3Error, match="InvalidTag"):
        parse_bucket_tagging(many(MAX_BUCKET_TAGS + 1))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Tagging/>",
        b"<TagSet/>",
        b"<Tagging><TagSet/><TagSet/></Tagging>",
        b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet><Tag><Key>a</Key><Value/><Value/></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet><Tug/></TagSet></Tagging>",
        b"<Tagging><TagSet><Tag><Key><b/></Key><Value/></Tag></TagSet></Tagging>",
    ],
)
def test_another_form_is_malformed(body: bytes) -> None:
    with pytest.raises(S3Error, match="MalformedXML"):
        parse_object_tagging(body)


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", {}),
        ("foo=bar&bar", {"bar": "", "foo": "bar"}),
        ("a%20b=c+d", {"a b": "c d"}),
        ("%C3%A4=1&", {"ä": "1"}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
def test_tags_in_a_header(header: str, tags: dict[str, str]) -> None:
    assert parse_tag_header(header) == tags


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("a=1&a=2", "InvalidArgument"),
        ("%FF=1", "InvalidArgument"),
        ("=1", "InvalidTag"),
        ("&".join(f"t{number}=" for number in range(11)), "InvalidTag"),
    ],
)
def test_headers_that_are_refused(header: str, code: str) -> None:
    with pytest.raises(S3Error, match=code):
        parse_tag_header(header)


def test_tags_that_were_kept_as_xml_stay() -> None:
    text = "Ünïcode 漢字 09 _.:/=+-@"
    kept = [{}, {"a": ""}, {"a": "1", text: text, "z": "a=b"}]
    db = sqlite3.connect(":memory:", isolation_level=None)
    migrate(db, known_migrations()[:5])
    for number, tags in enumerate(kept):
        row = (number, TAGGING, render_tagging(tags).decode())
        db.execute("INSERT INTO bucket_settings VALUES (?, ?, ?)", row)
    db.execute("INSERT INTO bucket_settings VALUES (0, 'cors', '<CORS/>')")
    migrate(db, known_migrations())
    found = db.execute("SELECT name, document FROM bucket_settings ORDER BY bucket_id, name")
    (_, cors), *documents = found.fetchall()
    assert cors == "<CORS/>"
    assert [load_tags(document) for _, document in documents] == kept
    db.close()
