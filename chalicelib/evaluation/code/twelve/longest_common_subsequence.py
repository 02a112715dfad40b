"""LCS: how long a sequence two texts have in common."""

from __future__ import annotations

from collections.abc import Callable


def longest_common_subsequence(one: str, other: str) -> int:
    """Return the length of the longest common subsequence of two texts.

    A subsequence keeps the order of characters, and may leave some out.

    >>> longest_common_subsequence("abcde", "ace")
    3
    """
    lengths = [0] * (len(other) + 1)
    for character in one:
        diagonal = 0
        for place, another in enumerate(other, start=1):
            above = lengths[place]
            if character == another:
                lengths[place] = diagonal + 1
            else:
                lengths[place] = max(above, lengths[place - 1])
            diagonal = above
    return lengths[-1]


def check(candidate: Callable[[str, str], int]) -> None:
    """Assert what any right answer returns."""
    assert candidate("abcde", "ace") == 3
    assert candidate("abc", "abc") == 3
    assert candidate("abc", "def") == 0
    assert candidate("", "abc") == 0
    assert candidate("abc", "") == 0
    assert candidate("", "") == 0
    assert candidate("AGGTAB", "GXTXAYB") == 4
    assert candidate("aaaa", "aa") == 2
    assert candidate("aa", "aaaa") == 2
    assert candidate("bl", "yby") == 1
    assert candidate("abcba", "abcbcba") == 5
    assert candidate("oxcpqrsvwf", "shmtulqrypy") == 2
    assert candidate("xyz", "zyx") == 1
    assert candidate("abab" * 30, "baba" * 30) == 119
    assert candidate("łódź", "łoś ódź") == 4
