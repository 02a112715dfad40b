from __future__ import annotations

from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput
from chalicelib.openai.multipart import MAX_PARTS, FormPart, parse_form

NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='\\"%;'), min_size=1
)
HEAD = b'Content-Disposition: form-data; name="a"'


def sent(**given: object) -> tuple[str, bytes]:
    request = httpx.Request("POST", "http://here", **given)  # type: ignore[arg-type]
    return request.headers["content-type"], request.read()


@given(NAMES, st.binary(max_size=200), st.text(st.characters(exclude_categories=["Cs"])))
def test_should_read_what_a_client_sends_byte_by_byte(
    name: str, content: bytes, purpose: str
) -> None:
    fields = parse_form(*sent(data={"purpose": purpose}, files={"file": (name, content)}))
    assert fields["file"] == FormPart(content, name)
    assert fields["purpose"].content == purpose.encode()
    assert fields["purpose"].filename == ""


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b'filename="calls.jsonl"', "calls.jsonl"),
        (b"filename=calls.jsonl", "calls.jsonl"),
        (rb'filename="a\"b\\c"', 'a"b\\c'),
        (b'filename="a%22b%41"', 'a"b%41'),
        (b"filename*=UTF-8''%C3%A4.jsonl", "ä.jsonl"),
        ('filename="ä; name=b"'.encode(), "ä; name=b"),
    ],
)
def test_should_read_a_name_as_clients_write_it(written: bytes, name: str) -> None:
    body = b"--X\r\n" + HEAD + b"; " + written + b"\r\nContent-Type: a/b\r\n\r\nhere\r\n--X--\r\n"
    assert parse_form("multipart/form-data; boundary=X", body) == {"a": FormPart(b"here", name)}


def test_should_keep_what_looks_like_the_end_within_a_line() -> None:
    body = b"preamble\r\n--X\r\n" + HEAD + b"\r\n\r\na--X--\n--X\r\n--X--epilogue"
    assert parse_form('multipart/form-data; boundary="X"', body)["a"].content == b"a--X--\n--X"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--X\r\n" + HEAD + b"\r\n\r\nb\r\n--X--"),
        ("multipart/form-data; boundary=X", b""),
        ("multipart/form-data; boundary=X", b"--X--"),
        ("multipart/form-data; boundary=X", b"--X\r\n" + HEAD + b"\r\n\r\nbroken off"),
        ("multipart/form-data; boundary=X", b"--X\r\n" + HEAD + b"\r\n--X--"),
        ("multipart/form-data; boundary=X", b"--X\r\nContent-Type: a/b\r\n\r\nb\r\n--X--"),
        (
            "multipart/form-data; boundary=X",
            b"--X\r\nContent-Disposition: form-data\r\n\r\n\r\n--X--",
        ),
        (
            "multipart/form-data; boundary=X",
            (b"--X\r\n" + HEAD + b"\r\n\r\nb\r\n") * (MAX_PARTS + 1) + b"--X--",
        ),
    ],
)
def test_should_refuse_what_is_no_whole_form(content_type: str, body: bytes) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_form(content_type, body)
    assert raised.value.field == "body"


@given(st.binary(max_size=300))
def test_should_never_fail_but_by_refusing(body: bytes) -> None:
    with suppress(InvalidInput):
        assert parse_form("multipart/form-data; boundary=X", b"--X\r\n" + body + b"\r\n--X--")
