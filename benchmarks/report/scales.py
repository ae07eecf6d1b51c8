"""From a value to a place on the picture, and where the ticks stand.

Rules: a tick is a number people count in (1, 2, 5 and their powers of ten); a scale never turns a
value outside of its range into a place outside of the picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_STEPS = (1, 2, 5, 10)
_MAX_TICKS = 12


class Scale(Protocol):
    """Values between two ends, placed between two coordinates."""

    def __call__(self, value: float) -> float:
        """Where the value stands."""
        ...

    def ticks(self) -> list[float]:
        """Round values within the range, ascending."""
        ...


@dataclass(frozen=True)
class Linear:
    """Equal distances for equal differences. `wanted`: about how many ticks."""

    low: float
    high: float
    start: float
    end: float
    wanted: int = 6

    def __call__(self, value: float) -> float:
        share = (_clamp(value, self.low, self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        step = _up((self.high - self.low) / self.wanted)
        first = math.ceil(round(self.low / step, 9))
        last = math.floor(round(self.high / step, 9))
        return [round(number * step, 10) for number in range(first, last + 1)]


@dataclass(frozen=True)
class Logarithmic:
    """Equal distances for equal ratios."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        value = _clamp(value, self.low, self.high)
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for digits in ((1, 2, 5), (1, 3), (1,)):
            found = [
                float(f"{digit}e{power}")
                for power in powers
                for digit in digits
                if self.low <= float(f"{digit}e{power}") <= self.high * 1.0001
            ]
            if len(found) <= _MAX_TICKS // 2:
                break
        return found


def around(values: Sequence[float]) -> tuple[float, float]:
    """The ends of a logarithmic scale that holds all of these: 1, 2 or 5 times a power of ten."""
    real = [value for value in values if value > 0 and math.isfinite(value)]
    low, high = _down(min(real, default=1.0)), _up(max(real, default=10.0))
    return (low, high) if high > low else (low, low * 10)


def from_zero(high: float, start: float, end: float, wanted: int) -> Linear:
    """A scale from zero to the first tick that is no lower than `high`."""
    step = _up(high / wanted) if high > 0 else 1.0
    steps = max(1, math.ceil(round(high / step, 9)))
    return Linear(0, steps * step, start, end, steps)


def _up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _STEPS if step * power >= value * 0.9999)


def _down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in _STEPS if step * power <= value * 1.0001)


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
