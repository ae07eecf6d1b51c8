"""What new versions of a bucket are protected by, where they say nothing themselves.

Rules: days or years, never both. The document is stored only for buckets that have object lock,
which `Bucket.object_lock` says; without a document nothing is protected by default.
"""

from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from coordinator.s3.errors import S3Error
from coordinator.s3.settings.setting import Setting
from coordinator.s3.xml.markup import document, element
from coordinator.s3.xml.tree import only, root, text
from metadata.model import COMPLIANCE, GOVERNANCE

MODES: Final = (GOVERNANCE, COMPLIANCE)
MAX_DAYS: Final = 36_500
MAX_YEARS: Final = 100
DAYS_A_YEAR: Final = 365
MAX_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class ObjectLock:
    """The default retention. Without a `mode` there is none; else exactly one of `days` and
    `years` is set."""

    mode: str = ""
    days: int = 0
    years: int = 0

    @property
    def period_days(self) -> int:
        """How long it lasts."""
        return self.days or self.years * DAYS_A_YEAR


def parse_object_lock(body: bytes) -> ObjectLock:
    """`<ObjectLockConfiguration>`. Raises S3Error MalformedXML, InvalidRetentionPeriod."""
    found = only(root(body, "ObjectLockConfiguration"), "ObjectLockEnabled", "Rule")
    if "ObjectLockEnabled" not in found or text(found["ObjectLockEnabled"]).strip() != "Enabled":
        raise S3Error("MalformedXML")
    if "Rule" not in found:
        return ObjectLock()
    rule = only(found["Rule"], "DefaultRetention")
    if "DefaultRetention" not in rule:
        raise S3Error("MalformedXML")
    wanted = only(rule["DefaultRetention"], "Mode", "Days", "Years")
    mode = text(wanted.pop("Mode")).strip() if "Mode" in wanted else ""
    if mode not in MODES or len(wanted) != 1:
        raise S3Error("MalformedXML")
    if "Days" in wanted:
        return ObjectLock(mode, days=_period(wanted["Days"], MAX_DAYS))
    return ObjectLock(mode, years=_period(wanted["Years"], MAX_YEARS))


def render_object_lock(lock: ObjectLock) -> bytes:
    """`<ObjectLockConfiguration>`."""
    rule = ""
    if lock.mode:
        period = element("Days", str(lock.days)) if lock.days else element("Years", str(lock.years))
        retention = f"<DefaultRetention>{element('Mode', lock.mode)}{period}</DefaultRetention>"
        rule = f"<Rule>{retention}</Rule>"
    return document("ObjectLockConfiguration", element("ObjectLockEnabled", "Enabled") + rule)


def _period(node: Element, highest: int) -> int:
    digits = text(node).strip()
    is_number = digits.isascii() and digits.removeprefix("-").isdigit()
    if not is_number or len(digits) > MAX_DIGITS:
        raise S3Error("MalformedXML")
    if not 1 <= int(digits) <= highest:
        raise S3Error("InvalidRetentionPeriod", f"A default retention lasts from 1 to {highest}")
    return int(digits)


OBJECT_LOCK: Final = Setting(
    "object-lock",
    "ObjectLockConfiguration",
    parse_object_lock,
    render_object_lock,
    unset="ObjectLockConfigurationNotFoundError",
    has_delete=False,
)
"""The row; what sets it is in `coordinator.s3.object_lock`, because it changes the bucket too."""
