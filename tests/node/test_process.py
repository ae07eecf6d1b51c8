"""The node as a process: killed while it writes, stopped politely, started wrongly."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from node.protocol import Outcome, pack_record_keys, request_headers, unpack_answers
from tests.node.records import key, record

SECRET = "0123456789abcdef"
HEADERS = request_headers(SECRET, "cluster-1", "node-1")
MAIN = """
from node.app import main
from node.settings import NodeSettings
main(NodeSettings())
"""
ROUNDS = 4
WRITERS = 4


class Process:
    """A node process; `url` is known once it listens."""

    def __init__(self, directory, *, node_id="node-1"):
        secret = directory / "secret"
        secret.write_text(SECRET)
        environ = {
            **os.environ,
            "TRILITH_NODE_DATA_DIR": str(directory / "data"),
            "TRILITH_NODE_PORT": "0",
            "TRILITH_NODE_NODE_ID": node_id,
            "TRILITH_NODE_SECRET_FILE": str(secret),
            "TRILITH_NODE_SEGMENT_SIZE_BYTES": str(1 << 20),
            "TRILITH_NODE_FREE_FLOOR_BYTES": "0",
            "TRILITH_NODE_FLUSH_INTERVAL_S": "0.05",
            "TRILITH_NODE_COMPACTION_INTERVAL_S": "0.05",
        }
        self.popen = subprocess.Popen(
            [sys.executable, "-c", MAIN], env=environ, stderr=subprocess.PIPE, text=True
        )
        self.url, self.log = "", []
        for line in self.popen.stderr:
            self.log.append(json.loads(line))
            if self.log[-1]["message"] == "node listens":
                self.url = self.log[-1]["url"]
                break

    def end(self, number):
        self.popen.send_signal(number)
        with self.popen:
            self.log += [json.loads(line) for line in self.popen.stderr]
        return self.popen.returncode


def write_until_killed(url, numbers, acknowledged, attempted):
    with (
        contextlib.suppress(httpx.RequestError),
        httpx.Client(headers=HEADERS, trust_env=False) as http,
    ):
        for number in numbers:
            attempted.append(number)
            body = record(key(number), payload(number))
            if http.post(f"{url}/v1/append", content=body).status_code == 204:
                acknowledged.append(number)


def payload(number):
    return random.Random(number).randbytes(200 + number % 7000)


def read(url, numbers):
    found = {}
    with httpx.Client(headers=HEADERS, trust_env=False) as http:
        for start in range(0, len(numbers), 1000):
            chunk = numbers[start : start + 1000]
            response = http.post(f"{url}/v1/read", content=pack_record_keys(map(key, chunk)))
            answers = unpack_answers(response.content, len(chunk))
            found |= dict(zip(chunk, answers, strict=True))
    return found


def test_acknowledged_appends_survive_sigkill(tmp_path):
    seed = random.Random(20)
    acknowledged, attempted = [], []
    for round_number in range(ROUNDS):
        process = Process(tmp_path)
        first = len(acknowledged)
        with ThreadPoolExecutor(WRITERS) as threads:
            for writer in range(WRITERS):
                start = (round_number * WRITERS + writer) * 100_000
                numbers = range(start, start + 100_000)
                threads.submit(write_until_killed, process.url, numbers, acknowledged, attempted)
            enough = first + seed.randint(20, 200)
            while len(acknowledged) < enough and process.popen.poll() is None:
                os.sched_yield()
            assert process.end(signal.SIGKILL) == -signal.SIGKILL
    process = Process(tmp_path)
    found = read(process.url, attempted)
    for number in acknowledged:
        assert found[number] == record(key(number), payload(number))
    for number in set(attempted) - set(acknowledged):
        assert found[number] in (Outcome.MISSING, record(key(number), payload(number)))
    assert process.end(signal.SIGTERM) == 0
    assert process.log[-1]["message"] == "node stopped cleanly"
    assert not [line for line in process.log if line["level"] == "error"]


def test_a_second_process_and_another_node_are_refused(tmp_path):
    first = Process(tmp_path)
    for node_id, reason in (("node-1", "in use"), ("node-2", "in use")):
        second = Process(tmp_path, node_id=node_id)
        assert second.popen.wait() == 1
        assert reason in second.log[-1]["reason"]
        second.popen.stderr.close()
    assert first.end(signal.SIGTERM) == 0
    other = Process(tmp_path, node_id="node-2")
    assert other.popen.wait() == 1
    assert "belongs to node 'node-1'" in other.log[-1]["reason"]
    other.popen.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(tmp_path, number):
    process = Process(tmp_path)
    acknowledged = []
    write_until_killed(process.url, range(10), acknowledged, [])
    assert process.end(number) == 0
    process = Process(tmp_path)
    assert len(acknowledged) == 10
    assert Outcome.MISSING not in read(process.url, acknowledged).values()
    assert process.end(number) == 0
