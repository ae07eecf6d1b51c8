"""How fast the erasure code is, beside a plain XOR, ISA-L (through pyeclib) and reedsolo.

Rules: all contenders work on the same 1 MiB, on one core, in turn, round by round, so that a
change of the machine's mood meets them all; what counts is the median round, in time on the core:
what the core does for others meanwhile does not count. Rates are in MiB/s of data (k units). The
XOR reads the same k units and writes one: the least that any encoding or rebuilding does. A
contender that is not installed is shown as absent, never left out.
"""

import csv as csv_format
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from reedsolo import RSCodec
from rich.console import Console
from rich.table import Table

from erasure import Codec, split

MIB: Final = 1024 * 1024
DATA_SIZE_BYTES: Final = MIB
REEDSOLO_SIZE_BYTES: Final = 4096
"""reedsolo works byte by byte in Python; more would take the whole time."""

CODES: Final = ((2, 1), (4, 2), (8, 3), (10, 4))
ROUND_S: Final = 0.002
"""One contender's turn: long against the clock, short against changes of the processor's speed."""

MIN_ROUNDS: Final = 5
DEFAULT_SECONDS: Final = 12.0
SEED: Final = 20250321

TRILITH: Final = "trilith"
XOR: Final = "xor"
ISA_L: Final = "isa_l"
ISA_L_TYPE: Final = "isa_l_rs_vand"
REEDSOLO: Final = "reedsolo"
ISA_L_ABSENT: Final = "pyeclib not installed (pip: pyeclib; Debian: libisal2, liberasurecode1)"

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One contender's figure; None where it is absent."""

    code: str
    operation: str
    contender: str
    mib_per_s: float | None
    ratio_to_xor: float | None
    ratio_to_isa_l: float | None
    rounds: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Contender:
    name: str
    work: Work
    size_bytes: int


def run(csv_path: Path | None, seconds: float = DEFAULT_SECONDS) -> list[Row]:
    """Measure everything in about that many seconds; write CSV if a path is given."""
    rows: list[Row] = []
    with _one_core():
        for k, m in CODES:
            cells = _cells(k, m)
            for operation, contenders in cells.items():
                budget_s = seconds / (len(CODES) * len(cells))
                rows += _measure(f"{k}+{m}", operation, contenders, budget_s)
    if csv_path is not None:
        _write(csv_path, rows)
    return rows


def main(csv: Path | None = None, seconds: float = DEFAULT_SECONDS) -> None:
    """Encode and rebuild 1 MiB with 2+1, 4+2, 8+3 and 10+4, beside XOR and ISA-L."""
    rows = run(csv, seconds)
    console = Console()
    console.print(table(rows))
    for note in dict.fromkeys(row.note for row in rows if row.note):
        console.print(note)


def table(rows: list[Row]) -> Table:
    """The figures for people: one line per code and operation."""
    result = Table(title="Erasure code, 1 MiB of data, one core, MiB/s (medians)")
    result.add_column("code")
    result.add_column("operation")
    for heading in (TRILITH, XOR, ISA_L, REEDSOLO, "of xor", "of isa_l"):
        result.add_column(heading, justify="right")
    lines: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        lines.setdefault((row.code, row.operation), {})[row.contender] = row
    for (code, operation), by_name in lines.items():
        rates = [_rate(by_name.get(name)) for name in (TRILITH, XOR, ISA_L, REEDSOLO)]
        ours = by_name[TRILITH]
        ratios = [_ratio(ratio) for ratio in (ours.ratio_to_xor, ours.ratio_to_isa_l)]
        result.add_row(code, operation, *rates, *ratios)
    return result


def _rate(row: Row | None) -> str:
    if row is None or row.mib_per_s is None:
        return "-"
    return f"{row.mib_per_s:,.0f}" if row.mib_per_s >= 10 else f"{row.mib_per_s:.1f}"


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f} x"


