"""Every error the API answers with: its status, its code, and a message that gives nothing away.

Rules: an answer holds `{"code", "message", "request_id"}` and nothing else, whatever went wrong
and wherever: FastAPI's own errors and unknown paths too. What an exception says goes to the log;
the client gets a sentence from here, unless the exception was written for clients (ApiError,
AuthError).
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from coordinator.auth.errors import AuthError
from coordinator.cluster import ClusterError, NodeExists, NotEnoughNodes, UnknownNode
from coordinator.crypto import CryptoError, KeyExists, KeyNeeded, UnknownKey
from coordinator.http import RequestStalled
from coordinator.iam.errors import IamError
from coordinator.objects import BodyTooLarge, Unreadable, WriteFailed
from metadata import (
    AccessKeyExists,
    BucketExists,
    BucketNotEmpty,
    MetadataUnavailable,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUser,
    PreconditionFailed,
    UserExists,
)

MAX_MESSAGE_LENGTH: Final = 500


class ApiError(Exception):
    """An error written for the client. `headers` go into the answer."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers: Mapping[str, str] = headers or {}


_KNOWN: Final[Mapping[type[Exception], tuple[int, str, str]]] = {
    NoSuchBucket: (404, "NoSuchBucket", "there is no such bucket"),
    NoSuchKey: (404, "NoSuchKey", "there is no such object"),
    NoSuchUser: (404, "NoSuchUser", "there is no such user"),
    UnknownNode: (404, "NoSuchNode", "there is no such node"),
    BucketExists: (409, "BucketAlreadyExists", "the bucket exists already"),
    BucketNotEmpty: (409, "BucketNotEmpty", "the bucket still holds objects or unfinished uploads"),
    UserExists: (409, "UserAlreadyExists", "the user exists already"),
    AccessKeyExists: (409, "AccessKeyAlreadyExists", "the access key is taken"),
    NodeExists: (409, "NodeAlreadyExists", "there is a node of that id already"),
    NotEnoughNodes: (409, "NotEnoughNodes", "too few other nodes would be left for new objects"),
    PreconditionFailed: (412, "PreconditionFailed", "the object is not the one asked for"),
    BodyTooLarge: (413, "EntityTooLarge", "an object written at once has at most 5 GiB"),
    RequestStalled: (408, "RequestTimeout", "the request's body stopped arriving"),
    MetadataUnavailable: (503, "ServiceUnavailable", "the metadata can't be reached now"),
    ClusterError: (503, "ServiceUnavailable", "the cluster has too few nodes for this now"),
    WriteFailed: (503, "ServiceUnavailable", "too few nodes took the object; nothing was stored"),
    Unreadable: (503, "ServiceUnavailable", "too few nodes can read the object now"),
    KeyExists: (409, "EncryptionKeyAlreadyExists", "there is a key of that id already"),
    KeyNeeded: (400, "CustomerKeyNeeded", "it is encrypted with its owner's key: read it by S3"),
    UnknownKey: (404, "NoSuchEncryptionKey", "the key store lacks the key that this asks for"),
    CryptoError: (503, "ServiceUnavailable", "the key store can't do this now"),
}


def as_api_error(error: Exception) -> ApiError:
    """The answer that the exception deserves."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, AuthError):
        return ApiError(403, error.code, error.message)
    if isinstance(error, IamError):
        return ApiError(error.status, error.code, error.message)
    if isinstance(error, RequestValidationError):
        return ApiError(422, "InvalidRequest", _complaints(error))
    if isinstance(error, HTTPException):
        return _from_framework(error)
    for kind in type(error).__mro__:
        if kind in _KNOWN:
            return ApiError(*_KNOWN[kind])
    return ApiError(500, "InternalError", "the coordinator failed; its log has the request id")


def _from_framework(error: HTTPException) -> ApiError:
    """What Starlette and FastAPI refuse: paths, methods, bodies that can't be parsed."""
    phrase = HTTPStatus(error.status_code).phrase
    messages = {404: "there is nothing at this path", 405: "this path does not have that method"}
    message = messages.get(error.status_code, str(error.detail))
    return ApiError(error.status_code, phrase.title().replace(" ", ""), message, error.headers)


def _complaints(error: RequestValidationError) -> str:
    """What is wrong and where, without the values: one of them may be a secret."""
    found = (
        f"{'.'.join(str(step) for step in complaint['loc'])}: {complaint['msg']}"
        for complaint in error.errors()
    )
    return "; ".join(found)[:MAX_MESSAGE_LENGTH]


def answer(error: ApiError, request_id: str) -> Response:
    """The error as a response."""
    told = {"code": error.code, "message": error.message, "request_id": request_id}
    # ASCII, because a message may quote a lone surrogate, which UTF-8 can't carry.
    return Response(
        json.dumps(told, ensure_ascii=True),
        error.status,
        headers=dict(error.headers),
        media_type="application/json",
    )
