"""What a node counts about itself since it started.

Rules: plain integers, each written under one lock; a reader may see them a moment apart.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What the store did since it was opened."""

    commits: int = 0
    appended_records: int = 0
    appended_bytes: int = 0
    deleted_shards: int = 0
    refused_full: int = 0
    failed_writes: int = 0
    read_records: int = 0
    read_bytes: int = 0
    missing_records: int = 0
    damaged_reads: int = 0
    scrubbed_records: int = 0
    scrubbed_bytes: int = 0
    compactions: int = 0
    compacted_bytes: int = 0
    largest_commit_bytes: int = 0
