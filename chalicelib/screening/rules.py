"""Rules that find something in a text: a pattern, a check of the match, and words nearby."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.contracts.screening import Category, Finding

CONTEXT_CHARACTERS = 60
"""Characters before and after a match in which words of its context are looked for."""

_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]"
)
_LOOKALIKES = {"\u2019": "'", "\u2018": "'", "\u2011": "-", "\u2010": "-", "\u00a0": " "}


@dataclass(frozen=True, slots=True)
class ScreeningRule:
    """One thing to find.

    `score` is how certain a match alone is, `near_score` one with words of its `context` nearby. A
    match that fails `stands`, such as one with wrong check digits, does not count.
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
class FoldedText:
    """A text without invisible characters and with lookalike letters unified.

    `places` are the offsets of its characters in the original text.
    """

    text: str
    places: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets in the original text of characters `start` to `end`, at least one."""
        return self.places[start], self.places[end - 1] + 1


def fold_text(text: str) -> FoldedText:
    """Return `text` as rules read it; ASCII stays as it is."""
    if text.isascii():
        return FoldedText(text, range(len(text)))
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if _INVISIBLE.match(character):
            continue
        plain = _LOOKALIKES.get(character) or unicodedata.normalize("NFKC", character)
        characters += plain
        places += [place] * len(plain)
    return FoldedText("".join(characters), places)


def word_rule(
    name: str, category: Category, words: str, score: float, pattern: str
) -> ScreeningRule:
    """Return a rule of words in any case; a space stands for white space of any length."""
    spaced = pattern.replace(" ?", r"\s*").replace(" ", r"\s+")
    return ScreeningRule(
        name, category, words, re.compile(spaced, re.IGNORECASE | re.DOTALL), score
    )


def digit_pattern(pattern: str) -> re.Pattern[str]:
    r"""Return a pattern in which `\d` matches ASCII digits only, as check digits need."""
    return re.compile(pattern.replace(r"\d", "[0-9]"))


def find_matches(rule: ScreeningRule, folded: FoldedText, number: int) -> Iterator[Finding]:
    """Yield the findings of `rule` in text number `at`."""
    text = folded.text
    for match in rule.pattern.finditer(text):
        if match.end() == match.start() or not rule.stands(match.group()):
            continue
        score = rule.score
        if rule.context is not None and rule.near_score > score:
            nearby = text[
                max(0, match.start() - CONTEXT_CHARACTERS) : match.end() + CONTEXT_CHARACTERS
            ]
            score = rule.near_score if rule.context.search(nearby) else score
        if score > 0:
            start, end = folded.span(*match.span())
            yield Finding(
                rule=rule.id,
                category=rule.category,
                text=number,
                start=start,
                end=end,
                score=score,
                words=rule.words,
            )


def surest_findings(findings: Sequence[Finding]) -> list[Finding]:
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
