"""Screening of texts by every rule of the requested categories, in order of texts and places."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import get_args

from chalicelib.contracts.screening import (
    MAX_CHARACTERS,
    MAX_FINDINGS,
    Category,
    Finding,
    OriginText,
)
from chalicelib.errors import InvalidInput
from chalicelib.screening import harm, hostility, injections, national_ids, personal
from chalicelib.screening.rules import (
    FoldedText,
    ScreeningRule,
    find_matches,
    fold_text,
    surest_findings,
)

CATEGORIES: tuple[Category, ...] = get_args(Category)
LANGUAGES: Mapping[Category, tuple[str, ...]] = {
    "personal-data": ("*",),
    "injection": ("en", "de", "es", "fr", "it", "nl", "pt"),
    **{rule.category: ("en",) for rule in (*hostility.RULES, *harm.RULES)},
}
"""The languages whose words the rules of a category know.

Rules for personal data know forms and check digits, and words around them in some ten languages;
those for injections know only the plainest form in languages other than English.
"""

_RULES: tuple[ScreeningRule, ...] = (
    *personal.RULES,
    *national_ids.RULES,
    *hostility.RULES,
    *harm.RULES,
)


def screen(
    texts: Sequence[OriginText], categories: Collection[Category], least: float = 0.0
) -> tuple[Finding, ...]:
    """Return the findings of `categories` in `texts`, from the score `least` on.

    Raises:
        InvalidInput: the texts are too long together, or too much is found in them.
    """
    characters = sum(len(one.text) for one in texts)
    if characters > MAX_CHARACTERS:
        raise InvalidInput(
            f"The texts have {characters} characters together; {MAX_CHARACTERS} are screened.",
            field="texts",
            limit=f"{MAX_CHARACTERS} characters",
        )
    rules = [rule for rule in _RULES if rule.category in categories]
    each = [
        surest_findings(list(_by_patterns(fold_text(one.text), rules, at)))
        for at, one in enumerate(texts)
    ]
    if "injection" in categories:
        for at, one in enumerate(texts):
            each[at] += injections.find_instructions(one.text, one.origin, at)
    told = tuple(
        finding
        for of_text in each
        for finding in sorted(of_text, key=lambda one: (one.start, one.end, one.rule))
        if finding.score >= least
    )
    if len(told) > MAX_FINDINGS:
        raise InvalidInput(
            f"In these texts are {len(told)} findings; {MAX_FINDINGS} can be told. Give fewer.",
            field="texts",
            limit=f"{MAX_FINDINGS} findings",
        )
    return told


def _by_patterns(folded: FoldedText, rules: Sequence[ScreeningRule], at: int) -> Iterator[Finding]:
    for rule in rules:
        yield from find_matches(rule, folded, at)
