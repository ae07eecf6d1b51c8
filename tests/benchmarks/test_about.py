"""What a CSV file's companion says of the machine, and what it must not say."""

import getpass
import json
import platform
from pathlib import Path

from benchmarks import about


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    csv = tmp_path / "new" / "out.csv"
    assert about.read(csv) is None
    told = about.describe("mttr", {"k": 2, "size": "1 MiB"})
    about.write(csv, told)
    assert about.read(csv) == told
    assert told.cores >= 1
    assert told.memory_bytes > 0
    assert platform.python_version() in told.python


def test_another_formats_file_is_none(tmp_path: Path) -> None:
    csv = tmp_path / "out.csv"
    for text in ("{", '{"command": "mttr"}', "[]"):
        about.path_beside(csv).write_text(text)
        assert about.read(csv) is None


def test_it_names_no_host_no_user_and_no_path(tmp_path: Path) -> None:
    about.write(tmp_path / "out.csv", about.describe("latency", {"api": "s3"}))
    text = (tmp_path / "out-about.json").read_text()
    values = json.loads(text).values()
    assert not any("/" in value for value in values if isinstance(value, str))
    assert platform.node() not in text
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text
    assert getpass.getuser() not in values
