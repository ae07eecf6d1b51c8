"""Decides whether what was read of a key can be explained by what was written: linearizability.

A key holds one value, or none (None). Each operation took effect at one instant between its begin
and its end; those instants order them. A write that was acknowledged took effect. One that failed,
or of which no answer came, may have taken effect or not, up to `ended_s`, after which it can not
any more (the process that had the request is dead); for ever, where that is infinite.

Rules: pure, no clock, no I/O. Exact, not a heuristic: a read is refused only if no order explains
it. The method is just-in-time linearization (Lowe, "Testing for linearizability", 2017): walk
through begins and ends in time, and keep every state that is possible: a value together with the
writes under way that have not taken effect. Writes are applied only when an end asks for it. A read
is settled in passing, by any state that holds its value: that never forecloses anything, so it is
the writes alone that multiply the states. Lowe's paper: https://doi.org/10.1002/cpe.3928
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

Value = int | None
"""The number of the write that made it; None where there is no object."""

NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Write:
    """A PUT (`value`), or a DELETE (None)."""

    value: Value
    began_s: float
    ended_s: float
    is_acknowledged: bool


@dataclass(frozen=True, slots=True)
class Read:
    """A GET or an entry of a listing: what the key held, at some instant in between."""

    value: Value
    began_s: float
    ended_s: float
    how: str = "GET"


class Wrong(StrEnum):
    """What kind of untruth a read tells."""

    LOST = "lost"
    """Nothing, or something older, in place of a write that was acknowledged."""

    RESURRECTED = "resurrected"
    """Something, where a delete was acknowledged."""

    STALE = "stale"
    """Another value than any that is possible."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A read that nothing explains, and what it might have found instead."""

    key: str
    read: Read
    possible: frozenset[Value]

    @property
    def wrong(self) -> Wrong:
        """In one word."""
        if self.read.value is None:
            return Wrong.LOST
        return Wrong.RESURRECTED if self.possible == {None} else Wrong.STALE

    def __str__(self) -> str:
        names = sorted("nothing" if value is None else f"#{value}" for value in self.possible)
        found = "nothing" if self.read.value is None else f"#{self.read.value}"
        span = f"{self.read.began_s:.3f} to {self.read.ended_s:.3f} s"
        expected = " or ".join(names)
        return f"{self.wrong}: {self.read.how} of {self.key!r} ({span}): {found}, not {expected}"


_Pending = frozenset[int]
_State = tuple[Value, _Pending, _Pending]
"""The value, the writes under way that took no effect, and the reads under way not yet settled."""


def check(key: str, operations: Iterable[Write | Read], first: Value = None) -> list[Violation]:
    """The reads of the key that nothing explains, in order of their end; it held `first` at first.

    After one the check goes on as if what was read were true, so that it is told once.
    """
    known = list(operations)
    violations = []
    none: _Pending = frozenset()
    states: set[_State] = {(first, none, none)}
    for is_end, number in _events(known):
        operation = known[number]
        if not is_end:
            states = {_begin(state, number, known) for state in states}
            continue
        states = _closure(states, known)
        if isinstance(operation, Read):
            explained = {state for state in states if number not in state[2]}
            if not explained:
                possible = frozenset(value for value, _, _ in states)
                violations.append(Violation(key, operation, possible))
                explained = {
                    (operation.value, writes, reads - {number}) for _, writes, reads in states
                }
            states = explained
        elif operation.is_acknowledged:
            states = {state for state in states if number not in state[1]}
        else:
            states = {(value, writes - {number}, reads) for value, writes, reads in states}
    return violations


def _events(operations: Sequence[Write | Read]) -> list[tuple[bool, int]]:
    """(is it an end, whose) in time. At one instant begins go first: that allows the most."""
    events = []
    for number, operation in enumerate(operations):
        events.append((operation.began_s, False, number))
        if operation.ended_s != NEVER:
            events.append((operation.ended_s, True, number))
    return [(is_end, number) for _, is_end, number in sorted(events)]


def _begin(state: _State, number: int, known: Sequence[Write | Read]) -> _State:
    value, writes, reads = state
    operation = known[number]
    if isinstance(operation, Write):
        return value, writes | {number}, reads
    return state if operation.value == value else (value, writes, reads | {number})


def _closure(states: set[_State], known: Sequence[Write | Read]) -> set[_State]:
    """These and all that can follow from them when writes under way take effect."""
    reached = set(states)
    waiting = list(states)
    while waiting:
        _, writes, reads = waiting.pop()
        for number in writes:
            value = known[number].value
            settled = frozenset(read for read in reads if known[read].value != value)
            state = (value, writes - {number}, settled)
            if state not in reached:
                reached.add(state)
                waiting.append(state)
    return reached
