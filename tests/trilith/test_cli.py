"""The commands against a fake cluster: output, files and exit codes."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.trilith.fake_store import ACCESS_KEY, SECRET_KEY, FakeStore
from trilith import cli


@dataclass
class Result:
    code: int
    out: str
    err: str

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Result]


@pytest.fixture
def environ(store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    names = {
        "TRILITH_ENDPOINT": store.endpoint,
        "TRILITH_ACCESS_KEY": ACCESS_KEY,
        "TRILITH_SECRET_KEY": SECRET_KEY,
    }
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TRILITH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return names


@pytest.fixture
def run(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Result:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Result(ended.value.code or 0, out, err)

    return run


def test_a_file_goes_in_and_out(run: Run, store: FakeStore, tmp_path: Path) -> None:
    source = tmp_path / "moon.txt"
    source.write_bytes(b"moon")
    assert run("put", "moon.txt", "b/2026/", "--meta", "a=b").code == 0
    data, attributes = store.buckets["b"]["2026/moon.txt"]
    assert data == b"moon"
    assert attributes == {"content-type": "text/plain", "x-amz-meta-a": "b"}
    assert run("get", "s3://b/2026/moon.txt", "back").code == 0
    assert (tmp_path / "back").read_bytes() == b"moon"
    (tmp_path / "folder").mkdir()
    got = run("get", "b/2026/moon.txt", "folder", "--json")
    assert got.lines()[0]["file"] == "folder/moon.txt"
    assert run("put", "moon.txt", "b", "--json").lines()[0]["key"] == "moon.txt"


def test_a_compressed_file_stays_compressed(run: Run, store: FakeStore, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"x")
    run("put", "a.tar.gz", "b/a")
    assert store.buckets["b"]["a"][1]["content-type"] == "application/gzip"


def test_folders(run: Run, store: FakeStore, tmp_path: Path) -> None:
    source = tmp_path / "tree"
    (source / "sub").mkdir(parents=True)
    (source / "one").write_bytes(b"1")
    (source / "sub" / "two").write_bytes(b"2")
    assert run("put", "tree", "b/p").code == 2
    assert run("put", "-r", "tree", "b/p").code == 0
    assert sorted(store.buckets["b"]) == ["p/one", "p/sub/two"]
    assert run("get", "-r", "b/p/", "back").code == 0
    assert (tmp_path / "back" / "sub" / "two").read_bytes() == b"2"
    assert run("rm", "-r", "b/p/").code == 0
    assert store.buckets["b"] == {}
    assert run("rm", "-r", "b/p/").code == 3
    assert run("get", "-r", "b/p/", "back").code == 3


def test_a_key_never_leads_out_of_the_folder(run: Run, store: FakeStore, tmp_path: Path) -> None:
    store.buckets["b"]["p/../../evil"] = (b"x", {})
    (tmp_path / "in").mkdir()
    assert run("get", "-r", "b/p/", "in").code == 2
    store.buckets["b"] = {"..": (b"x", {})}
    assert run("get", "b/..").code == 2
    assert not (tmp_path / "evil").exists()
    assert run("get", "b/..", "safe").code == 0


def test_a_failed_get_leaves_the_file_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"old")
    result = run("get", "b/missing", "kept")
    assert result.code == 3
    assert "NoSuchKey" in result.err
    assert "req-1" not in result.out
    assert (tmp_path / "kept").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["kept"]


def test_pipes(environ: dict[str, str], store: FakeStore) -> None:
    data = os.urandom(300_000)
    command = [sys.executable, "-m", "trilith"]
    put = subprocess.run([*command, "put", "-", "b/piped"], input=data, capture_output=True)
    assert (put.returncode, put.stdout, put.stderr) == (0, b"", b"")
    assert store.buckets["b"]["piped"][0] == data
    got = subprocess.run([*command, "get", "b/piped", "-"], capture_output=True)
    assert (got.returncode, got.stdout, got.stderr) == (0, data, b"")


def test_ls(run: Run, store: FakeStore) -> None:
    for key in ("a/1", "a/2", "b", "esc\x1b[31m"):
        store.buckets["b"][key] = (b"12", {})
    names = [line.split("  ")[-1] for line in run("ls", "b").out.splitlines()]
    assert names == ["a/", "b", "esc\\x1b[31m"]
    assert len(run("ls", "b", "--recursive").out.splitlines()) == 4
    told = run("ls", "b/", "--json").lines()
    assert told[0] == {"prefix": "a/"}
    assert (told[1]["key"], told[1]["size"]) == ("b", 2)
    assert run("ls", "--json").lines()[0]["name"] == "b"
    assert run("ls", "none").code == 3


def test_stat_and_rm(run: Run, store: FakeStore) -> None:
    store.buckets["b"]["k"] = (b"data", {})
    assert "node-1" in run("stat", "b/k").out
    assert run("stat", "b/k", "--json").lines()[0]["parts"][0]["k"] == 2
    assert run("rm", "b/k", "--json").lines() == [{"bucket": "b", "key": "k", "removed": True}]
    assert run("rm", "b/k").code == 3
    assert run("stat", "b/k").code == 3


def test_buckets(run: Run, store: FakeStore) -> None:
    assert run("bucket", "create", "new", "--json").lines()[0]["name"] == "new"
    assert run("bucket", "create", "new").code == 1
    assert "new" in run("bucket", "ls").out
    assert run("bucket", "rm", "new").code == 0
    assert run("bucket", "rm", "new").code == 3


def test_encryption_keys(run: Run) -> None:
    assert run("key", "add", "one", "--json").lines()[0]["key_id"] == "one"
    assert run("key", "add", "two").out == ""
    assert run("key", "add", "two").code == 1
    assert [line["key_id"] for line in run("key", "ls", "--json").lines()] == ["one", "two"]
    assert run("key", "ls").out.startswith("one\t2")


def test_users(run: Run) -> None:
    given = ("--id", "ann", "--display-name", "Ann", "--access-key", "AK", "--secret-key", "SK")
    told = run("user", "add", *given, "--json").lines()
    assert told == [{"user_id": "ann", "access_key": "AK", "secret_key": "SK"}]
    assert run("user", "add", "--id", "ann").code == 1
    assert "second-key" in run("user", "key", "add", "ann").out
    assert run("user", "ls").out == "ann\tAnn\t\tAK second-key\n"
    assert run("user", "ls", "--json").lines()[0]["display_name"] == "Ann"
    assert run("user", "key", "rm", "second-key").code == 0
    assert run("user", "rm", "ann").code == 0
    assert run("user", "rm", "ann").code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("put", "no-such-file", "b/k"),
        ("put", "-", "b"),
        ("get", "b"),
        ("rm", "b"),
        ("stat", ""),
        ("ls", "b", "--no-such-option"),
        ("no-such-command",),
        ("put", ".", "b/k", "--meta", "nonsense"),
    ],
)
def test_wrong_usage(run: Run, store: FakeStore, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert result.err
    assert store.requests == []


def test_denied(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRILITH_SECRET_KEY", "wrong-secret")
    result = run("ls")
    assert result.code == 4
    assert "InvalidAccessKeyId" in result.err
    assert "wrong-secret" not in result.err


def test_not_reachable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRILITH_ENDPOINT")
    result = run("ls")
    assert result.code == 5
    assert "trilith up" in result.err
    assert run("status").code == 5


def test_a_failure_of_the_cluster(run: Run, store: FakeStore) -> None:
    store.faults = [500]
    assert run("ls").code == 1


def test_an_unwritable_target_is_told(run: Run, store: FakeStore) -> None:
    store.buckets["b"]["k"] = (b"data", {})
    result = run("get", "b/k", "no/such/folder")
    assert result.code == 1
    assert "No such file or directory" in result.err


def test_status_of_a_cluster_elsewhere(run: Run) -> None:
    assert run("status", "--json").lines()[0]["nodes"][0]["node_id"] == "node-1"
    assert "node-1\tup" in run("status").out


def test_keys_of_the_data_directory_do_not_go_elsewhere(
    run: Run, store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRILITH_ACCESS_KEY")
    monkeypatch.delenv("TRILITH_SECRET_KEY")
    data = tmp_path / "trilith-data"
    data.mkdir()
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    (data / "credentials.json").write_text(json.dumps(keys))
    (data / "credentials.json").chmod(0o600)
    assert run("ls").code == 2
    assert store.requests == []
    assert run("ls", "--data", str(data)).code == 0
    (data / "credentials.json").chmod(0o644)
    result = run("ls", "--data", str(data))
    assert result.code == 1
    assert "chmod 600" in result.err


def test_the_secret_is_made_once_and_private(run: Run, tmp_path: Path) -> None:
    assert run("make-secret", "sub/secret").code == 0
    secret = tmp_path / "sub" / "secret"
    made = secret.read_text()
    assert len(made.strip()) == 64
    assert secret.stat().st_mode & 0o777 == 0o600
    assert run("make-secret", "sub/secret").code == 0
    assert secret.read_text() == made


def test_help_tells_the_exit_codes_and_imports_little() -> None:
    code = (
        "import sys\ntry:\n    from trilith.cli import main\n    main(['--help'])\nfinally:\n"
        "    assert not {'httpx', 'asyncio', 'fastapi', 'numpy'} & set(sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for told in ("2 wrong usage", "3 not found", "4 access denied"):
        assert told in " ".join(result.stdout.split())


def test_a_table_on_a_terminal_is_not_driven_by_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    from trilith import terminal

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    terminal.table(("name",), [("[red]\x1b]0;evil\x07",)])
    assert "[red]\\x1b]0;evil\\x07" in screen.getvalue()
