"""Buckets as web sites, over the whole endpoint: what strangers see at the site's own host."""

from collections.abc import Mapping

import pytest

from coordinator.s3.errors import S3Error
from coordinator.s3.website import error_page
from tests.coordinator.s3.support import BUCKET, WEBSITE_DOMAIN, Answer, Stand

HOST = f"{BUCKET}.{WEBSITE_DOMAIN}"
POLICY = f"""{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": "*",
 "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{BUCKET}/*"}},
 {{"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket",
 "Resource": "arn:aws:s3:::{BUCKET}"}}]}}"""
INDEX = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
ERROR = "<ErrorDocument><Key>error.html</Key></ErrorDocument>"


async def configure(stand: Stand, content: str = INDEX) -> None:
    body = f"<WebsiteConfiguration>{content}</WebsiteConfiguration>"
    answer = await stand.call("PUT", f"/{BUCKET}", body, query={"website": ""})
    assert answer.status == 200, answer.body


async def publish(stand: Stand, **headers: str) -> None:
    answer = await stand.call("PUT", f"/{BUCKET}", POLICY, query={"policy": ""})
    assert answer.status in (200, 204), answer.body
    for key in ("index.html", "docs/index.html", "plain.txt", "error.html"):
        await put(stand, key)


async def put(stand: Stand, key: str, headers: Mapping[str, str] | None = None) -> None:
    html = {"content-type": "text/html", **(headers or {})}
    answer = await stand.call("PUT", f"/{BUCKET}/{key}", f"this is {key}", headers=html)
    assert answer.status == 200, answer.body


async def visit(
    stand: Stand, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> Answer:
    sent = {"host": f"{HOST}:9000", **(headers or {})}
    return await stand.call(method, path, headers=sent, keys=None)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", "this is index.html"),
        ("/docs/", "this is docs/index.html"),
        ("/plain.txt", "this is plain.txt"),
    ],
)
async def test_pages_are_shown_to_everybody(stand: Stand, path: str, body: str) -> None:
    await configure(stand)
    await publish(stand)
    answer = await visit(stand, path)
    assert (answer.status, answer.body.decode()) == (200, body)
    assert answer.headers["content-type"] == "text/html"
    head = await visit(stand, path, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(body))


async def test_a_folder_without_its_slash_is_redirected(stand: Stand) -> None:
    await configure(stand)
    await publish(stand)
    answer = await visit(stand, "/docs")
    assert (answer.status, answer.headers["location"]) == (302, "/docs/")
    assert (await visit(stand, "/dogs")).status == 404


async def test_ranges_and_conditions_work_as_ever(stand: Stand) -> None:
    await configure(stand, INDEX + ERROR)
    await publish(stand)
    answer = await visit(stand, "/plain.txt", headers={"range": "bytes=0-3"})
    assert (answer.status, answer.body) == (206, b"this")
    etag = (await visit(stand, "/")).etag
    assert (await visit(stand, "/", headers={"if-none-match": etag})).status == 304
    # The error document is shown whole, whatever was asked of the page.
    answer = await visit(stand, "/none", headers={"range": "bytes=0-3", "if-match": '"x"'})
    assert (answer.status, answer.body) == (404, b"this is error.html")


async def test_errors_are_pages(stand: Stand) -> None:
    await configure(stand)
    await publish(stand)
    answer = await visit(stand, "/<none>")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert b"NoSuchKey" in answer.body
    assert b"<none>" not in answer.body
    assert (await visit(stand, "/", "POST")).status == 405
    other = await stand.call("GET", "/", headers={"host": f"nothing.{WEBSITE_DOMAIN}"}, keys=None)
    assert (other.status, b"NoSuchBucket" in other.body) == (404, True)


async def test_a_bucket_without_a_site_has_none(stand: Stand) -> None:
    await publish(stand)
    answer = await visit(stand, "/")
    assert (answer.status, b"NoSuchWebsiteConfiguration" in answer.body) == (404, True)


async def test_only_what_strangers_may_read_is_shown(stand: Stand) -> None:
    await configure(stand, INDEX + ERROR)
    await put(stand, "index.html")
    await put(stand, "error.html")
    answer = await visit(stand, "/")
    assert (answer.status, b"AccessDenied" in answer.body) == (403, True)
    assert b"this is" not in answer.body


async def test_nobody_is_known_at_a_site(stand: Stand) -> None:
    await configure(stand)
    await put(stand, "index.html")
    answer = await stand.call("GET", "/", headers={"host": HOST})
    assert answer.status == 403


async def test_everything_may_be_elsewhere(stand: Stand) -> None:
    target = "<HostName>www.example.com</HostName><Protocol>https</Protocol>"
    await configure(stand, f"<RedirectAllRequestsTo>{target}</RedirectAllRequestsTo>")
    answer = await visit(stand, "/a b/ü")
    assert answer.status == 301
    assert answer.headers["location"] == "https://www.example.com/a%20b/%C3%BC"


@pytest.mark.parametrize(
    ("condition", "redirect", "path", "status", "location"),
    [
        ("<KeyPrefixEquals>docs/</KeyPrefixEquals>",
         "<ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith>",
         "/docs/a", 301, "/documents/a"),
        ("<KeyPrefixEquals>gone</KeyPrefixEquals>",
         "<ReplaceKeyWith>index.html</ReplaceKeyWith><HttpRedirectCode>307</HttpRedirectCode>",
         "/gone/far", 307, "/index.html"),
        ("<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>",
         "<HostName>other</HostName><ReplaceKeyPrefixWith>report-404/</ReplaceKeyPrefixWith>",
         "/none", 301, "//other/report-404/none"),
        ("<KeyPrefixEquals>a</KeyPrefixEquals>", "<Protocol>https</Protocol>",
         "/ab", 301, f"https://{HOST}:9000/ab"),
        ("<KeyPrefixEquals>a</KeyPrefixEquals>",
         "<ReplaceKeyPrefixWith>/evil.example</ReplaceKeyPrefixWith>",
         "/a", 301, "/%2Fevil.example"),
    ],
)  # fmt: skip
async def test_routing_rules(
    stand: Stand, condition: str, redirect: str, path: str, status: int, location: str
) -> None:
    rule = f"<Condition>{condition}</Condition><Redirect>{redirect}</Redirect>"
    await configure(
        stand, f"{INDEX}{ERROR}<RoutingRules><RoutingRule>{rule}</RoutingRule></RoutingRules>"
    )
    await publish(stand)
    answer = await visit(stand, path)
    assert (answer.status, answer.headers.get("location")) == (status, location)


async def test_an_object_may_say_that_it_is_elsewhere(stand: Stand) -> None:
    await configure(stand)
    await publish(stand)
    header = "x-amz-website-redirect-location"
    await put(stand, "moved", {header: "/plain.txt"})
    for method in ("GET", "HEAD"):
        answer = await visit(stand, "/moved", method)
        assert (answer.status, answer.headers["location"]) == (301, "/plain.txt")
    plain = await stand.call("GET", f"/{BUCKET}/moved")
    assert (plain.status, plain.headers[header]) == (200, "/plain.txt")
    refused = await stand.call("PUT", f"/{BUCKET}/bad", b"", headers={header: "javascript:x"})
    assert refused.code == "InvalidRedirectLocation"


def test_an_error_page_holds_no_markup_of_others() -> None:
    page = error_page(S3Error("NoSuchKey", extra={"Key": "<script>"}), "ID").decode()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
