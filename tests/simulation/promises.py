"""What users were promised: for each key, all that it may hold now.

Rules:
1. One change of a key at a time, reads at any time. Acknowledged: the key holds the new value.
   Refused: it holds what it held. Cut off: one of the two, wholly, and what a read has shown of it
   stays so.
2. A value is the object's bytes; None: there is none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Value = bytes | None


@dataclass(eq=False)
class Reading:
    """A read under way: what it may show."""

    key: str
    allowed: set[Value]
    is_alone: bool
    """No change of the key overlaps it."""

    def __contains__(self, value: Value) -> bool:
        return value in self.allowed


@dataclass
class Promises:
    """See the module's rules."""

    values: dict[str, set[Value]] = field(default_factory=dict)
    changing: set[str] = field(default_factory=set)
    _readings: list[Reading] = field(default_factory=list)

    def of(self, key: str) -> set[Value]:
        """All that the key may hold."""
        return self.values.get(key, {None})

    @contextmanager
    def change(self, key: str, new: Value) -> Iterator["Change"]:
        """A change under way; cut off unless it is told what became of it."""
        assert key not in self.changing, "one change of a key at a time"
        change = Change(self.of(key), new)
        self.changing.add(key)
        self.values[key] = change.before | {new}
        for reading in self._readings:
            if reading.key == key:
                reading.allowed.add(new)
                reading.is_alone = False
        try:
            yield change
        finally:
            self.changing.discard(key)
            self.values[key] = change.after

    @contextmanager
    def read(self, key: str) -> Iterator[Reading]:
        """A read under way."""
        reading = Reading(key, set(self.of(key)), key not in self.changing)
        self._readings.append(reading)
        try:
            yield reading
        finally:
            self._readings.remove(reading)

    def shown(self, reading: Reading, value: Value) -> None:
        """The read has shown this, which it may."""
        if reading.is_alone:
            self.values[reading.key] = {value}


class Change:
    """What may become of a key by a change."""

    def __init__(self, before: set[Value], new: Value) -> None:
        self.before = set(before)
        self.new = new
        self.after = self.before | {new}

    def acknowledge(self) -> None:
        self.after = {self.new}

    def refuse(self) -> None:
        self.after = self.before
