"""What the clients of the torture remember: every operation, and when a process died with some.

Rules: a write is remembered before it is sent. One that got no answer, or an error, may take effect
as long as the coordinator that had it lives (and even as it starts again, from its log): its end is
the next death of a coordinator. Times are those of one monotonic clock.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

from benchmarks.torture.bodies import Bodies, WrongBytes
from benchmarks.torture.client import NO_ANSWER, Answer, Entry, Page
from benchmarks.torture.history import NEVER, Read, Value, Violation, Write, check

NOT_FOUND = 404
MAX_TOLD = 20
MAX_DOUBTFUL_WRITES = 4
"""Of one key at a time: beyond that nobody writes it until a death has settled them."""


@dataclass(slots=True)
class Memory:
    """All of one run. Used by one event loop; `died` may be called by another thread."""

    bodies: Bodies
    counts: Counter[str] = field(default_factory=Counter)
    """Operations by kind; also "GET that failed" and the like."""

    wrong: list[str] = field(default_factory=list)
    """Bytes and listings that are wrong by themselves, whatever was written when."""

    _operations: dict[str, list[Write | Read]] = field(default_factory=lambda: defaultdict(list))
    _doubtful: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _made: dict[str, tuple[int, int]] = field(default_factory=dict)
    _deaths: list[float] = field(default_factory=list)
    _writes: int = 0

    def next_number(self) -> int:
        """A number for a write, never given before."""
        self._writes += 1
        return self._writes

    def about_to_put(self, number: int, etag: str, size: int) -> None:
        """From now on a listing may show it."""
        self._made[etag] = (number, size)

    def died(self, at_s: float) -> None:
        """A coordinator is gone, and none runs yet: what it had and did not do, it never will."""
        self._deaths.append(at_s)

    def may_write(self, key: str) -> bool:
        """Whether not too many writes of the key are in doubt."""
        last_death = self._deaths[-1] if self._deaths else -NEVER
        open_writes = [began_s for began_s in self._doubtful[key] if began_s > last_death]
        self._doubtful[key] = open_writes
        return len(open_writes) < MAX_DOUBTFUL_WRITES

    # what was answered ---------------------------------------------------------------
    def wrote(self, key: str, value: Value, answer: Answer) -> None:
        """A PUT (its number) or a DELETE (None) was answered, or was not."""
        self._count("DELETE" if value is None else "PUT", answer, answer.is_good)
        ended_s = answer.ended_s if answer.is_good else NEVER
        if not answer.is_good:
            self._doubtful[key].append(answer.began_s)
        self._operations[key].append(Write(value, answer.began_s, ended_s, answer.is_good))

    def got(self, key: str, answer: Answer) -> None:
        """A GET was answered, or was not."""
        is_missing = answer.status == NOT_FOUND
        self._count("GET", answer, answer.is_good or is_missing)
        try:
            if answer.is_good:
                self._read(key, self.bodies.number_of(key, answer.body), answer, "GET")
            elif is_missing:
                self._read(key, None, answer, "GET")
            elif answer.status == NO_ANSWER:
                self.bodies.check_start(key, answer.body)
        except WrongBytes as error:
            self._tell_wrong(f"{error} (answered {answer.ended_s:.3f} s)")

    def listed(self, keys: list[str], after: str, page: Page, answer: Answer) -> str:
        """A page of the listing came, whose entries begin behind `after`; all of its keys are
        among `keys`. Returns its last key."""
        self._count("LIST", answer, True)
        shown = [entry.key for entry in page.entries]
        last = shown[-1] if shown else after
        if shown != sorted(set(shown)) or (shown and shown[0] <= after):
            self._tell_wrong(f"a listing behind {after!r} is out of order: {shown}")
            return last
        if strange := set(shown) - set(keys):
            self._tell_wrong(f"a listing shows what nobody wrote: {sorted(strange)}")
        entries = {entry.key: entry for entry in page.entries}
        for key in keys:
            if after < key and (key <= last or not page.token):
                self._listed(key, entries.get(key), answer)
        return last

    def list_failed(self, answer: Answer, reason: str = "") -> None:
        """A page did not come, or could not be understood (`reason`)."""
        self._count("LIST", answer, False)
        if reason:
            self._tell_wrong(f"a listing can't be understood: {reason}")

    def _listed(self, key: str, entry: Entry | None, answer: Answer) -> None:
        if entry is None:
            self._read(key, None, answer, "LIST")
            return
        number, size = self._made.get(entry.etag, (0, -1))
        if size != entry.size:
            self._tell_wrong(f"a listing shows {entry}, which nobody wrote")
        else:
            self._read(key, number, answer, "LIST")

    def _read(self, key: str, value: Value, answer: Answer, how: str) -> None:
        self._operations[key].append(Read(value, answer.began_s, answer.ended_s, how))

    def _count(self, what: str, answer: Answer, is_good: bool) -> None:
        self.counts[what] += 1
        if not is_good:
            status = "no answer" if answer.status == NO_ANSWER else str(answer.status)
            self.counts[f"{what}: {status}"] += 1

    def _tell_wrong(self, what: str) -> None:
        self.counts["wrong"] += 1
        if len(self.wrong) < MAX_TOLD:
            self.wrong.append(what)

    # the verdict -----------------------------------------------------------------------
    def verdict(self) -> list[Violation]:
        """Every read that nothing explains."""
        return [
            violation
            for key, operations in sorted(self._operations.items())
            for violation in check(key, map(self._settled, operations))
        ]

    def _settled(self, operation: Write | Read) -> Write | Read:
        if operation.ended_s != NEVER:
            return operation
        later = (death for death in self._deaths if death >= operation.began_s)
        return replace(operation, ended_s=min(later, default=NEVER))
