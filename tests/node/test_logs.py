"""Logs are JSON, one line each, and the settings come from the environment."""

import json
import logging

import pytest

from node.logs import JsonFormatter
from node.settings import NodeSettings


def test_a_line_has_its_fields():
    record = logging.makeLogRecord(
        {"name": "node.log", "levelno": 20, "levelname": "INFO", "msg": "it %s", "args": ("is",)}
    )
    record.segment = "s\n1"
    record.path = object
    line = JsonFormatter(node="node-1").format(record)
    assert "\n" not in line
    fields = json.loads(line)
    assert (fields["message"], fields["level"], fields["node"]) == ("it is", "info", "node-1")
    assert fields["segment"] == "s\n1"
    assert fields["time"].endswith("+00:00")


def test_an_exception_stays_on_its_line():
    try:
        raise ValueError("broken")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.makeLogRecord({"msg": "failed", "exc_info": info})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError: broken" in json.loads(line)["exception"]


def test_settings_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TRILITH_NODE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TRILITH_NODE_ZONE", "north")
    settings = NodeSettings(port=0)
    assert (settings.data_dir, settings.zone, settings.port) == (tmp_path, "north", 0)


@pytest.mark.parametrize(
    "wrong", [{"weight": 0}, {"port": 70_000}, {"node_id": ""}, {"compact_below": 1.5}]
)
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        NodeSettings(**wrong)
