"""Programs people use, with their default settings: awscli, rclone, s3cmd, restic."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster import Cluster
from tests.end_to_end.support import (
    Program,
    all_keys,
    assert_same_tree,
    aws_environment,
    plant_tree,
    program,
    rclone_environment,
    s3cmd_options,
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    plant_tree(root)
    return root


def key_count(tree: Path) -> int:
    return sum(path.is_file() for path in tree.rglob("*"))


class TestAwscli:
    @pytest.fixture
    def aws(self, cluster: Cluster, home: Path) -> Any:
        run = program("aws", "awscli", home, aws_environment(cluster))
        return lambda *arguments: run("--endpoint-url", cluster.endpoint, *arguments)

    def test_sync_both_ways(
        self, aws: Any, s3: Any, bucket: str, tree: Path, tmp_path: Path
    ) -> None:
        aws("s3", "sync", "--only-show-errors", tree, f"s3://{bucket}/tree")
        assert len(all_keys(s3, bucket)) == key_count(tree)
        assert aws("s3", "sync", tree, f"s3://{bucket}/tree") == "", (
            "a second sync has nothing to do"
        )
        aws("s3", "sync", "--only-show-errors", f"s3://{bucket}/tree", tmp_path / "back")
        assert_same_tree(tree, tmp_path / "back")

    def test_the_everyday_commands(
        self, aws: Any, s3: Any, bucket: str, tree: Path, tmp_path: Path
    ) -> None:
        aws("s3", "mb", f"s3://{bucket}-2")
        assert f"{bucket}-2" in aws("s3", "ls")
        source = tree / "multi part.bin"
        aws("s3", "cp", "--no-progress", source, f"s3://{bucket}/large")
        aws("s3", "mv", "--no-progress", f"s3://{bucket}/large", f"s3://{bucket}-2/moved")
        assert all_keys(s3, bucket) == []
        assert f"{source.stat().st_size} moved" in aws("s3", "ls", f"s3://{bucket}-2/")
        aws("s3", "cp", "--no-progress", f"s3://{bucket}-2/moved", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()
        aws("s3", "rb", "--force", f"s3://{bucket}-2")
        assert f"{bucket}-2" not in aws("s3", "ls")


class TestRclone:
    @pytest.fixture
    def rclone(self, cluster: Cluster, home: Path) -> Program:
        return program("rclone", "rclone", home, rclone_environment(cluster))

    def test_sync_both_ways(
        self, rclone: Program, s3: Any, bucket: str, tree: Path, tmp_path: Path
    ) -> None:
        rclone("sync", tree, f"trilith:{bucket}/tree")
        assert len(all_keys(s3, bucket)) == key_count(tree)
        rclone("check", "--download", tree, f"trilith:{bucket}/tree")
        rclone("sync", f"trilith:{bucket}/tree", tmp_path / "back")
        assert_same_tree(tree, tmp_path / "back")

    def test_the_everyday_commands(self, rclone: Program, s3: Any, bucket: str, tree: Path) -> None:
        rclone("mkdir", f"trilith:{bucket}-2")
        assert f"{bucket}-2" in rclone("lsd", "trilith:")
        rclone("copyto", tree / "sub/unit", f"trilith:{bucket}/a/b")
        rclone("moveto", f"trilith:{bucket}/a/b", f"trilith:{bucket}-2/c/d")
        assert all_keys(s3, bucket) == []
        assert sorted(rclone("lsf", "-R", f"trilith:{bucket}-2").split()) == ["c/", "c/d"]
        sizes = rclone("size", f"trilith:{bucket}-2")
        assert f"{(tree / 'sub/unit').stat().st_size} Byte" in sizes
        rclone("deletefile", f"trilith:{bucket}-2/c/d")
        rclone("rmdir", f"trilith:{bucket}-2")


class TestS3cmd:
    @pytest.fixture
    def s3cmd(self, cluster: Cluster, home: Path) -> Any:
        run = program("s3cmd", "s3cmd", home, {})
        return lambda *arguments: run(*s3cmd_options(cluster), *arguments)

    def test_sync_both_ways(
        self, s3cmd: Any, s3: Any, bucket: str, tree: Path, tmp_path: Path
    ) -> None:
        s3cmd("sync", f"{tree}/", f"s3://{bucket}/tree/")
        assert len(all_keys(s3, bucket)) == key_count(tree)
        (tmp_path / "back").mkdir()
        s3cmd("sync", f"s3://{bucket}/tree/", f"{tmp_path}/back/")
        assert_same_tree(tree, tmp_path / "back")

    def test_the_everyday_commands(self, s3cmd: Any, s3: Any, bucket: str, tree: Path) -> None:
        s3cmd("mb", f"s3://{bucket}-2")
        assert f"s3://{bucket}-2" in s3cmd("ls")
        s3cmd("put", tree / "multi part.bin", f"s3://{bucket}/large")
        s3cmd("cp", f"s3://{bucket}/large", f"s3://{bucket}-2/copy")
        assert f"s3://{bucket}-2/copy" in s3cmd("ls", f"s3://{bucket}-2")
        assert "text" not in s3cmd("info", f"s3://{bucket}-2/copy").splitlines()[0]
        assert s3cmd("signurl", f"s3://{bucket}/large", "+60").startswith("http")
        s3cmd("del", "--recursive", "--force", f"s3://{bucket}-2")
        s3cmd("rb", f"s3://{bucket}-2")
        assert f"s3://{bucket}-2" not in s3cmd("ls")


class TestRestic:
    def test_backup_check_and_restore(
        self, cluster: Cluster, bucket: str, home: Path, tmp_path: Path
    ) -> None:
        tree = tmp_path / "tree"
        plant_tree(tree)
        environment = {
            **aws_environment(cluster),
            "RESTIC_REPOSITORY": f"s3:{cluster.endpoint}/{bucket}/backups",
            "RESTIC_PASSWORD": "upright stones",
        }
        restic = program("restic", "restic", home, environment)
        restic("init")
        restic("backup", ".", cwd=tree)
        (tree / "names/added later").write_bytes(b"new")
        restic("backup", ".", cwd=tree)
        restic("check", "--read-data")
        restic("restore", "latest", "--target", tmp_path / "back")
        assert_same_tree(tree, tmp_path / "back")
        restic("forget", "--keep-last", "1", "--prune")
        restic("check", "--read-data")
