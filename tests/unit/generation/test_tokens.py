from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.generation.tokens import estimated_tokens

COUNTED = [
    ("Oil pressure must reach 2.5 bar within 40 seconds.", 15),
    ("8f14e45fceea167a5a36dedd4bea2543 " * 5, 140),
    ("THE DUTY ENGINEER MUST REACH THE MILL WITHIN THIRTY MINUTES OF ANY CLASS A ALARM", 29),
    ("TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24sIGJ1dCBieSB0aGlz", 54),
    (
        "値班工程师必须能够在三十分钟内到达磨坊。警报立即发送。"[:0] + "当直の技術者は三十分以内に",
        26,
    ),
    ("| a | b | c |\n|---|---|---|\n| 1,204.55 | 2,3 | 9.99 |\n" * 20, 780),
    ("😀😃😄 ok 👍🏽 ✅", 19),
]
"""Texts with what SmolLM2's tokenizer counts, counted once by llama.cpp."""


@pytest.mark.parametrize(("text", "counted"), COUNTED)
def test_should_never_expect_too_few(text: str, counted: int) -> None:
    assert counted <= estimated_tokens(text) <= 3 * counted


@given(st.text(), st.text())
def test_should_expect_no_fewer_of_more(one: str, other: str) -> None:
    assert estimated_tokens(f"{one} {other}") >= estimated_tokens(one)
    assert estimated_tokens("") == 0
