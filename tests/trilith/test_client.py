"""The client against a fake cluster: what it sends, repeats, verifies and raises."""

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trilith.fake_store import ACCESS_KEY, CUT, DROP, FakeStore
from trilith import Client, errors
from trilith.retry import RetryPolicy

BIG = bytes(range(256)) * 4096

KEYS = [
    "a",
    "a/b",
    "a//b",
    "/leading",
    "trailing/",
    "../x",
    "a/../b",
    ".",
    "..",
    "./a",
    "a b+c%2Fd?e#f&g=h",
    "ünïcode/🪨",
    "line\nbreak\x01\x7f",
    "%2E%2E/x",
    "...",
]


@pytest.mark.parametrize("key", KEYS)
def test_any_key_arrives_as_it_is(client: Client, store: FakeStore, key: str) -> None:
    client.put("b", key, b"data")
    assert list(store.buckets["b"]) == [key]
    assert client.get("b", key) == b"data"
    client.delete("b", key)
    assert store.buckets["b"] == {}


def pieces(data: bytes) -> Iterator[bytes]:
    yield data[:1000]
    yield data[1000:]


@pytest.mark.parametrize("size", [0, 1, 100_000, len(BIG)])
def test_all_kinds_of_data(client: Client, store: FakeStore, tmp_path: Path, size: int) -> None:
    data = BIG[:size]
    path = tmp_path / "file"
    path.write_bytes(b"skip" + data)
    with path.open("rb") as file:
        file.seek(4)
        for source in (data, bytearray(data), memoryview(data), file, io.BytesIO(data)):
            client.put("b", "k", source)
            assert store.buckets["b"]["k"][0] == data
            assert store.requests[-1][2]["content-length"] == str(size)
    client.put("b", "k", pieces(data))
    assert store.requests[-1][2]["transfer-encoding"] == "chunked"
    assert client.get("b", "k") == data


def test_a_string_is_not_data(client: Client) -> None:
    with pytest.raises(errors.UsageError, match="bytes"):
        client.put("b", "k", "text")  # type: ignore[arg-type]


def test_type_and_metadata_travel(client: Client) -> None:
    client.put("b", "k", b"x", content_type="text/plain", metadata={"Colour": "grün", "a": "b"})
    head = client.head("b", "k")
    assert (head.size, head.content_type) == (1, "text/plain")
    assert head.metadata == {"colour": "grün", "a": "b"}


def test_metadata_that_would_break_the_request_is_refused(client: Client, store: FakeStore) -> None:
    with pytest.raises(errors.UsageError, match="control characters"):
        client.put("b", "k", b"x", metadata={"a": "b\r\nevil: yes"})
    assert store.requests == []


def test_ranges(client: Client) -> None:
    client.put("b", "k", BIG)
    assert client.get("b", "k", start=10, length=5) == BIG[10:15]
    assert client.get("b", "k", start=len(BIG) - 3) == BIG[-3:]
    with pytest.raises(errors.InvalidRequest):
        client.get("b", "k", start=len(BIG))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequest),
        (401, errors.AccessDenied),
        (403, errors.AccessDenied),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (412, errors.PreconditionFailed),
        (416, errors.InvalidRequest),
        (500, errors.ServerFailed),
    ],
)
def test_an_error_is_raised_once_with_what_the_cluster_said(
    client: Client, store: FakeStore, status: int, kind: type[errors.ApiError]
) -> None:
    store.faults = [status]
    with pytest.raises(kind, match="it is Scripted") as caught:
        client.info("b", "k")
    told = caught.value
    assert (told.status, told.code, told.request_id) == (status, "Scripted", "req-1")
    assert len(store.requests) == 1


def test_wrong_keys_are_denied(store: FakeStore) -> None:
    with Client(store.endpoint, ACCESS_KEY, "wrong") as client:
        with pytest.raises(errors.AccessDenied) as caught:
            client.cluster()
        assert "wrong" not in repr(caught.value)


def test_a_busy_cluster_is_asked_again_after_longer_waits(
    client: Client, store: FakeStore, waits: list[float]
) -> None:
    store.faults = [503, 503, 503]
    client.put("b", "k", io.BytesIO(BIG))
    assert store.buckets["b"]["k"][0] == BIG
    assert waits == [0.1, 0.2, 0.4]


def test_it_gives_up_in_the_end(client: Client, store: FakeStore, waits: list[float]) -> None:
    store.faults = [503] * 9
    with pytest.raises(errors.Unavailable):
        client.head("b", "k")
    assert len(store.requests) == 7
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.0]


def test_a_lost_answer_is_asked_for_again_where_that_is_safe(
    client: Client, store: FakeStore
) -> None:
    store.faults = [DROP]
    client.put("b", "k", b"data")
    store.faults = [DROP]
    assert client.get("b", "k") == b"data"
    store.faults = [DROP]
    client.delete("b", "k")
    assert store.methods() == ["PUT", "PUT", "GET", "GET", "DELETE", "DELETE"]


def test_a_delete_of_nothing_is_an_error_nevertheless(client: Client) -> None:
    with pytest.raises(errors.NotFound):
        client.delete("b", "k")


def test_what_is_not_safe_is_not_repeated(client: Client, store: FakeStore) -> None:
    for attempt in (
        lambda: client.put("b", "k", b"x", if_none_match=True),
        lambda: client.put("b", "k", b"x", if_match="0" * 32),
        lambda: client.put("b", "k", iter([b"x"])),
        lambda: client.create_user("u"),
        lambda: client.create_bucket("new"),
    ):
        store.requests.clear()
        store.faults = [DROP]
        with pytest.raises(errors.Unreachable):
            attempt()
        assert len(store.requests) == 1


