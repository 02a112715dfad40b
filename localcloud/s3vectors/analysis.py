"""Text as the terms that full-text search matches.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-configuring-full-text-search.html
names a standard analyzer and one for each of ten languages without giving their rules. The
standard one here lower-cases Unicode words and takes each Chinese or Japanese character by
itself. English also drops stop words and plural endings; Chinese, Japanese and Korean are cut
into pairs of characters. The other languages need stemmers that are not here, and are refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

_IDEOGRAPH = "\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_LETTER = rf"(?:(?![{_IDEOGRAPH}])\w)"
_APOSTROPHE = "['\u2019]"
_TERM = re.compile(
    rf"[{_IDEOGRAPH}]"
    rf"|{_LETTER}+(?:(?:{_APOSTROPHE}(?=[^\W\d])|(?<=\d)[.,](?=\d)){_LETTER}+)*"
)
_POSSESSIVE = re.compile(f"{_APOSTROPHE}s?$")
_CJK_RUN = re.compile(rf"[{_IDEOGRAPH}\u30a0-\u30ff\uac00-\ud7af]+")
_STOP_WORDS = frozenset(
    (
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
    )
)

Analyzer = Callable[[str], list[str]]


def standard(text: str) -> list[str]:
    """Return the lower-cased words of `text`, in order."""
    return _TERM.findall(unicodedata.normalize("NFKC", text).lower())


def english(text: str) -> list[str]:
    """Return the words of `text` without stop words, possessives and plural endings."""
    words = (_unpossessed(word) for word in standard(text))
    return [_singular(word) for word in words if word not in _STOP_WORDS]


def cjk(text: str) -> list[str]:
    """Return the words of `text`, with runs of East Asian characters as overlapping pairs."""
    plain = unicodedata.normalize("NFKC", text).lower()
    terms: list[str] = []
    at = 0
    for run in _CJK_RUN.finditer(plain):
        terms += _TERM.findall(plain[at : run.start()])
        characters = run.group()
        terms += [characters[n : n + 2] for n in range(max(1, len(characters) - 1))]
        at = run.end()
    return terms + _TERM.findall(plain[at:])


def _unpossessed(word: str) -> str:
    return _POSSESSIVE.sub("", word)


def _singular(word: str) -> str:
    """Return `word` without a plural ending (Harman's S-stemmer)."""
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    return word if word[-2] in "us" else word[:-1]


ANALYZERS: Mapping[str | None, Analyzer] = {
    None: standard,
    "en": english,
    "zh": cjk,
    "ja": cjk,
    "ko": cjk,
}
"""By the language code of a text search configuration; None is the standard analyzer."""
