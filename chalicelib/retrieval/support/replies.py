"""Whether a sentence can be the reply to a question: has it the kind of thing that is asked for?"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.retrieval.expectations import asks_by
from chalicelib.retrieval.support.agents import names_somebody
from chalicelib.retrieval.support.measures import measure_asked, tells_measure
from chalicelib.retrieval.support.quantities import ORDINAL
from chalicelib.retrieval.support.units import COUNT, FRACTION, unit_of
from chalicelib.retrieval.support.words import word_set

if TYPE_CHECKING:
    from chalicelib.retrieval.support.reading import Reading

_CAUSES = word_set(
    "because since due owing reason reasons cause caused causes therefore thus hence"
)
_MAKING = word_set(
    "made makes make maker built build builds builder manufactured manufacturer produced producer"
    " supplied constructed construction"
)
_SEASONS = word_set(
    "spring summer autumn winter morning noon afternoon evening night today tomorrow before after"
    " when until daily weekly monthly yearly every"
)
_PLACING = word_set("in at on near behind beside under above from to into outside inside over")
_BEFORE_PLACES = word_set("the a an its his her their our all both this that")
_STUFF = re.compile(r"\bhow much (?!more|less|longer|did|do|does|is|was|will)\w", re.IGNORECASE)
_NO_STUFF = frozenset({COUNT, "length", ORDINAL})
_FEW = word_set("no none nobody single both several few")


def can_reply(question: Reading, sentence: Reading) -> bool:
    """Say whether `sentence` holds the kind of thing that `question` asks for.

    A sum of money for a cost, a width for how wide, a cause for why, a date for when, a place for
    where, somebody for who. A question of no such kind can have any reply.
    """
    measure = measure_asked(question)
    if measure is not None:
        return tells_measure(measure, question, sentence)
    for pattern, holds in _WAYS:
        if asks_by(pattern, question.text):
            return holds(question, sentence)
    return True


def _tells_why(question: Reading, sentence: Reading) -> bool:
    told = {word.folded for word in sentence.words}
    if sentence.moments:
        told.discard("since")
    return not _CAUSES.isdisjoint(told) or "so that" in sentence.text


def _tells_when(question: Reading, sentence: Reading) -> bool:
    told = {word.folded for word in sentence.words}
    return bool(sentence.moments) or not _SEASONS.isdisjoint(told)


def _tells_maker(question: Reading, sentence: Reading) -> bool:
    told = {word.folded for word in sentence.words}
    return not _MAKING.isdisjoint(told) and names_somebody(question, sentence)


def _tells_where(question: Reading, sentence: Reading) -> bool:
    """Say whether something stands behind a word of place: `at the hut`, but not `at 2`."""
    for at, word in enumerate(sentence.words):
        if word.folded not in _PLACING:
            continue
        rest = range(at + 1, len(sentence.words))
        skip = itertools.dropwhile(lambda n: sentence.words[n].folded in _BEFORE_PLACES, rest)
        if next(skip, None) in sentence.content:
            return True
    return False


def _tells_how_many(question: Reading, sentence: Reading) -> bool:
    """Say whether things are counted, or measured where a unit is asked for: `how many litres`."""
    counted = _counted(question)
    unit = unit_of(question.words[counted].written) if counted is not None else None
    kinds = {COUNT, FRACTION} | ({unit[0]} if unit is not None else set())
    told = {word.folded for word in sentence.words}
    return any(found.dimension in kinds for found in sentence.quantities) or not _FEW.isdisjoint(
        told
    )


def _tells_how_much(question: Reading, sentence: Reading) -> bool:
    """Say whether an amount is told; of a stuff that is neither a count nor a length."""
    of_stuff = _STUFF.search(question.text) is not None
    amounts = [found.dimension for found in sentence.quantities]
    return any(not (of_stuff and dimension in _NO_STUFF) for dimension in amounts)


_WAYS: tuple[tuple[re.Pattern[str], Callable[[Reading, Reading], bool]], ...] = tuple(
    (re.compile(words, re.IGNORECASE), holds)
    for words, holds in (
        (r"^\W*why\b|\bwhat (?:caused|causes)\b|\bwhat\b.*\b(?:reason|cause)\b", _tells_why),
        (r"\b(?:when|what (?:time|year|date|day)|which (?:day|year|month))\b", _tells_when),
        (r"\bwho (?:made|built|manufactured|produced)\b", _tells_maker),
        (r"\b(?:who|whom|whose)\b", names_somebody),
        (r"^\W*where\b", _tells_where),
        (r"\bhow many\b", _tells_how_many),
        (r"\bhow much\b", _tells_how_much),
    )
)


def asks_of(question: Reading, passage: frozenset[str]) -> bool:
    """Say whether a passage, by its stems, knows what `how many` asks to be counted."""
    counted = _counted(question)
    return counted is None or question.words[counted].stem in passage


def _counted(question: Reading) -> int | None:
    folded = [word.folded for word in question.words]
    for at in range(len(folded) - 2):
        if folded[at : at + 2] == ["how", "many"]:
            run = list(
                itertools.takewhile(
                    lambda place: place in question.content, range(at + 2, len(folded))
                )
            )
            return run[-1] if run else None
    return None
