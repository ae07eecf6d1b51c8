"""Multiplies a matrix of field elements with rows of bytes: the inner loops of the code.

Rules: a unit is worked on in blocks of BLOCK_SIZE bytes, and a block is eight planes of an eighth
of it each: bit t of plane i is bit i of the block's t-th field element. So multiplication by x
moves whole planes up by one, which costs nothing but another offset for the next XOR: an
accumulator of 8 + degree planes collects all shifted inputs unreduced, and one reduction at the end
brings it back to eight. Everything is XOR of contiguous memory, whatever the matrix.

The last block is shorter; the up to seven bytes that do not fill its eight planes are field
elements themselves and go through the table. Where all coefficients are 1 all this does not matter:
a sum of bytes is a sum of planes.

Block size and planes are part of what is stored for ever. Scratch memory is per thread.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from erasure.field import Matrix, multiply
from erasure.schedule import HIGHEST_SHIFT, Schedule, plan

BLOCK_SIZE: Final = 256 * 1024
"""Bytes: an accumulator and an input stay in L2, and a call's 0.3 us weigh little against 5."""

PLANES: Final = 8

REDUCTION: Final = (0, 2, 3, 4)
"""x**8 == x**4 + x**3 + x**2 + 1: where a plane goes that left the top, by 8 and then up."""

REDUCTION_STEP: Final = PLANES - max(REDUCTION)
"""Planes reduced at once: more would be added to themselves."""

Bytes = NDArray[np.uint8]
Rows = Sequence[Bytes] | Bytes
Row = Callable[[Rows, Bytes], None]
"""Computes one output; compiled from one row of a matrix."""

Apply = Callable[[Rows, Rows], None]
"""Computes all outputs; compiled from a matrix."""

_xor = np.bitwise_xor


class _Scratch(threading.local):
    """One thread's accumulator, for the largest degree there is."""

    def __init__(self) -> None:
        self.planes = np.empty((PLANES + HIGHEST_SHIFT) * BLOCK_SIZE // PLANES, dtype=np.uint8)


_scratch = _Scratch()


def product(matrix: Matrix) -> Apply:
    """Compile a matrix into a function that computes outputs = matrix . inputs.

    It fills one output per matrix row from one input per column, both lists or 2-D arrays. All are
    contiguous and of one length, and no output overlaps anything else. Threads may share it.
    """
    schedules = [plan(row) for row in matrix]
    rows = [_compile(schedule) for schedule in schedules]
    if any(schedule.degree > 0 for schedule in schedules):
        return _in_blocks(matrix, rows)
    # A microsecond of Python after 1.5 MiB of XOR, which leaves nothing else in the caches, counts
    # double, so the commonest case (one lost, or m = 1) does not pass by the others.
    return _one_sum(rows[0]) if len(rows) == 1 else _sums(rows)


def _one_sum(row: Row) -> Apply:
    def apply(inputs: Rows, outputs: Rows) -> None:
        row(inputs, outputs[0])

    return apply


def _sums(rows: list[Row]) -> Apply:
    def apply(inputs: Rows, outputs: Rows) -> None:
        for row, output in zip(rows, outputs, strict=True):
            row(inputs, output)

    return apply


def _in_blocks(matrix: Matrix, rows: list[Row]) -> Apply:
    def apply(inputs: Rows, outputs: Rows) -> None:
        length = len(inputs[0])
        tail = length % PLANES
        for start in range(0, length - tail, BLOCK_SIZE):
            stop = min(start + BLOCK_SIZE, length - tail)
            blocks = [unit[start:stop] for unit in inputs]
            for row, output in zip(rows, outputs, strict=True):
                row(blocks, output[start:stop])
        if tail:
            tails = np.stack([unit[length - tail :] for unit in inputs])
            for output, total in zip(outputs, multiply(matrix, tails), strict=True):
                output[length - tail :] = total

    return apply


def _compile(schedule: Schedule) -> Row:
    if schedule.degree > 0:
        return _ShiftedSum(list(schedule.terms), schedule.degree).apply
    columns = [column for _, column in schedule.terms]
    return _copy_of(*columns) if len(columns) == 1 else _sum_of(*columns)


def _copy_of(column: int) -> Row:
    def copy(blocks: Rows, output: Bytes) -> None:
        np.copyto(output, blocks[column])

    return copy


def _sum_of(first: int, second: int, *others: int) -> Row:
    """A row of ones and zeros: no shifts, so no accumulator, and nothing gained by blocks."""

    def add(blocks: Rows, output: Bytes) -> None:
        _xor(blocks[first], blocks[second], output)
        for column in others:
            _xor(output, blocks[column], output)

    return add


class _ShiftedSum:
    """Any other row: add each input at its shift, then reduce. Blocks fill eight planes."""

    __slots__ = ("_body", "_degree", "_first", "_last", "_reductions")

    def __init__(self, terms: list[tuple[int, int]], degree: int) -> None:
        self._degree = degree
        _, self._first = terms.pop(0)
        # An unshifted input goes last: adding it takes the result to the output at the same time.
        self._last = terms.pop()[1] if terms and terms[-1][0] == 0 else None
        self._body = terms
        self._reductions = [
            (max(PLANES, top - REDUCTION_STEP), top)
            for top in range(PLANES + degree, PLANES, -REDUCTION_STEP)
        ]

    def apply(self, blocks: Rows, output: Bytes) -> None:
        size = len(output)
        plane = size // PLANES
        planes = _scratch.planes[: size + self._degree * plane]
        planes[: self._degree * plane].fill(0)
        np.copyto(planes[self._degree * plane :], blocks[self._first])
        for shift, column in self._body:
            target = planes[shift * plane : shift * plane + size]
            _xor(target, blocks[column], target)
        for bottom, top in self._reductions:
            excess = planes[bottom * plane : top * plane]
            for up in REDUCTION:
                target = planes[(bottom - PLANES + up) * plane : (top - PLANES + up) * plane]
                _xor(target, excess, target)
        if self._last is None:
            np.copyto(output, planes[:size])
        else:
            _xor(planes[:size], blocks[self._last], output)
