"""Answers as XML."""

from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from coordinator.iam.query import xml


def test_an_answer() -> None:
    result = {
        "User": {"UserName": "a&b", "Path": "/<x>/", "Gone": None},
        "Tags": [{"Key": "k"}, {"Key": "l"}],
        "IsTruncated": False,
        "Count": 2,
        "SummaryMap": xml.Entries({"Users": 1}),
    }
    assert xml.answer(xml.IAM, "GetUser", result, "id").decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<GetUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetUserResult>'
        "<User><UserName>a&amp;b</UserName><Path>/&lt;x&gt;/</Path></User>"
        "<Tags><member><Key>k</Key></member><member><Key>l</Key></member></Tags>"
        "<IsTruncated>false</IsTruncated><Count>2</Count>"
        "<SummaryMap><entry><key>Users</key><value>1</value></entry></SummaryMap>"
        "</GetUserResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>"
        "</GetUserResponse>\n"
    )


def test_an_answer_that_says_nothing() -> None:
    assert b"Result" not in xml.answer(xml.IAM, "DeleteUser", None, "id")
    assert b"<TagRoleResult></TagRoleResult>" in xml.answer(xml.STS, "TagRole", {}, "id")


def test_an_error() -> None:
    told = xml.error(xml.STS, "AccessDenied", "no", "id", is_ours=False).decode()
    assert 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"' in told
    assert "<Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message>" in told
    assert "<Type>Receiver</Type>" in xml.error(xml.IAM, "x", "", "", is_ours=True).decode()


def test_a_moment() -> None:
    assert xml.moment(1_700_000_000_999) == "2023-11-14T22:13:20Z"


@given(st.text())
def test_any_text_makes_a_document(text: str) -> None:
    tree = fromstring(xml.answer(xml.IAM, "GetUser", {"Name": text}, "id"))
    found = next(node.text for node in tree.iter() if node.tag.endswith("Name")) or ""
    if text.isprintable():
        assert found == text
