"""Which server is measured."""

import json
from pathlib import Path

import pytest

from benchmarks.target import Target, TargetError, open_target, target_at


def test_a_named_endpoint() -> None:
    with open_target("http://127.0.0.1:9000", "key", "secret", None) as target:
        assert target == Target("127.0.0.1", 9000, "key", "secret")
        assert target.authority == "127.0.0.1:9000"
        assert "secret" not in repr(target)


@pytest.mark.parametrize("endpoint", ["https://host", "host:9000", "ftp://host", "http://"])
def test_endpoints_that_will_not_do(endpoint: str) -> None:
    with pytest.raises(TargetError):
        target_at(endpoint, "key", "secret")


def test_an_endpoint_without_keys() -> None:
    with pytest.raises(TargetError, match="key"), open_target("http://h:1", None, None, None):
        pass


def test_a_data_directory(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no running cluster"):  # noqa: SIM117
        with open_target(None, None, None, tmp_path):
            pass
    processes = [
        {"name": "coordinator", "role": "coordinator", "pid": 11},
        {"name": "node-1", "role": "node", "pid": None},
    ]
    status = {"endpoint": "http://127.0.0.1:1234", "processes": processes}
    (tmp_path / "status.json").write_text(json.dumps(status))
    keys = {"access_key": "a", "secret_key": "s"}
    (tmp_path / "credentials.json").write_text(json.dumps(keys))
    with open_target(None, None, None, tmp_path) as target:
        assert target == Target("127.0.0.1", 1234, "a", "s", {"coordinator": 11})
