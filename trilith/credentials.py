"""The secrets of a local cluster: where they come from, and that only one user can read them.

Rules: there is no default secret. The cluster's secret is made here at the first start, with mode
0600 from the moment it exists, and never overwritten; root's keys are the coordinator's to make.
"""

import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trilith.errors import LaunchError
from trilith.files import replacing
from trilith.layout import read_json

ACCESS_KEY_VARIABLE = "TRILITH_ACCESS_KEY"
SECRET_KEY_VARIABLE = "TRILITH_SECRET_KEY"


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key and its secret."""

    access_key: str
    secret_key: str = field(repr=False)


def ensure_secret(path: Path) -> None:
    """Make the cluster's secret if there is none yet."""
    if path.exists():
        _check_private(path)
        return
    with replacing(path, mode=0o600, durable=True) as file:
        file.write(secrets.token_hex(32).encode() + b"\n")


def keys_from_environment(environ: Mapping[str, str]) -> Keys | None:
    """Root's keys if the environment has them. Raises LaunchError if it has only one of them."""
    access_key = environ.get(ACCESS_KEY_VARIABLE, "")
    secret_key = environ.get(SECRET_KEY_VARIABLE, "")
    if not access_key and not secret_key:
        return None
    if not access_key or not secret_key:
        raise LaunchError(f"set both {ACCESS_KEY_VARIABLE} and {SECRET_KEY_VARIABLE}, or neither")
    return Keys(access_key, secret_key)


def load_keys(path: Path) -> Keys | None:
    """Root's keys from their file; None if there is none."""
    told = read_json(path)
    if told is None:
        return None
    _check_private(path)
    try:
        return Keys(str(told["access_key"]), str(told["secret_key"]))
    except KeyError as error:
        raise LaunchError(f"{path} is damaged: {error} is missing") from error


def root_keys(path: Path, environ: Mapping[str, str]) -> Keys:
    """Root's keys: the environment's, else those of the file, which the coordinator makes at its
    first start. Raises LaunchError if there are none yet."""
    keys = keys_from_environment(environ) or load_keys(path)
    if keys is None:
        raise LaunchError(
            f"no keys: {path} does not exist, and {ACCESS_KEY_VARIABLE} and"
            f" {SECRET_KEY_VARIABLE} are not set"
        )
    return keys


def _check_private(path: Path) -> None:
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o077:
        raise LaunchError(f"{path} can be read by others (mode {mode:04o}): run `chmod 600 {path}`")
