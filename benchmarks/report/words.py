"""How numbers are written for people: as many digits as can be compared, and the unit.

Rules: what was not reached is a dash and never a zero; thousands have a comma; one function per
kind of quantity, so that the plots and the tables say the same.
"""

import math

from benchmarks.results import readable_size

NOT_THERE = "–"


def seconds(value: float) -> str:
    """ "0.42 s", "12.3 s", "214 s"."""
    return f"{plain(value)} s" if math.isfinite(value) else NOT_THERE


def milliseconds(value: float) -> str:
    """ "0.87 ms"."""
    return f"{plain(value)} ms" if math.isfinite(value) else NOT_THERE


def plain(value: float) -> str:
    """Three digits or so."""
    if not math.isfinite(value):
        return NOT_THERE
    decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{decimals}f}"


def tick(value: float) -> str:
    """A round number without decimals that say nothing."""
    return f"{value:,.10g}"


def share(value: float) -> str:
    """ "41 %", "99.4 %"; never 100 or 0 for what is not exactly that."""
    percent = value * 100
    for decimals in (0, 1, 2, 3):
        said = f"{percent:.{decimals}f}"
        if float(said) not in (0.0, 100.0) or percent in (0.0, 100.0):
            return f"{said} %"
    return f"{percent:.4g} %"


def count(value: int, what: str) -> str:
    """ "1 shard", "2,048 shards"."""
    return f"{value:,} {what}{'' if value == 1 else 's'}"


def size(size_bytes: float) -> str:
    """In binary units."""
    return readable_size(size_bytes)
