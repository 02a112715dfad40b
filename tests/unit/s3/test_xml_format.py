from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.errors import AwsError
from localcloud.s3.errors import malformed_xml
from localcloud.s3.xml_format import encode_listed_key, parse_xml, timestamp, xml_document

READABLE = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=30
)


@given(READABLE)
def test_text_comes_back_from_a_document(text: str) -> None:
    body = xml_document("Root", [("Key", text), ("List", [("Size", 7)])])
    root = parse_xml(body, "Root")
    assert (root.findtext("Key") or "") == text
    assert root.findtext("List/Size") == "7"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_key_comes_back_from_its_url_encoding(key: str) -> None:
    shown = encode_listed_key(key, "url")
    assert unquote(shown) == key
    assert shown.isascii()
    assert shown.isprintable()
    assert encode_listed_key(key, None) == key


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Root>",
        b"<Other/>",
        b'<!DOCTYPE Root [<!ENTITY a "b">]><Root>&a;</Root>',
        b"<Root>&a;</Root>",
    ],
)
def test_a_body_of_another_form_is_malformed(body: bytes) -> None:
    with pytest.raises(AwsError) as raised:
        parse_xml(body, "Root")
    assert raised.value.code == malformed_xml().code


def test_times_are_written_as_aws_writes_them() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
