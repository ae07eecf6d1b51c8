"""The book of what is broken: it is there for whoever comes next."""

from pathlib import Path

from benchmarks.faults.book import Book, Broken, FaultKind
from benchmarks.process import Process

KILLED = Broken(FaultKind.KILL, "node-1")
PAUSED = Broken(FaultKind.PAUSE, "node-2", Process(77, 123_456))


def test_nothing_is_broken_at_first(tmp_path: Path) -> None:
    assert Book(tmp_path).read() == []


def test_what_was_noted_is_found_by_another(tmp_path: Path) -> None:
    Book(tmp_path).note(KILLED)
    Book(tmp_path).note(PAUSED)
    assert Book(tmp_path).read() == [KILLED, PAUSED]
    Book(tmp_path).forget("node-1")
    Book(tmp_path).forget("node-3")
    assert Book(tmp_path).read() == [PAUSED]


def test_a_process_has_one_entry(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.note(Broken(FaultKind.PAUSE, "node-2"))
    book.note(PAUSED)
    assert book.read() == [PAUSED]


def test_the_lock_can_be_taken_again_and_again(tmp_path: Path) -> None:
    for _ in range(3):
        with Book(tmp_path).locked():
            Book(tmp_path).note(KILLED)
    assert Book(tmp_path).read() == [KILLED]