def test_what_was_certainly_not_done_is_repeated(client: Client, store: FakeStore) -> None:
    store.faults = [503]
    client.put("b", "k", b"x", if_none_match=True)
    store.faults = [503]
    client.create_user("u")
    assert len(store.requests) == 4


def test_an_iterator_is_not_sent_twice(client: Client, store: FakeStore) -> None:
    store.faults = [503]
    with pytest.raises(errors.Unavailable):
        client.put("b", "k", pieces(BIG))


def test_nothing_listens(waits: list[float]) -> None:
    gone = FakeStore()
    gone.close()
    with (
        Client(gone.endpoint, "a", "b", sleep=waits.append) as client,
        pytest.raises(errors.Unreachable, match="nothing answers at"),
    ):
        client.create_bucket("b")
    assert len(waits) == 6


def test_a_silent_server_is_given_up() -> None:
    retry = RetryPolicy(attempts=1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            Client(endpoint, timeout_s=0.05, retry=retry) as client,
            pytest.raises(errors.Unreachable, match="did not answer in time"),
        ):
            client.ready()


def test_a_cut_download_goes_on_where_it_broke(client: Client, store: FakeStore) -> None:
    client.put("b", "k", BIG)
    store.faults = [CUT, CUT, CUT]
    seen: list[int] = []
    assert b"".join(client.get_stream("b", "k", progress=seen.append)) == BIG
    ranges = [headers.get("range") for _, _, headers in store.requests[1:]]
    half = len(BIG) // 2
    assert ranges == [None] + [f"bytes={half + n}-" for n in (0, half // 2, half * 3 // 4)]
    assert seen == sorted(seen)
    assert seen[-1] == len(BIG)


def test_a_download_never_mixes_two_versions(client: Client, store: FakeStore) -> None:
    client.put("b", "k", BIG)
    store.faults = [CUT]
    chunks = client.get_stream("b", "k")
    next(chunks)
    store.buckets["b"]["k"] = (b"z" * len(BIG), {})
    with pytest.raises(errors.PreconditionFailed):
        list(chunks)


def test_damage_on_the_way_out_is_noticed(client: Client, store: FakeStore) -> None:
    store.stored_wrongly = True
    with pytest.raises(errors.IntegrityError, match="the cluster stored"):
        client.put("b", "k", b"fine")


def test_download_replaces_the_file_in_one_step(client: Client, tmp_path: Path) -> None:
    client.put("b", "k", BIG)
    target = tmp_path / "out"
    target.write_bytes(b"old")
    assert client.download("b", "k", target).size == len(BIG)
    assert target.read_bytes() == BIG
    with pytest.raises(errors.NotFound):
        client.download("b", "missing", target)
    assert target.read_bytes() == BIG
    assert list(tmp_path.iterdir()) == [target]


def test_listing_goes_through_all_pages(client: Client, store: FakeStore) -> None:
    store.page_limit = 3
    keys = [f"k{number:02}" for number in range(10)]
    for key in keys:
        client.put("b", key, b"")
    assert [entry.key for entry in client.list("b")] == keys
    assert [entry.key for entry in client.list("b", "k00")] == ["k00"]
    store.buckets |= {name: {} for name in ("b1", "b2", "b3", "b4")}
    assert [bucket.name for bucket in client.buckets()] == ["b", "b1", "b2", "b3", "b4"]


def test_a_delimiter_rolls_up(client: Client) -> None:
    for key in ("a/1", "a/2", "b"):
        client.put("b", key, b"")
    (page,) = client.pages("b", delimiter="/")
    assert ([entry.key for entry in page.objects], page.prefixes) == (["b"], ("a/",))


def test_buckets_users_and_cluster(client: Client, store: FakeStore) -> None:
    client.ready()
    assert client.create_bucket("new").name == "new"
    with pytest.raises(errors.Conflict):
        client.create_bucket("new")
    client.delete_bucket("new")
    pair = client.create_user("ann", "Ann", access_key="ak", secret_key="hidden")
    assert (pair.access_key, pair.secret_key) == ("ak", "hidden")
    assert "hidden" not in repr(pair)
    assert client.create_key("ann").access_key == "second-key"
    assert client.users()[0].access_keys == ("ak", "second-key")
    client.delete_key("second-key")
    client.delete_user("ann")
    assert client.users() == []
    assert client.cluster()["health"] == "ok"
    assert client.nodes()[0]["state"] == "up"
    client.put("b", "k", b"x")
    parts = client.info("b", "k")["parts"]
    assert [part["shards"][0]["node_id"] for part in parts] == ["node-1", "node-1"]
    assert client.exists("b", "k")
    assert not client.exists("b", "other")


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:9000", "ftp://host", "http://"])
def test_an_endpoint_must_be_a_url(endpoint: str) -> None:
    with pytest.raises(errors.UsageError, match="endpoint"):
        Client(endpoint)


def test_empty_names_are_refused_here(client: Client, store: FakeStore) -> None:
    for attempt in (
        lambda: client.get("b", ""),
        lambda: client.get("", "k"),
        lambda: client.delete_bucket(""),
    ):
        with pytest.raises(errors.UsageError, match="empty"):
            attempt()
    assert store.requests == []


def test_the_secret_stays_here_over_plain_http_to_elsewhere() -> None:
    from trilith.endpoint import Endpoint
    from trilith.operations import cluster

    basic = Endpoint("https://store.example", "key", "secret").headers(cluster())
    assert basic["authorization"].startswith("Basic ")
    signed = Endpoint("http://store.example", "key", "secret", clock=lambda: 1e9).headers(cluster())
    assert signed["authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/20010909/")
    assert "secret" not in str(signed)
