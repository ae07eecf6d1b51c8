"""From a run's junit XML to the page: nothing left out, nothing made up."""

from pathlib import Path

from benchmarks.conformance import page, read_known, read_reasons, read_run

CASES = {"a": "", "b": '<failure message="no"/>', "c": "<skipped/>", "d": ""}
RUN = "".join(
    f'<testcase classname="s3tests.functional.test_s3" name="test_{name}">{inner}</testcase>'
    for name, inner in (*CASES.items(), ("d", '<error message="teardown"/>'))
)
KNOWN = "test\tcategory\tceph\n" + "".join(
    f"test_s3.py::test_{name}\t{group}\t{ceph}\n"
    for name, group, ceph in (
        ("a", "acl", "pass"),
        ("b", "acl", "pass"),
        ("c", "logging", "skip"),
        ("d", "logging", "fail"),
        ("e", "logging", "fail"),
    )
)


def write(folder: Path) -> tuple[Path, Path, Path]:
    paths = folder / "run.xml", folder / "known.tsv", folder / "reasons.tsv"
    for path, text in zip(
        paths, (f"<testsuite>{RUN}</testsuite>", KNOWN, "test_c\tno such thing here\n"), strict=True
    ):
        path.write_text(text)
    return paths


def test_a_teardown_that_fails_is_no_pass(tmp_path: Path) -> None:
    run, _, _ = write(tmp_path)
    outcomes = {name.rpartition("_")[2]: outcome for name, outcome in read_run(run).items()}
    assert outcomes == {"a": "pass", "b": "fail", "c": "skip", "d": "error"}


def test_the_page_counts_and_names_everything(tmp_path: Path) -> None:
    run, known, reasons = write(tmp_path)
    text = page(read_run(run), read_known(known), read_reasons(reasons), "abc123")
    assert "| acl | 2 | 1 | 2 |" in text
    assert "| logging | 3 | 0 | 0 |" in text
    assert "| **all** | **5** | **1** | **2** |" in text
    assert "**no such thing here** (1)\n\n- `test_s3.py::test_c`: skip" in text
    assert "**not explained yet** (3)" in text
    assert "`test_s3.py::test_e`: not run" in text
    assert "commit abc123" in text
