"""`benchmarks.erasure`: a shortest run gives every row, in the table and in the CSV."""

import csv
from io import StringIO
from pathlib import Path

from rich.console import Console

from benchmarks import erasure as benchmark


def test_rows_table_and_csv(tmp_path: Path) -> None:
    path = tmp_path / "erasure.csv"
    rows = benchmark.run(path, seconds=0)
    cells = {(row.code, row.operation) for row in rows}
    assert len(cells) == 11
    for cell in cells:
        names = {row.contender for row in rows if (row.code, row.operation) == cell}
        assert names >= {benchmark.TRILITH, benchmark.XOR, benchmark.ISA_L}
    with path.open() as file:
        assert [line["contender"] for line in csv.DictReader(file)] == [
            row.contender for row in rows
        ]
    console = Console(width=120, record=True, file=StringIO())
    console.print(benchmark.table(rows))
    assert "rebuild 4 shards" in console.export_text()
