"""A tiny server of the JSON API's contract, in memory, over a real socket, with faults on demand.

`faults` is a list of what is to go wrong with the next requests, first one first: a status to
answer with, `DROP` (carry it out, then close without an answer), `CUT` (send half of the body).
"""

import base64
import hashlib
import json
import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.trilith.fake_healing import HEALING, UNKNOWN, FakeHealing

DROP = "drop"
CUT = "cut"
ACCESS_KEY, SECRET_KEY = "root-key", "root-secret"
CREATED_AT_MS = 1_700_000_000_000
API = "/_api/v1"


class FakeStore:
    """The data, the faults and the requests seen as (method, path, headers)."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, tuple[bytes, dict[str, str]]]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.encryption_keys: list[str] = []
        self.faults: list[int | str] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.page_limit = 1000
        self.stored_wrongly = False
        self.healing = FakeHealing()
        store = self

        class Handler(_Handler):
            pass

        Handler.store = store
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def methods(self) -> list[str]:
        return [method for method, _, _ in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Problem(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: FakeStore
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def _handle(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.store.requests.append((self.command, self.path, headers))
        body = self._read_body(headers)
        fault = self.store.faults.pop(0) if self.store.faults else None
        try:
            if isinstance(fault, int):
                raise _Problem(fault, "Scripted")
            pair = base64.b64encode(f"{ACCESS_KEY}:{SECRET_KEY}".encode()).decode()
            if self.path.startswith(API) and headers.get("authorization") != f"Basic {pair}":
                raise _Problem(403, "InvalidAccessKeyId")
            status, answer_headers, answer = self._answer(headers, body)
        except _Problem as problem:
            told = {"code": problem.code, "message": f"it is {problem.code}", "request_id": "req-1"}
            status, answer_headers, answer = problem.status, {}, json.dumps(told).encode()
        if fault == DROP:
            self.close_connection = True
            return
        self._send(status, answer_headers, answer, cut=fault == CUT)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status: int, headers: dict[str, str], body: bytes, *, cut: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value.encode().decode("latin-1"))
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def _answer(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/_health/ready":
            return 200, {}, b"{}"
        family, _, rest = parts.path.removeprefix(API + "/").partition("/")
        names = [unquote(segment) for segment in rest.split("/", 1)] if rest else []
        if family == "objects" and len(names) == 2:
            return self._object(names[0], names[1], headers, body)
        if family == "verify":
            return 200, {}, self.store.healing.audit(json.loads(body))
        told = self._told(family, names, query, body)
        if told is None:
            return 204, {}, b""
        return (201 if self.command in ("POST", "PUT") else 200), {}, json.dumps(told).encode()

    def _told(
        self, family: str, names: list[str], query: dict[str, str], body: bytes
    ) -> dict[str, Any] | None:
        store, route = self.store, (self.command, family, len(names))
        if route == ("GET", "cluster", 0):
            node = {"node_id": "node-1", "url": "http://n", "zone": "z", "weight": 1, "state": "up"}
            return {"cluster_id": "c", "health": "ok", "k": 2, "m": 1, "nodes": [node]}
        if family in HEALING:
            told = store.healing.told(self.command, "/".join([family, *names]), query, body)
            if told is UNKNOWN:
                raise _Problem(404, "NoSuchNode")
            return told
        if route == ("GET", "buckets", 0):
            found = sorted(name for name in store.buckets if name > query.get("after", ""))
            page = found[: store.page_limit]
            following = page[-1] if len(found) > len(page) else None
            return {"buckets": [_bucket(name) for name in page], "next_after": following}
        if family == "buckets":
            return self._bucket(names[0])
        if route == ("GET", "objects", 1):
            return self._listing(names[0], query)
        if route == ("GET", "info", 2):
            data, attributes = self._find(names[0], names[1])
            shards = [{"shard": 0, "node_id": "node-1", "state": "up"}]
            part = {"number": 1, "size": len(data), "k": 2, "m": 1, "shards": shards}
            told = {"headers": {"content-type": "a/b"}, "user": attributes, "checksums": {}}
            offset = int(query.get("offset", 0))
            known = {**_entry(names[1], data), "bucket": names[0], "attributes": told}
            # Two pages of one part each, whatever was stored.
            return {**known, "parts": [part], "next_offset": None if offset else 1}
        if family == "encryption-keys":
            return self._encryption_keys(json.loads(body or b"{}"))
        return self._users(route, names, json.loads(body or b"{}"))

    def _encryption_keys(self, told: dict[str, str]) -> dict[str, Any]:
        keys = self.store.encryption_keys
        if self.command == "GET":
            return {"keys": [{"key_id": key, "created_at_ms": CREATED_AT_MS} for key in keys]}
        if told["key_id"] in keys:
            raise _Problem(409, "EncryptionKeyAlreadyExists")
        keys.append(told["key_id"])
        return {"key_id": told["key_id"], "created_at_ms": CREATED_AT_MS}

    def _bucket(self, name: str) -> dict[str, Any] | None:
        store = self.store
        if self.command == "PUT":
            if name in store.buckets:
                raise _Problem(409, "BucketAlreadyOwnedByYou")
            store.buckets[name] = {}
            return _bucket(name)
        if name not in store.buckets:
            raise _Problem(404, "NoSuchBucket")
        if store.buckets[name]:
            raise _Problem(409, "BucketNotEmpty")
        del store.buckets[name]
        return None

    def _users(
        self, route: tuple[str, str, int], names: list[str], told: dict[str, str]
    ) -> dict[str, Any] | None:
        users = self.store.users
        if route == ("GET", "users", 0):
            return {"users": list(users.values())}
        if route == ("POST", "users", 0):
            user_id = told["user_id"]
            if user_id in users:
                raise _Problem(409, "UserExists")
            access_key = told.get("access_key", "made-key")
            users[user_id] = {
                "user_id": user_id,
                "display_name": told["display_name"],
                "is_root": False,
                "created_at_ms": CREATED_AT_MS,
                "access_keys": [access_key],
            }
            secret_key = told.get("secret_key", "made-secret")
            return {"user_id": user_id, "access_key": access_key, "secret_key": secret_key}
        if self.command == "POST":
            user_id = names[0].removesuffix("/keys") if len(names) == 1 else names[0]
            users[user_id]["access_keys"].append("second-key")
            return {"user_id": user_id, "access_key": "second-key", "secret_key": "s"}
        if route[1] == "users" and users.pop(names[0], None) is None:
            raise _Problem(404, "NoSuchUser")
        return None

    def _find(self, bucket: str, key: str) -> tuple[bytes, dict[str, str]]:
        if bucket not in self.store.buckets:
            raise _Problem(404, "NoSuchBucket")
        if key not in self.store.buckets[bucket]:
            raise _Problem(404, "NoSuchKey")
        return self.store.buckets[bucket][key]

    def _object(
        self, bucket: str, key: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if self.command == "PUT":
            if bucket not in self.store.buckets:
                raise _Problem(404, "NoSuchBucket")
            if headers.get("if-none-match") == "*" and key in self.store.buckets[bucket]:
                raise _Problem(412, "PreconditionFailed")
            kept = {
                name: value.encode("latin-1").decode()
                for name, value in headers.items()
                if name == "content-type" or name.startswith("x-amz-meta-")
            }
            self.store.buckets[bucket][key] = (body, kept)
            told = _entry(key, b"damaged" if self.store.stored_wrongly else body)
            return 200, {}, json.dumps(told).encode()
        data, kept = self._find(bucket, key)
        if self.command == "DELETE":
            del self.store.buckets[bucket][key]
            return 204, {}, b""
        etag = hashlib.md5(data).hexdigest()
        if headers.get("if-match", f'"{etag}"') != f'"{etag}"':
            raise _Problem(412, "PreconditionFailed")
        answer = {"etag": f'"{etag}"', "last-modified": formatdate(1_700_000_000, usegmt=True)}
        answer |= kept
        if "range" not in headers:
            return 200, answer, data
        first, _, last = headers["range"].removeprefix("bytes=").partition("-")
        end = min(int(last) + 1 if last else len(data), len(data))
        if int(first) >= len(data):
            raise _Problem(416, "InvalidRange")
        answer["content-range"] = f"bytes {first}-{end - 1}/{len(data)}"
        return 206, answer, data[int(first) : end]

    def _listing(self, bucket: str, query: dict[str, str]) -> dict[str, Any]:
        if bucket not in self.store.buckets:
            raise _Problem(404, "NoSuchBucket")
        prefix, after = query.get("prefix", ""), query.get("after", "")
        objects: list[dict[str, Any]] = []
        prefixes: list[str] = []
        following = None
        for key in sorted(self.store.buckets[bucket]):
            if key <= after or not key.startswith(prefix):
                continue
            if len(objects) == self.store.page_limit:
                following = objects[-1]["key"]
                break
            rest = key[len(prefix) :]
            if query.get("delimiter") and "/" in rest:
                prefixes.append(prefix + rest[: rest.index("/") + 1])
            else:
                objects.append(_entry(key, self.store.buckets[bucket][key][0]))
        unique = sorted(set(prefixes))
        return {"objects": objects, "prefixes": unique, "next_after": following}


def _entry(key: str, data: bytes) -> dict[str, Any]:
    return {
        "key": key,
        "size": len(data),
        "etag": hashlib.md5(data).hexdigest(),
        "created_at_ms": CREATED_AT_MS,
        "version_id": "null",
        "a_field_of_the_future": True,
    }


def _bucket(name: str) -> dict[str, Any]:
    return {"name": name, "owner_id": "root", "created_at_ms": CREATED_AT_MS}
