"""The checker itself: histories whose truth is known, and the brute force that agrees with it."""

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.coordinator.s3.history.checker import Recorded, explain
from tests.coordinator.s3.history.model import (
    FAILED,
    MISSING,
    Conditions,
    Delete,
    DeleteVersion,
    Entry,
    Get,
    Keeping,
    List,
    Operation,
    Put,
    Versions,
)

A, B = Entry("null", "a"), Entry("null", "b")
V1, V2, MARKER = Entry("1", "a"), Entry("2", "b"), Entry("3", None)
ANYWAY = Conditions()


def is_explained(keeping: Keeping, *recorded: tuple[Operation, int, int]) -> bool:
    history = [Recorded(*one) for one in recorded]
    first: Versions = ()
    return explain(history, first, lambda state, one: one.apply(state, keeping)) is not None


OFF = [
    (True, [(Put(ANYWAY, A), 0, 1), (Get("", A), 2, 3)]),
    (False, [(Put(ANYWAY, A), 0, 1), (Get("", None), 2, 3)]),
    (True, [(Put(ANYWAY, A), 0, 3), (Get("", None), 1, 2)]),
    (True, [(Put(ANYWAY, A), 0, 3), (Get("", A), 1, 2)]),
    # a read must not go back
    (False, [(Put(ANYWAY, A), 0, 9), (Get("", A), 1, 2), (Get("", None), 3, 4)]),
    # of two that may write only where nothing is, one loses
    (
        True,
        [
            (Put(Conditions(none_match="*"), A), 0, 3),
            (Put(Conditions(none_match="*"), FAILED), 1, 2),
        ],
    ),
    (
        False,
        [(Put(Conditions(none_match="*"), A), 0, 3), (Put(Conditions(none_match="*"), B), 1, 2)],
    ),
    # a lost update
    (
        False,
        [
            (Put(ANYWAY, A), 0, 1),
            (Put(Conditions(match="a"), B), 2, 5),
            (Put(Conditions(match="a"), Entry("null", "c")), 3, 4),
        ],
    ),
    (True, [(Put(Conditions(match="a"), MISSING), 0, 1)]),
    (False, [(Put(Conditions(match="a"), FAILED), 0, 1)]),
    (True, [(Put(ANYWAY, A), 0, 1), (Put(Conditions(none_match="b"), B), 2, 3)]),
    (False, [(Put(ANYWAY, A), 0, 1), (Put(Conditions(none_match="a"), B), 2, 3)]),
    (
        True,
        [(Put(ANYWAY, A), 0, 1), (Delete(Conditions(match="a"), ""), 2, 3), (Get("", None), 4, 5)],
    ),
    (False, [(Put(ANYWAY, A), 0, 1), (Delete(Conditions(match="b"), ""), 2, 3)]),
    (True, [(Put(ANYWAY, A), 0, 1), (Delete(Conditions(match="b"), FAILED), 2, 3)]),
    (True, [(Delete(Conditions(match="b"), ""), 0, 1)]),
    (False, [(Delete(ANYWAY, "null"), 0, 1)]),
]

ENABLED = [
    (True, [(Put(ANYWAY, V1), 0, 1), (Put(ANYWAY, V2), 2, 3), (List((V1, V2)), 4, 5)]),
    (False, [(Put(ANYWAY, V1), 0, 1), (Put(ANYWAY, V2), 2, 3), (List((V2, V1)), 4, 5)]),
    (True, [(Put(ANYWAY, V1), 0, 3), (Put(ANYWAY, V2), 1, 2), (List((V2, V1)), 4, 5)]),
    (False, [(Put(ANYWAY, V1), 0, 1), (Put(ANYWAY, V2), 2, 3), (List((V2,)), 4, 5)]),
    (True, [(Put(ANYWAY, V1), 0, 1), (Delete(ANYWAY, "3"), 2, 3), (Get("", MARKER), 4, 5)]),
    (True, [(Put(ANYWAY, V1), 0, 1), (Delete(ANYWAY, "3"), 2, 3), (Get("1", V1), 4, 5)]),
    (
        True,
        [
            (Put(ANYWAY, V1), 0, 1),
            (Delete(ANYWAY, "3"), 2, 3),
            (DeleteVersion("3", ANYWAY, ""), 4, 5),
            (Get("", V1), 6, 7),
        ],
    ),
    (False, [(Put(ANYWAY, V1), 0, 1), (Delete(ANYWAY, ""), 2, 3)]),
    (False, [(Put(ANYWAY, A), 0, 1)]),
    (True, [(Put(ANYWAY, V1), 0, 1), (DeleteVersion("1", Conditions(match="b"), FAILED), 2, 3)]),
    (False, [(Put(ANYWAY, V1), 0, 1), (DeleteVersion("1", Conditions(match="b"), ""), 2, 3)]),
    (True, [(DeleteVersion("1", Conditions(match="b"), ""), 0, 1)]),
]

SUSPENDED = [
    (True, [(Put(ANYWAY, A), 0, 1), (Put(ANYWAY, B), 2, 3), (List((B,)), 4, 5)]),
    (False, [(Put(ANYWAY, A), 0, 1), (Put(ANYWAY, B), 2, 3), (List((A, B)), 4, 5)]),
    (
        True,
        [
            (Put(ANYWAY, A), 0, 1),
            (Delete(ANYWAY, "null"), 2, 3),
            (List((Entry("null", None),)), 4, 5),
        ],
    ),
    (False, [(Put(ANYWAY, V1), 0, 1)]),
]


@pytest.mark.parametrize(
    ("keeping", "expected", "history"),
    [
        (keeping, *case)
        for keeping, cases in (
            (Keeping.OFF, OFF),
            (Keeping.ENABLED, ENABLED),
            (Keeping.SUSPENDED, SUSPENDED),
        )
        for case in cases
    ],
)
def test_histories(
    keeping: Keeping, expected: bool, history: Sequence[tuple[Operation, int, int]]
) -> None:
    assert is_explained(keeping, *history) is expected


ETAGS = st.sampled_from(["a", "b", "*"])
CONDITIONS = st.builds(Conditions, st.none() | ETAGS, st.none() | ETAGS)
OPERATIONS = st.one_of(
    st.builds(Put, CONDITIONS, st.sampled_from([A, B, FAILED, MISSING])),
    st.builds(Delete, st.builds(Conditions, st.none() | ETAGS), st.sampled_from(["", FAILED])),
    st.builds(Get, st.just(""), st.sampled_from([None, A, B])),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(OPERATIONS, st.integers(0, 8), st.integers(1, 8)), max_size=5))
def test_agrees_with_every_order_tried(drawn: list[tuple[Operation, int, int]]) -> None:
    history = [
        Recorded(operation, began * 10 + number, (began + length) * 10 + 5 + number)
        for number, (operation, began, length) in enumerate(drawn)
    ]
    assert (explain(history, (), _apply) is not None) is any(
        _explains(order) for order in permutations(history)
    )


def _apply(state: Versions, operation: Operation) -> Versions | None:
    return operation.apply(state, Keeping.OFF)


def _explains(order: Sequence[Recorded[Operation]]) -> bool:
    latest_begin = -1
    state: Versions | None = ()
    for recorded in order:
        if recorded.ended <= latest_begin:
            return False
        latest_begin = max(latest_begin, recorded.began)
        state = None if state is None else _apply(state, recorded.operation)
    return state is not None
