from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from chalicelib.errors import InvalidInput
from functions.read_document.text import html, html_depth
from functions.read_document.text.html_depth import MAX_DEPTH, check_nesting

MILLION = 1_000_000
REFUSED = f"more than {MAX_DEPTH} deep"
HOSTILE = {
    "elements": "<div>",
    "any name": "<x-y>",
    "formatting": "<b id=1>",
    "misnested": "<b><object></b></object>",
    "end in a comment": "<div><!--</div>-->",
    "end in an attribute": "<div title='</div>'>",
    "end in a style": "<div><style></div></style>",
    "end in a bogus comment": "<div><!x </div>",
    "end out of scope": "<div><object></div></object>",
    "end in a script's script": "<div><script><!--<script></script></div></script>",
    "closing itself": "<div/>",
    "cells in svg": "<svg><td><td>",
    "after svg was left": "<svg><b></b><x/>",
    "style in svg": "<svg><style><g>",
    "end in a character section": "<svg><g><![CDATA[></g>]]>",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_a_page_that_nests_too_deep_is_refused(piece: str) -> None:
    with pytest.raises(InvalidInput, match=REFUSED) as raised:
        html.blocks(piece * (MILLION // len(piece)))
    assert (raised.value.field, raised.value.limit) == ("file", str(MAX_DEPTH))


def test_a_million_characters_of_nesting_are_read_no_further_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pattern, searches = html_depth._TOKEN, []

    class Counting:
        def search(self, text: str, at: int) -> object:
            searches.append(at)
            return pattern.search(text, at)

    monkeypatch.setattr(html_depth, "_TOKEN", Counting())
    with pytest.raises(InvalidInput, match=REFUSED):
        html.blocks("<div>" * (MILLION // 5))
    assert len(searches) == MAX_DEPTH + 1


@pytest.mark.parametrize(
    "piece",
    [
        "<p>one<br>two",
        "<ul><li>one<li>two</ul>",
        "<table><tr><td>one<td>two</table>",
        "<select><option>one<option>two</select>",
        "<a name=x>one",
        "<div><b><i>one</b></i></div>",
        "<svg viewBox='0 0 1 1'><g><path d='M0'/><path d=M0 /></g></svg>",
        "<svg><foreignObject><div>one<br>two</div></foreignObject></svg>",
        "<script>for (i=0;i<n;i++) document.write('<div>')</script>",
        "<style>/* <div> */</style>",
        "<!-- <div> -->",
        '<p title="<div>">one</p>',
        "<ruby>one<rt>two</ruby>",
    ],
)
def test_a_long_page_that_does_not_nest_is_read(piece: str) -> None:
    check_nesting(piece * (2 * MAX_DEPTH))


def depth(text: str) -> int:
    """Return how deep the parser nests the page."""
    deepest, level = 0, [LexborHTMLParser(text).root]
    while level:
        deepest += 1
        below = []
        for node in level:
            child = node.child if node else None
            while child is not None:
                below.append(child)
                child = child.next
        level = [*below]
    return deepest


PIECES = ["<div>", "</div>", "<b>", "</b>", "<svg>", "</svg>", "<p>", "<table>", "</table>", "<td>"]
PIECES += ["<style>", "</style>", "<script>", "</script>", "<!--", "-->", "<x/>", "<desc>", "text"]
PIECES += ["</desc>", "<select>", "</select>", "<option>", "<font>", "<a>", "</a>", "<li>", "<ul>"]
PIECES += ["<object>", "</object>", "<![CDATA[", "]]>", "<title>", "</title>", "<math>", "<mi>"]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=7))
def test_what_is_accepted_stays_within_a_small_multiple_of_the_limit(pieces: list[str]) -> None:
    page = "".join(pieces) * 2_000
    try:
        check_nesting(page)
    except InvalidInput:
        return
    assert depth(page) <= 4 * MAX_DEPTH
