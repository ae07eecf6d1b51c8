"""The API keeps to its own description: schemathesis reads the OpenAPI document and tries it all.

Rules: a process of its own, because schemathesis changes Hypothesis for the process it runs in. The
server, the API and the metadata are the real ones, the nodes are in memory. The requests are the
same each time, so that what fails once fails again.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.crypto import Keyring, open_key_store
from coordinator.http import running
from coordinator.objects import ObjectKeys
from metadata import open_sqlite
from tests.coordinator.api.support import API, ROOT, Stand

CONFIG = Path(__file__).with_name("schemathesis.toml")
TIMEOUT_S = 120
BODY = bytes(5000)


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    """An API with the buckets and keys that the configuration names."""
    made = Stand(await open_sqlite(tmp_path / "metadata.db"))
    store = open_key_store(tmp_path / "keys.json", clock_ms=lambda: 7)
    made.objects.keys = ObjectKeys(Keyring(store))
    await made.start()
    for bucket in ("alices", "bobs"):
        for key in ("there", "folder/there"):
            put = await made.call("PUT", f"/objects/{bucket}/{key}", ROOT, content=BODY)
            assert put.status_code == 200
    yield made
    await made.close()


async def test_the_api_does_what_its_description_says(stand: Stand, tmp_path: Path) -> None:
    async with running(stand.app) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
            *("run", f"{server.url}{API}/openapi.json"),
            cwd=tmp_path,
            env={**os.environ, "ROOT_SECRET": ROOT[1]},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                printed, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    assert process.returncode == 0, printed.decode()
    # A run that found nothing to try would have found no fault either.
    assert b"No issues found" in printed, printed.decode()
