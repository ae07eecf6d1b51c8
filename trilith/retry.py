"""When to try a request again, and after how long: decided here, carried out by the clients.

Rules: only what cannot do harm is repeated. A request that certainly was not carried out (nothing
accepted the connection, or the answer was 503) may always be; one whose outcome is unknown only if
it is idempotent; none whose body cannot be sent again. Waiting is exponential with full jitter,
so that many clients do not come back at the same instant.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from trilith.errors import ApiError, Unavailable, Unreachable
from trilith.protocol import Answer, Operation, raise_for

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `attempts` tries; the n-th wait is up to `first_wait_s * 2**n`, `longest_wait_s` at
    most. The defaults outlast the restart of a coordinator."""

    attempts: int = 7
    first_wait_s: float = 0.1
    longest_wait_s: float = 3.0


class NotSent(Unreachable):
    """Nothing accepted the connection: the request was certainly not carried out."""


class Attempts:
    """The tries of one request. `chance` gives numbers from [0, 1)."""

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        idempotent: bool,
        replayable: bool,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._policy = policy
        self._idempotent = idempotent
        self._replayable = replayable
        self._chance = chance
        self._failed = 0
        self._maybe_done = False

    def read(self, operation: Operation[T], answer: Answer) -> T:
        """The operation's result; raises the error that the answer stands for."""
        if operation.gone_is_done and answer.status == 404 and self._maybe_done:
            return operation.parse(Answer(204, {}))
        raise_for(answer)
        return operation.parse(answer)

    def wait_after(self, error: ApiError) -> float:
        """Seconds to wait before the next try; raises `error` if there must be none."""
        self._failed += 1
        if self._failed >= self._policy.attempts or not self._may_repeat(error):
            raise error
        self._maybe_done = self._maybe_done or _outcome_is_unknown(error)
        longest = self._policy.first_wait_s * (1 << (self._failed - 1))
        return self._chance() * min(longest, self._policy.longest_wait_s)

    def progressed(self) -> None:
        """Something came through: the count starts anew."""
        self._failed = 0

    def _may_repeat(self, error: ApiError) -> bool:
        if not self._replayable or not isinstance(error, Unavailable):
            return False
        return self._idempotent or not _outcome_is_unknown(error)


def _outcome_is_unknown(error: ApiError) -> bool:
    if isinstance(error, NotSent):
        return False
    return error.status != 503
