"""From the logs of a trial to its rows: what happened when, counted from the fault.

Rules: pure; every time in the logs is of one clock, that of the load generator.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import mttr_rows
from benchmarks.admin import Audit
from benchmarks.mttr_rows import Redundancy, Repair, Request, Service, Trial, Verdict
from benchmarks.mttr_watch import Watch


class Fault(NamedTuple):
    """What was done, to which node and when; what was stored then. `over_s`: from then on the
    node could work again (or, for silent damage: a scrub of it was ordered)."""

    trial: int
    kind: str
    node_id: str
    fault_s: float
    over_s: float
    objects: int
    bytes: int

    @property
    def is_silent(self) -> bool:
        """Whether the node goes on as if nothing had happened."""
        return self.kind == "corrupt"


class Course(NamedTuple):
    """A trial and what happened in its time."""

    trial: Trial
    redundancy: list[Redundancy]
    service: list[Service]
    repair: list[Repair]


def course_of(
    fault: Fault,
    watch: Watch,
    healed_s: float,
    requests: Sequence[Request],
    reread: Sequence[Verdict],
    last: Audit,
) -> Course:
    """`healed_s` is NaN if that was waited for in vain; `reread` are the verdicts on every object
    at the end, `last` the deep audit after that."""
    told = _repair(fault, watch)
    verdicts = [*reread, *(one.verdict for one in requests)]
    return Course(
        _trial(fault, watch, told, healed_s, requests)._replace(
            errors=verdicts.count(Verdict.ERROR),
            wrong=verdicts.count(Verdict.WRONG),
            requests=len(verdicts),
            verdict="whole" if last.is_whole else "not whole",
        ),
        [_pass(fault, one) for one in watch.audits],
        mttr_rows.buckets(fault.trial, requests, fault.fault_s),
        told,
    )


def _trial(
    fault: Fault, watch: Watch, told: list[Repair], healed_s: float, requests: Sequence[Request]
) -> Trial:
    fault_s = fault.fault_s
    end_s = math.inf if math.isnan(healed_s) else healed_s
    noticed_s = watch.detected_s(fault.node_id, fault_s)
    if math.isnan(noticed_s):
        # Silent damage changes no node's state: there, to know of it is to have a repair to do.
        noticed_s = watch.first_trouble_s(fault_s)
    before = mttr_rows.latency(requests, -math.inf, fault_s)
    during = mttr_rows.latency(requests, fault_s, end_s)
    after = mttr_rows.latency(requests, end_s, math.inf)
    return Trial(
        trial=fault.trial,
        fault=fault.kind,
        node=fault.node_id,
        objects=fault.objects,
        bytes=fault.bytes,
        detect_s=round(noticed_s - fault_s, 3),
        # Repair is asked ten times a second: an audit may see the end before that tells the start.
        repair_s=min(mttr_rows.first_rebuilt_s(told), round(end_s - fault_s, 3)),
        mttr_s=round(healed_s - fault_s, 3),
        shards_rebuilt=told[-1].rebuilt_shards if told else 0,
        rebuild_mib_per_s=mttr_rows.rebuild_mib_per_s(told),
        before_p50_ms=before.p50_ms,
        before_p99_ms=before.p99_ms,
        during_p50_ms=during.p50_ms,
        during_p99_ms=during.p99_ms,
        after_p50_ms=after.p50_ms,
        after_p99_ms=after.p99_ms,
        errors=0,
        wrong=0,
        back_s=0.0 if fault.is_silent else round(fault.over_s - fault_s, 3),
        requests=0,
        verdict="",
    )


def _pass(fault: Fault, audit: Audit) -> Redundancy:
    end_s, took_s = audit.end_s - fault.fault_s, audit.end_s - audit.begin_s
    counts = audit.whole, audit.degraded, audit.lost
    return Redundancy(fault.trial, round(end_s, 3), round(took_s, 3), *counts)


def _repair(fault: Fault, watch: Watch) -> list[Repair]:
    """Counted from the trial's first look on: the coordinator counts since it started."""
    if not watch.told:
        return []
    first = watch.told[0]
    return [
        Repair(
            fault.trial,
            round(one.at_s - fault.fault_s, 3),
            one.rebuilt_shards - first.rebuilt_shards,
            one.rebuilt_bytes - first.rebuilt_bytes,
            one.queued_shards,
        )
        for one in watch.told
    ]
