"""What a key may hold: cases by hand, and against a search through all orders."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.torture.history import NEVER, Read, Violation, Write, Wrong, check


def put(value: int, began: float, ended: float) -> Write:
    return Write(value, began, ended, True)


def delete(began: float, ended: float) -> Write:
    return Write(None, began, ended, True)


def failed(value: int | None, began: float, ended: float = NEVER) -> Write:
    return Write(value, began, ended, False)


def get(value: int | None, began: float, ended: float) -> Read:
    return Read(value, began, ended)


RIGHT = {
    "nothing there": [get(None, 0, 1)],
    "what was put": [put(1, 0, 1), get(1, 2, 3)],
    "the newer one": [put(1, 0, 1), put(2, 2, 3), get(2, 4, 5)],
    "deleted": [put(1, 0, 1), delete(2, 3), get(None, 4, 5)],
    "put again": [put(1, 0, 1), delete(2, 3), put(2, 4, 5), get(2, 6, 7)],
    "old while a write is under way": [put(1, 0, 1), put(2, 2, 9), get(1, 3, 4)],
    "new while it is under way": [put(1, 0, 1), put(2, 2, 9), get(2, 3, 4), get(2, 5, 6)],
    "either of two at once": [put(1, 0, 5), put(2, 0, 5), get(1, 6, 7), get(1, 8, 9)],
    "gone while a delete is under way": [put(1, 0, 1), delete(2, 9), get(1, 3, 4), get(None, 5, 6)],
    "failed, and not there": [put(1, 0, 1), failed(2, 2), get(1, 4, 5)],
    "failed, and there": [put(1, 0, 1), failed(2, 2), get(2, 4, 5), get(2, 6, 7)],
    "failed, and there later": [put(1, 0, 1), failed(2, 2), get(1, 4, 5), get(2, 6, 7)],
    "failed long ago, overtaking": [failed(1, 0), put(2, 2, 3), get(2, 4, 5), get(1, 6, 7)],
    "failed delete, gone": [put(1, 0, 1), failed(None, 2, 3), get(None, 4, 5)],
    "failed delete, there": [put(1, 0, 1), failed(None, 2, 3), get(1, 4, 5)],
    "a read across two writes": [put(1, 0, 1), put(2, 2, 3), put(3, 4, 5), get(2, 1.5, 6)],
    "at the same instant": [put(1, 0, 1), put(2, 1, 2), get(1, 1, 1), get(2, 2, 3)],
}

WRONG = {
    "lost": ([put(1, 0, 1), get(None, 2, 3)], Wrong.LOST),
    "resurrected": ([put(1, 0, 1), delete(2, 3), get(1, 4, 5)], Wrong.RESURRECTED),
    "older": ([put(1, 0, 1), put(2, 2, 3), get(1, 4, 5)], Wrong.STALE),
    "never written": ([put(1, 0, 1), get(7, 2, 3)], Wrong.STALE),
    "from the future": ([get(1, 0, 1), put(1, 2, 3)], Wrong.RESURRECTED),
    "back again": ([put(1, 0, 1), put(2, 2, 9), get(2, 3, 4), get(1, 5, 6)], Wrong.STALE),
    "failed, too late": (
        [put(1, 0, 1), failed(2, 2, 3), put(3, 4, 5), get(2, 6, 7)],
        Wrong.STALE,
    ),
    "failed, seen, unseen": (
        [put(1, 0, 1), failed(2, 2, 3), get(2, 4, 5), get(1, 6, 7)],
        Wrong.STALE,
    ),
    "failed, unseen, seen": (
        [put(1, 0, 1), failed(2, 2, 3), get(1, 4, 5), get(2, 6, 7)],
        Wrong.STALE,
    ),
    "failed delete, undone": (
        [put(1, 0, 1), failed(None, 2, 3), get(None, 4, 5), get(1, 6, 7)],
        Wrong.RESURRECTED,
    ),
    "two orders at once": (
        [put(1, 0, 9), put(2, 0, 9), get(1, 1, 2), get(2, 3, 4), get(1, 5, 6)],
        Wrong.STALE,
    ),
}


@pytest.mark.parametrize("operations", RIGHT.values(), ids=RIGHT)
def test_explained(operations: list[Write | Read]) -> None:
    assert check("k", operations) == []


@pytest.mark.parametrize(("operations", "wrong"), WRONG.values(), ids=WRONG)
def test_not_explained(operations: list[Write | Read], wrong: Wrong) -> None:
    (violation,) = check("k", operations)
    assert violation.wrong is wrong
    assert f"of 'k' ({violation.read.began_s:.3f} to" in str(violation)


def test_what_was_possible_is_told() -> None:
    found = check("k", [put(1, 0, 1), failed(2, 2), get(None, 3, 4)])
    assert found == [Violation("k", get(None, 3, 4), frozenset({1, 2}))]
    assert str(found[0]).endswith("nothing, not #1 or #2")


def test_one_untruth_is_told_once() -> None:
    operations = [put(1, 0, 1), get(None, 2, 3), get(None, 4, 5), put(2, 6, 7), get(2, 8, 9)]
    assert len(check("k", operations)) == 1


def test_what_was_there_before() -> None:
    assert check("k", [get(7, 0, 1)], first=7) == []


def test_many_reads_at_once_are_quick() -> None:
    writes = [put(n, n, n + 3.5) for n in range(60)]
    reads = [get(n, n + 3.2, n + 3.8) for n in range(60) for _ in range(20)]
    assert check("k", [*writes, *reads]) == []


# against a search through all orders ----------------------------------------------
def explains(order: tuple[Write | Read, ...]) -> bool:
    """Whether these, in this order, are possible in time and tell the truth."""
    value: int | None = None
    for at, operation in enumerate(order):
        if any(later.ended_s < operation.began_s for later in order[at + 1 :]):
            return False
        if isinstance(operation, Write):
            value = operation.value
        elif operation.value != value:
            return False
    return True


def is_possible(operations: list[Write | Read]) -> bool:
    """By trying which of the failed writes took effect, and every order."""
    doubtful = [one for one in operations if isinstance(one, Write) and not one.is_acknowledged]
    sure = [one for one in operations if one not in doubtful]
    for chosen in range(1 << len(doubtful)):
        some = [one for bit, one in enumerate(doubtful) if chosen >> bit & 1]
        if any(map(explains, permutations([*sure, *some]))):
            return True
    return False


@st.composite
def histories(draw: st.DrawFn) -> list[Write | Read]:
    instants = iter(draw(st.permutations(range(10))))
    operations: list[Write | Read] = []
    for number in range(draw(st.integers(1, 5))):
        began, ended = sorted((next(instants), next(instants)))
        value = draw(st.sampled_from([None, *range(number + 2)]))
        kind = draw(st.sampled_from(["put", "delete", "failed", "lost", "get", "get"]))
        if kind == "get":
            operations.append(get(value, began, ended))
        elif kind == "put":
            operations.append(put(number, began, ended))
        elif kind == "delete":
            operations.append(delete(began, ended))
        else:
            operations.append(failed(number, began, NEVER if kind == "lost" else ended))
    return operations


@given(histories())
def test_it_agrees_with_a_search_through_all_orders(operations: list[Write | Read]) -> None:
    assert (check("k", operations) == []) == is_possible(operations)