def _cells(k: int, m: int) -> dict[str, list[_Contender]]:
    """The contenders of each operation, with their buffers ready and their results checked."""
    size = DATA_SIZE_BYTES
    random = np.random.default_rng(SEED)
    data = random.integers(0, 256, size, dtype=np.uint8)
    units = split(data, k)
    codec = Codec(k, m)
    parity = np.empty((m, units.shape[1]), dtype=np.uint8)
    codec.encode(units, parity)
    shards = dict(enumerate([*units, *parity]))

    def rebuild(lost: int) -> tuple[Work, Work]:
        left = {index: unit for index, unit in shards.items() if index >= lost}
        wanted = range(lost)
        out = np.empty((lost, units.shape[1]), dtype=np.uint8)
        codec.reconstruct(left, wanted, out)
        assert all(np.array_equal(out[index], shards[index]) for index in wanted)
        inputs = list(left.values())[:k]
        return lambda: codec.reconstruct(left, wanted, out), _xor(inputs, out[0])

    encode = (lambda: codec.encode(units, parity), _xor(list(units), parity[0]))
    operations = {0: ("encode", encode), 1: ("rebuild 1 shard", rebuild(1))}
    if m > 1:
        operations[m] = (f"rebuild {m} shards", rebuild(m))
    isa_l = _isa_l(k, m, data.tobytes())
    cells = {}
    for lost, (operation, (ours, xor)) in operations.items():
        contenders = [_Contender(TRILITH, ours, size), _Contender(XOR, xor, size)]
        if isa_l is not None:
            contenders.append(_Contender(ISA_L, isa_l(lost), size))
        if lost == 0:
            contenders.append(_reedsolo(k, m, data.tobytes()))
        cells[operation] = contenders
    return cells


def _xor(inputs: list[NDArray[np.uint8]], out: NDArray[np.uint8]) -> Work:
    first, second, *rest = inputs

    def work() -> None:
        np.bitwise_xor(first, second, out=out)
        for unit in rest:
            np.bitwise_xor(out, unit, out=out)

    return work


def _isa_l(k: int, m: int, data: bytes) -> Callable[[int], Work] | None:
    """Makes ISA-L's work for so many lost shards (0: encode), or None where it is absent."""
    try:
        from pyeclib import ec_iface

        driver = ec_iface.ECDriver(k=k, m=m, ec_type=ISA_L_TYPE)
    except Exception:  # pyeclib wraps a missing library in errors of many kinds
        return None
    fragments = driver.encode(data)

    def make(lost: int) -> Work:
        if lost == 0:
            return lambda: driver.encode(data)
        left, wanted = fragments[lost:], list(range(lost))
        assert driver.reconstruct(left, wanted) == fragments[:lost]
        return lambda: driver.reconstruct(left, wanted)

    return make


def _reedsolo(k: int, m: int, data: bytes) -> _Contender:
    size = REEDSOLO_SIZE_BYTES // k * k
    piece = data[:size]
    codec = RSCodec(m, nsize=k + m)
    return _Contender(REEDSOLO, lambda: codec.encode(piece), size)


def _measure(code: str, operation: str, contenders: list[_Contender], budget_s: float) -> list[Row]:
    calls = [_calls_per_round(contender.work) for contender in contenders]
    times_s: list[list[float]] = [[] for _ in contenders]
    deadline = time.perf_counter() + budget_s
    while time.perf_counter() < deadline or len(times_s[0]) < MIN_ROUNDS:
        for contender, count, times in zip(contenders, calls, times_s, strict=True):
            times.append(_time_s(contender.work, count) / count)
    rates = {
        contender.name: contender.size_bytes / MIB / statistics.median(times)
        for contender, times in zip(contenders, times_s, strict=True)
    }
    rows = [
        Row(
            code,
            operation,
            name,
            round(rate, 3),
            round(rate / rates[XOR], 4),
            round(rate / rates[ISA_L], 4) if ISA_L in rates else None,
            len(times_s[0]),
        )
        for name, rate in rates.items()
    ]
    if ISA_L not in rates:
        rows.append(Row(code, operation, ISA_L, None, None, None, 0, ISA_L_ABSENT))
    return rows


def _calls_per_round(work: Work) -> int:
    work()
    return max(1, round(ROUND_S / max(_time_s(work, 1), 1e-9)))


def _time_s(work: Work, count: int) -> float:
    start = time.thread_time()
    for _ in range(count):
        work()
    return time.thread_time() - start


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep the process on one core, where the system lets it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _write(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="") as file:
        writer = csv_format.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


if __name__ == "__main__":
    main()
