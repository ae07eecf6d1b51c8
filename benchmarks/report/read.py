"""Reads a folder of CSV files back into what was measured.

Rules: a file is known by its header, not by its name; a file that is no benchmark's is left out and
named; a broken row is an error with file and line, never a gap in a plot.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from benchmarks import about, mttr_rows
from benchmarks.about import About
from benchmarks.load import Row
from benchmarks.mttr_rows import Redundancy, Repair, Service, Trial
from benchmarks.results import Summary

SUMMARY_ENDING = "-summary"
COURSE_FILES: tuple[tuple[str, type[Any]], ...] = (
    ("redundancy", Redundancy),
    ("clients", Service),
    ("repair", Repair),
)

Parsed = TypeVar("Parsed", Trial, Redundancy, Service, Repair, Summary)


class ReportError(Exception):
    """The folder has nothing to report, or a file in it is broken."""


@dataclass(frozen=True)
class Course:
    """One trial and what happened in its time."""

    trial: Trial
    redundancy: list[Redundancy]
    service: list[Service]
    repair: list[Repair]


@dataclass(frozen=True)
class MttrRun:
    """One CSV of `mttr`."""

    name: str
    about: About | None
    courses: list[Course]


@dataclass(frozen=True)
class PhaseRun:
    """One summary CSV of `latency` or `throughput`."""

    name: str
    about: About | None
    phases: list[Summary]

    @property
    def is_throughput(self) -> bool:
        """Only PUT and GET are measured many at a time."""
        return {phase.op for phase in self.phases} <= {"PUT", "GET"}


@dataclass(frozen=True)
class Results:
    """All that a folder holds; `left_out`: the names of CSV files that are no benchmark's."""

    mttr: list[MttrRun] = field(default_factory=list)
    phases: list[PhaseRun] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_folder(folder: Path) -> Results:
    """Every CSV file right in the folder, by name. Raises ReportError."""
    results = Results()
    # What stands beside another file (operations, courses of trials) is not a run of its own.
    attached = {Row._fields, *(kind._fields for _, kind in COURSE_FILES)}
    for path in sorted(folder.glob("*.csv")):
        header = _header(path)
        if header == Trial._fields:
            results.mttr.append(_read_mttr(path))
        elif header == Summary._fields:
            results.phases.append(_read_phases(path))
        elif header not in attached:
            results.left_out.append(path.name)
    if not results.mttr and not results.phases:
        raise ReportError("no CSV file of mttr, latency or throughput is in that folder")
    return results


def read_rows(path: Path, kind: type[Parsed]) -> list[Parsed]:
    """The rows as they were written; empty if there is no such file. Raises ReportError."""
    hints = get_type_hints(kind)
    rows: list[Parsed] = []
    if not path.is_file():
        return rows
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                rows.append(kind._make([hints[name](row[name]) for name in kind._fields]))
            except (KeyError, TypeError, ValueError) as error:
                raise ReportError(f"{path.name}, line {reader.line_num}: {error}") from error
    return rows


def _read_mttr(path: Path) -> MttrRun:
    redundancy, service, repair = (
        read_rows(mttr_rows.beside(path, name), kind) for name, kind in COURSE_FILES
    )
    courses = [
        Course(
            trial,
            _of(trial, redundancy),
            _of(trial, service),
            _of(trial, repair),
        )
        for trial in read_rows(path, Trial)
    ]
    return MttrRun(path.stem, about.read(path), courses)


def _of(trial: Trial, rows: Iterable[Any]) -> list[Any]:
    return [row for row in rows if row.trial == trial.trial]


def _read_phases(path: Path) -> PhaseRun:
    name = path.stem.removesuffix(SUMMARY_ENDING)
    return PhaseRun(name, about.read(path.with_name(f"{name}.csv")), read_rows(path, Summary))


def _header(path: Path) -> tuple[str, ...]:
    with path.open(newline="", errors="replace") as file:
        return tuple(next(csv.reader(file), []))
