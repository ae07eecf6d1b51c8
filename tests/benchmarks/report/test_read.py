"""From a folder of CSV files back to what was measured."""

import math
from pathlib import Path

import pytest

from benchmarks import mttr_rows
from benchmarks.mttr_rows import Trial
from benchmarks.report.read import ReportError, read_folder, read_rows
from benchmarks.results import write_rows
from tests.benchmarks.report.folders import MACHINE, a_trial, redundancy_of, write_everything


def test_everything_comes_back(tmp_path: Path) -> None:
    write_everything(tmp_path)
    (tmp_path / "shopping.csv").write_text("what,how many\nmilk,1\n")
    write_rows(tmp_path / "latency.csv", [])
    results = read_folder(tmp_path)
    assert [run.name for run in results.mttr] == ["corrupt", "kill", "wipe"]
    assert [run.name for run in results.phases] == ["latency", "throughput"]
    assert [run.is_throughput for run in results.phases] == [False, True]
    assert results.left_out == ["shopping.csv"]
    wiped = results.mttr[2]
    assert wiped.about == MACHINE
    assert results.phases[0].about is None
    assert wiped.courses[0].trial == a_trial(1)
    assert [len(one.redundancy) for one in wiped.courses] == [
        len(redundancy_of(one.trial, 0, one.trial.trial)) for one in wiped.courses
    ]
    assert all(one.trial == 3 for one in wiped.courses[2].repair)


def test_a_time_that_never_came_stays_so(tmp_path: Path) -> None:
    mttr_rows.write(tmp_path / "out.csv", Trial, [a_trial(mttr_s=math.nan)])
    (trial,) = read_rows(tmp_path / "out.csv", Trial)
    assert math.isnan(trial.mttr_s)
    (run,) = read_folder(tmp_path).mttr
    assert (run.courses[0].redundancy, run.courses[0].service) == ([], [])


@pytest.mark.parametrize("what", ["1,wipe", "x" + ",1" * 20])
def test_a_broken_row_is_named(tmp_path: Path, what: str) -> None:
    csv = tmp_path / "out.csv"
    mttr_rows.write(csv, Trial, [a_trial()])
    with csv.open("a") as file:
        file.write(f"{what}\n")
    with pytest.raises(ReportError, match=r"out\.csv, line 3"):
        read_folder(tmp_path)


def test_an_empty_folder_has_nothing_to_report(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ReportError, match="no CSV file"):
        read_folder(tmp_path)
