"""Percentiles, summaries and CSV files, on rows whose figures can be checked by hand."""

import csv
import math
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.load import Row
from benchmarks.results import (
    first_failure,
    percentile,
    readable_size,
    summarize,
    table,
    write_rows,
    write_summaries,
)

MIB = 1024 * 1024


def rows(op: str, latencies: list[float], *, bad: int = 0) -> list[Row]:
    made = [
        Row(op, MIB, 1, start / 1000, latency, 200, MIB, True)
        for start, latency in zip(range(0, 10**6, 100), latencies, strict=False)
    ]
    return made + [Row(op, MIB, 1, 0.0, 5.0, 503, 0, False)] * bad


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([1, 2, 3, 4], 50, 2),
        ([1, 2, 3, 4], 75, 3),
        ([1, 2, 3, 4], 99, 4),
        (list(range(1, 101)), 95, 95),
        (list(range(1, 101)), 99, 99),
        ([7], 50, 7),
        ([7], 0, 7),
    ],
)
def test_nearest_rank(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_a_summary() -> None:
    # Ten operations, one every 100 ms, each of 100 ms: one second in all.
    good, failed = summarize(rows("PUT", [100.0] * 10, bad=2) + rows("GET", [], bad=1))
    assert (good.op, good.ops, good.errors) == ("PUT", 10, 2)
    assert good.ops_per_s == pytest.approx(10)
    assert good.mib_per_s == pytest.approx(10)
    assert (good.mean_ms, good.p50_ms, good.p99_ms) == (100, 100, 100)
    assert (failed.op, failed.ops, failed.errors) == ("GET", 0, 1)
    assert math.isnan(failed.p50_ms)


def test_failures_are_told() -> None:
    assert first_failure(rows("PUT", [1.0])) is None
    assert first_failure(rows("PUT", [1.0], bad=1)) == "PUT of 1 MiB at 0.000 s: status 503"
    lost = Row("GET", 10, 1, 1.5, 2.0, 0, 0, False)
    assert first_failure([lost]) == "GET of 10 B at 1.500 s: no answer"


def test_csv_files(tmp_path: Path) -> None:
    made = rows("PUT", [1.5, 2.5])
    write_rows(tmp_path / "new" / "rows.csv", made)
    write_summaries(tmp_path / "new" / "summary.csv", summarize(made))
    with (tmp_path / "new" / "rows.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == 2
    assert list(read[0]) == list(Row._fields)
    assert (read[0]["op"], read[1]["latency_ms"], read[0]["verified"]) == ("PUT", "2.5", "True")
    with (tmp_path / "new" / "summary.csv").open(newline="") as file:
        (summary,) = csv.DictReader(file)
    assert (summary["ops"], summary["mean_ms"], summary["errors"]) == ("2", "2.0", "0")


def test_the_table_fits_a_terminal() -> None:
    console = Console(width=80, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(table("Title", summarize(rows("DELETE", [1234.567] * 3, bad=1))))
    console.file.close()
    text = console.export_text()
    assert "DELETE" in text
    assert "1,235" in text
    assert "…" not in text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (4096, "4 KiB"), (1.5 * MIB, "1.5 MiB"), (2**31, "2 GiB")],
)
def test_sizes(size: float, text: str) -> None:
    assert readable_size(size) == text
