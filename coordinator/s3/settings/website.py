"""A bucket as a web site: its pages for folders and errors, and what is to be found elsewhere.

Rules: either everything is redirected to another host, or there is an index document; up to 50
routing rules, of which the first that fits counts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import document, element
from coordinator.s3.xml.tree import children, number, only, root, text

MAX_RULES: Final = 50
MAX_KEY_BYTES: Final = 1024
_PROTOCOLS: Final = ("", "http", "https")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to: "" keeps what the request has. `key` replaces the whole key, `prefix` the part
    that the rule's condition matched; None of them keeps the key."""

    host: str = ""
    protocol: str = ""
    status: int = 301
    key: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """When the key starts so, and (unless 0) the answer would have that error status."""

    redirect: Redirect
    key_prefix: str = ""
    error_status: int = 0


@dataclass(frozen=True, slots=True)
class Website:
    """`redirect_all` is set, or `index` is."""

    index: str = ""
    error_key: str = ""
    rules: tuple[RoutingRule, ...] = ()
    redirect_all: Redirect | None = None

    def rule_for(self, key: str, error_status: int) -> RoutingRule | None:
        """The rule for a key before it is read (0), or for an error while reading it."""
        for rule in self.rules:
            if rule.error_status == error_status and key.startswith(rule.key_prefix):
                return rule
        return None


def parse_website(body: bytes) -> Website:
    """`<WebsiteConfiguration>`. Raises S3Error MalformedXML, InvalidArgument, InvalidRequest."""
    found = only(
        root(body, "WebsiteConfiguration"),
        "IndexDocument",
        "ErrorDocument",
        "RedirectAllRequestsTo",
        "RoutingRules",
    )
    if "RedirectAllRequestsTo" in found:
        if len(found) > 1:
            raise S3Error("MalformedXML")
        parts = only(found["RedirectAllRequestsTo"], "HostName", "Protocol")
        if "HostName" not in parts:
            raise S3Error("MalformedXML")
        return Website(redirect_all=Redirect(_host(parts["HostName"]), _protocol(parts)))
    index = _text_of(found, "IndexDocument", "Suffix")
    if not index or "/" in index or _CONTROL.search(index):
        raise S3Error("InvalidArgument", "The IndexDocument Suffix is not well formed")
    error_key = ""
    if "ErrorDocument" in found:
        error_key = _text_of(found, "ErrorDocument", "Key")
        if not 1 <= len(error_key.encode("utf-8", "replace")) <= MAX_KEY_BYTES:
            raise S3Error("InvalidArgument", "The ErrorDocument Key is not well formed")
    rules = []
    if "RoutingRules" in found:
        for name, node in children(found["RoutingRules"]):
            if name != "RoutingRule":
                raise S3Error("MalformedXML")
            rules.append(_rule(node))
        if not 1 <= len(rules) <= MAX_RULES:
            raise S3Error(
                "InvalidRequest", f"{len(rules)} routing rules provided, {MAX_RULES} allowed"
            )
    return Website(index, error_key, tuple(rules))


def render_website(site: Website) -> bytes:
    """`<WebsiteConfiguration>`."""
    if site.redirect_all is not None:
        content = element("HostName", site.redirect_all.host)
        if site.redirect_all.protocol:
            content += element("Protocol", site.redirect_all.protocol)
        return document(
            "WebsiteConfiguration", f"<RedirectAllRequestsTo>{content}</RedirectAllRequestsTo>"
        )
    pieces = [f"<IndexDocument>{element('Suffix', site.index)}</IndexDocument>"]
    if site.error_key:
        pieces.append(f"<ErrorDocument>{element('Key', site.error_key)}</ErrorDocument>")
    if site.rules:
        pieces.append(f"<RoutingRules>{''.join(map(_render_rule, site.rules))}</RoutingRules>")
    return document("WebsiteConfiguration", "".join(pieces))


def _render_rule(rule: RoutingRule) -> str:
    condition = ""
    if rule.error_status:
        condition += element("HttpErrorCodeReturnedEquals", str(rule.error_status))
    if rule.key_prefix:
        condition += element("KeyPrefixEquals", rule.key_prefix)
    to = rule.redirect
    target = ""
    for name, value in (
        ("HostName", to.host or None),
        ("HttpRedirectCode", str(to.status) if to.status != 301 else None),
        ("Protocol", to.protocol or None),
        ("ReplaceKeyPrefixWith", to.prefix),
        ("ReplaceKeyWith", to.key),
    ):
        if value is not None:
            target += element(name, value)
    wrapped = f"<Condition>{condition}</Condition>" if condition else ""
    return f"<RoutingRule>{wrapped}<Redirect>{target}</Redirect></RoutingRule>"


def _rule(node: Element) -> RoutingRule:
    found = only(node, "Condition", "Redirect")
    if "Redirect" not in found:
        raise S3Error("MalformedXML")
    key_prefix, error_status = "", 0
    if "Condition" in found:
        condition = only(found["Condition"], "KeyPrefixEquals", "HttpErrorCodeReturnedEquals")
        if not condition:
            raise S3Error("InvalidRequest", "Condition cannot be empty.")
        if "KeyPrefixEquals" in condition:
            key_prefix = text(condition["KeyPrefixEquals"])
        if "HttpErrorCodeReturnedEquals" in condition:
            error_status = number(condition["HttpErrorCodeReturnedEquals"], 400, 599)
    return RoutingRule(_redirect(found["Redirect"]), key_prefix, error_status)


def _redirect(node: Element) -> Redirect:
    found = only(
        node, "HostName", "HttpRedirectCode", "Protocol", "ReplaceKeyPrefixWith", "ReplaceKeyWith"
    )
    if not found or ("ReplaceKeyPrefixWith" in found and "ReplaceKeyWith" in found):
        raise S3Error(
            "InvalidRequest", "A redirect says one thing at least, and one thing about the key."
        )
    return Redirect(
        _host(found["HostName"]) if "HostName" in found else "",
        _protocol(found),
        number(found["HttpRedirectCode"], 301, 399) if "HttpRedirectCode" in found else 301,
        text(found["ReplaceKeyWith"]) if "ReplaceKeyWith" in found else None,
        text(found["ReplaceKeyPrefixWith"]) if "ReplaceKeyPrefixWith" in found else None,
    )


def _protocol(found: Mapping[str, Element]) -> str:
    protocol = text(found["Protocol"]).strip() if "Protocol" in found else ""
    if protocol not in _PROTOCOLS:
        raise S3Error("InvalidRequest", "Invalid protocol, protocol can be http or https.")
    return protocol


def _host(node: Element) -> str:
    host = text(node).strip()
    if not _HOST.fullmatch(host):
        raise S3Error("InvalidRequest", "The HostName is not the name of a host.")
    return host


def _text_of(found: Mapping[str, Element], outer: str, inner: str) -> str:
    parts = only(found[outer], inner) if outer in found else {}
    return text(parts[inner]) if inner in parts else ""
