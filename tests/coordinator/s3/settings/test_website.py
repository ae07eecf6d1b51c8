"""The website document: either everything elsewhere, or pages and rules."""

import pytest

from coordinator.s3.errors import S3Error
from coordinator.s3.settings.website import (
    Redirect,
    RoutingRule,
    Website,
    parse_website,
    render_website,
)


def website(content: str) -> bytes:
    return f"<WebsiteConfiguration>{content}</WebsiteConfiguration>".encode()


INDEX = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"


def rules(*each: str) -> str:
    return (
        f"<RoutingRules>{''.join(f'<RoutingRule>{r}</RoutingRule>' for r in each)}</RoutingRules>"
    )


WHOLE = Website(
    "index.html",
    "errors/404.html",
    (
        RoutingRule(Redirect(prefix="documents/"), "docs/"),
        RoutingRule(Redirect("www.example.com:8080", "https", 302, key="lost.html"), "", 404),
        RoutingRule(Redirect(prefix=""), "old/", 403),
    ),
)


def test_a_whole_site_comes_back() -> None:
    assert parse_website(render_website(WHOLE)) == WHOLE
    everything = Website(redirect_all=Redirect("example.com", "https"))
    assert parse_website(render_website(everything)) == everything


def test_the_first_rule_that_fits_counts() -> None:
    site = parse_website(render_website(WHOLE))
    assert site.rule_for("docs/a", 0) == WHOLE.rules[0]
    assert site.rule_for("docs/a", 404) == WHOLE.rules[1]
    assert site.rule_for("old/a", 403) == WHOLE.rules[2]
    assert site.rule_for("new/a", 403) is None
    assert site.rule_for("new/a", 0) is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "InvalidArgument"),
        ("<IndexDocument/>", "InvalidArgument"),
        ("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>", "InvalidArgument"),
        (INDEX + "<ErrorDocument><Key/></ErrorDocument>", "InvalidArgument"),
        (INDEX + INDEX, "MalformedXML"),
        (INDEX + "<RedirectAllRequestsTo><HostName>a</HostName></RedirectAllRequestsTo>",
         "MalformedXML"),
        ("<RedirectAllRequestsTo/>", "MalformedXML"),
        ("<RedirectAllRequestsTo><HostName>a/b</HostName></RedirectAllRequestsTo>",
         "InvalidRequest"),
        ("<RedirectAllRequestsTo><HostName>a</HostName><Protocol>ftp</Protocol>"
         "</RedirectAllRequestsTo>", "InvalidRequest"),
        (INDEX + "<RoutingRules/>", "InvalidRequest"),
        (INDEX + rules("<Condition/>"), "MalformedXML"),
        (INDEX + rules("<Redirect/>"), "InvalidRequest"),
        (INDEX + rules("<Condition/><Redirect><HostName>a</HostName></Redirect>"),
         "InvalidRequest"),
        (INDEX + rules("<Redirect><ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b"
                       "</ReplaceKeyPrefixWith></Redirect>"), "InvalidRequest"),
        (INDEX + rules("<Redirect><HttpRedirectCode>200</HttpRedirectCode></Redirect>"),
         "InvalidArgument"),
        (INDEX + rules("<Condition><HttpErrorCodeReturnedEquals>200</HttpErrorCodeReturnedEquals>"
                       "</Condition><Redirect><HostName>a</HostName></Redirect>"),
         "InvalidArgument"),
        (INDEX + rules(*["<Redirect><HostName>a</HostName></Redirect>"] * 51), "InvalidRequest"),
    ],
)  # fmt: skip
def test_documents_that_are_refused(content: str, code: str) -> None:
    with pytest.raises(S3Error) as refused:
        parse_website(website(content))
    assert refused.value.code == code
