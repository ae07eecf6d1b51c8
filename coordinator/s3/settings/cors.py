"""Which web pages a browser may let read a bucket: the CORS rules, and which of them fits.

Rules: up to 100; an origin and a header have at most one `*`. The first rule that fits counts: by
origin, method, and every header that the preflight asks for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import document, element
from coordinator.s3.xml.tree import children, number, root, text

MAX_RULES: Final = 100
MAX_ID_CHARACTERS: Final = 255
MAX_AGE_LIMIT_S: Final = 2**31 - 1
METHODS: Final = frozenset({"GET", "PUT", "HEAD", "POST", "DELETE"})


@dataclass(frozen=True, slots=True)
class CorsRule:
    """One rule; `max_age_s` None leaves it to the browser."""

    methods: tuple[str, ...]
    origins: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age_s: int | None = None
    rule_id: str = ""

    def origin_for(self, origin: str) -> str:
        """What is answered as the allowed origin: "*", the origin itself, or "" for no."""
        for pattern in self.origins:
            if pattern == "*":
                return "*"
            if _matches(pattern, origin):
                return origin
        return ""

    def allows_headers(self, names: Iterable[str]) -> bool:
        """Whether a request may carry all of these."""
        patterns = [pattern.lower() for pattern in self.headers]
        return all(any(_matches(pattern, name.lower()) for pattern in patterns) for name in names)


CorsRules = tuple[CorsRule, ...]


def find_rule(
    rules: Sequence[CorsRule], origin: str, method: str, headers: Iterable[str] = ()
) -> CorsRule | None:
    """The rule that lets a page of that origin do this, or None."""
    wanted = tuple(headers)
    for rule in rules:
        if method in rule.methods and rule.origin_for(origin) and rule.allows_headers(wanted):
            return rule
    return None


def parse_cors(body: bytes) -> CorsRules:
    """`<CORSConfiguration>`. Raises S3Error MalformedXML, InvalidRequest, InvalidArgument."""
    rules = []
    for name, node in children(root(body, "CORSConfiguration")):
        if name != "CORSRule":
            raise S3Error("MalformedXML")
        many: dict[str, list[str]] = {
            "AllowedMethod": [],
            "AllowedOrigin": [],
            "AllowedHeader": [],
            "ExposeHeader": [],
        }
        rule_id, max_age_s = "", None
        for part, child in children(node):
            if part in many:
                many[part].append(text(child).strip())
            elif part == "ID":
                rule_id = text(child)
            elif part == "MaxAgeSeconds":
                max_age_s = number(child, 0, MAX_AGE_LIMIT_S)
            else:
                raise S3Error("MalformedXML")
        rules.append(
            _checked(
                CorsRule(
                    tuple(many["AllowedMethod"]),
                    tuple(many["AllowedOrigin"]),
                    tuple(many["AllowedHeader"]),
                    tuple(many["ExposeHeader"]),
                    max_age_s,
                    rule_id,
                )
            )
        )
    if not 1 <= len(rules) <= MAX_RULES:
        raise S3Error("MalformedXML")
    return tuple(rules)


def render_cors(rules: CorsRules) -> bytes:
    """`<CORSConfiguration>`."""
    content = []
    for rule in rules:
        content.append("<CORSRule>")
        if rule.rule_id:
            content.append(element("ID", rule.rule_id))
        content += [element("AllowedMethod", method) for method in rule.methods]
        content += [element("AllowedOrigin", origin) for origin in rule.origins]
        content += [element("AllowedHeader", header) for header in rule.headers]
        if rule.max_age_s is not None:
            content.append(element("MaxAgeSeconds", str(rule.max_age_s)))
        content += [element("ExposeHeader", header) for header in rule.exposed]
        content.append("</CORSRule>")
    return document("CORSConfiguration", "".join(content))


def _checked(rule: CorsRule) -> CorsRule:
    if not rule.methods or not rule.origins or len(rule.rule_id) > MAX_ID_CHARACTERS:
        raise S3Error("MalformedXML")
    for method in rule.methods:
        if method not in METHODS:
            raise _invalid(
                "Found unsupported HTTP method in CORS config. Unsupported method is " + method
            )
    for what, patterns in (("AllowedOrigin", rule.origins), ("AllowedHeader", rule.headers)):
        for pattern in patterns:
            if pattern.count("*") > 1:
                raise _invalid(f'{what} "{pattern}" can not have more than one wildcard.')
    for what, values in (
        ("AllowedOrigin", rule.origins),
        ("AllowedHeader", rule.headers),
        ("ExposeHeader", rule.exposed),
    ):
        # They become response headers.
        if not all(value.isascii() and value.isprintable() and value for value in values):
            raise _invalid(f"{what} must be a header's text")
    for header in rule.exposed:
        if "*" in header:
            raise _invalid(
                f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard'
                " for ExposeHeader."
            )
    return rule


def _invalid(message: str) -> S3Error:
    return S3Error("InvalidRequest", message)


def _matches(pattern: str, value: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == value
    return (
        len(value) >= len(before) + len(after)
        and value.startswith(before)
        and value.endswith(after)
    )
