"""The lifecycle document: which objects, versions and uploads end when.

Rules: the older form (a Prefix in the rule) and the newer one (a Filter) are given back as they
came. All that a Filter names must hold, wherever in it: several conditions are given back in And. A
rule without an ID gets one that follows from what it says and where it stands. Transitions only to
storage classes whose names objects may have here.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Final
from xml.etree.ElementTree import Element

from coordinator.lifecycle.rules import DAY_MS, Filter, Rule, Rules, Transition
from coordinator.s3.dates import parse_iso_date
from coordinator.s3.errors import S3Error
from coordinator.s3.headers import DEFAULT_STORAGE_CLASS, STORAGE_CLASSES
from coordinator.s3.settings.lifecycle_filter import (
    group,
    parse_filter,
    parse_prefix,
    render_filter,
)
from coordinator.s3.xml.markup import boolean as written
from coordinator.s3.xml.markup import document, element, timestamp
from coordinator.s3.xml.tree import boolean, children, number, only, root, text

MAX_RULES: Final = 1000
MAX_ID_CHARACTERS: Final = 255
MAX_DAYS: Final = 2**31 - 1
MAX_KEPT: Final = 100
MAX_LIFECYCLE_BYTES: Final = 1024 * 1024

_ARCHIVES: Final = ("GLACIER", "DEEP_ARCHIVE")
"""S3's classes that objects have to be restored from."""

_SHORT_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

_ACTIONS: Final = (
    "Expiration",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
)
_TRANSITIONS: Final = ("Transition", "NoncurrentVersionTransition")


def parse_lifecycle(body: bytes) -> Rules:
    """`<LifecycleConfiguration>`. Raises S3Error MalformedXML, InvalidArgument, InvalidRequest,
    InvalidTag, InvalidStorageClass."""
    rules: list[Rule] = []
    for name, node in children(root(body, "LifecycleConfiguration")):
        if name != "Rule" or len(rules) == MAX_RULES:
            raise S3Error("MalformedXML")
        rule = _rule(node)
        rules.append(rule if rule.rule_id else replace(rule, rule_id=_made_id(rule, len(rules))))
    if not rules:
        raise S3Error("MalformedXML")
    if len({rule.rule_id for rule in rules}) < len(rules):
        raise S3Error(
            "InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule"
        )
    return tuple(rules)


def _made_id(rule: Rule, position: int) -> str:
    return sha256(f"{position} {rule!r}".encode("utf-8", "replace")).hexdigest()[:32]


def _rule(node: Element) -> Rule:
    found: dict[str, Element] = {}
    transitions: dict[str, list[Transition]] = {name: [] for name in _TRANSITIONS}
    for name, child in children(node):
        if name in transitions:
            transitions[name].append(_transition(child, name))
        elif name in found or name not in (*_ACTIONS, "ID", "Status", "Prefix", "Filter"):
            raise S3Error("MalformedXML")
        else:
            found[name] = child
    status = text(found["Status"]) if "Status" in found else ""
    if status not in ("Enabled", "Disabled") or ("Prefix" in found) == ("Filter" in found):
        raise S3Error("MalformedXML")
    rule_id = text(found["ID"]) if "ID" in found else ""
    if len(rule_id) > MAX_ID_CHARACTERS:
        raise S3Error(
            "InvalidArgument", f"ID length should not exceed allowed limit of {MAX_ID_CHARACTERS}"
        )
    if not any(transitions.values()) and not any(name in found for name in _ACTIONS):
        raise S3Error("InvalidRequest", "At least one action needs to be specified in a rule")
    has_filter = "Filter" in found
    chosen = parse_filter(found["Filter"]) if has_filter else Filter(parse_prefix(found["Prefix"]))
    rule = Rule(
        rule_id,
        status == "Enabled",
        chosen,
        has_filter,
        transitions=tuple(transitions["Transition"]),
        noncurrent_transitions=tuple(transitions["NoncurrentVersionTransition"]),
    )
    rule = _with_actions(rule, found)
    _check(rule)
    return rule


def _with_actions(rule: Rule, found: Mapping[str, Element]) -> Rule:
    if "Expiration" in found:
        parts = only(found["Expiration"], "Days", "Date", "ExpiredObjectDeleteMarker")
        if len(parts) != 1:
            raise S3Error("MalformedXML")
        if "Days" in parts:
            rule = replace(rule, days=number(parts["Days"], 1, MAX_DAYS))
        elif "Date" in parts:
            rule = replace(rule, date_ms=_date(parts["Date"]))
        else:
            rule = replace(rule, expired_markers=boolean(parts["ExpiredObjectDeleteMarker"]))
    if "NoncurrentVersionExpiration" in found:
        parts = only(
            found["NoncurrentVersionExpiration"], "NoncurrentDays", "NewerNoncurrentVersions"
        )
        if "NoncurrentDays" not in parts:
            raise S3Error("MalformedXML")
        rule = replace(
            rule,
            noncurrent_days=number(parts["NoncurrentDays"], 1, MAX_DAYS),
            newer_kept=_newer_kept(parts),
        )
    if "AbortIncompleteMultipartUpload" in found:
        parts = only(found["AbortIncompleteMultipartUpload"], "DaysAfterInitiation")
        if not parts:
            raise S3Error("MalformedXML")
        rule = replace(rule, abort_days=number(parts["DaysAfterInitiation"], 1, MAX_DAYS))
    return rule


