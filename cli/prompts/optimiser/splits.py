"""Splits the cases of a suite into examples, selection and held-out cases, by hash. Pure.

A case's part depends on its own group alone: never on the seed, nor on the other cases. So no
second run with another seed, and no longer suite, brings a held-out case into the search.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.contracts.evaluations.suites import SuiteCase
from chalicelib.errors import InvalidInput

HELD_OUT_SHARE, EXAMPLE_SHARE = 0.5, 0.15
"""The rest is for selection."""
MIN_HELD_OUT, MIN_SELECTION, MIN_EXAMPLES = 20, 12, 3
_SALT = "headrace optimiser 1"
_COMFORTABLE = 60
"""Cases of which half are enough to be held out, nearly always."""

Cases = tuple[SuiteCase, ...]


@dataclass(frozen=True, slots=True)
class CaseSplit:
    """The cases that examples are made of, those that choose, and those that only judge."""

    examples: Cases
    selection: Cases
    held_out: Cases


def split_cases(cases: Sequence[SuiteCase], group: str | None = None) -> CaseSplit:
    """Return the parts of a suite's cases; those of one group share a part.

    A group is the value of the variable `group`, and otherwise all variables, so that the same
    question under two names is in one part.

    Raises:
        InvalidInput: a case lacks the variable, or a part has too few cases.
    """
    examples: list[SuiteCase] = []
    selection: list[SuiteCase] = []
    held_out: list[SuiteCase] = []
    for case in cases:
        place = _place(_group_key(case, group))
        if place < HELD_OUT_SHARE:
            held_out.append(case)
        elif place < HELD_OUT_SHARE + EXAMPLE_SHARE:
            examples.append(case)
        else:
            selection.append(case)
    for part, found, least in (
        ("held out", held_out, MIN_HELD_OUT),
        ("for selection", selection, MIN_SELECTION),
        ("for examples", examples, MIN_EXAMPLES),
    ):
        if len(found) < least:
            raise InvalidInput(
                f"The suite has {len(cases)} cases, of which {len(found)} are {part}; {least} are "
                f"the fewest. Add cases: {_COMFORTABLE} of different content are nearly always "
                "enough.",
                field="cases",
                limit=str(least),
            )
    return CaseSplit(tuple(examples), tuple(selection), tuple(held_out))


def _group_key(case: SuiteCase, group: str | None) -> str:
    if group is None:
        return json.dumps(case.variables, sort_keys=True, ensure_ascii=False)
    if group not in case.variables:
        known = ", ".join(sorted(case.variables)) or "none"
        raise InvalidInput(
            f"case {case.id}: it has no variable {group!r} to be grouped by; it has {known}.",
            field="group",
        )
    return json.dumps(case.variables[group], sort_keys=True, ensure_ascii=False)


def _place(key: str) -> float:
    """Return a number from 0 to 1 by the key's hash; case and space of its text do not count."""
    normal = " ".join(key.casefold().split())
    digest = hashlib.sha256(f"{_SALT}\n{normal}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8]) / 2**64
