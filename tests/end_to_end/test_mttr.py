"""`mttr` and `report` on a real cluster: a wiped node heals while clients notice nothing."""

from pathlib import Path

from benchmarks.cluster import Cluster
from benchmarks.faults import Faults
from benchmarks.foreground import SMALL_BYTES
from benchmarks.mttr import SMALL_OBJECTS, Plan
from benchmarks.mttr_command import is_good, measure
from benchmarks.report import write_report

OBJECTS, SIZE_BYTES = 40, 256 * 1024
BEFORE_S, AFTER_S = 1.0, 0.5


async def test_a_wiped_node_heals_under_load(fragile: Cluster, tmp_path: Path) -> None:
    csv = tmp_path / "wipe.csv"
    plan = Plan("wipe", OBJECTS, SIZE_BYTES, trials=1, before_s=BEFORE_S, after_s=AFTER_S)
    with Faults(fragile) as faults:
        (course,) = await measure(plan, fragile, faults, csv, lambda _: None)
    trial = course.trial
    assert is_good(trial), trial
    assert 0 < trial.detect_s <= trial.mttr_s
    assert 0 < trial.repair_s <= trial.mttr_s
    # With as many nodes as shards, whatever is stored has a shard on the node.
    assert trial.objects >= OBJECTS + SMALL_OBJECTS
    assert trial.shards_rebuilt >= trial.objects
    assert trial.bytes == OBJECTS * SIZE_BYTES + (trial.objects - OBJECTS) * SMALL_BYTES
    assert min(one.whole for one in course.redundancy) < trial.objects / 2
    assert not any(one.lost for one in course.redundancy)

    (run,) = write_report(tmp_path, tmp_path / "report.html").mttr
    assert run.courses[0].redundancy == course.redundancy
    assert run.about is not None
    assert run.about.settings["k"] == 2
    html = (tmp_path / "report.html").read_text()
    assert "full redundancy" in html
    assert str(fragile.data) not in html
