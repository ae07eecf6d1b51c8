"""Turns a run of the public conformance suite ceph/s3-tests into a page of the documentation.

    pytest --junit-xml=run.xml ... ; python -m benchmarks conformance run.xml groups.tsv > page.md

Rules: the suite itself stays outside this repository; what is known of its tests (their group, and
what other systems did with them) is read from a table. Every test that did not pass is named with a
reason from a list, and one without a reason is shown as such: nothing is left out or made up.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from defusedxml.ElementTree import parse

PASSED: Final = "pass"
OURS: Final = "trilith"
UNEXPLAINED: Final = "not explained yet"

HEAD: Final = """\
# S3 compatibility, measured with ceph/s3-tests

Written by `python -m benchmarks conformance` from the junit XML of a run of the public suite
([ceph/s3-tests](https://github.com/ceph/s3-tests), commit {commit}: `test_s3.py` and
`test_headers.py`) against a local three-node cluster. What other systems did with the same tests on
one 2-core machine, each in its own most favourable sensible configuration: {peers}.
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one test. `outcomes`: system -> pass, fail, skip or error."""

    group: str
    outcomes: Mapping[str, str]


def read_known(path: Path) -> dict[str, Known]:
    """`file::test` -> what is known, from a TSV with the columns test, category, markers and then
    one for each system. Raises OSError, KeyError."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {
        row["test"]: Known(
            row["category"],
            {name: row[name] for name in row if name not in ("test", "category", "markers")},
        )
        for row in rows
    }


def read_run(path: Path) -> dict[str, str]:
    """`file::test` -> pass, fail, skip or error. Raises OSError, ParseError."""
    outcomes: dict[str, str] = {}
    root = parse(path).getroot()
    assert root is not None, "a document has a root"
    for case in root.iter("testcase"):
        file = case.get("classname", "").rpartition(".")[2]
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        outcome = "error" if "error" in kinds else "fail" if "failure" in kinds else PASSED
        if outcome == PASSED and "skipped" in kinds:
            outcome = "skip"
        name = f"{file}.py::{case.get('name', '')}"
        # A test that passed and whose teardown failed stands twice: what counts is the worse.
        if outcomes.get(name, PASSED) == PASSED:
            outcomes[name] = outcome
    return outcomes


def read_reasons(path: Path) -> list[tuple[str, str]]:
    """(a part of a test's name, why it does not pass), from a TSV; the first that fits counts."""
    with path.open(newline="") as file:
        return [(row[0], row[1]) for row in csv.reader(file, delimiter="\t") if row]


def page(
    run: Mapping[str, str],
    known: Mapping[str, Known],
    reasons: Sequence[tuple[str, str]],
    commit: str,
) -> str:
    """The whole page, Markdown."""
    peers = next(iter(known.values())).outcomes.keys() if known else ()
    lines = [HEAD.format(commit=commit, peers=", ".join(peers)), *_table(run, known, list(peers))]
    lines += ["", "## What does not pass, and why", ""]
    failed = defaultdict(list)
    for test in sorted(known):
        outcome = run.get(test, "not run")
        if outcome != PASSED:
            failed[_reason(test, reasons)].append((test, outcome))
    for reason, tests in sorted(failed.items(), key=lambda item: -len(item[1])):
        lines += [f"**{reason}** ({len(tests)})", ""]
        lines += [f"- `{test}`: {outcome}" for test, outcome in tests]
        lines.append("")
    return "\n".join(lines)


def _table(
    run: Mapping[str, str], known: Mapping[str, Known], peers: Sequence[str]
) -> Iterable[str]:
    totals: Counter[str] = Counter()
    passed: dict[str, Counter[str]] = {name: Counter() for name in (OURS, *peers)}
    for test, what in known.items():
        totals[what.group] += 1
        passed[OURS][what.group] += run.get(test) == PASSED
        for peer in peers:
            passed[peer][what.group] += what.outcomes[peer] == PASSED
    systems = [OURS, *peers]
    yield f"| group | tests | {' | '.join(systems)} |"
    yield "|---" * (2 + len(systems)) + "|"
    for group in sorted(totals):
        cells = " | ".join(str(passed[system][group]) for system in systems)
        yield f"| {group} | {totals[group]} | {cells} |"
    sums = " | ".join(f"**{passed[system].total()}**" for system in systems)
    yield f"| **all** | **{totals.total()}** | {sums} |"


def _reason(test: str, reasons: Sequence[tuple[str, str]]) -> str:
    return next((why for part, why in reasons if part in test), UNEXPLAINED)
