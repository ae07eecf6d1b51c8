"""The erasure code once more, slowly, from its definition and reedsolo's field arithmetic alone.

Rules: imports nothing of the package under test but the block size (a number). Units become lists
of field elements and back; parity is the matrix's definition; decoding is Gaussian elimination
over all k equations, not the shortcut the codec takes.
"""

import reedsolo
from reedsolo import gf_inverse, gf_mul, gf_pow

from erasure.kernels import BLOCK_SIZE

reedsolo.init_tables(0x11D)

Row = list[int]


def generator(k: int, m: int) -> list[Row]:
    identity = [[int(row == column) for column in range(k)] for row in range(k)]
    if k == 1 or m <= 3 or (m == 4 and k <= 21):
        parity = [[gf_pow(2, row * column) for column in range(k)] for row in range(m)]
    else:
        # 1 / (x + y), over the first row's: (x0 + y) / (x + y)
        parity = [
            [gf_mul(k ^ column, gf_inverse(k + row ^ column)) for column in range(k)]
            for row in range(m)
        ]
    return identity + parity


def elements(unit: bytes) -> Row:
    """Element t of a block: bit i is bit t % 8 of byte t // 8 of the block's i-th eighth."""
    result = []
    body = len(unit) - len(unit) % 8
    for start in range(0, body, BLOCK_SIZE):
        block = unit[start : min(start + BLOCK_SIZE, body)]
        plane = len(block) // 8
        result += [
            sum((block[i * plane + t // 8] >> t % 8 & 1) << i for i in range(8))
            for t in range(len(block))
        ]
    return result + list(unit[body:])


def unit_of(symbols: Row) -> bytes:
    """The inverse of `elements`."""
    result = bytearray()
    body = len(symbols) - len(symbols) % 8
    for start in range(0, body, BLOCK_SIZE):
        block = symbols[start : min(start + BLOCK_SIZE, body)]
        plane = len(block) // 8
        result += bytes(
            sum((block[byte * 8 + bit] >> i & 1) << bit for bit in range(8))
            for i in range(8)
            for byte in range(plane)
        )
    return bytes(result) + bytes(symbols[body:])


def combine(row: Row, columns: list[Row]) -> Row:
    """The sum of coefficient x column, element by element."""
    total = [0] * len(columns[0])
    for coefficient, column in zip(row, columns, strict=True):
        for position, element in enumerate(column):
            total[position] ^= gf_mul(coefficient, element)
    return total


def encode(data: list[bytes], m: int) -> list[bytes]:
    columns = [elements(unit) for unit in data]
    rows = generator(len(data), m)[len(data) :]
    return [unit_of(combine(row, columns)) for row in rows]


def decode(shards: dict[int, bytes], k: int, m: int) -> list[bytes]:
    """The data units, from exactly k shards."""
    matrix = generator(k, m)
    rows = [matrix[index] + elements(unit) for index, unit in shards.items()]
    for column in range(k):
        pivot = next(row for row in range(column, k) if rows[row][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        scale = gf_inverse(rows[column][column])
        rows[column] = [gf_mul(scale, value) for value in rows[column]]
        for row in range(k):
            factor = rows[row][column]
            if row != column and factor:
                rows[row] = [
                    value ^ gf_mul(factor, base)
                    for value, base in zip(rows[row], rows[column], strict=True)
                ]
    return [unit_of(row[k:]) for row in rows]


def determinant(matrix: list[Row]) -> int:
    """By elimination; 0 for a singular matrix."""
    rows = [row[:] for row in matrix]
    product = 1
    for column in range(len(rows)):
        pivot = next((row for row in range(column, len(rows)) if rows[row][column]), None)
        if pivot is None:
            return 0
        rows[column], rows[pivot] = rows[pivot], rows[column]
        product = gf_mul(product, rows[column][column])
        scale = gf_inverse(rows[column][column])
        for row in range(column + 1, len(rows)):
            factor = gf_mul(rows[row][column], scale)
            if factor:
                rows[row] = [
                    value ^ gf_mul(factor, base)
                    for value, base in zip(rows[row], rows[column], strict=True)
                ]
    return product
