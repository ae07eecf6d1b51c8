"""Text with wildcards and policy variables, as it stands in resources and conditions.

Rules: `*` is any text and `?` any one character; `${*}`, `${?}` and `${$}` are these characters
themselves; `${aws:username}` stands for what the request says, literally (its wildcards are none),
and `${key, 'text'}` has a default. A variable that the request does not answer with exactly one
value makes the whole pattern match nothing; a tag of the sender may have several, each as good.
Matching takes at most len(pattern) x len(text) steps: no pattern of a bucket's owner may hold
everybody else up.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from coordinator.access.errors import PolicyError

Lookup = Callable[[str], Sequence[str] | None]
"""The values the request has for a condition key; None if it says nothing about it."""

CACHED_PATTERNS: Final = 4096

MANY_VALUED: Final = "aws:principaltag/"
"""What variables begin with that may have several values: tags of sessions, as Ceph has them."""

MAX_FILLED: Final = 100
"""Texts that a pattern comes to by such variables; one that comes to more matches nothing."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9.-]+(/[^\s,'{}$*?:]*)?:[^\s,'{}$*?]+", re.ASCII)
_ESCAPES: Final = ("*", "?", "$")


class Wild(Enum):
    """What a wildcard stands for."""

    TEXT = "*"
    CHARACTER = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${name}` or `${name, 'default'}`; the name as `condition_key` spells it."""

    name: str
    default: str | None = None


class Glob:
    """Wildcards and text, ready to be matched."""

    def __init__(self, parts: Sequence[str | Wild]) -> None:
        runs: list[list[str | Wild]] = [[]]
        for part in parts:
            if part is Wild.TEXT:
                runs.append([])
            else:
                runs[-1].append(part)
        self._runs = [_run(run) for run in runs]
        self._last_width = sum(1 if isinstance(part, Wild) else len(part) for part in runs[-1])

    def matches(self, text: str) -> bool:
        """Whether the whole text is described.

        Between two `*` the leftmost place is as good as any other, so nothing is tried twice.
        """
        runs = self._runs
        if len(runs) == 1:
            return runs[0].fullmatch(text) is not None
        first = runs[0].match(text)
        if first is None:
            return False
        position = first.end()
        for run in runs[1:-1]:
            found = run.search(text, position)
            if found is None:
                return False
            position = found.end()
        start = len(text) - self._last_width
        return start >= position and runs[-1].fullmatch(text, start) is not None


@dataclass(frozen=True, slots=True)
class Template:
    """A pattern as it stands in a document. `fixed` is its glob where it has no variables."""

    parts: tuple[str | Wild | Variable, ...]
    fixed: Glob | None

    def matches(self, text: str, lookup: Lookup) -> bool:
        """Whether the text is described, wildcards and all."""
        if self.fixed is not None:
            return self.fixed.matches(text)
        return any(Glob(parts).matches(text) for parts in self._filled(lookup))

    def filled(self, lookup: Lookup) -> "Sequence[Template]":
        """The same without variables: none if one has no value, several if one has several."""
        if self.fixed is not None:
            return (self,)
        return [Template(tuple(parts), Glob(parts)) for parts in self._filled(lookup)]

    def text(self, lookup: Lookup) -> str | None:
        """The text with its variables filled in, None if it is not exactly one; wildcards are just
        characters."""
        filled = self._filled(lookup)
        if len(filled) != 1:
            return None
        return "".join(part.value if isinstance(part, Wild) else part for part in filled[0])

    @property
    def is_fixed(self) -> bool:
        """Whether it names one text: no wildcards, no variables."""
        return all(isinstance(part, str) for part in self.parts)

    def _filled(self, lookup: Lookup) -> list[list[str | Wild]]:
        filled: list[list[str | Wild]] = [[]]
        for part in self.parts:
            options: Sequence[str | Wild]
            options = _values(part, lookup) if isinstance(part, Variable) else (part,)
            if len(filled) * len(options) > MAX_FILLED:
                return []
            filled = [[*parts, option] for parts in filled for option in options]
        return filled


def _values(variable: Variable, lookup: Lookup) -> Sequence[str]:
    values = lookup(variable.name)
    if values is None:
        return () if variable.default is None else (variable.default,)
    return values if len(values) == 1 or variable.name.startswith(MANY_VALUED) else ()


@lru_cache(maxsize=CACHED_PATTERNS)
def template(text: str, *, with_variables: bool = True) -> Template:
    """Parse a pattern. Raises PolicyError for a variable that is none."""
    parts: list[str | Wild | Variable] = []
    position = 0
    if with_variables:
        for found in _VARIABLE.finditer(text):
            parts += _plain(text[position : found.start()])
            inner = found[1]
            parts.append(inner if inner in _ESCAPES else _variable(inner))
            position = found.end()
    parts += _plain(text[position:])
    fixed = [part for part in parts if not isinstance(part, Variable)]
    return Template(tuple(parts), Glob(fixed) if len(fixed) == len(parts) else None)


@lru_cache(maxsize=CACHED_PATTERNS)
def glob(text: str) -> Glob:
    """A pattern without variables."""
    return Glob(_plain(text))


def condition_key(name: str) -> str:
    """A key in one spelling: names don't care about case, tag keys behind the slash do."""
    head, slash, tail = name.partition("/")
    return head.lower() + slash + tail


def _plain(text: str) -> list[str | Wild]:
    pieces = re.split(r"([*?])", text)
    return [Wild(piece) if piece in ("*", "?") else piece for piece in pieces if piece]


def _variable(inner: str) -> Variable:
    name, comma, default = inner.partition(",")
    default = default.strip()
    if not _NAME.fullmatch(name.strip()):
        raise PolicyError(f"Policy has an invalid variable: ${{{inner}}}")
    if not comma:
        return Variable(condition_key(name.strip()))
    if len(default) < 2 or default[0] != "'" or default[-1] != "'":
        raise PolicyError(f"Policy has an invalid variable: ${{{inner}}}")
    return Variable(condition_key(name.strip()), default[1:-1])


@lru_cache(maxsize=CACHED_PATTERNS)
def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


def _run(parts: Sequence[str | Wild]) -> re.Pattern[str]:
    # Neither repetitions nor alternatives: such an expression can't backtrack
    return _compiled("".join("." if isinstance(part, Wild) else re.escape(part) for part in parts))
