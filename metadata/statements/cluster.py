"""The cluster's id and its nodes."""

import sqlite3
from typing import Final

from metadata.model import NodeRecord, Standing
from metadata.statements.rows import NODE_ID_BARS

_PROPOSE: Final = """
    INSERT INTO meta (name, value) VALUES ('cluster_id', ?) ON CONFLICT (name) DO NOTHING"""

_PUT_NODE: Final = """
    INSERT INTO nodes (node_id, url, zone, weight, store_id, standing, is_draining)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (node_id) DO UPDATE SET
        url = excluded.url, zone = excluded.zone, weight = excluded.weight,
        store_id = excluded.store_id, standing = excluded.standing,
        is_draining = excluded.is_draining"""

_NODES: Final = """
    SELECT node_id, url, zone, weight, store_id, standing, is_draining
    FROM nodes ORDER BY node_id"""


def cluster_id(db: sqlite3.Connection, *, proposed: str) -> str:
    """The id; `proposed` if there was none."""
    db.execute(_PROPOSE, (proposed,))
    (found,) = db.execute("SELECT value FROM meta WHERE name = 'cluster_id'").fetchone()
    return str(found)


def put_node(db: sqlite3.Connection, *, node: NodeRecord) -> None:
    """Add or replace."""
    assert NODE_ID_BARS.isdisjoint(node.node_id), "a node id holds what parts are joined by"
    row = (
        node.node_id,
        node.url,
        node.zone,
        float(node.weight),
        node.store_id,
        node.standing.value,
        int(node.is_draining),
    )
    db.execute(_PUT_NODE, row)


def list_nodes(db: sqlite3.Connection) -> list[NodeRecord]:
    """All nodes, by id."""
    return [
        NodeRecord(node_id, url, zone, weight, store_id, Standing(standing), is_draining == 1)
        for node_id, url, zone, weight, store_id, standing, is_draining in db.execute(_NODES)
    ]


def remove_node(db: sqlite3.Connection, *, node_id: str) -> None:
    """Unknown ids are ignored."""
    db.execute("DELETE FROM nodes WHERE node_id = ?", (node_id,))
