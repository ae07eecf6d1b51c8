"""Where a bucket's events are to be announced: kept and given back until there are events.

Rules: the document's whole form is checked, so that what is kept can be acted upon later. No
destinations at all is the same as not set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from xml.etree.ElementTree import Element

from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import document, element
from coordinator.s3.xml.tree import children, only, root, text

MAX_DESTINATIONS: Final = 100
MAX_ID_CHARACTERS: Final = 255
_ARNS: Final[Mapping[str, tuple[str, ...]]] = {
    "TopicConfiguration": ("Topic",),
    "QueueConfiguration": ("Queue",),
    # The second name is the one of the documentation, the first what clients send.
    "CloudFunctionConfiguration": ("CloudFunction", "LambdaFunctionArn"),
}
_EVENT_BRIDGE: Final = "EventBridgeConfiguration"


@dataclass(frozen=True, slots=True)
class Destination:
    """One queue, topic or function; `kind` is its element's name."""

    kind: str
    destination_id: str
    arn: str
    events: tuple[str, ...]
    prefix: str | None = None
    suffix: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """All destinations of a bucket."""

    destinations: tuple[Destination, ...] = ()
    event_bridge: bool = False


def parse_notification(body: bytes) -> Notification:
    """`<NotificationConfiguration>`. Raises S3Error MalformedXML, InvalidArgument."""
    destinations = []
    event_bridge = False
    for name, node in children(root(body, "NotificationConfiguration")):
        if name == _EVENT_BRIDGE and not len(node):
            event_bridge = True
        elif name in _ARNS:
            destinations.append(_destination(name, node))
        else:
            raise S3Error("MalformedXML")
    if len(destinations) > MAX_DESTINATIONS:
        raise S3Error("MalformedXML")
    ids = [destination.destination_id for destination in destinations]
    if len(set(ids)) != len(ids):
        raise S3Error("InvalidArgument", "Same ID used for multiple configurations.")
    return Notification(tuple(destinations), event_bridge)


def render_notification(value: Notification) -> bytes:
    """`<NotificationConfiguration>`."""
    content = []
    for one in value.destinations:
        content.append(f"<{one.kind}>{element('Id', one.destination_id)}")
        content.append(element(_ARNS[one.kind][0], one.arn))
        content += [element("Event", event) for event in one.events]
        rules = [
            f"<FilterRule>{element('Name', name)}{element('Value', given)}</FilterRule>"
            for name, given in (("prefix", one.prefix), ("suffix", one.suffix))
            if given is not None
        ]
        if rules:
            content.append(f"<Filter><S3Key>{''.join(rules)}</S3Key></Filter>")
        content.append(f"</{one.kind}>")
    if value.event_bridge:
        content.append(f"<{_EVENT_BRIDGE}/>")
    return document("NotificationConfiguration", "".join(content))


def _destination(kind: str, node: Element) -> Destination:
    destination_id, arn = "", ""
    events: list[str] = []
    filters: dict[str, str] = {}
    for name, child in children(node):
        if name == "Id" and not destination_id:
            destination_id = text(child)
        elif name in _ARNS[kind] and not arn:
            arn = text(child).strip()
        elif name == "Event":
            events.append(text(child).strip())
        elif name == "Filter" and not filters:
            filters = _filters(child)
        else:
            raise S3Error("MalformedXML")
    if not arn.startswith("arn:"):
        raise S3Error("InvalidArgument", "The ARN could not be parsed")
    if not events or not all(event.startswith("s3:") for event in events):
        raise S3Error("InvalidArgument", "The event is not supported for notifications")
    if len(destination_id) > MAX_ID_CHARACTERS:
        raise S3Error("InvalidArgument", f"An Id has at most {MAX_ID_CHARACTERS} characters")
    if not destination_id:
        # S3 gives an id to what has none; of the content, so that the same document stays the same.
        content = repr((kind, arn, events, sorted(filters.items())))
        destination_id = sha256(content.encode("utf-8", "replace")).hexdigest()[:32]
    return Destination(
        kind, destination_id, arn, tuple(events), filters.get("prefix"), filters.get("suffix")
    )


def _filters(node: Element) -> dict[str, str]:
    keys = only(node, "S3Key")
    found: dict[str, str] = {}
    for name, rule in children(keys["S3Key"]) if "S3Key" in keys else ():
        parts = only(rule, "Name", "Value") if name == "FilterRule" else {}
        if parts.keys() != {"Name", "Value"}:
            raise S3Error("MalformedXML")
        which = text(parts["Name"]).strip().lower()
        if which not in ("prefix", "suffix") or which in found:
            raise S3Error("InvalidArgument", "filter rule name must be either prefix or suffix")
        found[which] = text(parts["Value"])
    return found
