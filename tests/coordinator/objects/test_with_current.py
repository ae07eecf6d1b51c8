"""What is looked up anew when it can't be opened or read."""

import pytest

from coordinator.objects import Unreadable, with_current
from metadata import Bucket, NoSuchKey, StoredVersion, Version

BUCKET = Bucket(1, "bucket", "ann", 1)


def stored(version_id: str) -> StoredVersion:
    return StoredVersion(BUCKET, Version(version_id, "key", 1, "etag", 1, "ann"), ())


class LookUps:
    """Gives what it is told to, one after the other, and the last one again and again."""

    def __init__(self, *found: StoredVersion | Exception) -> None:
        self.found = list(found)

    async def __call__(self) -> StoredVersion:
        one = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(one, Exception):
            raise one
        return one


def using(error: Exception, *bad: str):
    async def use(found: StoredVersion) -> str:
        if found.version.version_id in bad:
            raise error
        return found.version.version_id

    return use


@pytest.mark.parametrize("error", [NoSuchKey("gone"), Unreadable("its shards are gone")])
async def test_what_was_replaced_before_it_was_opened_is_looked_up_anew(error: Exception) -> None:
    look_up = LookUps(stored("old"), stored("new"))
    assert await with_current(look_up, using(error, "old")) == "new"


async def test_what_was_deleted_before_it_was_opened_is_not_there() -> None:
    with pytest.raises(NoSuchKey):
        await with_current(
            LookUps(stored("old"), NoSuchKey("deleted")), using(Unreadable("gone"), "old")
        )


async def test_what_is_still_current_and_cannot_be_read_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        await with_current(LookUps(stored("old")), using(Unreadable("nodes are down"), "old"))
