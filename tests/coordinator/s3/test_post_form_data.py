"""The multipart/form-data parser: what browsers and libraries send, and what nobody should."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.s3.errors import S3Error
from coordinator.s3.post_form_data import (
    MAX_BOUNDARY_BYTES,
    MAX_FIELDS,
    MAX_PREAMBLE_BYTES,
    FormParser,
)

TYPE = "multipart/form-data; boundary=xyz"
KEY = b'--xyz\r\nContent-Disposition: form-data; name="key"\r\n\r\na/b\r\n'
END = b"\r\n--xyz--\r\n"


def part(name: str, value: bytes = b"", more: str = "") -> bytes:
    head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def file(value: bytes = b"content", more: str = '; filename="f.txt"') -> bytes:
    return part("file", value, more)[:-2]


def parse(body: bytes, sizes: int = 1 << 20, content_type: str = TYPE) -> tuple[FormParser, bytes]:
    parser = FormParser(content_type)
    content = b"".join(
        piece
        for start in range(0, len(body), sizes)
        for piece in parser.feed(body[start : start + sizes])
    )
    parser.finish()
    return parser, content


def code_of(body: bytes, content_type: str = TYPE) -> str:
    with pytest.raises(S3Error) as caught:
        parse(body, content_type=content_type)
    return caught.value.code


@pytest.mark.parametrize("sizes", [1, 2, 3, 7, 64, 1 << 20])
def test_fields_and_the_file(sizes: int) -> None:
    content = bytes(range(256)) * 3 + b"\r\n--xy\r\n--xyw\r\n-"
    body = KEY + part("Content-Type", "tëxt/plain".encode()) + part("empty") + file(content) + END
    parser, found = parse(body, sizes)
    assert parser.fields == {"key": "a/b", "content-type": "tëxt/plain", "empty": ""}
    assert (parser.has_file, parser.file_name, found) == (True, "f.txt", content)


def test_only_the_part_named_file_is_the_file() -> None:
    body = part("key", b"k", '; filename="key"') + part("x", b"y", '; filename="x"') + file() + END
    parser, found = parse(body)
    assert (parser.fields, found) == ({"key": "k", "x": "y"}, b"content")


def test_what_follows_the_file_is_ignored() -> None:
    tail = b"\r\n" + part("acl", b"public-read") + part("file", b"more") + b"--xyz--\r\nepilogue"
    parser, found = parse(KEY + file() + tail)
    assert (parser.fields, found) == ({"key": "a/b"}, b"content")
    assert parser.feed(b"even more") == []


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('; filename="a b.txt"', "a b.txt"),
        ("; filename=plain.txt", "plain.txt"),
        ('; filename="C:\\dir\\name.txt"', "name.txt"),
        ('; filename="/home/me/name.txt"', "name.txt"),
        ('; filename="say \\"hi\\".txt"', 'say "hi".txt'),
        ('; filename="semi;colon=.txt"', "semi;colon=.txt"),
        ("; filename*=utf-8''na%C3%AFve%20.txt", "naïve .txt"),
        ('; FILENAME="größe.txt"', "größe.txt"),
        ("; filename=\"x.txt\"; filename*=utf-8''y.txt", "x.txt"),
        ("", ""),
    ],
)
def test_file_names(disposition: str, name: str) -> None:
    assert parse(KEY + file(more=disposition) + END)[0].file_name == name


def test_an_empty_file_a_preamble_and_padding() -> None:
    body = b"preamble\r\n" + KEY.replace(b"--xyz\r\n", b"--xyz \t\r\n") + file(b"") + b"\r\n--xyz--"
    parser, found = parse(body, 1)
    assert (parser.fields, found) == ({"key": "a/b"}, b"")


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/form-data; boundary="xyz"',
        "Multipart/Form-Data;charset=utf-8; boundary=xyz",
        "multipart/form-data; boundary=xyz;",
    ],
)
def test_boundaries(content_type: str) -> None:
    assert parse(KEY + file() + END, content_type=content_type)[1] == b"content"


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("", "PreconditionFailed"),
        ("text/plain", "PreconditionFailed"),
        ("application/x-www-form-urlencoded", "PreconditionFailed"),
        ("multipart/form-data", "MalformedPOSTRequest"),
        ("multipart/form-data; boundary=", "MalformedPOSTRequest"),
        ('multipart/form-data; boundary="xyz', "MalformedPOSTRequest"),
        (f"multipart/form-data; boundary={'x' * (MAX_BOUNDARY_BYTES + 1)}", "MalformedPOSTRequest"),
    ],
)
def test_types_that_are_no_form(content_type: str, code: str) -> None:
    assert code_of(KEY + file() + END, content_type) == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MalformedPOSTRequest"),
        (b"no delimiter at all", "MalformedPOSTRequest"),
        (KEY, "MalformedPOSTRequest"),
        (KEY + b"--xyz--\r\n", "InvalidArgument"),
        (KEY + file(), "MalformedPOSTRequest"),
        (KEY + file() + b"\r\n--xyz", "MalformedPOSTRequest"),
        (KEY + file() + b"\r\n--xyzzy\r\n", "MalformedPOSTRequest"),
        (KEY + KEY + file() + END, "InvalidArgument"),
        (KEY + part("KEY", b"x") + file() + END, "InvalidArgument"),
        (part("key", b"\xff") + file() + END, "MalformedPOSTRequest"),
        (b"--xyz\r\n\r\nno head\r\n" + file() + END, "MalformedPOSTRequest"),
        (b"--xyz\r\nnonsense\r\n\r\nx\r\n" + file() + END, "MalformedPOSTRequest"),
        (b"--xyz\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END, "MalformedPOSTRequest"),
        (KEY.replace(b'name="key"', b"") + file() + END, "MalformedPOSTRequest"),
        (KEY.replace(b"form-data", b"attachment") + file() + END, "MalformedPOSTRequest"),
        (KEY.replace(b'"key"', b'"key') + file() + END, "MalformedPOSTRequest"),
        (
            KEY.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
            + file()
            + END,
            "NotImplemented",
        ),
        (
            part("key", b"x" * MAX_PREAMBLE_BYTES) + file() + END,
            "MaxPostPreDataLengthExceededError",
        ),
        (part("key", b"x" * MAX_PREAMBLE_BYTES), "MaxPostPreDataLengthExceededError"),
        (
            b"".join(part(f"f{n}") for n in range(MAX_FIELDS + 1)) + file() + END,
            "MaxPostPreDataLengthExceededError",
        ),
    ],
)
def test_what_is_refused(body: bytes, code: str) -> None:
    for sizes in (len(body) or 1, 4096, 13):
        with pytest.raises(S3Error) as caught:
            parse(body, sizes)
        assert caught.value.code == code


def test_memory_stays_flat() -> None:
    parser = FormParser(TYPE)
    parser.feed(KEY + file(b""))
    for _ in range(100):
        parser.feed(b"\r\n--xy" * 10_000)
        assert len(parser._buffer) < 64


@given(st.binary(max_size=600), st.integers(1, 50))
def test_any_bytes_are_refused_or_taken(body: bytes, sizes: int) -> None:
    with suppress(S3Error):
        parse(body, sizes)


_TOKENS = st.sampled_from(
    [
        b"--xyz", b"\r\n", b"--", b"Content-Disposition: ", b"form-data; ", b'name="key"',
        b'name="file"', b'filename="x"', b";", b'"', b"\\", b" ", b"\r\n\r\n", b"value", b"\xff",
        b"filename*=utf-8''%ff", b"Content-Transfer-Encoding: 8bit",
    ]
)  # fmt: skip


@given(st.lists(_TOKENS, max_size=40), st.integers(1, 50))
def test_almost_forms(tokens: list[bytes], sizes: int) -> None:
    whole = piecemeal = ""
    for chosen in (1 << 20, sizes):
        try:
            parser, content = parse(b"".join(tokens), chosen)
            outcome = repr((sorted(parser.fields.items()), parser.file_name, content))
        except S3Error as error:
            outcome = error.code
        whole, piecemeal = piecemeal, outcome
    assert whole == piecemeal, "how it is cut makes no difference"


@given(
    st.dictionaries(st.text("abc-", min_size=1, max_size=5), st.text(max_size=20), max_size=5),
    st.binary(max_size=200),
    st.integers(1, 70),
)
def test_what_is_written_is_read(fields: dict[str, str], content: bytes, sizes: int) -> None:
    body = b"".join(part(name, value.encode()) for name, value in fields.items())
    if b"--xyz" in content or any("--xyz" in value for value in fields.values()):
        return
    parser, found = parse(body + file(content) + END, sizes)
    assert (parser.fields, found) == (fields, content)
