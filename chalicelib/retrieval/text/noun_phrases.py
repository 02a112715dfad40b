"""Noun phrases of English questions, found by their edges, without a grammar or a model.

A phrase begins behind an article or a question word (`which`, `how many`) and ends before a word
that cannot belong to a noun: a preposition, a form of `be`, a participle, the verb that follows the
subject of `does` or `must`. `of` joins two phrases to one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.retrieval.text.terms import STOP_WORDS

_WORD = re.compile(r"[^\W_](?:[\w'’-]|[.,](?=\d))*")  # noqa: RUF001


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ARTICLES = _set("the a an this that these those its their his her our your my")
_AMOUNTS = _set("which what many much whose")
_AUXILIARIES = _set("do does did must can could may might should shall will would")
_BEING = _set("is are was were be been being get got")
_VERBS = _set("have be do not get need still already also")
"""Words that show, behind a subject, that its verb still follows or was this word."""
_PARTICIPLES = _set(
    "built made written sold bought lent lost won beaten run paid sent held led met found taught"
    " caught drawn driven eaten grown known shown spoken spent stolen thrown told worn chosen"
    " broken begun frozen hidden fed dug meant sought taken given done gone kept set put"
)
_NO_NOUNS = (
    _VERBS
    | _PARTICIPLES
    | _set(
        """ever never always often usually immediately currently today now due allowed used left
    open closed valid ready within without into onto via per because therefore please exactly else
    behind beside beneath across along around inside outside near instead able somebody anybody"""
    )
)
_MOST_WORDS = 5


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun phrase: its position, its text, and the parts that `of` joins."""

    start: int
    end: int
    text: str
    parts: tuple[str, ...]

    @property
    def head(self) -> str:
        """Return the noun that the phrase is about, folded."""
        return self.parts[0].split()[-1].casefold()

    @property
    def plural(self) -> bool:
        """Return whether the head looks like a plural."""
        return is_plural(self.head)


def is_plural(noun: str) -> bool:
    """Return whether `noun` looks like a plural."""
    return noun.endswith("s") and not noun.endswith(("ss", "us", "is"))


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    written: str

    @property
    def folded(self) -> str:
        return self.written.casefold()

    @property
    def is_article(self) -> bool:
        """Return whether the word is an article; a single capital A is a name, as in `class A`."""
        return self.folded in _ARTICLES and (len(self.written) > 1 or self.written.islower())


def find_noun_phrases(text: str) -> list[NounPhrase]:
    """Return the noun phrases of `text` in order."""
    words = [_Word(match.start(), match.end(), match.group()) for match in _WORD.finditer(text)]
    simple: list[tuple[int, int]] = []
    at = 0
    while at < len(words):
        last = _last(text, words, at)
        if last is not None:
            simple.append((at, last))
        at = at + 1 if last is None else last + 1
    return list(_joined(text, words, simple))


def _last(text: str, words: list[_Word], first: int) -> int | None:
    """Return the last word of the phrase that begins with word `first`, None if none does."""
    begins = first + 1 if words[first].is_article else first
    if begins == first and not _stands_bare(words, first):
        return None
    end = begins
    while (
        end < len(words)
        and end - begins < _MOST_WORDS
        and _may_be_noun(words[end], opens=end == begins)
        and (end == first or text[words[end - 1].end : words[end].start].isspace())
    ):
        end += 1
    if first and words[first - 1].folded in _AUXILIARIES:
        end = _without_verb(words, begins, end)
    elif end - begins > 1 and end < len(words) and words[end].is_article:
        end -= 1  # A noun is never followed by an article, but a verb may be.
    return end - 1 if end > begins else None


def _may_be_noun(word: _Word, *, opens: bool) -> bool:
    if word.written.isupper():
        return True
    if word.folded in STOP_WORDS or word.folded in _NO_NOUNS or word.is_article:
        return False
    return opens or word.written[0].isupper() or not word.folded.endswith(("ed", "ly"))


def _without_verb(words: list[_Word], begins: int, end: int) -> int:
    """Return `end` before the verb that follows the subject of an auxiliary."""
    if end < len(words) and words[end].folded in _VERBS:
        return end
    while end - begins > 1 and words[end - 1].folded.endswith("ing"):
        end -= 1
    return end - 1 if end - begins > 1 else end


def _stands_bare(words: list[_Word], first: int) -> bool:
    """Return whether a phrase without an article may begin here: its start is no verb."""
    word = words[first]
    if first == 0 or (word.written[0].isupper() and not word.is_article):
        return word.written[0].isupper()
    if word.folded.endswith(("ed", "ly")):
        return False
    before = words[first - 1].folded
    if before in _BEING:
        return first == 1
    return before in _AMOUNTS or (
        before in STOP_WORDS | _NO_NOUNS
        and before not in {"how", "who", "to", "when", "why", "where"}
        and before not in _AUXILIARIES - {"do", "does", "did"}
    )


def _joined(text: str, words: list[_Word], simple: list[tuple[int, int]]) -> Iterator[NounPhrase]:
    """Yield the phrases; phrases that `of` joins become one."""
    at = 0
    while at < len(simple):
        upto = at
        while (
            upto + 1 < len(simple)
            and simple[upto + 1][0] == simple[upto][1] + 2
            and words[simple[upto][1] + 1].folded == "of"
        ):
            upto += 1
        chosen = simple[at : upto + 1]
        start, end = words[chosen[0][0]].start, words[chosen[-1][1]].end
        parts = tuple(text[words[first].start : words[last].end] for first, last in chosen)
        yield NounPhrase(start, end, text[start:end], parts)
        at = upto + 1
