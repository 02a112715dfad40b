"""Longest palindrome: the longest part of a text that reads the same in both directions."""

from __future__ import annotations

from collections.abc import Callable


def longest_palindrome(text: str) -> str:
    """Return the longest palindromic substring of text; of several, the first.

    >>> longest_palindrome("cbbd")
    'bb'
    """
    best = ""
    for middle in range(len(text)):
        for right in (middle, middle + 1):
            first, last = middle, right
            while first >= 0 and last < len(text) and text[first] == text[last]:
                first, last = first - 1, last + 1
            if last - first - 1 > len(best):
                best = text[first + 1 : last]
    return best


def check(candidate: Callable[[str], str]) -> None:
    """Assert what any right answer returns."""
    assert candidate("cbbd") == "bb"
    assert candidate("babad") == "bab"
    assert candidate("") == ""
    assert candidate("a") == "a"
    assert candidate("ac") == "a"
    assert candidate("aa") == "aa"
    assert candidate("aaaa") == "aaaa"
    assert candidate("racecar") == "racecar"
    assert candidate("xabacdfgdcaba") == "aba"
    assert candidate("forgeeksskeegfor") == "geeksskeeg"
    assert candidate("abacdeedc") == "cdeedc"
    assert candidate("abccbxyzzyx") == "xyzzyx"
    assert candidate("Aa") == "A"
    assert candidate("a b a") == "a b a"
    assert candidate("ab" * 60 + "c") == "ab" * 59 + "a"
    assert candidate("żółtłóżx") == "żółtłóż"
    assert candidate("a" * 300) == "a" * 300
