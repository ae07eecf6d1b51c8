"""One HTML page from a folder of CSV files: what was measured, in pictures and in tables.

Rules: the page needs nothing but itself (no script, no network); what it says comes from the files
alone, so that the same files give the same page but for its date.
"""

from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report.page import build
from benchmarks.report.read import ReportError, Results, read_folder

__all__ = ["ReportError", "Results", "build", "read_folder", "write_report"]


def write_report(folder: Path, page: Path) -> Results:
    """Read the folder's CSV files and write the page; what it shows. Raises ReportError."""
    results = read_folder(folder)
    page.write_text(build(results, datetime.now(UTC)), encoding="utf-8")
    return results
