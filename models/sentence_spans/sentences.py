"""Sentences with the values that stand in them, to learn the tagger of words by.

Half of them are clauses of contracts and notes in the wordings of training; in the others a value
stands among words at random, so that what is around it does not decide alone. Names, places and
words are those of PyPI's Faker in many languages.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from faker import Faker

from models.datasets.business_documents.clauses import known_clauses
from models.datasets.business_documents.wordings import phrases

LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "en": ("en_US", "en_GB"),
    "de": ("de_DE", "de_AT"),
    "fr": ("fr_FR",),
    "es": ("es_ES", "es_CO"),
    "it": ("it_IT",),
    "nl": ("nl_NL",),
    "pt": ("pt_BR",),
}
"""Languages of the training's clauses, and the locales of names in them."""
OTHERS = ("pl_PL", "cs_CZ", "da_DK", "fi_FI", "no_NO", "hu_HU", "ro_RO", "tr_TR", "ru_RU", "el_GR")
"""Locales whose names and words are learned without clauses."""
RANDOM = 0.5
"""Share of the sentences whose words are drawn at random."""
_AROUND = (("", ""), ("", ""), ("(", ")"), ("“", "”"), ("", ","))
_VALUE = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """A sentence, and the characters of its values."""

    text: str
    spans: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class SentenceAuthor:
    """Writes sentences of one locale."""

    language: str
    source: Faker
    rng: random.Random
    words: Sequence[str]

    def sentence(self) -> TaggedSentence:
        """Return a sentence: a clause of the language, or words at random around values."""
        if self.language and self.rng.random() > RANDOM:
            return self._filled(self.rng.choice(_wordings(self.language)))
        parts: list[str] = []
        for _ in range(self.rng.randrange(0, 4)):
            parts += self._words(self.rng.randrange(1, 7))
            opening, closing = self.rng.choice(_AROUND)
            parts.append(f"{opening}{{any}}{closing}")
        parts += self._words(self.rng.randrange(0, 6))
        text = " ".join(parts) or "{any}"
        return self._filled(text[0].upper() + text[1:] + self.rng.choice((".", ".", "", ":")))

    def _words(self, count: int) -> list[str]:
        return [self.rng.choice(self.words) for _ in range(count)]

    def _filled(self, wording: str) -> TaggedSentence:
        text, spans = "", []
        for at, part in enumerate(_VALUE.split(wording)):
            if at % 2 == 0:
                text += part
                continue
            value, is_span = self._value(part)
            if is_span:
                spans.append((len(text), len(text) + len(value)))
            text += value
        return TaggedSentence(text, tuple(spans))

    def _value(self, name: str) -> tuple[str, bool]:
        """Return what is put for a name, and whether it is a value to be found."""
        if name in ("party_a", "party_b"):
            return self._party(), True
        if name == "place":
            return self.source.city(), True
        if name == "notice_period":
            return self._period(), True
        if name == "any":
            made: Sequence[Callable[[], str]] = (self._party, self.source.city, self._period)
            return self.rng.choices(made, (2, 1, 1))[0](), True
        if name in ("fee", "deposit", "amount"):
            return f"{self.rng.randrange(1, 99_000) / 100:.2f} {self.rng.choice('€$£')}", False
        if name == "number":
            return f"{self.rng.randrange(1000, 99_999)}", False
        return self.source.date(self.rng.choice(("%d.%m.%Y", "%d/%m/%Y", "%Y-%m-%d"))), False

    def _party(self) -> str:
        drawn = self.rng.random()
        if drawn < 0.55:
            return self.source.company()
        if drawn < 0.9:
            return f"{self.source.first_name()} {self.source.last_name()}"
        return self.source.name()

    def _period(self) -> str:
        if self.language and self.rng.random() < 0.6:
            return self.rng.choice(phrases(self.language)["notice"])
        return f"{self.rng.randrange(2, 120)} {self.rng.choice(self.words)}"


def _wordings(language: str) -> tuple[str, ...]:
    """Return the clauses and notes of training."""
    return (*known_clauses(language), *phrases(language)["notes"][:-1])


def sentence_authors(seed: str, without: str = "") -> list[SentenceAuthor]:
    """Return an author for each locale, but for those of the language `without`."""
    pairs = [(name, code) for name, codes in LANGUAGES.items() for code in codes if name != without]
    pairs += [("", code) for code in OTHERS]
    authors = []
    for language, code in pairs:
        source = Faker(code, use_weighting=False)
        source.seed_instance(f"{seed} {code}")
        rng = random.Random(f"{seed} {code}")  # noqa: S311 - sentences are to be the same each time
        words = source.words(800, unique=False)
        if language:
            words += 4 * _WORD.findall(_VALUE.sub("", " ".join(_wordings(language))))
        authors.append(SentenceAuthor(language, source, rng, words))
    return authors


def tagged_sentences(seed: str, count: int, without: str = "") -> Iterator[TaggedSentence]:
    """Yield sentences of all locales in turn."""
    authors = sentence_authors(seed, without)
    for at in range(count):
        yield authors[at % len(authors)].sentence()
