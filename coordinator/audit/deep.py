"""Reads every shard of the parts and recomputes what their bytes must be.

    units of a stripe -> checksums (node.client) -> MD5 of the data, stripe after stripe
                                                 -> parity = encode(data), compared byte for byte

Rules:
1. Memory is bounded by the bundles under way: WINDOW_BYTES, or one stripe, however large the part.
   Parts of one stripe are read many at a time, larger ones stripe by stripe.
2. Where data units are lacking they are rebuilt from parity: a degraded part is shown to be
   readable, with the right bytes, or not.
3. A node that fails within a read is silent from then on.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from coordinator.audit.findings import Defect, Flaw
from coordinator.cluster import Cluster, UnknownNode
from erasure import Layout, Units, codec
from metadata import Part
from node.client import Outcome
from node.errors import NodeError
from node.record import RecordKey

WINDOW_BYTES: Final = 8 * 1024 * 1024
BUNDLE_BYTES: Final = 1024 * 1024
BUNDLE_PARTS: Final = 64
INLINE_LIMIT_BYTES: Final = 32 * 1024
"""Up to here checking costs less than the hop to a thread."""


class Verdict(NamedTuple):
    """`lacking`: how many shards can't be had of the stripe that is worst off."""

    flaws: list[Flaw]
    lacking: int


class PartCheck:
    """What is known so far of one part that is being read."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.layout = Layout(part.size, part.unit_size, part.k)
        self._code = codec(part.k, part.m)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._is_complete = True
        self._flaws: dict[int, Flaw] = {}
        self._lacking = 0

    def stripe_bytes(self, stripe: int) -> int:
        """Of all its units."""
        return (self.part.k + self.part.m) * self.layout.unit_length(stripe)

    def flawed(self, flaw: Flaw) -> None:
        """Note it, if it is the first one of its shard."""
        assert flaw.shard is not None
        self._flaws.setdefault(flaw.shard, flaw)

    def take(self, stripe: int, units: dict[int, Units]) -> None:
        """Hash a stripe's data and compare its parity; in order, each stripe once."""
        k = self.part.k
        self._lacking = max(self._lacking, k + self.part.m - len(units))
        if len(units) < k:
            self._is_complete = False
            return
        lost = [shard for shard in range(k) if shard not in units]
        if lost:
            units = units | self._code.reconstruct(units, lost)
        data = np.stack([units[shard] for shard in range(k)])
        self._md5.update(data.reshape(-1)[: self.layout.stripe_length(stripe)].data)
        for row, parity in enumerate(self._code.encode(data)):
            shard = k + row
            if shard in units and not np.array_equal(units[shard], parity):
                detail = f"stripe {stripe} is not what the data encode to"
                self.flawed(Flaw(Defect.PARITY_MISMATCH, shard, detail))

    def verdict(self) -> Verdict:
        """After the last stripe."""
        flaws = [self._flaws[shard] for shard in sorted(self._flaws)]
        md5 = self._md5.hexdigest()
        if self._is_complete and md5 != self.part.data_md5:
            detail = f"the data have MD5 {md5}, {self.part.data_md5} was recorded"
            flaws.append(Flaw(Defect.WRONG_DATA, None, detail))
        return Verdict(flaws, self._lacking)