def _check(rule: Rule) -> None:
    """What the parts of a rule demand of each other."""
    if not rule.filter.is_by_key:
        for name, value in (
            ("AbortIncompleteMultipartUpload", rule.abort_days),
            ("ExpiredObjectDeleteMarker", rule.expired_markers),
        ):
            if value is not None:
                raise S3Error(
                    "InvalidRequest", f"{name} cannot be specified with Tags or object sizes."
                )
    ends = [(rule.days, rule.date_ms)] if rule.days or rule.date_ms is not None else []
    moments = ends + [(each.days, each.date_ms) for each in rule.transitions]
    if len({days is None for days, _ in moments}) > 1:
        raise S3Error(
            "InvalidRequest",
            "Found mixed 'Date' and 'Days' based Expiration and Transition actions in one rule",
        )
    for transition in rule.transitions:
        for asked, end in ((transition.days, rule.days), (transition.date_ms, rule.date_ms)):
            if asked is not None and end is not None and asked >= end:
                raise S3Error("InvalidArgument", "The Expiration must come after each Transition")
    for several in (rule.transitions, rule.noncurrent_transitions):
        if len({each.storage_class for each in several}) < len(several):
            raise S3Error(
                "InvalidRequest", "'StorageClass' must be different for each Transition of a rule"
            )


def _transition(node: Element, kind: str) -> Transition:
    if kind == "Transition":
        parts = only(node, "Date", "Days", "StorageClass")
        is_complete = len(parts) == 2
    else:
        parts = only(node, "NoncurrentDays", "NewerNoncurrentVersions", "StorageClass")
        is_complete = "NoncurrentDays" in parts
    if "StorageClass" not in parts or not is_complete:
        raise S3Error("MalformedXML")
    days_node = parts.get("Days", parts.get("NoncurrentDays"))
    days = None if days_node is None else number(days_node, 0, MAX_DAYS)
    date_ms = _date(parts["Date"]) if "Date" in parts else None
    storage_class = text(parts["StorageClass"]).strip()
    if storage_class in _ARCHIVES:
        raise S3Error("InvalidStorageClass")
    if storage_class == DEFAULT_STORAGE_CLASS or storage_class not in STORAGE_CLASSES:
        raise S3Error("MalformedXML")
    return Transition(storage_class, days, date_ms, _newer_kept(parts))


def _newer_kept(parts: Mapping[str, Element]) -> int:
    kept = parts.get("NewerNoncurrentVersions")
    return 0 if kept is None else number(kept, 1, MAX_KEPT)


def _date(node: Element) -> int:
    told = text(node).strip()
    date_ms = parse_iso_date(f"{told}T00:00:00Z" if _SHORT_DATE.fullmatch(told) else told)
    if date_ms is None:
        raise S3Error("MalformedXML")
    if date_ms % DAY_MS:
        raise S3Error("InvalidArgument", "'Date' must be at midnight GMT")
    return date_ms


def render_lifecycle(rules: Rules) -> bytes:
    """`<LifecycleConfiguration>`."""
    return document("LifecycleConfiguration", "".join(map(_render_rule, rules)))


def _render_rule(rule: Rule) -> str:
    pieces = [element("ID", rule.rule_id)]
    if rule.has_filter:
        pieces.append(render_filter(rule.filter))
    else:
        pieces.append(element("Prefix", rule.filter.prefix or ""))
    pieces.append(element("Status", "Enabled" if rule.is_enabled else "Disabled"))
    markers = None if rule.expired_markers is None else written(rule.expired_markers)
    pieces.append(
        group(
            "Expiration",
            ("Days", rule.days),
            ("Date", _rendered_date(rule.date_ms)),
            ("ExpiredObjectDeleteMarker", markers),
        )
    )
    pieces.append(
        group(
            "NoncurrentVersionExpiration",
            ("NoncurrentDays", rule.noncurrent_days),
            ("NewerNoncurrentVersions", rule.newer_kept or None),
        )
    )
    pieces.append(group("AbortIncompleteMultipartUpload", ("DaysAfterInitiation", rule.abort_days)))
    pieces += [
        group(
            "Transition",
            ("Days", each.days),
            ("Date", _rendered_date(each.date_ms)),
            ("StorageClass", each.storage_class),
        )
        for each in rule.transitions
    ]
    pieces += [
        group(
            "NoncurrentVersionTransition",
            ("NoncurrentDays", each.days),
            ("NewerNoncurrentVersions", each.newer_kept or None),
            ("StorageClass", each.storage_class),
        )
        for each in rule.noncurrent_transitions
    ]
    return f"<Rule>{''.join(pieces)}</Rule>"


def _rendered_date(date_ms: int | None) -> str | None:
    return None if date_ms is None else timestamp(date_ms)
