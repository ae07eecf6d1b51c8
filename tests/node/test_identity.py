"""Whose a data directory is."""

import os

import pytest

from node.errors import WrongStore
from node.identity import Identity, adopt, lock_directory, open_identity


def make_id():
    return "random"


def test_a_new_directory_is_formatted_once(tmp_path):
    first = open_identity(tmp_path, "node-1", make_id)
    assert first == Identity("", "node-1", "random")
    assert open_identity(tmp_path, "node-1", lambda: "another") == first


def test_another_node_is_refused(tmp_path):
    open_identity(tmp_path, "node-1", make_id)
    with pytest.raises(WrongStore, match="belongs to node 'node-1', not to 'node-2'"):
        open_identity(tmp_path, "node-2", make_id)


def test_adoption_lasts_and_is_for_one_cluster_only(tmp_path):
    identity = adopt(tmp_path, open_identity(tmp_path, "n", make_id), "cluster-a")
    assert open_identity(tmp_path, "n", make_id) == identity == Identity("cluster-a", "n", "random")
    assert adopt(tmp_path, identity, "cluster-a") == identity
    with pytest.raises(WrongStore, match="cluster-a"):
        adopt(tmp_path, identity, "cluster-b")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"node_id": "n"}', '{"surprise": 1}'])
def test_an_unreadable_identity_is_an_error(tmp_path, text):
    (tmp_path / "identity.json").write_text(text)
    with pytest.raises(WrongStore, match="not readable"):
        open_identity(tmp_path, "n", make_id)


def test_segments_without_an_identity_are_not_taken_over(tmp_path):
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "000000000001-000000000001.00000.segment").touch()
    with pytest.raises(WrongStore, match="no identity"):
        open_identity(tmp_path, "n", make_id)


def test_one_process_at_a_time(tmp_path):
    held = lock_directory(tmp_path)
    with pytest.raises(WrongStore, match="in use"):
        lock_directory(tmp_path)
    os.close(held)
    os.close(lock_directory(tmp_path))
