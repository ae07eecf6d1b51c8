"""What an audit tells: defects one by one, how far it is, and a summary at the end.

Rules: a shard that is not there as it should be is one finding, whatever the number of its stripes;
a node that does not answer is told once, and its shards are counted only. A part is `whole`
without findings, `lost` when fewer than k shards of some stripe can be had now or its bytes are
not those that were written, and else `degraded`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from metadata import NamedPart


class Defect(StrEnum):
    """What is wrong with a shard, or (the last two) with a part."""

    UNREACHABLE = "unreachable"
    """Its node does not answer."""

    MISSING = "missing"
    WRONG_LENGTH = "wrong-length"
    """Records or bytes are lacking, or there are too many."""

    SAME_NODE = "same-node"
    """Another shard of the part is on that node: one failure would cost two."""

    DAMAGED = "damaged"
    PARITY_MISMATCH = "parity-mismatch"
    """Parity is intact by its checksum and yet not what the data encode to."""

    WRONG_DATA = "wrong-data"
    """The data are intact by their checksums and yet not what the recorded MD5 speaks of."""

    LOST = "lost"
    """Fewer than k shards can be had now, so the part can't be read."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A defect before anybody knows of which part. `shard` is None for the part as a whole."""

    defect: Defect
    shard: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect, in the part of an object or of an upload under way."""

    named: NamedPart
    flaw: Flaw

    @property
    def node_id(self) -> str | None:
        """Where the shard should be."""
        shard = self.flaw.shard
        return None if shard is None else self.named.part.nodes[shard]


@dataclass(frozen=True, slots=True)
class SilentNode:
    """A node that did not answer: nothing is known of what it keeps."""

    node_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the audit is. `bytes` are those of the parts checked, as their writers count."""

    parts: int
    bytes: int
    bytes_read: int
    findings: int


@dataclass(slots=True)
class Summary:
    """Counts over the whole audit; filled while it runs."""

    parts: int = 0
    bytes: int = 0
    whole: int = 0
    degraded: int = 0
    lost: int = 0
    shards_expected: int = 0
    shards_found: int = 0
    """Those that nothing was found wrong with."""

    bytes_read: int = 0
    findings: int = 0
    findings_told: int = 0
    """Of a defect that is found very often only the first ones are told one by one."""

    defects: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Defect, 0))
    """How often each was found; for shards on silent nodes too."""

    silent_nodes: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether every part is."""
        return self.whole == self.parts
