"""Does what lifecycle rules decide: expires objects, removes versions and markers, aborts uploads.

Rules:
1. A round goes through all buckets that have rules, page by page; several rounds a day. Between two
   pages there is a pause, so that clients come first.
2. A deletion demands that the version is the one that was seen: what was written meanwhile stays.
   What is locked stays.
3. Where the round stands is noted by whole keys: a restart repeats some pages and leaves none out.
   A page that failed is gone through again from where it began.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, TypeVar

from coordinator.lifecycle.rules import Calendar, Rules, common_prefix
from coordinator.lifecycle.walk import Due, Fate, Walk, decide, end
from coordinator.objects import Objects
from coordinator.repair.worker import Sleep, Worker
from metadata import (
    Bucket,
    NoSuchBucket,
    NoSuchUpload,
    ObjectLocked,
    PreconditionFailed,
    Upload,
    WriteCondition,
)

SETTING: Final = "lifecycle"
NOTE: Final = "lifecycle/round"

ROUNDS_PER_DAY: Final = 4
LOOK_EVERY_S: Final = 60.0
PAGE: Final = 500
PAUSE_S: Final = 0.05
AT_ONCE: Final = 16
"""Deletions under way together: they share a commit."""

SAVE_MS: Final = 5000

T = TypeVar("T")

Cut = tuple[str, str]
"""Where a listing goes on: a key, and the version or upload of it ("" for the next key)."""

log = logging.getLogger(__name__)


@dataclass
class Round:
    """What is noted. `bucket` is the last one finished; of the next one (`within`), the keys up to
    `key` are finished."""

    started_at_ms: int = 0
    is_running: bool = False
    bucket: str = ""
    within: str = ""
    key: str = ""


@dataclass
class Visit:
    """The bucket that is being gone through: versions first, then uploads."""

    bucket: Bucket
    rules: Rules
    versions: Cut | None
    uploads: Cut | None
    walk: Walk = field(default_factory=Walk)
    done: int = 0
    """How much was expired, removed or aborted."""


class Lifecycle:
    """See the module's rules."""

    def __init__(
        self,
        objects: Objects,
        parse: Callable[[str], Rules],
        day_s: float,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`parse` reads a stored document."""
        self._metadata = objects.metadata
        self._objects = objects
        self._now_ms = objects.ids.now_ms
        self._parse = parse
        self._calendar = Calendar(max(1, round(day_s * 1000)))
        self._period_ms = self._calendar.day_ms // ROUNDS_PER_DAY
        self._sleep = sleep
        idle_s = min(LOOK_EVERY_S, day_s / ROUNDS_PER_DAY / 2)
        self._worker = Worker("lifecycle", self.work, idle_s=idle_s, sleep=sleep)
        self._round: Round | None = None
        self._visit: Visit | None = None
        self._saved_at_ms = 0

    async def run(self) -> None:
        """Work until cancelled."""
        await self._worker.run()

    async def work(self) -> bool:
        """One page, if a round is under way or due; whether there may be more."""
        its = await self._load()
        now_ms = self._now_ms()
        if not its.is_running:
            if not self._is_due_again(its, now_ms):
                return False
            self._round = its = Round(started_at_ms=now_ms, is_running=True)
        visit = self._visit or await self._next(its)
        if visit is None:
            its.is_running = False
            its.bucket = its.within = its.key = ""
            await self._save(its)
            return self._is_due_again(its, now_ms)
        self._visit = visit
        try:
            await self._page(visit)
        except NoSuchBucket:
            visit.versions = visit.uploads = None
        if visit.versions is None and visit.uploads is None:
            its.bucket, its.within, its.key = visit.bucket.name, "", ""
            self._visit = None
            if visit.done:
                log.info("lifecycle", extra={"bucket": visit.bucket.name, "done": visit.done})
        else:
            its.within = visit.bucket.name
        await self._save(its)
        await self._sleep(PAUSE_S)
        return True

    def _is_due_again(self, its: Round, now_ms: int) -> bool:
        """Whether a new round is due; a start in the future is that of a clock that was wrong."""
        return not its.started_at_ms <= now_ms < its.started_at_ms + self._period_ms

    async def _next(self, its: Round) -> Visit | None:
        """The next bucket that has rules, from where the round stands in it."""
        found = await self._metadata.buckets_with_setting(SETTING, after=its.bucket, limit=1)
        if not found:
            return None
        bucket, document = found[0]
        if bucket.name != its.within:
            its.key = ""
        rules = tuple(rule for rule in self._parse(document) if rule.is_enabled)
        has_versions = any(rule.is_about_versions for rule in rules)
        has_uploads = any(rule.abort_days is not None for rule in rules)
        return Visit(
            bucket,
            rules,
            versions=(its.key, "") if has_versions else None,
            uploads=("", "") if has_uploads else None,
        )

    async def _page(self, visit: Visit) -> None:
        if visit.versions is not None:
            await self._versions(visit, visit.versions)
        elif visit.uploads is not None:
            await self._uploads(visit, visit.uploads)

    # versions ----------------------------------------------------------------
    async def _versions(self, visit: Visit, cut: Cut) -> None:
        now_ms = self._now_ms()
        rules = tuple(rule for rule in visit.rules if rule.is_about_versions)
        page = await self._metadata.list_versions(
            visit.bucket.name,
            prefix=common_prefix(rules),
            after_key=cut[0],
            after_version_id=cut[1],
            limit=PAGE,
        )
        walk, found = decide(visit.walk, page.versions, rules, self._calendar, now_ms)
        is_last = page.next_key is None
        if is_last and (due := end(walk, rules, self._calendar, now_ms)) is not None:
            found.append(due)
        await _together(found, lambda due: self._carry_out(visit, due, now_ms))
        # Only now: what fails above is decided again from the same state
        if is_last or page.next_key is None:
            visit.versions, visit.walk = None, Walk()
            return
        visit.versions, visit.walk = (page.next_key, page.next_version_id or ""), walk
        assert self._round is not None
        self._round.key = _finished_key(self._round.key, [v.version.key for v in page.versions])

    async def _carry_out(self, visit: Visit, due: Due, now_ms: int) -> None:
        bucket, version = visit.bucket, due.version
        condition = WriteCondition(must_match_version_id=version.version_id)
        try:
            if due.fate is Fate.HIDE:
                await self._objects.delete(
                    bucket, version.key, bucket.owner_id, condition=condition
                )
            else:
                await self._metadata.delete_version(
                    bucket.name,
                    version.key,
                    version.public_id,
                    condition=condition,
                    now_ms=now_ms,
                )
        except (PreconditionFailed, ObjectLocked) as error:
            log.debug("stays", extra={"bucket": bucket.name, "detail": str(error)})
        else:
            visit.done += 1

    # uploads -----------------------------------------------------------------
    async def _uploads(self, visit: Visit, cut: Cut) -> None:
        rules = tuple(rule for rule in visit.rules if rule.abort_days is not None)
        page = await self._metadata.list_uploads(
            visit.bucket.name,
            prefix=common_prefix(rules),
            after_key=cut[0],
            after_upload_id=cut[1],
            limit=PAGE,
        )
        now_ms = self._now_ms()
        due = [upload for upload in page.uploads if self._is_stale(upload, rules, now_ms)]
        await _together(due, lambda upload: self._abort(visit, upload))
        ended = page.next_key is None
        visit.uploads = None if ended else (page.next_key or "", page.next_upload_id or "")

    def _is_stale(self, upload: Upload, rules: Rules, now_ms: int) -> bool:
        return any(
            rule.abort_days is not None
            and rule.filter.fits_key(upload.key)
            and self._calendar.after(upload.created_at_ms, rule.abort_days) <= now_ms
            for rule in rules
        )

    async def _abort(self, visit: Visit, upload: Upload) -> None:
        try:
            await self._metadata.abort_upload(visit.bucket.name, upload.key, upload.upload_id)
        except NoSuchUpload:
            log.debug("completed or aborted meanwhile", extra={"upload": upload.upload_id})
        else:
            visit.done += 1

    # the note ----------------------------------------------------------------
    async def _load(self) -> Round:
        if self._round is None:
            self._round = _read_note((await self._metadata.notes(NOTE)).get(NOTE))
        return self._round

    async def _save(self, its: Round) -> None:
        """Not at every page: what is noted may be older than what was done."""
        now_ms = self._now_ms()
        if 0 <= now_ms - self._saved_at_ms < SAVE_MS:
            return
        await self._metadata.save_note(NOTE, json.dumps(asdict(its)))
        self._saved_at_ms = now_ms


def _read_note(text: str | None) -> Round:
    if text is None:
        return Round()
    try:
        return Round(**json.loads(text))
    except (ValueError, TypeError):
        log.warning("the lifecycle's note can't be read: a new round begins")
        return Round()


def _finished_key(former: str, keys: list[str]) -> str:
    """The last key of which nothing comes in the next page."""
    return next((key for key in reversed(keys) if key != keys[-1]), former)


async def _together(items: Sequence[T], work: Callable[[T], Awaitable[None]]) -> None:
    """The work on each, some at a time; a failure is raised when those beside it have ended."""
    for start in range(0, len(items), AT_ONCE):
        some = map(work, items[start : start + AT_ONCE])
        for outcome in await asyncio.gather(*some, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
