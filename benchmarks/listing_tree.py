"""What stands in a bucket that is to be listed: a tree of folders, known without looking.

Rules: every bucket has the same number of folders, so that a page of common prefixes is the same
answer for each, and passes over more keys the more there are. A key follows from its number, and
numbers are in the order of keys: so what a page must hold is known wherever it begins.
"""

import random
import re
from dataclasses import dataclass
from typing import Final

PAGE_KEYS: Final = 1000
"""What a page holds at most, as S3 has it."""

FOLDERS: Final = 2 * PAGE_KEYS

_ENTRY: Final = re.compile(rb"<(?:Key|CommonPrefixes><Prefix)>([^<]*)<")
_TOKEN: Final = re.compile(rb"<NextContinuationToken>([^<]*)<")


@dataclass(frozen=True, slots=True)
class Asked:
    """A page: behind which text it begins, and all that it must hold."""

    after: str
    delimiter: str
    expected: list[bytes]


@dataclass(frozen=True, slots=True)
class Tree:
    """A bucket with that many keys, at least FOLDERS."""

    keys: int

    @property
    def bucket(self) -> str:
        """Its name."""
        return f"listing-{self.keys}"

    def key(self, number: int) -> str:
        """The key of a number from 0."""
        return f"folder-{number * FOLDERS // self.keys:04}/object-{number:08}"

    def page_of_keys(self, chance: random.Random) -> Asked:
        """A whole page that begins behind some key."""
        first = chance.randrange(1, self.keys - PAGE_KEYS + 1)
        return Asked(self.key(first - 1), "", self.expected(first))

    def page_of_folders(self, chance: random.Random) -> Asked:
        """A whole page of common prefixes that begins behind some folder's last key."""
        first = chance.randrange(1, FOLDERS - PAGE_KEYS + 1)
        expected = [b"folder-%04d/" % folder for folder in range(first, first + PAGE_KEYS)]
        return Asked(f"folder-{first - 1:04}/~", "/", expected)

    def expected(self, first: int) -> list[bytes]:
        """The keys of the page that begins with that number."""
        stop = min(first + PAGE_KEYS, self.keys)
        return [self.key(number).encode() for number in range(first, stop)]


def entries(body: bytes) -> list[bytes]:
    """The keys and common prefixes that a page names, in its order. (The keys here need no
    escaping; a parser would take longer than the server.)"""
    return _ENTRY.findall(body)


def next_token(body: bytes) -> str:
    """How to ask for the page after this one; "" after the last."""
    found = _TOKEN.search(body)
    return "" if found is None else found[1].decode()
