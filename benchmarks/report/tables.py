"""The tables beside the plots: every run, in numbers that can be copied.

Rules: real tables with captions and scoped headers; a number that should be zero and is not stands
out in words and weight, not in colour alone.
"""

from collections.abc import Sequence
from html import escape

from benchmarks.mttr_rows import Trial
from benchmarks.report import course, words
from benchmarks.report.read import MttrRun
from benchmarks.results import Summary

Cell = tuple[str, str]
"""Its markup and its class."""


def trials(run: MttrRun, name: str) -> str:
    """One row for each trial."""
    heads = (
        ("course", "redundancy over time"),
        ("fault", "what was done to which node"),
        ("stored", "stored when the fault struck"),
        ("detected", "from the fault to its detection"),
        ("first shard", "from the fault to the first repaired shard"),
        ("whole again", "from the fault to full redundancy"),
        ("rebuilt", "shards rebuilt, and how fast"),
        ("before", "p50 / p99 of 4 KiB GETs before the fault, ms"),
        ("during", "p50 / p99 of 4 KiB GETs from fault to full redundancy, ms"),
        ("after", "p50 / p99 of 4 KiB GETs afterwards, ms"),
        ("errors", "errors that clients saw, of all their requests"),
        ("wrong", "answers with wrong bytes"),
        ("deep verify", "of every byte, at the end"),
    )
    rows = [
        [
            (f"{one.trial.trial}", ""),
            (course.sparkline(one, f"{name}-spark-{one.trial.trial}"), "spark"),
            *_trial_cells(one.trial),
        ]
        for one in run.courses
    ]
    caption = "All trials. Latencies are p50 / p99 of 4 KiB GETs in milliseconds."
    return _table(caption, (("#", "number of the trial"), *heads), rows)


def phases(found: Sequence[Summary]) -> str:
    """One row for each phase of `latency` or `throughput`."""
    heads = (
        ("operation", "operation"),
        ("size", "size of the object"),
        ("at once", "requests at one time"),
        ("operations", "right answers"),
        ("ops/s", "operations per second"),
        ("MiB/s", "MiB per second"),
        ("mean ms", "mean latency"),
        ("p50", "median latency, ms"),
        ("p95", "95th percentile, ms"),
        ("p99", "99th percentile, ms"),
        ("errors", "wrong or missing answers"),
    )
    rows = [
        [
            (escape(one.op), ""),
            (words.size(one.size_bytes), ""),
            (f"{one.concurrency}", ""),
            (f"{one.ops:,}", ""),
            (words.plain(one.ops_per_s), ""),
            (words.plain(one.mib_per_s) if one.op in ("PUT", "GET") else "", ""),
            (words.plain(one.mean_ms), ""),
            (words.plain(one.p50_ms), ""),
            (words.plain(one.p95_ms), ""),
            (words.plain(one.p99_ms), ""),
            _should_be_zero(one.errors),
        ]
        for one in found
    ]
    return _table("All phases.", heads, rows, "figures")


def _trial_cells(trial: Trial) -> list[Cell]:
    def pair(p50_ms: float, p99_ms: float) -> Cell:
        return f"{words.plain(p50_ms)} / {words.plain(p99_ms)}", ""

    rebuilt = f"{trial.shards_rebuilt:,}<br>{words.plain(trial.rebuild_mib_per_s)} MiB/s"
    stored = f"{words.count(trial.objects, 'object')}<br>{words.size(trial.bytes)}"
    is_whole = trial.verdict == "whole"
    return [
        (f"{escape(trial.fault)}<br>{escape(trial.node)}", ""),
        (stored, ""),
        (words.seconds(trial.detect_s), ""),
        (words.seconds(trial.repair_s), ""),
        (words.seconds(trial.mttr_s), "strong"),
        (rebuilt, ""),
        pair(trial.before_p50_ms, trial.before_p99_ms),
        pair(trial.during_p50_ms, trial.during_p99_ms),
        pair(trial.after_p50_ms, trial.after_p99_ms),
        _should_be_zero(trial.errors, f"<br>of {trial.requests:,}"),
        _should_be_zero(trial.wrong),
        (escape(trial.verdict), "" if is_whole else "bad"),
    ]


def _should_be_zero(value: int, more: str = "") -> Cell:
    return f"{value:,}{more}", "bad" if value else ""


def _table(
    caption: str, heads: Sequence[Cell], rows: Sequence[Sequence[Cell]], class_: str = "trials"
) -> str:
    """`heads`: what stands there, and what it means in full."""
    top = "".join(
        f'<th scope="col" title="{escape(full)}">{escape(short)}</th>' for short, full in heads
    )
    body = "".join(
        f'<tr><th scope="row">{row[0][0]}</th>{"".join(map(_cell, row[1:]))}</tr>' for row in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f'<table class="{class_}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Cell) -> str:
    markup, class_ = cell
    return f'<td class="{class_}">{markup}</td>' if class_ else f"<td>{markup}</td>"
