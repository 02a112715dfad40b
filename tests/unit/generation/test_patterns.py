from __future__ import annotations

import contextlib
import random
import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.generation.patterns import PatternError, compile_pattern


def found(pattern: str, text: str) -> bool:
    return compile_pattern(pattern).search(text)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("", ["", "a"], []),
        ("^$", [""], ["a", "\n"]),
        ("b", ["abc"], ["ac"]),
        ("^b", ["bc"], ["ab"]),
        ("b$", ["ab"], ["ba", "b\n"]),
        ("^a|b$", ["ax", "xb"], ["xay"]),
        ("^(a|b)+$", ["abba"], ["", "abc"]),
        ("^[a-z0-9]+(?:-[a-z0-9]+)*$", ["a-b-c"], ["a--b", "-a"]),
        ("^(?<year>[0-9]{4})-[0-9]{2}$", ["2026-11"], ["26-11"]),
        ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
        ("^a{2,}$", ["aa", "aaaaa"], ["a"]),
        ("^a{0}$", [""], ["a"]),
        ("^a{,2}$", ["a{,2}"], ["a"]),
        (r"^\d+\.\d*?$", ["1.5", "1."], ["1,5"]),
        (r"^[^\]\\^[-]+$", ["abc"], ["]", "\\", "^", "[", "-"]),
        (r"^[\w-]+$", ["a-b_c"], ["a b"]),
        (r"^\x41é$", ["Aé"], ["A"]),
        ("^.$", ["é", "\N{GRINNING FACE}"], ["\n", ""]),
        ("^(a*)*$", ["", "aaa"], ["b"]),
        ("^(|a)+$", ["", "aa"], ["b"]),
        ("(^a|^b)c", ["ac", "bc"], ["xac"]),
        (r"^\u00e9\/$", ["é/"], ["e/"]),
        (r"\bb\b", ["a b"], ["ab"]),
        (r"^\p{Lu}$", ["É"], ["é"]),
        (r"^\d$", ["5"], ["\N{ARABIC-INDIC DIGIT FIVE}"]),
        ("^a{501}$", ["a" * 501], ["a" * 500]),
        ("^.b$", ["\ud800b"], ["\ud800"]),
    ],
)
def test_should_find_what_it_says(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [found(pattern, text) for text in yes] == [True] * len(yes)
    assert [found(pattern, text) for text in no] == [False] * len(no)


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "a)", "[", "[]", "[^]", "[z-a]", "*", "+a", "a**", "a++", "a{2}{3}"),
        *("a{3,2}", "(?=a)", "(?!a)", "(?<=a)", "(?P<n>a)", r"\1", "\\", r"\u12", "\ud800"),
        *("[a--b]", "((((((" * 10, "a{1001}", "(a{100}){100}", "(((a{9}){9}){9}){9}"),
        *("(?i)a", "(?i:a)", r"\Aa", r"a\z", r"\Qa\E", r"\C", "[[:alpha:]]", "a*??"),
    ],
)
def test_should_refuse_what_it_does_not_take(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


PIECES = st.sampled_from(
    [*"abc.|()^$*+?", "[ab]", "[^a]", "(?:", "{1,2}", "{2}", r"\d", r"\.", "-"]
)


@given(st.lists(PIECES, max_size=10).map("".join), st.text("ab1.-\n", max_size=8))
def test_should_find_what_python_finds(pattern: str, text: str) -> None:
    try:
        ours = compile_pattern(pattern)
    except PatternError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            theirs = re.compile(pattern.replace("$", r"\Z"))
        except re.error:  # a repeated anchor, which Python refuses
            return
    assert ours.search(text) == (theirs.search(text) is not None)


@given(st.text(max_size=12), st.text(max_size=6))
def test_any_text_should_be_a_pattern_or_be_refused(pattern: str, text: str) -> None:
    with contextlib.suppress(PatternError):
        compile_pattern(pattern).search(text)


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(.*)*,$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]$"]
)
def test_patterns_that_python_never_ends_with_should_end(pattern: str) -> None:
    assert not found(pattern, "a" * 20_000 + "!\n")


def test_a_pattern_of_many_states_should_end_over_a_long_text() -> None:
    text = "".join(random.Random(1).choices("ab", k=99_999))
    assert not found("(a|b)*a(a|b){120}c", text)
    assert not found("x", "a" * 2_999_990)
