from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.retrieval.text.passage_context import (
    MAX_CONTEXT_CHARACTERS,
    passage_context,
    with_context,
)


@pytest.mark.parametrize(
    ("path", "heading", "context"),
    [
        ("docs/user-guide_2.rst", "Use", "user guide 2: Use"),
        ("a.md", "", "a"),
        ("", "Use", "Use"),
        ("in/3f2a9c01b7d4.txt", "", ""),
        ("rfc2347-decade.txt", "", "rfc2347 decade"),
        ("x" * 500 + ".md", "Use", "x" * MAX_CONTEXT_CHARACTERS),
    ],
)
def test_should_name_the_file_and_the_headings(path: str, heading: str, context: str) -> None:
    assert passage_context(path, heading) == context


@given(st.text(max_size=80), st.text(min_size=1, max_size=80), st.integers(80, 160))
def test_should_never_cut_the_passage_for_its_context(context: str, text: str, most: int) -> None:
    whole = with_context(context, text, len, most)
    assert whole.endswith(text)
    assert len(whole) <= most
