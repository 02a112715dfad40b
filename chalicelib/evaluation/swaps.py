"""Cases with one group in the place of another: a swap of words, both ways. Pure.

Whole words are swapped, in their own case: `She` is `He`, and `SHE` is `HE`. A name is swapped with
its capital only. English has two pairs that are no pairs: "her" is "him" or "his" by the word that
follows, and "his" is "her", or "hers" where no word follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.evaluation.swap_words import BEFORE_NO_NOUN, LISTS

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.suites import Suite, SuiteCase
    from chalicelib.contracts.evaluations.swaps import GroupSwap

_NEXT_WORD = re.compile(r"[ \t\n]+[\"'\u2018\u201c]?(\w+)")
_LY = frozenset(("early", "elderly", "family", "friendly", "lonely", "lovely", "only", "yearly"))
"""Words that end as adverbs do, and are none."""
_SWAPPED_FIELDS = ("expected", "all", "any", "none")
"""Fields of a case's own graders that hold texts of an answer."""


@dataclass(frozen=True, slots=True)
class SwappedCase:
    """A case with its words swapped. `group` is that of its first such word before the swap."""

    swap: str
    groups: tuple[str, str]
    group: str
    case: SuiteCase


@dataclass(frozen=True, slots=True)
class TextSwapper:
    """Swaps the words of two groups. `others` has each word by its folded form."""

    groups: tuple[str, str]
    others: Mapping[str, tuple[str, str, str]]
    """By folded word: the word, its other, and the word's group."""
    pattern: re.Pattern[str]

    def swap(self, text: str) -> str:
        """Return a text with each word of a group in the place of its other."""
        return self.pattern.sub(self._other, text)

    def group_of(self, text: str) -> str:
        """Return the group of the first word that is swapped, "" if there is none."""
        for found in self.pattern.finditer(text):
            if self._is_word(found[0]):
                return self.others[found[0].casefold()][2]
        return ""

    def _is_word(self, found: str) -> bool:
        """Tell whether a word is one of the list: names are those with a capital only."""
        word = self.others[found.casefold()][0]
        return not word[0].isupper() or found[0].isupper()

    def _other(self, found: re.Match[str]) -> str:
        given = found[0]
        if not self._is_word(given):
            return given
        word, other, _ = self.others[given.casefold()]
        if (word, other) in (("her", "him"), ("his", "hers")):
            following = _NEXT_WORD.match(found.string, found.end())
            other = _pronoun(word, following[1].casefold() if following else "")
        return _in_case_of(given, other)


def _pronoun(word: str, following: str) -> str:
    """Return the other of "her" or "his" before a word, "" at the end of a clause."""
    adverb = following.endswith("ly") and following not in _LY
    possessive = bool(following) and not adverb and following not in BEFORE_NO_NOUN
    if word == "her":
        return "his" if possessive else "him"
    return "her" if possessive else "hers"


def _in_case_of(given: str, other: str) -> str:
    if given.isupper() and len(given) > 1:
        return other.upper()
    if given[0].isupper():
        return other[0].upper() + other[1:]
    return other


@cache
def swapper_of(swap: GroupSwap) -> TextSwapper:
    """Return what swaps the words of a declaration. Of a word with two others the first counts."""
    groups, pairs = LISTS[swap.words] if swap.words else (swap.groups or ("", ""), ())
    others: dict[str, tuple[str, str, str]] = {}
    for one, other in (*swap.pairs, *pairs):
        others.setdefault(one.casefold(), (one, other, groups[0]))
        others.setdefault(other.casefold(), (other, one, groups[1]))
    longest_first = sorted(others, key=len, reverse=True)
    words = "|".join(map(re.escape, longest_first))
    return TextSwapper(groups, others, re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE))


def swapped_cases(suite: Suite, case: SuiteCase) -> Iterator[SwappedCase]:
    """Yield a case with each swap of its suite; one that finds no word is left out.

    A case that is not graded has none: there would be no scores to compare.
    """
    for swap in () if case.ungraded else suite.swaps:
        swapper = swapper_of(swap)
        group = next(filter(None, map(swapper.group_of, _texts(case.variables))), "")
        if not group:
            continue
        changes: dict[str, Any] = {"variables": _mapped(case.variables, swapper)}
        if case.expected is not None:
            changes["expected"] = swapper.swap(case.expected)
        if case.graders:
            changes["graders"] = tuple(_swapped_grader(each, swapper) for each in case.graders)
        yield SwappedCase(swap.name, swapper.groups, group, case.model_copy(update=changes))


def _swapped_grader(grading: Any, swapper: TextSwapper) -> Any:
    changes = {
        name: _mapped(value, swapper)
        for name in _SWAPPED_FIELDS
        if (value := getattr(grading, name, None)) and not isinstance(value, int | float)
    }
    return grading.model_copy(update=changes) if changes else grading


def _mapped(value: Any, swapper: TextSwapper) -> Any:
    """Return a value of JSON with its texts swapped; keys are left alone."""
    if isinstance(value, str):
        return swapper.swap(value)
    if isinstance(value, Mapping):
        return {key: _mapped(each, swapper) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_mapped(each, swapper) for each in value)
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
