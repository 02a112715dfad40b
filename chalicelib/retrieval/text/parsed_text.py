"""Parsing of a text into words, clauses, quantities, times and names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.retrieval.text.quantities import (
    Quantity,
    find_quantities_and_times,
    implied_quantities,
)
from chalicelib.retrieval.text.terms import Word, tokenize, word_set

if TYPE_CHECKING:
    from chalicelib.retrieval.text.dates import TimeExpression

_CALENDAR = word_set(
    "january february march april may june july august september october november december"
    " monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays"
    " thursdays fridays saturdays sundays am pm i"
)
CONNECTORS = word_set("and but while whereas although though because unless if so or since")
_DETERMINERS = word_set(
    "the a an its his her their our your this that these those no of with for from by any some much"
    " many"
)
_PRONOUNS = word_set("it its he his him she her they them their this these that those")
_OPENING = ".!?:-*•|>#"
_BREAKS = ";:—–()"  # noqa: RUF001
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A text as the rules for replies and for support read it.

    `clauses` are ranges of indices of `words`, in order; `names` and `content` are such indices.
    """

    text: str
    words: tuple[Word, ...]
    clauses: tuple[range, ...]
    quantities: tuple[Quantity, ...]
    implied: tuple[Quantity, ...]
    """Quantities that an article implies, such as `a month`."""
    times: tuple[TimeExpression, ...]
    names: tuple[int, ...]
    content: tuple[int, ...]
    """Indices of the words that carry meaning and are neither number nor date."""

    def follows_article(self, place: int) -> bool:
        """Return whether an article or the like is right before a word."""
        return place > 0 and self.words[place - 1].folded in _DETERMINERS

    def is_counted(self, place: int) -> bool:
        """Return whether a word is a noun that a number or `no` counts, as in `no major faults`."""
        near = range(max(0, place - 2), place)
        figures = {quantity.end for quantity in self.quantities}
        return any(at in figures or self.words[at].folded == "no" for at in near)

    def is_nominal(self, place: int) -> bool:
        """Return whether a word is used as a noun: a little after an article or the like."""
        if self.follows_article(place):
            return True
        far = self.words[place - 2].folded if place > 1 else ""
        return place - 1 in self.content and far in _DETERMINERS

    @property
    def is_empty(self) -> bool:
        """Return whether the text says nothing that could be checked."""
        return not (self.content or self.quantities or self.times)

    @property
    def refers_back(self) -> bool:
        """Return whether a pronoun may refer to something in another sentence."""
        return not _PRONOUNS.isdisjoint(word.folded for word in self.words)

    def agrees_on(self, moment: TimeExpression) -> bool:
        """Return whether the text states `moment`, or nothing of its kind.

        A year agrees with a text that states no other year.
        """
        alike = [stated for stated in self.times if stated.kinds & moment.kinds]
        return not alike or any(moment.agrees(stated) for stated in alike)

    def clause_of(self, place: int) -> range:
        """Return the clause of the word at `place`."""
        return next(clause for clause in self.clauses if place in clause)


def parse_text(text: str) -> ParsedText:
    """Return `text` with its words, clauses, quantities, times and names."""
    words = tokenize(text)
    quantities, moments = find_quantities_and_times(text, words)
    places = [(item.start, item.end) for item in quantities]
    places += [(item.start, item.end) for item in moments]
    figures = {at for start, end in places for at in range(start, end + 1)}
    content = tuple(
        at
        for at, word in enumerate(words)
        if word.carries_meaning and at not in figures and not word.is_number
    )
    return ParsedText(
        text=text,
        words=words,
        clauses=tuple(_clauses(text, words, set(content), figures)),
        quantities=tuple(quantities),
        implied=tuple(implied_quantities(words)),
        times=tuple(moments),
        names=tuple(_names(text, words, figures)),
        content=content,
    )


def _clauses(
    text: str, words: Sequence[Word], content: set[int], figures: set[int]
) -> Iterator[range]:
    """Cut at a connector or a strong mark if the parts on both sides state something."""
    telling = content | figures
    start = 0
    for at in range(1, len(words)):
        between = text[words[at - 1].end : words[at].start]
        marked = any(mark in between for mark in _BREAKS) or "," in between
        if not (marked or words[at].folded in CONNECTORS):
            continue
        end = _end_of_part(text, words, at)
        strong = words[at].folded in CONNECTORS or ";" in between
        figured = not figures.isdisjoint(range(start, at)) and not figures.isdisjoint(
            range(at, end)
        )
        enough = _FEWEST if strong or figured else _FEWEST + 1
        if min(_count(telling, start, at), _count(telling, at, end)) >= enough:
            yield range(start, at)
            start = at
    yield range(start, len(words))


def _end_of_part(text: str, words: Sequence[Word], at: int) -> int:
    for later in range(at + 1, len(words)):
        between = text[words[later - 1].end : words[later].start]
        if words[later].folded in CONNECTORS or any(mark in between for mark in _BREAKS):
            return later
    return len(words)


def _count(telling: set[int], start: int, end: int) -> int:
    return sum(at in telling for at in range(start, end))


def _names(text: str, words: Sequence[Word], figures: set[int]) -> Iterator[int]:
    """Yield capitalised words, except one that only opens a sentence, dates and units."""
    for at, word in enumerate(words):
        if at in figures or not word.written[0].isupper() or word.folded in _CALENDAR:
            continue
        before = text[: word.start].rstrip(" \"'(“‘")  # noqa: RUF001
        opens = not before or before[-1] in _OPENING
        follows = words[at + 1] if at + 1 < len(words) else None
        goes_on = follows is not None and follows.written[0].isupper() and word.carries_meaning
        if not opens or goes_on or (len(word.written) > 1 and word.written.isupper()):
            yield at