class DeepReader:
    """Checks parts byte by byte. `count_bytes` learns how much was read."""

    def __init__(
        self, cluster: Cluster, silent: dict[str, str], count_bytes: Callable[[int], None]
    ) -> None:
        self._cluster = cluster
        self._silent = silent
        self._count_bytes = count_bytes

    async def check(self, parts: Sequence[Part]) -> dict[bytes, Verdict]:
        """What is wrong with the parts' bytes, by part id; the first flaw of each shard."""
        checks = [PartCheck(part) for part in parts]
        largest = max(check.stripe_bytes(0) for check in checks)
        slots = asyncio.Semaphore(max(1, WINDOW_BYTES // max(largest, BUNDLE_BYTES)))
        async with asyncio.TaskGroup() as readers:
            for bundle in _bundles(checks):
                readers.create_task(self._check_bundle(bundle, slots))
        return {check.part.part_id: check.verdict() for check in checks}

    async def _check_bundle(self, bundle: list[PartCheck], slots: asyncio.Semaphore) -> None:
        async with slots:
            for stripe in range(bundle[0].layout.stripes):
                found = await self._read(bundle, stripe)
                if sum(check.stripe_bytes(stripe) for check in bundle) <= INLINE_LIMIT_BYTES:
                    _take(stripe, found)
                else:
                    await asyncio.to_thread(_take, stripe, found)

    async def _read(
        self, bundle: list[PartCheck], stripe: int
    ) -> list[tuple[PartCheck, dict[int, Units]]]:
        """The units that can be had of that stripe of each part; flaws are noted."""
        by_node: dict[str, list[tuple[PartCheck, int]]] = {}
        for check in bundle:
            for shard, node_id in enumerate(check.part.nodes):
                by_node.setdefault(node_id, []).append((check, shard))
        found: dict[bytes, dict[int, Units]] = {check.part.part_id: {} for check in bundle}

        async def read(node_id: str, wanted: list[tuple[PartCheck, int]]) -> None:
            answers = await self._ask(node_id, stripe, wanted)
            for (check, shard), answer in zip(wanted, answers, strict=True):
                unit = self._judge(check, shard, stripe, answer)
                if isinstance(unit, Flaw):
                    check.flawed(unit)
                else:
                    found[check.part.part_id][shard] = unit

        await asyncio.gather(*(read(node_id, wanted) for node_id, wanted in by_node.items()))
        return [(check, found[check.part.part_id]) for check in bundle]

    async def _ask(
        self, node_id: str, stripe: int, wanted: list[tuple[PartCheck, int]]
    ) -> "Sequence[memoryview | Outcome]":
        """The node's answers; whatever they are if it is silent."""
        unanswered = [Outcome.MISSING] * len(wanted)
        if node_id in self._silent:
            return unanswered
        keys = [
            (RecordKey(check.part.part_id, shard, stripe), check.layout.unit_length(stripe))
            for check, shard in wanted
        ]
        try:
            return await self._cluster.client(node_id).read(keys)
        except UnknownNode:
            return unanswered
        except NodeError as error:
            self._silent.setdefault(node_id, str(error))
            return unanswered

    def _judge(
        self, check: PartCheck, shard: int, stripe: int, answer: memoryview | Outcome
    ) -> Units | Flaw:
        silence = self._silent.get(check.part.nodes[shard])
        if silence is not None:
            return Flaw(Defect.UNREACHABLE, shard, silence)
        if answer is Outcome.MISSING:
            return Flaw(Defect.MISSING, shard, f"the node does not have stripe {stripe}")
        if isinstance(answer, Outcome):
            return Flaw(Defect.DAMAGED, shard, f"stripe {stripe} does not match its checksum")
        self._count_bytes(len(answer))
        length = check.layout.unit_length(stripe)
        if len(answer) != length:
            detail = f"stripe {stripe} has a unit of {len(answer)} bytes, expected {length}"
            return Flaw(Defect.WRONG_LENGTH, shard, detail)
        return np.frombuffer(answer, np.uint8)


def _take(stripe: int, found: Sequence[tuple[PartCheck, dict[int, Units]]]) -> None:
    for check, units in found:
        check.take(stripe, units)


def _bundles(checks: Sequence[PartCheck]) -> Iterator[list[PartCheck]]:
    """Parts to be read together: several of one stripe each, or one of more."""
    bundle: list[PartCheck] = []
    size = 0
    for check in checks:
        if check.layout.stripes > 1:
            yield [check]
            continue
        more = check.stripe_bytes(0)
        if bundle and (size + more > BUNDLE_BYTES or len(bundle) == BUNDLE_PARTS):
            yield bundle
            bundle, size = [], 0
        bundle.append(check)
        size += more
    if bundle:
        yield bundle
