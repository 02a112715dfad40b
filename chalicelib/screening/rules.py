"""How a rule finds something in a text: a pattern, what has to stand, and words that are near."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.contracts.screening import Category, Finding

NEAR = 60
"""Characters before and after a match in which words of its context are looked for."""

_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]"
)
_LOOKS_LIKE = {"\u2019": "'", "\u2018": "'", "\u2011": "-", "\u2010": "-", "\u00a0": " "}


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to find. `score` is how sure a match alone is, `near_score` one with words of its
    `context` around it. A match that does not stand by `stands`, such as one with wrong check
    digits, is none.
    """

    id: str
    category: Category
    words: str
    pattern: re.Pattern[str]
    score: float
    stands: Callable[[str], bool] = bool
    context: re.Pattern[str] | None = None
    near_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Folded:
    """A text without characters that cannot be seen and with letters that look alike made one;
    `places` are where each of its characters stands in the text itself.
    """

    text: str
    places: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where characters `start` to `end`, at least one, stand in the text itself."""
        return self.places[start], self.places[end - 1] + 1


def fold(text: str) -> Folded:
    """Return `text` as rules read it. A text of ASCII is its own."""
    if text.isascii():
        return Folded(text, range(len(text)))
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if _INVISIBLE.match(character):
            continue
        plain = _LOOKS_LIKE.get(character) or unicodedata.normalize("NFKC", character)
        characters += plain
        places += [place] * len(plain)
    return Folded("".join(characters), places)


def worded(name: str, category: Category, words: str, score: float, pattern: str) -> Rule:
    """Return a rule of words in whatever case; a space stands for white space of any length."""
    spaced = pattern.replace(" ?", r"\s*").replace(" ", r"\s+")
    return Rule(name, category, words, re.compile(spaced, re.IGNORECASE | re.DOTALL), score)


def numbered(pattern: str) -> re.Pattern[str]:
    """Return a pattern in which `\\d` is a digit of ASCII, which check digits are made of."""
    return re.compile(pattern.replace(r"\d", "[0-9]"))


def found(rule: Rule, folded: Folded, at: int) -> Iterator[Finding]:
    """Yield what `rule` finds in text number `at`."""
    text = folded.text
    for match in rule.pattern.finditer(text):
        if match.end() == match.start() or not rule.stands(match.group()):
            continue
        score = rule.score
        if rule.context is not None and rule.near_score > score:
            around = text[max(0, match.start() - NEAR) : match.end() + NEAR]
            score = rule.near_score if rule.context.search(around) else score
        if score > 0:
            start, end = folded.span(*match.span())
            yield Finding(
                rule=rule.id,
                category=rule.category,
                text=at,
                start=start,
                end=end,
                score=score,
                words=rule.words,
            )


def surest(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings of one text that overlap no surer, or equally sure and longer, one."""
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda one: (-one.score, one.start - one.end, one.start)):
        place = bisect(kept, finding.start, key=lambda one: one.start)
        before, after = kept[max(0, place - 1) : place], kept[place : place + 1]
        if all(one.end <= finding.start for one in before) and all(
            finding.end <= one.start for one in after
        ):
            kept.insert(place, finding)
    return kept
