"""Senses of WordNet: synonyms with a definition, and sentences in which they are used.

dict-wn tells each sense under every one of its words. A sense is written

    n 1: a building in which the business of banking transacted; "the bank is on the corner of
         Nassau and Witherspoon" [syn: {bank}, {bank building}]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from models.judged_search.dictd import Article

_SENSE = re.compile(r"^\s+(?:(n|v|adj|adv) )?(\d+): ", re.M)
_SYNONYMS = re.compile(r"\[syn: ([^\]]*)\]")
_BRACKETS = re.compile(r"\s*\[(?:syn|ant|also): [^\]]*\]")
_NAME = re.compile(r"\{([^{}]*)\}")
_EXAMPLE = re.compile(r'"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Sense:
    """`words` are the synonyms, in WordNet's order; `examples` are no part of `gloss`."""

    id: str
    words: tuple[str, ...]
    gloss: str
    examples: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return it as a document would have it: its words as a heading, and what they mean."""
        return f"{', '.join(self.words)}\n\n{self.gloss}"


def senses(article: Article) -> Iterator[Sense]:
    """Yield the senses of one word: `bank/n/9`."""
    word = article.text.partition("\n")[0].strip()
    part = ""
    marks = list(_SENSE.finditer(article.text))
    ends = [mark.start() for mark in marks[1:]] + [len(article.text)]
    for mark, end in zip(marks, ends, strict=True):
        part = mark.group(1) or part
        told = " ".join(article.text[mark.end() : end].split())
        told = re.sub(r"(?<=[a-z])- (?=[a-z])", "-", told)
        yield Sense(
            id=f"{word}/{part}/{mark.group(2)}",
            words=_words(told) or (word,),
            gloss=_gloss(told),
            examples=tuple(_EXAMPLE.findall(told)),
        )


def _words(told: str) -> tuple[str, ...]:
    found = _SYNONYMS.search(told)
    return tuple(_NAME.findall(found.group(1))) if found else ()


def _gloss(told: str) -> str:
    """Return the definition: the text before the examples, without brackets."""
    return _BRACKETS.sub("", told).partition('"')[0].strip(" ;,:")


def distinct(found: Iterable[Sense]) -> dict[str, Sense]:
    """Return the senses by id, each once: the first one with its words and gloss."""
    first: dict[tuple[frozenset[str], str], Sense] = {}
    for sense in found:
        first.setdefault((frozenset(sense.words), sense.gloss), sense)
    return {sense.id: sense for sense in first.values()}
