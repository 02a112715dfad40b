"""Rules that decide whether a source covers a question's topic: subject, verb, attribute.

A near miss names a thing that the source names, and asks for something that the source does not say
of it. So the source must also have what the question adds to the thing, in whatever inflection: the
verb of a question with when or who, the attribute in `the address of the hall`, and the word that
distinguishes one bearing from another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.retrieval.text.noun_phrases import NounPhrase, find_noun_phrases
from chalicelib.retrieval.text.terms import Word, are_related, stems, tokenize, word_set

if TYPE_CHECKING:
    from chalicelib.retrieval.text.parsed_text import ParsedText

_EVENT = re.compile(
    r"^\W*(?:(?:until|since|from|by|for|after) )?(?P<asks>when|who|whom|how (?:long|old|often))\b",
    re.IGNORECASE,
)
_STRANDED = re.compile(r"^\W*what\b.*\b(?:of|with|from|in|by)\W*$", re.IGNORECASE)
"""`What is the rake made of`: a question about the verb before its last word."""
_ATTRIBUTE = re.compile(r"^\W*what (?:is|was|are|were) the\b", re.IGNORECASE)
_ASKING = word_set("how long many much old often far high wide deep when who what which whom whose")
_LIGHT = stems(
    tokenize(
        "come go happen hold keep need use take have do say give get include contain cost supply"
        " required allowed today currently now still exactly instead ever yet immediately usually"
        " worth"
    )
)
"""Words that a reply need not repeat: it says the same in other words."""
_TOLD_BY_ITSELF = word_set(
    "name number date time day year price cost amount value colour color age rate power size"
    " length width height depth weight capacity temperature speed title reason result maker owner"
    " manufacturer author"
)
"""Attributes that a sentence states without naming them: the price by a sum."""


def covers_topic(question: ParsedText, sentence: frozenset[str], passage: frozenset[str]) -> bool:
    """Return whether a sentence and its passage, by their stems, speak of the topic.

    Both sets of stems include those of the heading and path.
    """
    phrases = find_noun_phrases(question.text)
    verb = _verb(question, phrases)
    if verb is not None and not _has(verb, sentence):
        return False
    attribute = _attribute(question, phrases)
    if attribute is not None and not _has(attribute, sentence):
        return False
    subjects = list(_subjects(question, phrases))
    if subjects and not any(_has(word, passage) for word in subjects):
        return False
    return all(_has(word, passage) for word in _distinctions(question, phrases, passage))


def _has(word: Word, told: frozenset[str]) -> bool:
    return word.stem in told or any(are_related(word.stem, other) for other in told)


def _verb(question: ParsedText, phrases: list[NounPhrase]) -> Word | None:
    """Return the word that names the event of the question, or None if there is none.

    Of the words outside noun phrases it is the first after `who` and the last after `when`.
    """
    asks = _EVENT.search(question.text)
    if asks is None and not _STRANDED.search(question.text):
        return None
    within = {at for phrase in phrases for at in _places(question, phrase.start, phrase.end)}
    words = [
        question.words[at]
        for at in question.content
        if at not in within and question.words[at].folded not in _ASKING
    ]
    of_somebody = asks is not None and asks["asks"].casefold().startswith("who")
    verb = next(iter(words if of_somebody else reversed(words)), None)
    return None if verb is None or verb.stem in _LIGHT else verb


def _subjects(question: ParsedText, phrases: list[NounPhrase]) -> Iterator[Word]:
    """Yield the subjects of an event: of `the bars of the screen` one has to be mentioned."""
    if not _EVENT.search(question.text):
        return
    for phrase in phrases[:1]:
        for places in _parts(question, phrase):
            head = question.words[places[-1]]
            if head.stem not in _LIGHT:
                yield head


def _attribute(question: ParsedText, phrases: list[NounPhrase]) -> Word | None:
    """Return the noun that `what is the address of the hall` asks for."""
    if not phrases or not _ATTRIBUTE.search(question.text):
        return None
    phrase = phrases[0]
    if len(phrase.parts) == 1 or phrase.head in _TOLD_BY_ITSELF:
        return None
    return next((word for word in question.words if word.folded == phrase.head), None)


def _distinctions(
    question: ParsedText, phrases: list[NounPhrase], passage: frozenset[str]
) -> Iterator[Word]:
    """Yield words that distinguish a thing: `thrust` if the source has bearings."""
    for phrase in phrases:
        for *before, last in _parts(question, phrase):
            if _has(question.words[last], passage):
                yield from (question.words[at] for at in before)


def _parts(question: ParsedText, phrase: NounPhrase) -> Iterator[list[int]]:
    """Yield the places of the words of meaning in each part of a phrase that has any."""
    start = phrase.start
    for part in phrase.parts:
        start = question.text.index(part, start)
        places = _places(question, start, start + len(part))
        if places:
            yield places


def _places(question: ParsedText, start: int, end: int) -> list[int]:
    return [at for at in question.content if start <= question.words[at].start < end]
