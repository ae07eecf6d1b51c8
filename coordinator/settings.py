"""What an operator can set on a coordinator, from TRILITH_* variables or the command line.

Rules: every field has a default that is safe for one machine; secrets are never settings values
that get printed, only files (mode 0600) or the two environment variables of root's keys.
"""

from pathlib import Path

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

KIB = 1024
MIB = 1024 * KIB
DAY_S = 24 * 3600.0


class CoordinatorSettings(BaseSettings):
    """Settings of one coordinator process."""

    model_config = SettingsConfigDict(env_prefix="TRILITH_", env_ignore_empty=True, extra="ignore")

    data_dir: Path = Path("trilith-data/coordinator")
    host: str = "127.0.0.1"
    port: int = Field(9000, ge=0, le=65535)
    nodes: list[str] = Field(default_factory=list, description='"node-1=http://host:port", ...')
    secret_file: Path = Path("trilith-data/cluster-secret")
    credentials_file: Path | None = None
    key_file: Path | None = Field(
        None,
        description="the keys that wrap objects' keys; else keys.json in the data directory",
    )
    access_key: str | None = None
    secret_key: SecretStr | None = None

    k: int = Field(2, ge=1, le=254, description="data shards per part")
    m: int = Field(1, ge=0, le=254, description="parity shards per part")
    unit_size_bytes: int = Field(512 * KIB, ge=4 * KIB, le=8 * MIB)
    min_durable_shards: int | None = Field(
        None, description="shards that must be durable before a write is acknowledged; k unless set"
    )

    region: str = "us-east-1"
    domain: str = Field("localhost", description="virtual-host style: <bucket>.<domain>")
    website_domain: str = Field(
        "", description="web sites: <bucket>.<website domain>; s3-website.<domain> unless set"
    )
    access_log_roll_s: float = Field(
        300.0, gt=0, description="a log object gathers a bucket's access log this long"
    )

    heartbeat_interval_s: float = Field(0.5, gt=0)
    down_after_s: float = Field(2.5, gt=0)
    lost_after_s: float = Field(
        600.0, gt=0, description="nobody waits longer for a node that is down"
    )
    hedge_after_s: float = Field(0.5, gt=0, description="a slower unit is also read as parity")
    reclaim_grace_s: float = Field(60.0, ge=0, description="dropped parts stay readable this long")
    orphan_grace_s: float = Field(
        3600.0, ge=0, description="shards that nothing names are kept this long"
    )
    repair_concurrency: int = Field(4, ge=1, description="pieces of repair work under way")
    repair_bytes_per_s: int = Field(0, ge=0, description="bound of repair; 0: none")
    rebalance_shards_per_s: int = Field(1000, ge=1, description="shards queued to be moved")
    scrub_period_s: float = Field(
        14 * DAY_S, gt=0, description="in this time everything kept is read and checked once"
    )
    lifecycle_day_s: float = Field(
        DAY_S, gt=0, description="how long a day of lifecycle rules lasts; shorter only for tests"
    )
    body_stall_s: float = Field(30.0, gt=0, description="a request that stops sending is ended")
    log_level: str = "INFO"

    @model_validator(mode="after")
    def _check(self) -> "CoordinatorSettings":
        if self.k + self.m > 255:
            raise ValueError(f"k + m must be at most 255, got {self.k} + {self.m}")
        least = self.min_durable_shards
        if least is not None and not self.k <= least <= self.k + self.m:
            raise ValueError(f"min_durable_shards must be between k and k + m, got {least}")
        return self

    @property
    def root_keys_file(self) -> Path:
        """Where root's keys are kept: in the data directory unless another file is named."""
        return self.credentials_file or self.data_dir / "credentials.json"

    @property
    def keys_file(self) -> Path:
        """Where the keys that wrap objects' keys are kept. Whoever has them and the data can read
        everything: a backup of the data directory should not hold them, but another one must."""
        return self.key_file or self.data_dir / "keys.json"

    @property
    def website_host(self) -> str:
        """The domain below which buckets are web sites."""
        return self.website_domain or f"s3-website.{self.domain}"

    @property
    def required_shards(self) -> int:
        """How many shards must be durable before a write is acknowledged."""
        return self.k if self.min_durable_shards is None else self.min_durable_shards
