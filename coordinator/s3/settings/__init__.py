"""The settings of buckets: their documents, the table of them, and how they are read.

Rules: pure but for the reader; nothing here knows requests or answers.
"""

from coordinator.s3.settings.reader import SettingsReader
from coordinator.s3.settings.setting import MAX_SETTING_BYTES, Kept, Setting
from coordinator.s3.settings.table import (
    ACCELERATE,
    CORS,
    ENCRYPTION,
    LIFECYCLE,
    LOGGING,
    NOTIFICATION,
    OWNERSHIP,
    PUBLIC_ACCESS_BLOCK,
    REQUEST_PAYMENT,
    SETTINGS,
    TAGGING,
    WEBSITE,
)

__all__ = [
    "ACCELERATE",
    "CORS",
    "ENCRYPTION",
    "LIFECYCLE",
    "LOGGING",
    "MAX_SETTING_BYTES",
    "NOTIFICATION",
    "OWNERSHIP",
    "PUBLIC_ACCESS_BLOCK",
    "REQUEST_PAYMENT",
    "SETTINGS",
    "TAGGING",
    "WEBSITE",
    "Kept",
    "Setting",
    "SettingsReader",
]
