"""What the clients remember, and what they make of it at the end."""

import pytest

from benchmarks.torture.bodies import Bodies, etag_of
from benchmarks.torture.client import Answer, Entry, Page
from benchmarks.torture.history import Wrong
from benchmarks.torture.memory import MAX_DOUBTFUL_WRITES, Memory

KEYS = ["a", "b", "c", "d"]


@pytest.fixture
def memory() -> Memory:
    return Memory(Bodies(1))


def answer(status: int, began_s: float, body: bytes = b"") -> Answer:
    """It took half a second."""
    return Answer(status, body, began_s, began_s + 0.5)


def put(memory: Memory, key: str, at_s: float, status: int = 200) -> tuple[int, bytes]:
    number = memory.next_number()
    body = memory.bodies.make(key, number, 300)
    memory.about_to_put(number, etag_of(body), len(body))
    memory.wrote(key, number, answer(status, at_s))
    return number, body


def entry(key: str, body: bytes) -> Entry:
    return Entry(key, etag_of(body), len(body))


def test_all_is_well(memory: Memory) -> None:
    _, body = put(memory, "a", 1)
    memory.got("a", answer(200, 2, body))
    memory.wrote("a", None, answer(204, 3))
    memory.got("a", answer(404, 4))
    assert memory.verdict() == []
    assert memory.wrong == []
    assert memory.counts == {"PUT": 1, "GET": 2, "DELETE": 1}


def test_lost_and_resurrected(memory: Memory) -> None:
    _, body = put(memory, "a", 1)
    put(memory, "b", 1)
    memory.wrote("a", None, answer(204, 2))
    memory.got("a", answer(200, 3, body))
    memory.got("b", answer(404, 3))
    assert [found.wrong for found in memory.verdict()] == [Wrong.RESURRECTED, Wrong.LOST]


def test_wrong_bytes_are_told_at_once_also_in_a_cut_answer(memory: Memory) -> None:
    _, body = put(memory, "a", 1)
    memory.got("a", answer(200, 2, body[:-1]))
    memory.got("a", answer(0, 3, body[:100] + b"?"))
    memory.got("a", answer(0, 4, body[:100]))
    memory.got("a", answer(503, 5, b"<Error>"))
    assert len(memory.wrong) == memory.counts["wrong"] == 2
    assert memory.counts["GET: no answer"] == 2
    assert memory.counts["GET: 503"] == 1
    assert memory.verdict() == []


def test_a_write_in_doubt_is_settled_by_the_next_death(memory: Memory) -> None:
    put(memory, "a", 1)
    _, doubtful = put(memory, "a", 2, status=503)
    _, newest = put(memory, "a", 5)
    memory.got("a", answer(200, 6, newest))
    memory.got("a", answer(200, 7, doubtful))
    assert memory.verdict() == [], "it may still have come, for its coordinator lives"
    memory.died(4)
    assert [found.wrong for found in memory.verdict()] == [Wrong.STALE]


def test_a_death_before_it_settles_nothing(memory: Memory) -> None:
    memory.died(1)
    _, doubtful = put(memory, "a", 2, status=0)
    _, newest = put(memory, "a", 5)
    memory.got("a", answer(200, 6, newest))
    memory.got("a", answer(200, 7, doubtful))
    assert memory.verdict() == []


def test_a_key_with_much_in_doubt_is_left_alone(memory: Memory) -> None:
    for at_s in range(MAX_DOUBTFUL_WRITES):
        assert memory.may_write("a")
        put(memory, "a", at_s, status=500)
    assert not memory.may_write("a")
    assert memory.may_write("b")
    memory.died(20)
    assert memory.may_write("a")


def test_a_listing_is_a_read_of_every_key_it_spans(memory: Memory) -> None:
    bodies = {key: put(memory, key, 1)[1] for key in "abd"}
    first = Page([entry("a", bodies["a"]), entry("b", bodies["b"])], "more")
    assert memory.listed(KEYS, "", first, answer(200, 2)) == "b"
    # c was never written, d is not shown: it is lost.
    assert memory.listed(KEYS, "b", Page([], ""), answer(200, 3)) == "b"
    assert [found.key for found in memory.verdict()] == ["d"]
    assert memory.verdict()[0].read.how == "LIST"


def test_beyond_a_page_nothing_is_claimed(memory: Memory) -> None:
    bodies = {key: put(memory, key, 1)[1] for key in KEYS}
    memory.listed(KEYS, "", Page([entry("a", bodies["a"])], "more"), answer(200, 2))
    assert memory.verdict() == []


def test_a_listing_of_an_overwritten_object(memory: Memory) -> None:
    _, old = put(memory, "a", 1)
    put(memory, "a", 2)
    memory.listed(["a"], "", Page([entry("a", old)], ""), answer(200, 3))
    assert [found.wrong for found in memory.verdict()] == [Wrong.STALE]


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([Entry("b", '"e"', 1), Entry("a", '"e"', 1)], "out of order"),
        ([Entry("a", '"e"', 1), Entry("a", '"e"', 1)], "out of order"),
        ([Entry("0", '"e"', 1)], "out of order"),
        ([Entry("x", '"e"', 1)], "what nobody wrote"),
        ([Entry("a", '"e"', 1)], "which nobody wrote"),
    ],
)
def test_listings_that_are_wrong_by_themselves(
    memory: Memory, entries: list[Entry], told: str
) -> None:
    memory.listed(KEYS, "1", Page(entries, ""), answer(200, 1))
    assert told in memory.wrong[0]


def test_a_size_that_is_not_the_objects(memory: Memory) -> None:
    _, body = put(memory, "a", 1)
    memory.listed(["a"], "", Page([Entry("a", etag_of(body), 299)], ""), answer(200, 2))
    assert "which nobody wrote" in memory.wrong[0]


def test_listings_that_did_not_come(memory: Memory) -> None:
    memory.list_failed(answer(503, 1))
    assert memory.wrong == []
    memory.list_failed(answer(200, 2), "no Key")
    assert "no Key" in memory.wrong[0]
