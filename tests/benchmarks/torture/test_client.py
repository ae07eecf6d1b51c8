"""Pages of listings as S3 writes them."""

import pytest

from benchmarks.torture.client import Entry, Page, UnreadableListing, page_of

HEAD = '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
CONTENTS = "<Contents><Key>a&amp;b</Key><ETag>&quot;e&quot;</ETag><Size>5</Size></Contents>"
CUT = "<IsTruncated>true</IsTruncated>"
WHOLE = "<IsTruncated>false</IsTruncated>"


def document(inside: str) -> bytes:
    return f"{HEAD}{inside}</ListBucketResult>".encode()


def test_pages() -> None:
    next_one = "<NextContinuationToken>to+ken=</NextContinuationToken>"
    entries = [Entry("a&b", '"e"', 5)]
    assert page_of(document(CUT + CONTENTS + next_one)) == Page(entries, "to+ken=")
    assert page_of(document(WHOLE + CONTENTS)) == Page(entries, "")
    assert page_of(document(WHOLE)) == Page([], "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not XML",
        document(""),
        document(CUT + CONTENTS),
        document(WHOLE + "<Contents><Key>k</Key></Contents>"),
        document(WHOLE + CONTENTS.replace("5", "five")),
    ],
)
def test_what_is_no_listing(body: bytes) -> None:
    with pytest.raises(UnreadableListing):
        page_of(body)
