"""The page as a whole: that it is well-formed, complete and alone."""

import math
import re
from collections import Counter
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.report import build, read_folder, write_report
from benchmarks.report.course import describe, picture
from benchmarks.report.read import Course
from tests.benchmarks.report.folders import (
    MACHINE,
    a_trial,
    redundancy_of,
    repair_of,
    service_of,
    write_everything,
    write_mttr,
)

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
VOID = {"meta", "br", "!doctype"}


class Outline(HTMLParser):
    """Checks that elements close as they open, and collects ids, references and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.outside: list[str] = []
        self.seen: Counter[str] = Counter()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        self._note(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        self.text += data

    def _note(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "aria-labelledby":
                self.references += (value or "").split()
            elif name in ("src", "href", "srcset", "data", "action"):
                self.outside.append(f"{name}={value}")


def outline(html: str) -> Outline:
    found = Outline()
    found.feed(html)
    found.close()
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("results")
    write_everything(folder)
    return build(read_folder(folder), NOW)


def test_it_is_well_formed_and_says_what_is_what(html: str) -> None:
    found = outline(html)
    assert len(set(found.ids)) == len(found.ids)
    assert set(found.references) <= set(found.ids)
    assert found.seen["h1"] == found.seen["main"] == 1
    # Of five trials a picture and a sparkline each, a spread, a latency and two throughputs, and
    # the one that only defines patterns.
    assert found.seen["svg"] == 2 * 5 + 1 + 1 + 2 + 1
    assert found.seen["table"] == found.seen["caption"] == 5
    for picture_of in re.findall(r"<svg viewBox.*?</svg>", html, re.DOTALL):
        drawn = ElementTree.fromstring(picture_of)
        assert drawn.get("role") == "img"
        assert [child.tag for child in drawn[:2]] == ["title", "desc"]
        assert drawn[1].text


def test_it_stands_alone(html: str) -> None:
    found = outline(html)
    assert found.outside == []
    assert found.seen["script"] == found.seen["link"] == found.seen["img"] == 0
    assert "://" not in html
    assert "@import" not in html
    assert set(re.findall(r"url\((.*?)\)", html)) <= {"#thin-hatch", "#dense-hatch"}


def test_no_number_is_missing_and_no_colour_is_fixed(html: str) -> None:
    assert not re.search(r"\b(nan|inf|None)\b", html)
    body = html.partition("</style>")[2]
    assert not re.search(r"#[0-9a-f]{6}|rgb\(", body)
    classes = set(re.findall(r'class="([^"]+)"', body))
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert {name for names in classes for name in names.split()} <= set(
        re.findall(r"\.([a-z][a-z0-9-]*)", style)
    )


def test_it_says_what_was_measured_on_which_machine(html: str) -> None:
    text = outline(html).text
    assert "12.4 s" in text
    assert "median of 3 trials" in text
    assert "2 cores (A processor), 24 GiB of memory, Linux x86_64, CPython 3.11.7" in text
    assert MACHINE.measured_at in text
    assert "No record of the machine stands beside these figures." in text
    assert "0 client errors, 0 wrong answers" in text
    # The worst faults first, and the trial in the middle is the one that is shown.
    assert text.index("A node is killed") < text.index("A node's disk is wiped")
    assert "Trial 2: node-2 wiped" in text
    assert "Trial 1: node-1 wiped, full" not in text


def test_what_went_wrong_cannot_be_overlooked(tmp_path: Path) -> None:
    bad = a_trial(1, mttr_s=math.nan, errors=3, wrong=1, verdict="not whole", repair_s=math.nan)
    write_mttr(tmp_path / "bad.csv", [bad])
    results = write_report(tmp_path, tmp_path / "report.html")
    assert len(results.mttr) == 1
    html = (tmp_path / "report.html").read_text()
    text = outline(html).text
    assert "3 client errors, 1 wrong answer" in text
    assert "1 not healed" in text
    assert "Full redundancy was not reached." in text
    assert '<td class="bad">not whole</td>' in html
    assert "bad-dot" in html
    assert "lost-area" in html.partition("</style>")[2]


def test_the_picture_in_words() -> None:
    trial = a_trial(2, "kill", 7.3, detect_s=2.7, repair_s=5.2)
    course = Course(trial, redundancy_of(trial), service_of(trial), repair_of(trial))
    assert describe(course) == (
        "node-2 killed at 0 s. The share of parts with all their shards falls to 0 %; none is"
        " lost. A pass of verify took 0.12 s. Detected after 2.70 s, first shard repaired after"
        " 5.20 s, full redundancy after 7.30 s."
    )


def test_a_repair_that_no_audit_caught_is_told_as_such() -> None:
    trial = a_trial(1, "corrupt", 0.4, detect_s=0.1, repair_s=0.1)
    passes = [one._replace(whole=10, degraded=0) for one in redundancy_of(trial)]
    assert "before any pass of verify saw it" in describe(Course(trial, passes, [], []))


def test_a_trial_of_which_nothing_but_its_row_is_known() -> None:
    drawn = picture(Course(a_trial(), [], [], []), "name")
    assert ElementTree.fromstring(drawn).tag == "svg"


def test_words_from_files_are_text_and_never_markup(tmp_path: Path) -> None:
    trial = a_trial(fault="<b>", node="<script>alert(1)</script>", verdict="<i>")
    write_mttr(tmp_path / "out.csv", [trial])
    html = build(read_folder(tmp_path), NOW)
    assert outline(html).seen["script"] == outline(html).seen["i"] - html.count("<i class") == 0
    assert outline(html).seen["b"] == 0
