"""What a cluster is for: everything is still there after a node, or everything, was killed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster import Cluster, is_running, wait_until
from tests.end_to_end.support import (
    STRIPE_BYTES,
    UNIT_BYTES,
    all_keys,
    assert_same_tree,
    aws_environment,
    empty_bucket,
    plant_tree,
    program,
    rclone_environment,
    s3_client,
    seeded_bytes,
)

SIZES = (0, 1, 5000, UNIT_BYTES + 1, STRIPE_BYTES, 4 * STRIPE_BYTES + 4321)

Sync = Callable[[str, str], None]


@pytest.fixture
def s3(fragile: Cluster) -> Iterator[Any]:
    client = s3_client(fragile)
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any, fragile: Cluster) -> Iterator[str]:
    s3.create_bucket(Bucket="survivors")
    yield "survivors"
    for node_id in fragile.node_ids():
        fragile.release(node_id)
    fragile.wait_until_whole()
    empty_bucket(s3, "survivors")


@pytest.fixture(params=["rclone", "awscli"])
def sync(fragile: Cluster, home: Path, request: pytest.FixtureRequest) -> Sync:
    """Copies a tree to `remote:` or back, with one program or the other."""
    if request.param == "rclone":
        rclone = program("rclone", "rclone", home, rclone_environment(fragile))
        return lambda source, target: (
            rclone(
                "sync", source.replace("remote:", "trilith:"), target.replace("remote:", "trilith:")
            )
            and None
        )
    aws = program("aws", "awscli", home, aws_environment(fragile))
    return lambda source, target: (
        aws(
            *("--endpoint-url", fragile.endpoint, "s3", "sync", "--only-show-errors"),
            *(source.replace("remote:", "s3://"), target.replace("remote:", "s3://")),
        )
        and None
    )


def test_a_tree_survives(sync: Sync, fragile: Cluster, bucket: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    plant_tree(tree)
    sync(str(tree), f"remote:{bucket}/tree")
    sync(f"remote:{bucket}/tree", str(tmp_path / "whole"))
    assert_same_tree(tree, tmp_path / "whole")

    killed = fragile.hold_down("node-2")
    sync(f"remote:{bucket}/tree", str(tmp_path / "one node dead"))
    assert not is_running(killed)
    assert "node-2" not in fragile.pids()
    assert_same_tree(tree, tmp_path / "one node dead")

    fragile.release("node-2")
    killed_all = fragile.kill_everything()
    assert len(killed_all) >= 4
    assert not any(map(is_running, killed_all))
    fragile.start()
    sync(f"remote:{bucket}/tree", str(tmp_path / "after all died"))
    assert_same_tree(tree, tmp_path / "after all died")


@pytest.mark.parametrize("node_id", ["node-1", "node-2", "node-3"])
def test_degraded_writes_are_whole(fragile: Cluster, s3: Any, bucket: str, node_id: str) -> None:
    """Written while a node is down, read with it down, and once more after it came back."""
    fragile.hold_down(node_id)
    bodies = {f"{size}": seeded_bytes(size, node_id) for size in SIZES}
    for key, body in bodies.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    named = {"Bucket": bucket, "Key": "parts", "UploadId": upload_id}
    part = s3.upload_part(**named, PartNumber=1, Body=bodies["5000"])
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**named, MultipartUpload=parts)
    bodies["parts"] = bodies["5000"]

    def check() -> None:
        assert all_keys(s3, bucket) == sorted(bodies)
        for key, body in bodies.items():
            assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body, key
        key, body = f"{SIZES[-1]}", bodies[f"{SIZES[-1]}"]
        middle = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={UNIT_BYTES - 5}-{3_000_000}")
        assert middle["Body"].read() == body[UNIT_BYTES - 5 : 3_000_001]

    check()
    wait_until(lambda: fragile.node_states()[node_id] != "up", f"{node_id} is seen to be down")
    check()
    fragile.release(node_id)
    fragile.wait_until_whole()
    check()


def test_too_few_nodes_refuse_writes_and_lose_nothing(
    fragile: Cluster, s3: Any, bucket: str
) -> None:
    body = seeded_bytes(STRIPE_BYTES + 1)
    s3.put_object(Bucket=bucket, Key="before", Body=body)
    impatient = s3_client(fragile, retries={"total_max_attempts": 1})
    fragile.hold_down("node-1")
    fragile.hold_down("node-3")
    for action in (
        lambda: impatient.put_object(Bucket=bucket, Key="during", Body=body),
        lambda: impatient.get_object(Bucket=bucket, Key="before")["Body"].read(),
    ):
        with pytest.raises(impatient.exceptions.ClientError) as caught:
            action()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (500, 503)
    impatient.close()
    assert all_keys(s3, bucket) == ["before"]
    fragile.release("node-1")
    fragile.release("node-3")
    fragile.wait_until_whole()
    assert s3.get_object(Bucket=bucket, Key="before")["Body"].read() == body
    s3.put_object(Bucket=bucket, Key="during", Body=body)


def test_a_killed_process_comes_back_by_itself(fragile: Cluster, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"still here")
    for name in ("coordinator", "node-1", "node-2", "node-3"):
        former = fragile.kill(name)
        wait_until(lambda: fragile.pids().get(name, former) != former, f"{name} has a new pid")  # noqa: B023
        fragile.wait_until_whole()
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"still here"
