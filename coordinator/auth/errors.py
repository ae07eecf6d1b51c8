"""The one error of authentication: S3's code and a message that never holds a secret.

Rules: the code is S3's own (`AccessDenied`, `SignatureDoesNotMatch`, ...); which HTTP status it
has is the business of whoever answers. `extra` holds further elements of S3's error document.
"""

from collections.abc import Mapping


class AuthError(Exception):
    """The request is not who it says it is, or says it in a malformed way."""

    def __init__(self, code: str, message: str, extra: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.extra: Mapping[str, str] = extra or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
