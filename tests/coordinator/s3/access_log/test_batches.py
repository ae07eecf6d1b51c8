"""How lines gather, and how the objects of a log are called."""

import pytest

from coordinator.s3.access_log import batches as subject
from coordinator.s3.access_log.batches import Batch, Batches, Destination, Source, log_key
from coordinator.s3.settings.access_logs import KeyForm

ALICE = Source("alice", "us-east-1", "photos")
BOB = Source("bob", "us-east-1", "films")
LOGS = Destination("logs", "p/", KeyForm.SIMPLE)
OTHER = Destination("logs", "q/", KeyForm.SIMPLE)


def texts(batch: Batch) -> list[str]:
    return [text for _, text in batch.lines]


def test_a_batch_is_due_after_its_time() -> None:
    waiting = Batches(roll_s=5.0)
    assert waiting.due_at_s() is None
    assert not waiting.add(LOGS, ALICE, "one", 100.0)
    assert not waiting.add(OTHER, ALICE, "other", 102.0)
    assert not waiting.add(LOGS, BOB, "two", 104.0)
    assert waiting.due_at_s() == 105.0
    assert list(waiting.take(104.9)) == []
    assert [texts(batch) for batch in waiting.take(105.0)] == [["one", "two"]]
    assert waiting.due_at_s() == 107.0
    assert [texts(batch) for batch in waiting.take(0.0, everything=True)] == [["other"]]
    assert waiting.due_at_s() is None


def test_a_full_batch_is_due_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MAX_BATCH_BYTES", 10)
    waiting = Batches(roll_s=5.0)
    assert not waiting.add(LOGS, ALICE, "1234", 100.0)
    assert waiting.add(LOGS, ALICE, "1234", 100.0)
    assert waiting.due_at_s() == 0.0
    assert not waiting.add(LOGS, ALICE, "late", 100.0)
    assert [texts(batch) for batch in waiting.take(100.0)] == [["1234", "1234"]]


def test_beyond_the_room_lines_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "MAX_WAITING_BYTES", 10)
    waiting = Batches(roll_s=5.0)
    for _ in range(3):
        waiting.add(LOGS, ALICE, "1234", 100.0)
    assert waiting.dropped == 1
    batch = next(waiting.take(200.0))
    waiting.add(LOGS, ALICE, "123456789", 200.0)
    assert waiting.dropped == 1
    waiting.put_back(batch)
    assert batch.tries == 1
    waiting.add(LOGS, ALICE, "1", 200.0)
    assert waiting.dropped == 2
    assert [len(batch.lines) for batch in waiting.take(300.0)] == [2, 1]


AT_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("destination", "key"),
    [
        (LOGS, "p/2027-01-15-08-00-00-U"),
        (Destination("logs", "", KeyForm.SIMPLE), "2027-01-15-08-00-00-U"),
        (
            Destination("logs", "p/", KeyForm.BY_DELIVERY, source=ALICE),
            "p/alice/us-east-1/photos/2027/01/15/2027-01-15-08-00-00-U",
        ),
        (
            Destination("logs", "p/", KeyForm.BY_EVENT, source=ALICE, day="2027/01/14"),
            "p/alice/us-east-1/photos/2027/01/14/2027-01-14-00-00-00-U",
        ),
    ],
)
def test_keys(destination: Destination, key: str) -> None:
    assert log_key(destination, AT_MS, "U") == key
