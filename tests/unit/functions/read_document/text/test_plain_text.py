from __future__ import annotations

import pytest

from chalicelib.documents.pages import page_of
from functions.read_document.text import plain_text

LONG = 1_000_000
"""Characters that are read in a moment in one pass, and not within hours in a pass for each."""


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("one\ntwo\n\nthree", ["one\ntwo", "three"]),
        ("one\r\n \t\r\n  indented\r\nnext", ["one", "  indented\nnext"]),
        ("one\ftwo\n\n\n", ["one", "two"]),
        ("\n\n", []),
    ],
)
def test_should_part_paragraphs_at_blank_lines(text: str, paragraphs: list[str]) -> None:
    assert [block.text for block in plain_text.blocks(text)] == paragraphs


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a" + "\n" * LONG, "a"),
        ("a" + "\n " * LONG + "\nb", "a\n\nb"),
        ("a\n\n" + " " * LONG + "\nb", "a\n\nb"),
        ("a" + " " * LONG + "b", "a" + " " * LONG + "b"),
    ],
    ids=["lines", "blank lines", "a blank line", "a gap"],
)
def test_should_read_long_white_space_in_one_pass(text: str, read: str) -> None:
    assert page_of(1, plain_text.blocks(text)).text == read
