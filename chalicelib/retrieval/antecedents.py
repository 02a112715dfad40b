"""What pronouns of a follow-up question stand for: nouns of the last question and its answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from chalicelib.retrieval.phrases import Phrase, is_plural, noun_phrases
from chalicelib.retrieval.terms import words

_PRONOUN = re.compile(
    r"\b(?P<it>it|its|itself)\b|\b(?P<they>they|them|their)\b"
    r"|\b(?P<person>he|him|his|she|her|hers)\b"
    r"|\b(?P<this>this|that|these|those)(?=\s+(?:is|was|are|were|mean|cost|happen|work|be)\b|$)"
    r"|(?P<one>\b(?:one|ones)\b(?=\s+(?:is|was|are|were|be|due)\b|$|\s+\w+$))",
    re.IGNORECASE,
)
_EMPTY_IT = re.compile(
    r"\b(?:does|did|will|would) it take\b|\bis it (?:possible|necessary|true|safe)\b", re.IGNORECASE
)
_OWNING = frozenset("its their his".split())  # noqa: SIM905
_ORDER = re.compile(
    r"^(?:the|a|an)?\s*(?:(?:last|next|previous|first|second|new|newest|old|other)\s+)*",
    re.IGNORECASE,
)
_DOES = re.compile(r"\b(?:do|does|did)\s+$", re.IGNORECASE)
_PEOPLE = re.compile(r"^who", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Said:
    """The last turn: its question as it stands alone, and its answer, "" where it had none."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Antecedents:
    """The nouns that the last turn gives, those of its question first."""

    things: tuple[str, ...]
    """Of the question: a phrase, then what it is `of`."""
    told: tuple[str, ...]
    """Of the answer."""
    people: tuple[str, ...]
    """Names of the answer, those first that the question did not say."""
    of_people: bool

    @classmethod
    def of(cls, said: Said) -> Self:
        """Return the antecedents that the turn `said` gives."""
        answer = noun_phrases(said.answer)
        asked = noun_phrases(said.question)
        called = [part for phrase in answer for part in phrase.parts if _is_name(part)]
        known = set(words(said.question))
        called.sort(key=lambda name: (set(words(name)) <= known, -len(name.split())))
        return cls(
            things=tuple(_things(_by_rank(said.question, asked), answer)),
            told=tuple(_within(phrase) for phrase in answer),
            people=tuple(called),
            of_people=_PEOPLE.match(said.question) is not None,
        )

    @property
    def topic(self) -> str:
        """Return what the last turn was about, "" where it says nothing."""
        return next(iter(self.things or self.told), "")

    def put_into(self, question: str) -> tuple[str, bool, bool]:
        """Return `question` with nouns for pronouns, whether for sure, and if it had pronouns."""
        empty = [found.span() for found in _EMPTY_IT.finditer(question)]
        sure, pointed, text, at = True, False, "", 0
        for found in _PRONOUN.finditer(question):
            if any(start <= found.start() < end for start, end in empty):
                continue
            pointed = True
            choices = self._choices(str(found.lastgroup))
            sure = sure and len(choices) == 1
            if not choices:
                continue
            text += question[at : found.start()] + _inflected(found.group(), choices[0])
            at = found.end()
        return text + question[at:], sure, pointed

    def _choices(self, kind: str) -> list[str]:
        """Return what a pronoun of `kind` may stand for, the likeliest first."""
        if kind == "person":
            return [*self.people, *(self.told[:1] if not self.people else ())]
        if kind == "they":
            several = self._first(is_plural)
            if several or not self.of_people:
                return several or list(self.told[:1])
            return list(self.people or self.told[:1])
        if kind == "one":
            return [_ORDER.sub("", thing) for thing in self.things]
        return self._first(lambda noun: not is_plural(noun)) or list(self.things)

    def _first(self, fits: Callable[[str], bool]) -> list[str]:
        for nouns in (self.things, self.told):
            fitting = [noun for noun in nouns if fits(_head(noun)) and not noun[0].isdigit()]
            if fitting:
                return fitting
        return []


def _head(noun: str) -> str:
    return noun.partition(" of ")[0].split()[-1].casefold()


def _by_rank(question: str, phrases: list[Phrase]) -> list[Phrase]:
    """Return the subject of `does` first: it is what "How much power does it have?" is about."""
    return sorted(phrases, key=lambda phrase: not _DOES.search(question[: phrase.start]))


def _within(phrase: Phrase) -> str:
    """Return a phrase as it stands within a sentence."""
    opens = phrase.start == 0 and not _is_name(phrase.text)
    return phrase.text[0].lower() + phrase.text[1:] if opens else phrase.text


def _things(asked: list[Phrase], answer: list[Phrase]) -> Iterator[str]:
    told = {phrase.head: _within(phrase) for phrase in answer if len(phrase.parts) > 1}
    for phrase in asked:
        bare = not phrase.text.casefold().startswith(("the ", "a ", "an "))
        if bare and phrase.head in told:
            yield told[phrase.head]
        elif bare and phrase.text.islower():
            yield f"the {phrase.text}"
        else:
            yield phrase.text
        yield from phrase.parts[1:]


def _is_name(text: str) -> bool:
    return all(word[0].isupper() for word in text.split())


def _inflected(pronoun: str, noun: str) -> str:
    """Return `noun` in the case of `pronoun`."""
    return f"{noun}'s" if pronoun.casefold() in _OWNING else noun
