"""The judge of the crash tests can say no: it finds what was lost, changed, torn or invented."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.cluster import Cluster
from tests.end_to_end.scribble import Fate, Scribblers, check, content


@pytest.fixture
def fates(cluster: Cluster, bucket: str) -> dict[str, Fate]:
    scribblers = Scribblers(cluster, bucket, seed=1)
    scribblers.start(0)
    scribblers.wait_for(40)
    scribblers.stop()
    assert scribblers.refused == []
    assert list(check(cluster, bucket, scribblers.fates)) == []
    return scribblers.fates


def large_key(fates: dict[str, Fate]) -> str:
    """A key that holds more than a few bytes."""
    for key, fate in fates.items():
        (generation,) = fate.possible
        if generation is not None and len(content(key, generation)) > 1000:
            return key
    raise AssertionError("no large object was written")


@pytest.mark.parametrize(
    ("damage", "verdict"),
    [
        (lambda s3, named, body: s3.delete_object(**named), "is absent"),
        (lambda s3, named, body: s3.put_object(**named, Body=body[:-1]), "holds"),
        (lambda s3, named, body: s3.put_object(**named, Body=body[:-1] + b"?"), "holds"),
        (lambda s3, named, body: s3.put_object(**named, Body=b""), "holds"),
        (lambda s3, named, body: s3.put_object(**{**named, "Key": "stray"}), "nobody wrote it"),
    ],
    ids=["lost", "torn", "changed", "emptied", "invented"],
)
def test_the_judge(
    cluster: Cluster,
    s3: Any,
    bucket: str,
    fates: dict[str, Fate],
    damage: Callable[..., None],
    verdict: str,
) -> None:
    key = large_key(fates)
    named = {"Bucket": bucket, "Key": key}
    damage(s3, named, s3.get_object(**named)["Body"].read())
    (found,) = check(cluster, bucket, fates)
    assert verdict in found


def test_what_an_unanswered_write_left_is_settled_by_looking(
    cluster: Cluster, s3: Any, bucket: str, fates: dict[str, Fate]
) -> None:
    key = large_key(fates)
    fate = fates[key]
    fate.generation += 1
    fate.possible.add(fate.generation)
    assert list(check(cluster, bucket, fates)) == []
    assert fate.generation not in fate.possible
    fate.possible.add(None)
    s3.delete_object(Bucket=bucket, Key=key)
    assert list(check(cluster, bucket, fates)) == []
    assert fate.possible == {None}
