"""Where the bytes of a part lie: pure arithmetic between byte offsets, stripes and units.

Rules: a stripe is k x unit_size consecutive bytes of the part; only the last one is shorter, and
its units are the shortest that hold it (ceil(length / k), the rest of the last units is zeros).
An empty part has no stripes.
"""

from dataclasses import dataclass

from erasure.errors import InvalidLayout


def unit_length_of(length: int, k: int) -> int:
    """Bytes per unit when `length` bytes are spread over k units."""
    return -(-length // k)


@dataclass(frozen=True, slots=True)
class Layout:
    """A part of `part_size` bytes in stripes of k units of `unit_size` bytes.

    Raises InvalidLayout for impossible sizes and for stripes and ranges outside the part.
    """

    part_size: int
    unit_size: int
    k: int

    def __post_init__(self) -> None:
        if self.part_size < 0 or self.unit_size < 1 or self.k < 1:
            raise InvalidLayout(f"impossible sizes: {self}")

    @property
    def stripe_size(self) -> int:
        """Bytes of the part in every stripe but the last."""
        return self.k * self.unit_size

    @property
    def stripes(self) -> int:
        """How many stripes there are."""
        return -(-self.part_size // self.stripe_size)

    def stripe_offset(self, stripe: int) -> int:
        """Where the stripe starts in the part, in bytes."""
        if not 0 <= stripe < self.stripes:
            raise InvalidLayout(f"stripe {stripe} of {self.stripes}")
        return stripe * self.stripe_size

    def stripe_length(self, stripe: int) -> int:
        """Bytes of the part in the stripe, padding not counted."""
        return min(self.stripe_size, self.part_size - self.stripe_offset(stripe))

    def unit_length(self, stripe: int) -> int:
        """Bytes in each unit of the stripe."""
        return unit_length_of(self.stripe_length(stripe), self.k)

    def span(self, start: int, stop: int) -> range:
        """The stripes that hold bytes start <= offset < stop; none for an empty range."""
        if not 0 <= start <= stop <= self.part_size:
            raise InvalidLayout(f"bytes {start} to {stop} of {self.part_size}")
        if start == stop:
            return range(0)
        return range(start // self.stripe_size, -(-stop // self.stripe_size))
