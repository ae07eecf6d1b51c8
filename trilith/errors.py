"""What can go wrong for a user of Trilith, one class per reason somebody acts on differently.

Rules: messages are for people and name what to do where that is known; no secret is in any of them.
httpx's exceptions never leave the client: they are mapped to `Unreachable` with the cause kept.
"""


class TrilithError(Exception):
    """Base of everything this package raises."""


class ApiError(TrilithError):
    """The cluster answered with an error. `status` is HTTP's (0: no answer at all), `code` one of
    S3's or the API's names, `request_id` what to look for in the coordinator's log."""

    def __init__(
        self, message: str, *, status: int = 0, code: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


class NotFound(ApiError):
    """No such bucket, key, user or access key."""


class AccessDenied(ApiError):
    """The keys are wrong, or their user may not do this."""


class Conflict(ApiError):
    """It exists already, or is not empty."""


class PreconditionFailed(ApiError):
    """`if_match` or `if_none_match` did not hold; nothing was changed."""


class InvalidRequest(ApiError):
    """The cluster refused the request itself: a name, a range, a size."""


class ServerFailed(ApiError):
    """The cluster failed while it worked on the request."""


class Unavailable(ApiError):
    """The cluster cannot serve this now (too few nodes, shutting down): trying again may help."""


class Unreachable(Unavailable):
    """No answer: nothing listens there, the connection broke, or the time limit passed. Whether a
    write took place is unknown."""


class IntegrityError(TrilithError):
    """The bytes received or stored are not the ones their ETag or length speaks of."""


class UnexpectedAnswer(TrilithError):
    """Something answered that does not speak this API."""


class UsageError(TrilithError):
    """The caller asked for something that makes no sense; nothing was sent."""


class LaunchError(TrilithError):
    """The local cluster cannot be started or stopped as asked."""
