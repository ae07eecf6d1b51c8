"""Whether a history is linearizable: whether some order explains every answer that clients got.

Each operation took effect at one instant between its begin and its end. The order sought keeps all
that ended before another began in front of it, and a model of the key, led through the operations
in this order, gives exactly the answers that were recorded.

Rules: pure and exact. The search is Wing and Gong's ("Testing and verifying concurrent objects",
1993) with Lowe's memory of what was tried: a state and the operations behind it. It takes any of
the operations that no other one, not yet taken, precedes.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)
O = TypeVar("O")  # noqa: E741


@dataclass(frozen=True, slots=True)
class Recorded(Generic[O]):
    """An operation with its answer, and when it began and ended, by a counter of all events."""

    operation: O
    began: int
    ended: int


def explain(
    history: Sequence[Recorded[O]], first: S, apply: Callable[[S, O], S | None]
) -> list[Recorded[O]] | None:
    """An order that explains the history, or None.

    `apply` gives the state after the operation, or None where the model answers otherwise.
    """
    operations = sorted(history, key=lambda recorded: recorded.began)
    everything = (1 << len(operations)) - 1
    tried: set[tuple[int, S]] = set()
    waiting: list[tuple[int, S, tuple[int, ...]]] = [(0, first, ())]
    while waiting:
        taken, state, order = waiting.pop()
        if taken == everything:
            return [operations[number] for number in order]
        for number in _possible(operations, taken):
            following = apply(state, operations[number].operation)
            if following is None:
                continue
            reached = (taken | 1 << number, following)
            if reached not in tried:
                tried.add(reached)
                waiting.append((*reached, (*order, number)))
    return None


def _possible(operations: Sequence[Recorded[O]], taken: int) -> list[int]:
    """Those not taken that began before the first of them ended."""
    rest = [number for number in range(len(operations)) if not taken >> number & 1]
    first_end = min(operations[number].ended for number in rest)
    return [number for number in rest if operations[number].began < first_end]
