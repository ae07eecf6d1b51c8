"""Root's keys and the cluster's secret: made once, kept private, never a default."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from coordinator.credentials import CredentialsError, read_secret, root_keys, write_private
from coordinator.settings import CoordinatorSettings


def settings(path: Path, **more) -> CoordinatorSettings:
    return CoordinatorSettings(data_dir=path, **more)


def test_keys_are_made_at_first_start_and_kept_private(tmp_path: Path) -> None:
    made = root_keys(settings(tmp_path))
    assert root_keys(settings(tmp_path)) == made
    assert (len(made.access_key), len(made.secret_key)) == (20, 40)
    assert stat.S_IMODE((tmp_path / "credentials.json").stat().st_mode) == 0o600
    assert made.secret_key not in repr(made)


def test_two_stores_have_different_keys(tmp_path: Path) -> None:
    assert root_keys(settings(tmp_path / "a")) != root_keys(settings(tmp_path / "b"))


def test_the_environment_comes_first_and_writes_nothing(tmp_path: Path) -> None:
    keys = root_keys(settings(tmp_path, access_key="AKIA", secret_key=SecretStr("s3cret")))
    assert (keys.access_key, keys.secret_key) == ("AKIA", "s3cret")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("half", [{"access_key": "AKIA"}, {"secret_key": SecretStr("s3cret")}])
def test_half_a_key_pair_is_refused(tmp_path: Path, half) -> None:
    with pytest.raises(CredentialsError, match="both"):
        root_keys(settings(tmp_path, **half))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"access_key": "A"}'])
def test_a_file_without_keys_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(text)
    with pytest.raises(CredentialsError, match=r"credentials\.json"):
        root_keys(settings(tmp_path))
    assert path.read_text() == text


def test_a_cluster_secret_must_be_there_and_long(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="read"):
        read_secret(tmp_path / "missing")
    write_private(tmp_path / "short", "x" * 31)
    with pytest.raises(CredentialsError, match="shorter"):
        read_secret(tmp_path / "short")
    write_private(tmp_path / "long", "x" * 32 + "\n")
    assert read_secret(tmp_path / "long") == "x" * 32


def test_a_failed_write_leaves_neither_file_nor_rest(tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    with pytest.raises(OSError, match="taken"):
        write_private(target, "secret")
    assert list(tmp_path.iterdir()) == [target]
