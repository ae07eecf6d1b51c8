"""What an operator can set on a node, from TRILITH_NODE_* variables or the command line.

Rules: every field has a default that is safe; the cluster's secret is only ever named by its file.
"""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

KIB = 1024
MIB = 1024 * KIB


class NodeSettings(BaseSettings):
    """Settings of one node process."""

    model_config = SettingsConfigDict(env_prefix="TRILITH_NODE_", extra="ignore")

    data_dir: Path = Path("trilith-data/node-1")
    host: str = "127.0.0.1"
    port: int = Field(9101, ge=0, le=65535)
    node_id: str = Field("node-1", min_length=1, max_length=128)
    zone: str = ""
    weight: float = Field(1.0, gt=0)
    secret_file: Path = Path("trilith-data/cluster-secret")

    segment_size_bytes: int = Field(64 * MIB, ge=MIB, le=4096 * MIB)
    free_floor_bytes: int = Field(64 * MIB, ge=0, description="appends are refused below it")
    memory_budget_bytes: int = Field(64 * MIB, ge=MIB, description="bodies in memory at once")
    overlay_records: int = Field(10_000, ge=1, description="index changes kept in memory")
    flush_interval_s: float = Field(1.0, gt=0)
    compact_below: float = Field(0.5, ge=0, le=1, description="rewrite segments less live than it")
    compaction_interval_s: float = Field(10.0, gt=0)
    compaction_bytes_per_s: float = Field(50e6, gt=0)
    log_level: str = "INFO"
