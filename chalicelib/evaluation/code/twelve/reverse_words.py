"""Reverse words: a text with its words in the other order."""

from __future__ import annotations

from collections.abc import Callable


def reverse_words(text: str) -> str:
    """Return the words of text in reverse order, with one space between each two.

    Spaces at the beginning, at the end, and more than one between words are dropped.

    >>> reverse_words("  AWS is great  ")
    'great is AWS'
    """
    return " ".join(text.split()[::-1])


def check(candidate: Callable[[str], str]) -> None:
    """Assert what any right answer returns."""
    assert candidate("  AWS is great  ") == "great is AWS"
    assert candidate("the sky is blue") == "blue is sky the"
    assert candidate("a good   example") == "example good a"
    assert candidate("") == ""
    assert candidate("   ") == ""
    assert candidate("word") == "word"
    assert candidate(" word ") == "word"
    assert candidate("one two") == "two one"
    assert candidate("Don't stop, now!") == "now! stop, Don't"
    assert candidate("a b a") == "a b a"
    assert candidate("ab ba cd") == "cd ba ab"
