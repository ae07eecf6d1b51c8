"""Root's keys and the cluster's secret: made at first start, kept in files only the owner reads.

Rules: there is no default secret anywhere. A file is written whole (temp, fsync, rename, fsync of
the directory) with mode 0600 before anything uses it. Nothing here logs a secret.
"""

import json
import os
import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path

from coordinator.settings import CoordinatorSettings

ACCESS_KEY_ALPHABET = string.ascii_uppercase + string.digits
ACCESS_KEY_LENGTH = 20
SECRET_KEY_BYTES = 30


class CredentialsError(Exception):
    """A file of secrets can't be used; says which and why."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An access key and its secret."""

    access_key: str
    secret_key: str = field(repr=False)


def new_key_pair() -> KeyPair:
    """Random keys of S3's usual shape: 20 and 40 characters."""
    access_key = "".join(secrets.choice(ACCESS_KEY_ALPHABET) for _ in range(ACCESS_KEY_LENGTH))
    return KeyPair(access_key, secrets.token_urlsafe(SECRET_KEY_BYTES))


def root_keys(settings: CoordinatorSettings) -> KeyPair:
    """From the environment where both are set there, else from the file, made if there is none.

    Raises CredentialsError.
    """
    if settings.access_key and settings.secret_key is not None:
        return KeyPair(settings.access_key, settings.secret_key.get_secret_value())
    if settings.access_key or settings.secret_key is not None:
        raise CredentialsError("set both TRILITH_ACCESS_KEY and TRILITH_SECRET_KEY, or neither")
    path = settings.root_keys_file
    if path.exists():
        try:
            found = json.loads(path.read_bytes())
            return KeyPair(str(found["access_key"]), str(found["secret_key"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CredentialsError(f"{path} does not hold root's keys: {error}") from error
    keys = new_key_pair()
    document = {"access_key": keys.access_key, "secret_key": keys.secret_key}
    write_private(path, json.dumps(document, indent=2) + "\n")
    return keys


def read_secret(path: Path) -> str:
    """The cluster's secret. Raises CredentialsError."""
    try:
        secret = path.read_text().strip()
    except OSError as error:
        raise CredentialsError(f"the cluster secret can't be read: {error}") from error
    if len(secret) < 32:
        raise CredentialsError(f"the cluster secret in {path} is shorter than 32 characters")
    return secret


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600, whole and durable, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
